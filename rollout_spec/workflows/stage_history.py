"""The stages of candidates by the history of the base, kept from one pass to the next."""

from __future__ import annotations

from dataclasses import dataclass, field

from rollout_spec.domain.stage_periods import StagePeriod, stage_periods
from rollout_spec.integrations.git.changes import changed_since
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workflows.base_branch import Base


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

    def periods(self, rollout: ModelRollout, base: Base) -> list[StagePeriod]:
        """Return the stages of a rollout's candidate, newest first; none in a shallow clone."""
        name = f"rollouts/{rollout.metadata.name}.yaml"
        path = base.path(name)
        if self.commit != base.commit:
            self.move(base)
        if path not in self.by_path:
            if base.git.is_shallow():
                return []
            self.by_path[path] = stage_periods(rollout.spec.live, base.history(name))
        return self.by_path[path]
