"""The stages of candidates by the history of the base, kept from one pass to the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from rollout_spec.domain.stage_periods import StagePeriod, stage_periods
from rollout_spec.integrations.git.changes import changed_since
from rollout_spec.integrations.git.command import GitError
from rollout_spec.integrations.git.file_log import FileLog
from rollout_spec.spec.rollout import Live, ModelRollout
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.stage_entries import Changes, OlderCommitsNeededError, batches, steps

_MANY = 4
"""The rollouts for which one walk through all commits is cheaper."""


@dataclass
class StageHistory:
    """The stages of the candidates of one base.

    On a later base the history is walked again only for rollouts whose file a newer commit changed.
    """

    commit: str | None = None
    by_path: dict[str, list[StagePeriod]] = field(default_factory=dict)

    def move(self, base: Base) -> None:
        """Forget the rollouts that changed since the last base, all if it is not behind this one."""
        if self.commit is not None and self.commit != base.commit:
            changed = changed_since(base.git.root, self.commit, base.commit)
            if changed is None:
                self.by_path.clear()
            for path in changed or ():
                self.by_path.pop(path, None)
        self.commit = base.commit

    def read(self, base: Base, rollouts: Iterable[ModelRollout]) -> None:
        """Read the unknown stages of many rollouts in one walk, which costs less than one for each of them."""
        self.move(base)
        names = {each.metadata.name: each.spec.live for each in rollouts}
        unknown = {name: live for name, live in names.items() if base.path(_path(name)) not in self.by_path}
        if len(unknown) < _MANY or base.git.is_shallow():
            return
        with suppress(GitError):  # each is read by itself then, and an error in one stops no other
            self.by_path |= {base.path(_path(name)): periods for name, periods in _in_one_walk(base, unknown)}

    def periods(self, rollout: ModelRollout, base: Base) -> list[StagePeriod]:
        """Return the stages of a rollout's candidate, newest first; none in a shallow clone."""
        name = _path(rollout.metadata.name)
        path = base.path(name)
        if self.commit != base.commit:
            self.move(base)
        if path not in self.by_path:
            if base.git.is_shallow():
                return []
            self.by_path[path] = stage_periods(rollout.spec.live, base.history(name))
        return self.by_path[path]


def _in_one_walk(base: Base, wanted: Mapping[str, Live]) -> Iterator[tuple[str, list[StagePeriod]]]:
    """Yield the names and stages of the rollouts.

    ``wanted`` is their present state. A rollout is left out if its history does not tell.
    """
    log, waiting = FileLog(base.git.plumbing), dict[str, Changes]()
    left = set(wanted)
    for newest in batches(log, base, {base.path(_path(name)): name for name in wanted}):
        for name in newest.keys() & left:
            changes = waiting.setdefault(name, [])
            changes += newest[name]
            with suppress(OlderCommitsNeededError):
                yield name, stage_periods(wanted[name], steps(log, wanted[name], changes))
                left.discard(name)
        if not left:
            return


def _path(name: str) -> str:
    return f"rollouts/{name}.yaml"
