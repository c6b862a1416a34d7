"""Rollouts and rollbacks of machine-learning models, as reviewed commits to one YAML file."""

__version__ = "0.1.0"
