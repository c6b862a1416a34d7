"""The hold of an open rollback: after a shared cause became known, only a person may merge it.

A held pull request has a label, which needs write access, so that later runs neither hold it again nor make it ready.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import PullRequest
from rollout_spec.integrations.forges import Forge
from rollout_spec.rollback import GuardVerdict
from rollout_spec.rollback.triage import CAUSE
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.rebuild import incidents_in

SHARED_CAUSE = "shared-cause"
"""The guard that holds rollbacks which are open already."""
HELD = "held"
"""The label of held pull requests. A person who removes it hands the pull request back to the automation."""


@dataclass(frozen=True)
class Hold:
    """The reason to hold a rollback.

    ``names_cause`` returns whether an incident of a commit names the shared cause.
    """

    reason: str
    names_cause: Callable[[str], bool]


def hold_for(verdict: GuardVerdict, base: Base) -> Hold | None:
    """Return the hold of an open rollback, None if the verdict asks for none."""
    if verdict.action != "draft":
        return None
    reason = next((each.message for each in verdict.reasons if each.guard == SHARED_CAUSE), None)
    return Hold(reason, partial(_names_cause, base)) if reason is not None else None


def _names_cause(base: Base, commit: str) -> bool:
    breaches = (each.breach for each in incidents_in(base, commit).recorded)
    return any(each.evidence.summary.startswith(CAUSE) for each in breaches)


def needs_hold(pull: PullRequest) -> bool:
    """Return whether a pull request is ready or has auto-merge, and was never held."""
    return pull.state == "open" and HELD not in pull.labels and (pull.auto_merge_enabled or not pull.draft)


def is_released(pull: PullRequest) -> bool:
    """Return whether a person made a held pull request ready, or enabled its auto-merge."""
    return HELD in pull.labels and (pull.auto_merge_enabled or not pull.draft)


def is_changed_by_person(pull: PullRequest, forge: Forge) -> bool:
    """Return whether a person changed an open pull request, so that its head must stay.

    If it is held, the forge's records are those of the hold. It counts as changed once a person made it ready.
    """
    if HELD in pull.labels:
        return is_released(pull)
    changes = forge.interventions(pull)
    return changes.converted_to_draft or changes.cancelled_auto_merge


def is_held(pull: PullRequest) -> bool:
    """Return whether a pull request was held, and is as the hold left it."""
    return HELD in pull.labels and not is_released(pull)


def hold(pull: PullRequest, reason: str, forge: Forge, notes: list[str]) -> PullRequest:
    """Cancel auto-merge, make it a draft, and write why. UserError if the forge may still merge it.

    One that was merged or closed meanwhile is returned as it is.
    """
    held = forge.hold(pull)
    if held.state == "merged":
        notes.append(f"{held.url} was merged before it could be held: it stays merged")
    if held.state != "open":
        return held
    notes.append(f"{held.url} is held: it is a draft now, without auto-merge")
    try:
        forge.label_and_request_review(held, (HELD,), ())
        held = replace(held, labels=(*held.labels, HELD))
    except UserError as error:
        notes.append(error.message)
    try:
        forge.comment(held, "held", _comment(reason))
    except UserError as error:
        notes.append(error.message)
    return held


def _comment(reason: str) -> str:
    return (
        f"**This rollback is held: {reason}.** Auto-merge is off and it is a draft, so that a person decides. To roll "
        "back anyway, mark it as ready and merge it."
    )
