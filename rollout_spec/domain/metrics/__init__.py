"""Queries of metrics: profiles of metric sources, and the PromQL made from them.

Imports ``core``, ``spec``, ``workspace`` and ``domain``. Start with ``queries``; to add a profile: one entry of
``PROFILES`` in ``profiles``.
"""
