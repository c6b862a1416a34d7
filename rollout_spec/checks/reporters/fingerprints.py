"""Those who watch findings from run to run know one by its fingerprint, which must survive edits elsewhere.

A fingerprint is made of the file, the rule and the keys that lead to the place. An entry of a list goes by its name, so
that one that is put in before it changes nothing; line, column and words do not count.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from rollout_spec.core.findings import Finding, KeyPath

_NAMES = ("name", "type")
"""The fields that an entry of a list is known by: stages, triggers, parts and policies; targets."""


def fingerprints(findings: Iterable[Finding], data_of: Callable[[str], Any] | None = None) -> dict[Finding, str]:
    """Return a fingerprint, 64 hex digits, for each finding; no two are the same.

    ``data_of`` gives what a file holds; without it, entries of lists go by their index. Findings of one rule at one
    place are counted, in their order.
    """
    import hashlib  # it loads OpenSSL, which a report as text would pay for

    seen: Counter[str] = Counter()
    found: dict[Finding, str] = {}
    for finding in sorted(set(findings)):
        data = data_of(finding.file) if data_of else None
        key = json.dumps([finding.name, finding.file, structural_path(finding.path, data)])
        found[finding] = hashlib.sha256(json.dumps([key, seen[key]]).encode()).hexdigest()
        seen[key] += 1
    return found


def structural_path(path: KeyPath, data: Any) -> list[str | int | list[str]]:
    """Return the path with entries of lists by what they are: ``["name", "canary-5"]``, or ``["", "40"]`` for a text.

    What has no name, and what is not in ``data``, keeps its index.
    """
    told: list[str | int | list[str]] = []
    for step in path:
        here, data = data, _child(data, step)
        told.append((_identity(data) or step) if isinstance(here, list) and isinstance(step, int) else step)
    return told


def _child(data: Any, step: str | int) -> Any:
    try:
        return data[step]
    except (KeyError, IndexError, TypeError):
        return None


def _identity(entry: Any) -> list[str] | None:
    if isinstance(entry, str):
        return ["", entry]
    found = ([name, entry[name]] for name in _NAMES if isinstance(entry, dict) and isinstance(entry.get(name), str))
    return next(found, None)
