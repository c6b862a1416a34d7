"""The order in which a pass judges rollouts.

A slow Prometheus, or one slow query, keeps no rollout waiting for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rollout_spec.workflows.prometheus import Source


@dataclass
class PassTurns:
    """The order of a pass.

    ``first`` are the rollouts whose queries got no turn in the last pass. ``last`` is the one whose query failed.
    """

    first: list[str] = field(default_factory=list)
    last: list[str] = field(default_factory=list)

    def of(self, names: Sequence[str]) -> list[str]:
        """Return names in the order of this pass, and forget the last one."""
        known = set(names)
        first, last = (dict.fromkeys(name for name in each if name in known) for each in (self.first, self.last))
        self.first, self.last = [], []
        return list(dict.fromkeys((*first, *(name for name in names if name not in last), *last)))

    def note(self, name: str, source: Source, *, had_failed: bool) -> None:
        """Note the turn of a rollout. ``had_failed``: the source was not asked any more before that."""
        if source.failure is not None:
            (self.first if had_failed or source.is_late else self.last).append(name)
