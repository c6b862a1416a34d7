"""Queries of metrics, and the counts in their answers.

Imports ``core``, ``spec``, ``workspace`` and ``domain``. Start with ``queries``, and for the gate with ``counts``. To
add a profile: one entry of ``PROFILES`` in ``profiles``.
"""
