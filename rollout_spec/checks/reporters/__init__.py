"""Formats of a report, one module each.

To add a format: one module here, one line below. A reporter imports ``base`` and ``fingerprints``, and no other one.
"""

from __future__ import annotations

from rollout_spec.checks.reporters import github, gitlab, json, junit, sarif, text
from rollout_spec.checks.reporters.base import Reporter, View

__all__ = ["REPORTERS", "Reporter", "View"]

REPORTERS: dict[str, Reporter] = {
    "text": text,
    "json": json,
    "sarif": sarif,
    "junit": junit,
    "github": github,
    "gitlab": gitlab,
}
