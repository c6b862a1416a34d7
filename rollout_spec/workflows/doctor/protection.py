"""Checks of the base's protection.

Subjects are required checks, up-to-date branches, approvals, signatures and auto-merge. A check that is not required,
or ran on an older base, stops no merge. The second matters after a rollback: a promotion whose checks passed before
would restore the failed version.
"""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec.integrations.forges import Protection, TokenCapabilities
from rollout_spec.spec.workspace import Automation
from rollout_spec.workflows.doctor.result import DoctorResult, failed, ok, unknown, warning

_UP_TO_DATE = {
    "github": "tick `Require branches to be up to date before merging`, or use a merge queue",
    "gitlab": "set the merge method to `Fast-forward merge`, or use merge trains",
    "gitea": "tick `Block merge if pull request is outdated`",
}


def protection(
    standing: TokenCapabilities, kind: str, branch: str, settings: Automation, *, is_signing: bool
) -> Iterator[DoctorResult]:
    """Check the conditions of a merge into the live branch."""
    unseen_hint = "; ".join(standing.unseen) or None
    is_auto_merge = settings.mode == "auto-merge"
    if kind == "local":
        message = f"a repository on this disk protects no branch: anybody with write access may change {branch}"
        yield warning("protection", message, "use a forge with required checks, except for trials")
    elif standing.base is None:
        message = f"{branch} is not protected: changes that fail the check can be merged"
        more = ", and auto-merge merges a rollback before its checks" if is_auto_merge else ""
        hint = f"require the check of rollout-spec, and {_UP_TO_DATE[kind]}"
        yield failed("protection", message + more, hint)
    else:
        yield from _checks(standing.base, kind, branch, unseen_hint)
        yield from _approvals(standing.base, branch, unseen_hint, is_auto_merge=is_auto_merge)
        yield _signatures(standing.base, branch, unseen_hint, is_signing=is_signing)
    if is_auto_merge:
        yield _auto_merge(standing, branch, unseen_hint)


def _checks(base: Protection, kind: str, branch: str, unseen_hint: str | None) -> Iterator[DoctorResult]:
    if base.checks == ():
        message = f"{branch} requires no check: changes that fail rollout-spec's check can be merged"
        also = "" if base.up_to_date or base.queue else f", and {_UP_TO_DATE[kind]}"
        yield failed("required-checks", message, f"require the check of rollout-spec{also}")
        return
    if base.checks is None:
        yield unknown("required-checks", f"the required checks of {branch} are not visible", unseen_hint)
    else:
        yield ok("required-checks", f"{branch} requires {', '.join(base.checks)}")
    stale = "a promotion whose checks passed before a rollback can be merged after it"
    if base.up_to_date or base.queue:
        yield ok(
            "up-to-date",
            "a merge queue tests the merged result" if base.queue else "a branch must be up to date",
        )
    elif base.up_to_date is None or base.queue is None:
        yield unknown("up-to-date", f"not visible whether {stale}", unseen_hint)
    else:
        yield failed("up-to-date", stale, _UP_TO_DATE[kind])


def _approvals(base: Protection, branch: str, unseen: str | None, *, is_auto_merge: bool) -> Iterator[DoctorResult]:
    count = base.approvals
    if count is None:
        yield unknown("approvals", f"the number of required approvals of {branch} is not visible", unseen)
    elif count and is_auto_merge:
        who = "a person" if count == 1 else f"{count} people"
        yield warning(
            "approvals", f"a rollback with auto-merge waits until {who} approved it", "let the person on call approve"
        )
    else:
        yield ok("approvals", f"{count} needed" if count else "none needed")


def _signatures(base: Protection, branch: str, unseen_hint: str | None, *, is_signing: bool) -> DoctorResult:
    if base.signatures and not is_signing:
        message = f"{branch} requires signed commits, but git is not configured to sign here"
        return failed("signatures", message, "see docs/forges.md for signed commits")
    if base.signatures is None and not is_signing:
        return unknown("signatures", f"not visible whether {branch} requires signed commits", unseen_hint)
    return ok("signatures", "required and made" if base.signatures else "made" if is_signing else "not required")


def _auto_merge(standing: TokenCapabilities, branch: str, unseen_hint: str | None) -> DoctorResult:
    if standing.auto_merge is None:
        return unknown("auto-merge", "not visible whether a pull request can have auto-merge", unseen_hint)
    if standing.auto_merge:
        return ok("auto-merge", "a pull request can have auto-merge")
    message = f"the mode is auto-merge, but this token cannot enable auto-merge into {branch}"
    return failed("auto-merge", message, "allow auto-merge in the repository, or set `automation.mode: pull-request`")
