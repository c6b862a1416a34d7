"""The explanations of rules and policies, with those of the workspace around a folder."""

from __future__ import annotations

from pathlib import Path

from rollout_spec.checks.documentation import explanations
from rollout_spec.checks.explanations import Explanation
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import did_you_mean
from rollout_spec.workflows.locate import around


def all_explanations(start: Path) -> list[Explanation]:
    """Return all explanations. Rules and shipped policies need no workspace."""
    here = around(start)
    return list(explanations(here.repository() if here is not None else None))


def explanations_of(name: str, start: Path) -> list[Explanation]:
    """Return the explanations of a rule, or of the policies with a name. UserError if there are none."""
    known = all_explanations(start)
    matches = [each for each in known if each.name == name]
    if not matches:
        suggestion = did_you_mean(name, {each.name for each in known})
        raise UserError(f"no rule or policy `{name}`", hint=suggestion or "run `rollout-spec explain` for a list")
    return matches
