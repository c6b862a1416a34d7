"""What the base says is what a rollback goes by: the workspace there, what pauses it, and where each rollout can go."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import join_some
from rollout_spec.core.units import format_time
from rollout_spec.domain.rollback_targets import rollback_targets
from rollout_spec.spec.workspace import Automation
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.doctor.result import DoctorResult, failed, ok, warning
from rollout_spec.workflows.rollback_history import pauses
from rollout_spec.workspace.repository import Repository

_MOST_NAMES = 3
_MODES = {
    "dry-run": "the mode is dry-run: rollbacks are printed, and nothing is pushed",
    "pull-request": "the mode is pull-request: a person merges each rollback",
    "auto-merge": "the mode is auto-merge: a rollback merges itself where every guard holds",
}


def workspace(base: Base, name: str) -> DoctorResult:
    """Say which workspace it is, and whether it is what is checked out."""
    return ok("workspace", f"{name}, on {base.branch} at {base.commit[:12]}{_elsewhere(base)}")


def name(base: Base) -> DoctorResult:
    """Compare the workspace's name with those of the others in the git repository."""
    repository = base.repository
    others = repository.namesakes()
    if others:
        words = f"{_some(others)} {'has' if len(others) == 1 else 'have'} the name {repository.workspace_name} too"
        return failed("workspace-name", words, "rename one of them: breaches and branches name their workspace")
    return ok("workspace-name", "no other workspace of this repository has the name")


def _elsewhere(base: Base) -> str:
    try:
        same = base.git.commit("HEAD") == base.commit
    except UserError:  # nothing is checked out yet
        same = False
    return "" if same else "; what is checked out here is another commit"


def automation(settings: Automation) -> DoctorResult:
    """Say how far a rollback may go by itself."""
    words = _MODES[settings.mode]
    if settings.mode == "dry-run":
        return warning("automation", words, "`automation.mode: pull-request` once what is printed is trusted")
    return ok("automation", words)


def pause(base: Base, now: datetime) -> Iterator[DoctorResult]:
    """Look whether somebody paused the automation, and until when."""
    found = pauses(base)
    for each in found:
        if each.ends is None:
            hint = "`rollout-spec check` says what is wrong with it; mend it or remove it"
            yield failed("pause", f"{each.path} pauses the automation without end: {each.reason}", hint)
        elif now < each.ends:
            words = f"{each.path} pauses the automation until {format_time(each.ends)}: {each.reason}"
            yield warning("pause", words, "remove it once its reason is gone")
    if not any(each.ends is None or now < each.ends for each in found):
        yield ok("pause", "nothing pauses the automation")


def way_back(repository: Repository) -> DoctorResult:
    """Count the rollouts whose stable version could go to no earlier one."""
    names = repository.names("rollouts")
    broken: list[str] = []
    without: list[str] = []
    for name in names:
        file = repository.rollout(name)
        if file is None or file.model is None:
            broken.append(name)
        elif not rollback_targets(file.model, repository):
            without.append(name)
    many = "1 rollout" if len(names) == 1 else f"{len(names):,} rollouts"
    if broken:
        return failed("way-back", f"{len(broken):,} of {many} do not load: {_some(broken)}", "`rollout-spec check`")
    if without:
        words = f"{len(without):,} of {many} could go back to no earlier version once promoted: {_some(without)}"
        return warning("way-back", words, "`rollout-spec drill` says why, and what that means")
    return ok("way-back", f"{many}, each with an earlier version to go back to" if names else "no rollouts yet")


def _some(names: list[str]) -> str:
    return join_some(names, _MOST_NAMES)
