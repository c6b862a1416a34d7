"""Checks of the remote, and of the right to push by a dry run."""

from __future__ import annotations

from dataclasses import replace

from rollout_spec.core.errors import UserError
from rollout_spec.spec.workspace import ForgeSettings
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.doctor.result import DoctorResult, ended, failed, ok

_TRIAL = "doctor/dry-run"


def remote(base: Base, settings: ForgeSettings | None) -> DoctorResult:
    """Report the remote and its live branch."""
    if base.remote is None:
        name = _name(settings)
        hint = f"run `git remote add {name} URL`, or set `forge.remote` to another remote"
        return failed("remote", f"no git remote `{name}` in this clone; a rollback needs one to push to", hint)
    return ok("remote", f"{base.remote.name} is {base.remote.address}, and has {base.branch}")


def unreached(error: UserError, settings: ForgeSettings | None) -> DoctorResult:
    """Report that the remote does not answer or lacks the branch."""
    found = ended("remote", error)
    return replace(found, hint=found.hint or f"check whether `git ls-remote {_name(settings)}` works here")


def push(base: Base, workspace: str) -> DoctorResult:
    """Check that the remote accepts a rollback's branch. No branch is created."""
    start, git_remote = f"rollback/{workspace}", base.remote
    assert git_remote is not None
    try:
        taken = git_remote.branches("rollback*")
        for name in ("rollback", start, *(f"{start}/{rollout}" for rollout in base.repository.names("rollouts"))):
            if name in taken:
                message = f"the branch `{name}` on {git_remote.name} blocks all branches `{name}/…`"
                return failed("push", message, "delete or rename it")
        git_remote.push_new(f"{start}/{_TRIAL}", base.commit, dry_run=True)
    except UserError as error:
        found = ended("push", error, answered=True)
        return replace(found, hint=found.hint or "see docs/forges.md for the permissions of a push")
    message = f"{git_remote.name} accepts a branch {start}/…; only a real push runs the server's hooks and rules"
    return ok("push", message)


def _name(settings: ForgeSettings | None) -> str:
    return settings.remote if settings else "origin"
