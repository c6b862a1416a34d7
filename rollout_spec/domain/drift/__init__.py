"""Drift of inputs and scores: a recent window is compared with a reference.

Start with ``report``, the data and the verdict. ``features`` tests one feature, ``labelled`` measures precision, recall
and AUC of both versions. Imports ``core``, ``domain/statistics`` and ``domain/judgement``. Pure.
"""
