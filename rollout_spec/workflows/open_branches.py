"""The branches of this tool on the remote that are not merged, by rollout."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from rollout_spec.core.errors import UserError
from rollout_spec.domain.rollout_status import IncidentStatus, OpenBranch
from rollout_spec.integrations.git.file_log import FileLog
from rollout_spec.integrations.git.remote import NAME
from rollout_spec.lifecycle import STEPS
from rollout_spec.lifecycle.incident_pull_request import STEP as RESOLVE
from rollout_spec.workflows.open_incidents import KINDS, OpenIncident, open_incidents

if TYPE_CHECKING:
    from rollout_spec.integrations.forges import Forge
    from rollout_spec.workflows.base_branch import Base

_STEPS = ("bootstrap", "record", *STEPS, RESOLVE)
_NUMBER = r"(?:\.\d+)?"
MOST_ASKED = 100
"""The most pull requests that a forge is asked for."""

Branches = dict[str, list[OpenBranch]]


def open_branches(base: Base) -> Branches:
    """Return the unmerged branches of this workspace, by rollout.

    A branch whose pull request was squashed or closed is among them until it is deleted. UserError if the remote does
    not answer.
    """
    if base.remote is None:
        return {}
    workspace = base.repository.workspace_name
    patterns = (*(f"{kind}*" for kind in KINDS), *(f"{step}/{workspace}/*" for step in _STEPS))
    heads = {name: commit for name, commit in base.remote.branches(*patterns).items() if NAME.fullmatch(name)}
    kinds = "|".join((*KINDS, *_STEPS))
    own = re.compile(rf"({kinds}){_NUMBER}/{re.escape(workspace)}{_NUMBER}/([a-z0-9-]+){_NUMBER}/.+")
    unmerged = FileLog(base.git.plumbing).unmerged(list(heads.values()), base.commit)
    found: Branches = defaultdict(list)
    for name, commit in sorted(heads.items()):
        match = own.fullmatch(name)
        if match is not None and commit in unmerged:
            found[match[2]].append(OpenBranch(name, match[1], match[2], commit))
    return dict(found)


def incidents_on(base: Base, branches: Branches) -> dict[str, list[IncidentStatus]]:
    """Return the incidents on the branches of rollbacks and incidents, by rollout."""
    rollouts = {each.name: each.rollout for group in branches.values() for each in group}
    found: dict[str, list[IncidentStatus]] = defaultdict(list)
    for each in unmerged_incidents(base, branches):
        spec = each.incident.spec if each.incident is not None else None
        if spec is not None:
            status = IncidentStatus(each.name, spec.failed_version, spec.trigger, each.branch)
            found[spec.rollout].append(status)
        else:
            problem = f"the branch {each.unread}" if each.unread is not None else "the file does not load"
            found[rollouts[each.branch]].append(IncidentStatus(each.name, None, None, each.branch, problem))
    return dict(found)


def unmerged_incidents(base: Base, branches: Branches) -> tuple[OpenIncident, ...]:
    """Return the incidents on the branches of rollbacks and incidents."""
    heads = {each.name: each.commit for group in branches.values() for each in group if each.kind in KINDS}
    return open_incidents(base, heads, "")


def with_pull_requests(
    branches: Branches, names: Collection[str], forge: Forge, base_branch: str, tell: Callable[[str], None]
) -> Branches:
    """Return the branches of some rollouts with their pull requests.

    Those that have ended are left out. After an error the forge is not asked again.
    """
    asked = Asked(forge, base_branch, tell)
    return {
        name: [each for branch in group if (each := asked.with_state(branch)).state in (None, "open")]
        for name, group in branches.items()
        if name in names
    }


class Asked:
    """The questions to one forge about its pull requests."""

    def __init__(self, forge: Forge, base_branch: str, tell: Callable[[str], None]) -> None:
        self._forge = forge
        self._base_branch = base_branch
        self._tell = tell
        self._left = MOST_ASKED
        self._has_told = False

    def with_state(self, branch: OpenBranch) -> OpenBranch:
        """Return a branch with its pull request, as it is if there is none."""
        if self._left <= 0:
            if not self._has_told:
                self._tell(f"the forge was asked for {MOST_ASKED} pull requests, and not for the others")
            self._has_told = True
            return branch
        self._left -= 1
        try:
            pull = self._forge.find(branch.name, self._base_branch)
        except UserError as error:
            self._left, self._has_told = 0, True
            self._tell(f"the forge does not answer: {error.message}")
            return branch
        return replace(branch, url=pull.url, state=pull.state) if pull is not None else branch
