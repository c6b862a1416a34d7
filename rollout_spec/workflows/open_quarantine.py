"""The incidents on branches that bar a step forward: those of the candidate or of stable.

A rollback is open until its branch is merged or its pull request is closed. Anybody who may push can bar a step with
such a branch. The reason names it, so that a person deletes it, closes its pull request, or takes the step.
"""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec.domain.quarantine import quarantined
from rollout_spec.integrations.forges import Forge
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.open_incidents import KINDS, OpenIncident, not_looked_at, open_elsewhere, open_incidents
from rollout_spec.workflows.rollback_history import closed_by_a_person


def open_quarantine(base: Base, forge: Forge | None, rollout: str) -> str | None:
    """Return why an open incident bars the candidate of a rollout, or stable; None if none does.

    Branches are listed now, so that a rollback of a minute ago counts. Without a forge no closed pull request is known.
    """
    file = base.repository.rollout(rollout)
    if base.remote is None or file is None or file.model is None:
        return None
    return next(_reasons(base, forge, file.model), None)


def _reasons(base: Base, forge: Forge | None, rollout: ModelRollout) -> Iterator[str]:
    assert base.remote is not None
    name, live = rollout.metadata.name, rollout.spec.live
    versions = [version for version in (live.candidate, live.stable) if version is not None]
    branches, was_closed = base.remote.branches(*(f"{kind}*" for kind in KINDS)), closed_by_a_person(base, forge)
    for each in open_incidents(base, branches, name):
        reason = _reason(each, base, rollout, versions)
        if reason is not None and not was_closed(each.branch):
            yield reason
    if (missed := not_looked_at(base, branches, name)) is not None:
        yield missed
    yield from (words for _, words in open_elsewhere(base, rollout, versions, branches, was_closed))


def _reason(opened: OpenIncident, base: Base, rollout: ModelRollout, versions: list[str]) -> str | None:
    if opened.unread is not None:
        return f"the branch {opened.branch} may have an incident, and {opened.unread}"
    repository = base.repository
    before, after = quarantined(rollout, repository), repository.edited({opened.path: opened.content})
    new = quarantined(rollout, after).keys() - before.keys()
    barred = next((version for version in versions if version in new), None)
    return f"the branch {opened.branch} has an incident of {barred}" if barred is not None else None
