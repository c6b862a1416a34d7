"""Verdicts on a live stage: breach, ok, inconclusive, no-data or invalid.

Imports ``core``, ``spec`` and the rest of ``domain``. Pure: counts and the time are arguments. Start with ``verdicts``
for the data and with ``stage`` for the verdict of a stage. ``rates``, ``comparisons``, ``values`` and ``offline`` judge
one kind of trigger each; the formulas are in ``domain/statistics``, their error rates in ``docs/statistics.md``.
"""
