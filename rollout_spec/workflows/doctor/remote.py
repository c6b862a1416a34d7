"""A remote that answers may still take no push: it is asked, by a push that is not made."""

from __future__ import annotations

from dataclasses import replace

from rollout_spec.core.errors import UserError
from rollout_spec.spec.workspace import ForgeSettings
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.doctor.result import DoctorResult, ended, failed, ok

_TRIAL = "doctor/dry-run"


def remote(base: Base, settings: ForgeSettings | None) -> DoctorResult:
    """Say where the branch is that is live."""
    if base.remote is None:
        name = _name(settings)
        hint = f"`git remote add {name} URL`, or name another in `forge.remote`"
        return failed("remote", f"there is no git remote `{name}` here, and a rollback is pushed to one", hint)
    return ok("remote", f"{base.remote.name} is {base.remote.address}, and has {base.branch}")


def unreached(error: UserError, settings: ForgeSettings | None) -> DoctorResult:
    """Say that the remote was not to be asked, or has no such branch."""
    found = ended("remote", error)
    return replace(found, hint=found.hint or f"see whether `git ls-remote {_name(settings)}` answers here")


def push(base: Base, workspace: str) -> DoctorResult:
    """Ask whether a branch of a rollback would be taken. No branch is made."""
    start, there = f"rollback/{workspace}", base.remote
    assert there is not None
    try:
        taken = there.branches("rollback*")
        for name in ("rollback", start, *(f"{start}/{rollout}" for rollout in base.repository.names("rollouts"))):
            if name in taken:
                words = f"the branch `{name}` on {there.name} is in the way: git makes no `{name}/…` beside it"
                return failed("push", words, "delete it, or give it another name")
        there.push_new(f"{start}/{_TRIAL}", base.commit, dry_run=True)
    except UserError as error:
        found = ended("push", error, answered=True)
        return replace(found, hint=found.hint or "docs/forges.md says what who pushes must be allowed")
    words = f"{there.name} takes a branch {start}/…; hooks and rules of the server are asked by a real push alone"
    return ok("push", words)


def _name(settings: ForgeSettings | None) -> str:
    return settings.remote if settings else "origin"
