"""Findings as one JSON object, for programs; ``version`` changes when a field changes its meaning."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rollout_spec.finding import Finding, Skipped
from rollout_spec.reporters.reporter import View

VERSION = 1


def report(findings: Sequence[Finding], skipped: Sequence[Skipped], view: View) -> str:
    """Return ``{"version", "findings", "skipped"}``; lines and columns count from 1, columns in code points."""
    told = [
        {
            "file": each.file,
            "line": each.line,
            "column": each.column,
            "endLine": each.end_line,
            "endColumn": each.end_column,
            "path": list(each.path),
            "severity": each.severity,
            "name": each.name,
            "message": each.message,
            "hint": each.hint,
        }
        for each in findings
    ]
    passed = [{"name": each.name, "why": each.why} for each in skipped]
    text = json.dumps({"version": VERSION, "findings": told, "skipped": passed}, indent=2, ensure_ascii=False)
    return "".join(map(_shown, text)) + "\n"


def _shown(letter: str) -> str:
    """Escape what a terminal obeys, what hides text, and halves of characters: JSON reads them back as they are."""
    return letter if letter == "\n" or letter.isprintable() else json.dumps(letter)[1:-1]
