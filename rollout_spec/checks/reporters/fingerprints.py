"""Fingerprints of findings, by which tools recognize a finding after edits elsewhere.

A fingerprint is made of the file, the rule and the path of keys. An entry of a list is identified by its name, so that
an entry before it changes nothing. Line, column and message do not count.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from rollout_spec.core.findings import Finding, KeyPath

_NAMES = ("name", "type")
"""The fields that identify an entry of a list: of stages, triggers, parts and policies; of targets."""


def fingerprints(findings: Iterable[Finding], data_of: Callable[[str], Any] | None = None) -> dict[Finding, str]:
    """Return a unique fingerprint, 64 hex digits, for each finding.

    ``data_of`` returns the data of a file; without it, entries of lists are identified by their index. Findings of one
    rule at one path are numbered in order.
    """
    import hashlib  # it loads OpenSSL, which a report as text does not need

    counts: Counter[str] = Counter()
    by_finding: dict[Finding, str] = {}
    for finding in sorted(set(findings)):
        data = data_of(finding.file) if data_of else None
        key = json.dumps([finding.name, finding.file, structural_path(finding.path, data)])
        by_finding[finding] = hashlib.sha256(json.dumps([key, counts[key]]).encode()).hexdigest()
        counts[key] += 1
    return by_finding


def structural_path(path: KeyPath, data: Any) -> list[str | int | list[str]]:
    """Return the path with list entries identified by their names or texts.

    An entry becomes ``["name", "canary-5"]``, or ``["", "40"]`` for a text. An entry without a name, or absent from
    ``data``, keeps its index.
    """
    steps: list[str | int | list[str]] = []
    for step in path:
        container, data = data, _child(data, step)
        steps.append((_identity(data) or step) if isinstance(container, list) and isinstance(step, int) else step)
    return steps


def _child(data: Any, step: str | int) -> Any:
    try:
        return data[step]
    except (KeyError, IndexError, TypeError):
        return None


def _identity(entry: Any) -> list[str] | None:
    if isinstance(entry, str):
        return ["", entry]
    identities = (
        [name, entry[name]] for name in _NAMES if isinstance(entry, dict) and isinstance(entry.get(name), str)
    )
    return next(identities, None)
