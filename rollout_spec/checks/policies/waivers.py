"""The waivers of a workspace, by policy and rollout."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.spec.workspace import Waiver


def waiver_for(policy: str, rollout: str, repository: Repository, now: datetime) -> Waiver | None:
    """Return the waiver of a policy for a rollout that has not expired, if there is one."""
    waivers = repository.once("waivers", _waivers).get((policy, rollout), ())
    return next((waiver for waiver in waivers if now < waiver.ends), None)


def _waivers(repository: Repository) -> dict[tuple[str, str], list[Waiver]]:
    """Return the waivers of a workspace, by policy and rollout."""
    settings = repository.settings
    index: dict[tuple[str, str], list[Waiver]] = {}
    for waiver in settings.waivers if settings else ():
        index.setdefault((waiver.policy, waiver.rollout), []).append(waiver)
    return index
