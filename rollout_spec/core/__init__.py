"""Errors, findings, units, text and strict YAML: the basis of every other package.

Imports nothing else of rollout_spec. ``errors`` and ``findings`` are the two ways to report a problem; start there.
``yaml/`` reads and edits files, ``bounded_process/`` runs code of a workspace with limits of memory and time.
"""
