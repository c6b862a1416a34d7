"""The past steps of one rollout, read from the first-parent history of its file on the base."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from rollout_spec.core.errors import UserError
from rollout_spec.core.units import NAME
from rollout_spec.domain.rollout_history import HistoryEntry, Person, RolloutHistory, with_times
from rollout_spec.domain.step_names import CHANGED, UNKNOWN, FileState, differences, name_of
from rollout_spec.integrations.git.file_log import FileLog, LoggedCommit
from rollout_spec.spec.kinds import WORKSPACE_FILE
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.present_base import PresentBase, present_base
from rollout_spec.workflows.unpushed import unknown_rollout
from rollout_spec.workspace.loader import read_file

if TYPE_CHECKING:
    from rollout_spec.spec.incident import IncidentSpec
    from rollout_spec.workflows.base_branch import Base

_SHALLOW = "this clone is shallow, so older commits are not known; run `git fetch --unshallow`"


def history_of(
    name: str, here: WorkspaceLocation, *, is_offline: bool, limit: int | None = None
) -> tuple[RolloutHistory, PresentBase]:
    """Return the history of a rollout, and its base. UserError without any."""
    if here.git_root is None:
        raise UserError("a history needs git, but this workspace is not in a git repository", hint="run `git init`")
    present = present_base(here, here.git_root, is_offline=is_offline)
    history = read_history(name, present.base, limit)
    if history is None:
        raise unknown_rollout(name, here, present.base)
    return history, present


def read_history(name: str, base: Base, limit: int | None = None) -> RolloutHistory | None:
    """Return the newest ``limit`` entries on a base, all without a limit.

    None if the base never had the rollout.
    """
    path = base.path(f"rollouts/{name}.yaml")
    log = FileLog(base.git.plumbing)
    commits = log.commits(base.commit, path, None if limit is None else limit + 1) if re.fullmatch(NAME, name) else []
    if not commits:
        return None
    left_out = limit is not None and len(commits) > limit
    entries = list(_Reading(name, base, log, commits[: limit if limit is not None else None]).entries())
    missing = None
    if not left_out and base.git.is_shallow() and not commits[-1].parents:
        missing = _SHALLOW
    return RolloutHistory(name, base.branch, base.commit, with_times(entries), missing, left_out)


@dataclass(frozen=True)
class _Reading:
    """The commits of one rollout's file, newest first, while they become entries."""

    rollout: str
    base: Base
    log: FileLog
    commits: list[LoggedCommit]

    @cached_property
    def _heads(self) -> dict[str, LoggedCommit]:
        """The merged heads, by their ids."""
        return self.log.each([commit.parents[1] for commit in self.commits if len(commit.parents) > 1])

    def entries(self) -> Iterator[HistoryEntry]:
        states: dict[str | None, FileState] = {None: FileState(False)}
        for commit in self.commits:
            [change] = commit.changes[:1] or [None]
            ids = (change.before, change.after) if change is not None else (None, None)
            for oid in ids:
                if oid not in states:
                    states[oid] = self._state(oid)
            yield self._entry(commit, states[ids[0]], states[ids[1]])

    def _state(self, oid: str | None) -> FileState:
        assert oid is not None
        file = read_file(f"rollouts/{self.rollout}.yaml", "ModelRollout", self.log.content(oid))
        return FileState(True, file.model.spec if file.model is not None else None)

    def _entry(self, commit: LoggedCommit, before: FileState, after: FileState) -> HistoryEntry:
        incident_name, incident = self._incident(commit, before, after)
        is_cut = not commit.parents and self.base.git.is_shallow()
        change, version = name_of(before, after, incident.failed_version if incident is not None else None)
        if is_cut:
            change, version = UNKNOWN, None
        head = self._heads.get(commit.parents[1]) if len(commit.parents) > 1 else None
        told = head if head is not None and self._names(head) else commit
        forced = told.trailers.get("Rollout-Forced")
        reason = told.subject
        if change == CHANGED and before.spec is not None and after.spec is not None:
            reason = f"{reason} ({differences(before.spec.live, after.spec.live)})"
        author = head or commit
        return HistoryEntry(
            commit=commit.sha,
            at=commit.date,
            change=change,
            before=before,
            after=after,
            author=Person(author.author, author.address),
            reason=reason,
            version=version,
            merged_by=Person(commit.author, commit.address) if len(commit.parents) > 1 else None,
            pull_request=commit.parents[1] if len(commit.parents) > 1 else None,
            incident=incident_name,
            trigger=incident.trigger if incident is not None else None,
            forced=forced,
            note=self._note(commit, before, after, is_cut=is_cut),
        )

    def _names(self, head: LoggedCommit) -> bool:
        """Return whether a merged head says that it is a step or a rollback of this rollout."""
        texts = (head.trailers.get("Rollout-Step", ""), head.trailers.get("Rollback-Of", ""))
        return any(re.search(rf"(^|\s){re.escape(self.rollout)}/", text) for text in texts)

    def _incident(
        self, commit: LoggedCommit, before: FileState, after: FileState
    ) -> tuple[str | None, IncidentSpec | None]:
        """Return the incident that came with the failure of a version."""
        old, new = before.spec, after.spec
        if old is None or new is None or not commit.parents:
            return None, None
        failed = {old.live.stable, old.live.candidate} - {new.live.stable, new.live.candidate}
        if not failed:
            return None, None
        folder = self.base.path("incidents")
        added = set(self.base.git.names(commit.sha, folder)) - set(self.base.git.names(commit.parents[0], folder))
        for name in sorted(added):
            path = f"incidents/{name}"
            content = self.base.git.read(commit.sha, self.base.path(path)) if name.startswith(self.rollout) else None
            model = read_file(path, "Incident", content).model if content is not None else None
            if model is not None and model.spec.rollout == self.rollout and model.spec.failed_version in failed:
                return name.removesuffix(".yaml"), model.spec
        return None, None

    def _note(self, commit: LoggedCommit, before: FileState, after: FileState, *, is_cut: bool) -> str | None:
        """Return the unknown facts about a change, or None."""
        if is_cut:
            return "the clone is shallow here: the file may be older"
        if not after.is_known:
            return "the file does not load at this commit, so the traffic split is unknown"
        if not before.is_known:
            return "the file did not load before, so the step is unknown"
        if not before.exists and commit.parents:
            return self._origin(commit)
        return None

    def _origin(self, commit: LoggedCommit) -> str | None:
        """Return from where a file may have come that is new at a commit, or None."""
        git, parent, folder = self.base.git, commit.parents[0], self.base.path("rollouts")
        gone = sorted(set(git.names(parent, folder)) - set(git.names(commit.sha, folder)))
        if gone:
            others = ", ".join(name.removesuffix(".yaml") for name in gone[:3])
            return f"the same commit deleted {others}: it may be a rename, which is not followed"
        if git.read(parent, self.base.path(WORKSPACE_FILE)) is None:
            return "the whole workspace is new at this commit: it may have moved, which is not followed"
        return None
