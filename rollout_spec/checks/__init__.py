"""Checks of a workspace: rules, policies, and reports of the findings.

Imports ``render`` and below. Start with ``runner``, which checks a workspace, and ``file_check``, which checks one
file. ``selection`` lists the files, ``context`` holds the shared arguments, ``silencing`` applies comments to findings,
and ``unread_files`` finds files that no rule sees. ``regressions`` compares the findings before and after an edit.
"""
