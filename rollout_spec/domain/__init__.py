"""The meaning of a rollout: traffic, pins, incidents, contracts, metrics and statistics.

Imports ``core``, ``spec`` and ``workspace``. Pure: no disk, clock, network or process. Start with ``traffic`` for the
split, with ``transitions`` for the steps of a rollout, and with ``rollback_targets`` for the version that a rollback
restores. ``pins`` and ``quarantine`` decide which versions may come back.
"""
