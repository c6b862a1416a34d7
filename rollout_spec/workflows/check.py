"""What must hold before a merge: the check of the whole workspace, and the proof that each way back works."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime

from rollout_spec.checks.runner import Report, Spread, check
from rollout_spec.core.findings import Problem
from rollout_spec.render.inputs import inputs_changed
from rollout_spec.workflows.drill import drill
from rollout_spec.workspace.repository import Repository


def review(
    repository: Repository,
    *,
    without: Collection[str] = (),
    base: Repository | None = None,
    prefix: str = "",
    now: datetime | None = None,
    spread: Spread = map,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Check a whole workspace, and roll each rollout that is well back in memory. See ``check`` for the arguments.

    With a base that concerns the rollouts of which anything changed: the others were proven when they were merged.
    """
    return check(
        repository,
        without=without,
        base=base,
        prefix=prefix,
        now=now,
        prove=lambda rollout, there: _unproven(rollout, there, now) if _may_differ(rollout, there, base) else (),
        spread=spread,
        progress=progress,
    )


def _may_differ(rollout: str, repository: Repository, base: Repository | None) -> bool:
    """May the way back be another one than on the base? Where a component is exclusive, any rollout may stand in it."""
    file = repository.rollout(rollout)
    if base is None or file is None or file.model is None or inputs_changed(file, repository, base):
        return True
    components = map(repository.component, file.model.spec.component_names)
    return any(component and component.model and component.model.spec.exclusive for component in components)


def _unproven(rollout: str, repository: Repository, now: datetime | None) -> Iterator[Problem]:
    """Give a problem for each way back that cannot be gone, or would bring findings of its own.

    What the next stage would lack is a warning: the step into it is proven again when it is taken.
    """
    for each in drill(repository, rollout, now=now, reach="next"):
        if each.verdict == "failed":
            way = f"a rollback from {each.failed}" + (f" to {each.restored}" if each.restored else "")
            if each.here:
                hint = f"`rollout-spec rollback {rollout} --reason drill --version {each.failed} --dry-run` shows it"
                yield Problem(("spec", "live"), f"{way} {each.why}", hint, on_key=True)
            else:
                words = f"once {each.state}, {way} {each.why}"
                hint = f"`rollout-spec drill {rollout}` tells of every state"
                yield Problem(("spec", "live"), words, hint, "warning", on_key=True)
