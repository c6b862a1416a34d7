"""Checks of the workspace at the base: name, automation, pause and rollback targets."""

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
from rollout_spec.workspace.namesakes import namesakes
from rollout_spec.workspace.repository import Repository

_MOST_NAMES = 3
_MODES = {
    "dry-run": "the mode is dry-run: rollbacks are printed, nothing is pushed",
    "pull-request": "the mode is pull-request: a person merges each rollback",
    "auto-merge": "the mode is auto-merge: a rollback gets auto-merge if every guard allows it",
}


def workspace(base: Base, name: str) -> DoctorResult:
    """Report the workspace, and whether its commit is checked out."""
    return ok("workspace", f"{name}, on {base.branch} at {base.commit[:12]}{_elsewhere(base)}")


def name(base: Base) -> DoctorResult:
    """Compare the workspace's name with those of the others in the git repository."""
    repository = base.repository
    others = namesakes(repository)
    if others:
        message = f"{_some(others)} {'has' if len(others) == 1 else 'have'} the name {repository.workspace_name} too"
        return failed("workspace-name", message, "rename one of them: breaches and branches contain the name")
    return ok("workspace-name", "no other workspace of this repository has this name")


def _elsewhere(base: Base) -> str:
    try:
        same = base.git.commit("HEAD") == base.commit
    except UserError:  # nothing is checked out yet
        same = False
    return "" if same else "; another commit is checked out here"


def automation(settings: Automation) -> DoctorResult:
    """Report the mode of the automation."""
    message = _MODES[settings.mode]
    if settings.mode == "dry-run":
        return warning(
            "automation", message, "set `automation.mode: pull-request` once the printed rollbacks are right"
        )
    return ok("automation", message)


def pause(base: Base, now: datetime) -> Iterator[DoctorResult]:
    """Check whether the automation is paused, and until when."""
    found = pauses(base)
    for each in found:
        if each.ends is None:
            hint = "run `rollout-spec check` for the error, then fix or remove it"
            yield failed("pause", f"{each.path} pauses the automation without end: {each.reason}", hint)
        elif now < each.ends:
            message = f"{each.path} pauses the automation until {format_time(each.ends)}: {each.reason}"
            yield warning("pause", message, "remove it once its reason is gone")
    if not any(each.ends is None or now < each.ends for each in found):
        yield ok("pause", "nothing pauses the automation")


def way_back(repository: Repository) -> DoctorResult:
    """Count the rollouts without a rollback target for their stable version."""
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
        message = f"{len(without):,} of {many} would have no rollback target after a promotion: {_some(without)}"
        return warning("way-back", message, "run `rollout-spec drill` for the reasons")
    return ok("way-back", f"{many}, each with a rollback target" if names else "no rollouts yet")


def _some(names: list[str]) -> str:
    return join_some(names, _MOST_NAMES)
