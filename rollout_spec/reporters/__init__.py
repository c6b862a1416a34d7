"""A report is one set of findings in one format. To add a format: one module here, one line below."""

from __future__ import annotations

from rollout_spec.reporters import github, gitlab, json, junit, sarif, text
from rollout_spec.reporters.reporter import Reporter, View

__all__ = ["REPORTERS", "Reporter", "View"]

REPORTERS: dict[str, Reporter] = {
    "text": text,
    "json": json,
    "sarif": sarif,
    "junit": junit,
    "github": github,
    "gitlab": gitlab,
}
