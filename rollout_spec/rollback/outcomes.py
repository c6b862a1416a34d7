"""The outcomes of a breach: a rollback, an incident without a rollback target, or no action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from rollout_spec.core.breach import Breach
from rollout_spec.domain import traffic
from rollout_spec.domain.history import UndoneCommits
from rollout_spec.rollback.components import ComponentSwitch
from rollout_spec.rollback.verdict import Reason
from rollout_spec.workspace.repository import Repository


@dataclass(frozen=True)
class OpenIncidents:
    """Incidents of known-good versions that are not merged yet.

    ``files`` are by their paths in the workspace, those of branches that this tool would build itself: they quarantine
    as if they were merged, and a rollback that they redirect brings them along. ``doubted`` are versions of which
    another branch has an incident, each with the reason for a person.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    doubts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NoAction:
    """A breach that changes nothing, and why; ``guard`` names what keeps it from that."""

    reason: str
    guard: Literal["traffic", "one-action"] = "traffic"


@dataclass(frozen=True)
class NoRollbackTarget:
    """A breach of stable with no version to go back to; each version that was passed over, with the reason.

    ``edits`` write the incident, and nothing else; there are none where one that says the same is open already.
    """

    workspace: str
    rollout: str
    failed: str
    breach: Breach
    skipped: tuple[tuple[str, str], ...]
    incident: str
    branch: str
    edits: Mapping[str, bytes | None]


@dataclass(frozen=True)
class Rollback:
    """What a rollback does: ``edits`` by their paths in the workspace, ``for_a_person`` why it is left a draft.

    ``merge`` is what the rollout says of it; ``switches`` are the exclusive components of which the restored version
    needs another version than is up. ``lookback`` is how far back the trigger looks, ``window`` the rollout's own.
    ``also`` are the rollbacks of other rollouts in the same commit; ``edits`` are those of all.
    """

    workspace: str
    rollout: str
    failed: str
    restored: str
    stage: str
    breach: Breach
    incident: str
    branch: str
    edits: Mapping[str, bytes | None]
    undone: UndoneCommits
    before: traffic.TrafficSplit
    after: traffic.TrafficSplit
    skipped: tuple[tuple[str, str], ...]
    withdrawn: str | None
    switches: tuple[ComponentSwitch, ...]
    workload_unchanged: bool
    review_reasons: tuple[Reason, ...]
    merge: Literal["auto", "review"]
    lookback: timedelta
    window: timedelta | None
    companions: tuple[Rollback, ...] = ()

    @property
    def parts(self) -> tuple[Rollback, ...]:
        """The rollbacks of this commit, one for each rollout."""
        return (self, *self.companions)

    @property
    def switched(self) -> frozenset[str]:
        """The exclusive components that this commit switches."""
        return frozenset(each.component for each in self.switches if not each.is_blocked)

    @property
    def blocking_versions(self) -> frozenset[tuple[str, str]]:
        """The rollouts and versions that need a component as it is, which this rollback switches."""
        return frozenset((each.rollout, each.version) for switch in self.switches for each in switch.needed_by)

    def apply(self, repository: Repository) -> Repository:
        """Return the repository as it would be after this rollback."""
        return repository.edited(self.edits)
