"""The definitions of targets: which there are, their options, and the limits of the cluster on names and records.

Imports ``workspace`` and below. Start with ``definitions``, which reads ``target.yaml``. ``render`` runs the templates.
"""
