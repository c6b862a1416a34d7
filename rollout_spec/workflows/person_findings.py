"""The findings of a rollback that are left to a person."""

from __future__ import annotations

from collections.abc import Iterable

from rollout_spec.core.findings import Finding
from rollout_spec.rollback import Rollback


def left_to_a_person(findings: Iterable[Finding], rollback: Rollback) -> list[Finding]:
    """Return the findings about components that stay unchanged because another rollout needs them."""
    paths = [
        ("spec", "versions", part.restored, "requires", each.component)
        for part in rollback.parts
        for each in part.switches
        if each.is_blocked
    ]
    return [each for each in findings if each.name == "pins-served" and each.path in paths]
