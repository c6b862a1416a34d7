"""Checks of a workspace: rules, policies, and reports of the findings.

Imports ``render`` and below. Start with ``runner``, which checks a workspace, and ``file_check``, which checks one
file. ``regressions`` compares the findings before and after an edit.
"""
