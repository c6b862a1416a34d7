"""A whole serving stack on loopback: models, router, monitors, forge, the rollback service and users."""
