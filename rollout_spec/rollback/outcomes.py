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
    """The unmerged incidents of known-good versions.

    ``files`` maps paths in the workspace to the incidents on branches that this tool would build itself. They
    quarantine as if they were merged, and a rollback that skips a version because of them brings them along.
    ``doubts`` maps versions that another branch has an incident of to the reason for review.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    doubts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NoAction:
    """A breach that leads to no change, with the reason and the guard that decided."""

    reason: str
    guard: Literal["traffic", "one-action"] = "traffic"


@dataclass(frozen=True)
class NoRollbackTarget:
    """A breach of stable without a rollback target.

    ``skipped`` are the known-good versions, each with the reason. ``edits`` write the incident and nothing else; they
    are empty if such an incident is open already.
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
    """A rollback: ``edits`` by their paths in the workspace, and the reasons for a reviewer.

    ``merge`` and ``window`` are the rollout's settings, ``lookback`` is how far back the trigger looks. ``switches``
    are the exclusive components of which the restored version needs another version than the served one.
    ``companions`` are the rollbacks of other rollouts in the same commit; ``edits`` include theirs.
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
        return frozenset(switch.component for switch in self.switches if not switch.is_blocked)

    @property
    def blocking_versions(self) -> frozenset[tuple[str, str]]:
        """The versions of other rollouts that need a component in the version that is served now."""
        return frozenset((pin.rollout, pin.version) for switch in self.switches for pin in switch.needed_by)

    def apply(self, repository: Repository) -> Repository:
        """Return the repository as it would be after this rollback."""
        return repository.edited(self.edits)
