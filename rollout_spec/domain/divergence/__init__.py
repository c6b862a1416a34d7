"""Divergence of replayed answers from logged ones.

``rankings`` and ``texts`` measure one pair of answers. ``report`` judges the counts of all pairs; start there. Imports
``core`` and ``domain/statistics``. Pure.
"""
