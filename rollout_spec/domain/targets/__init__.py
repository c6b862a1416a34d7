"""The definitions of targets: their names, their options, and the cluster's limits.

The limits are on names and records. Imports ``workspace`` and below. Start with ``definitions``, which reads
``target.yaml``. ``render`` runs the templates.
"""
