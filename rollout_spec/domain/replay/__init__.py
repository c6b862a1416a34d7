"""Replayed requests: kinds of outputs, pairs of logged and replayed values, and the report.

Start with ``report``. ``output_forms`` recognises the kinds, ``pairs`` compares one request, ``observations`` collects
figures over all. Imports ``core`` and ``domain/divergence``. Pure.
"""
