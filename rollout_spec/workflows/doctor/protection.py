"""A check is worth what the branch makes of it: one that is not required, or was made on an older base, stops nothing.

The second is the trap after a rollback: a promotion whose checks passed before it is green still, and brings back what
was taken back.
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
    """Look at what must hold before something is merged into the branch that is live."""
    hidden = "; ".join(standing.unseen) or None
    arms = settings.mode == "auto-merge"
    if kind == "local":
        words = f"a repository on this disk protects no branch: who may write to it merges into {branch} what they like"
        yield warning("protection", words, "a forge with required checks is for more than trials")
    elif standing.base is None:
        words = f"{branch} is not protected: what the check refuses can be merged"
        more = ", and a rollback merges itself before it is checked" if arms else ""
        hint = f"require the check of rollout-spec, and {_UP_TO_DATE[kind]}"
        yield failed("protection", words + more, hint)
    else:
        yield from _checks(standing.base, kind, branch, hidden)
        yield from _approvals(standing.base, branch, hidden, arms=arms)
        yield _signatures(standing.base, branch, hidden, is_signing=is_signing)
    if arms:
        yield _arming(standing, branch, hidden)


def _checks(base: Protection, kind: str, branch: str, hidden: str | None) -> Iterator[DoctorResult]:
    if base.checks == ():
        words = f"{branch} requires no check: what the check of rollout-spec refuses can be merged"
        also = "" if base.up_to_date or base.queue else f", and {_UP_TO_DATE[kind]}"
        yield failed("required-checks", words, f"require the check of rollout-spec{also}")
        return
    if base.checks is None:
        yield unknown("required-checks", f"which checks {branch} requires is not shown", hidden)
    else:
        yield ok("required-checks", f"{branch} requires {', '.join(base.checks)}")
    stale = "a promotion whose checks passed before a rollback can be merged after it"
    if base.up_to_date or base.queue:
        yield ok("up-to-date", "a merge queue tests what is merged" if base.queue else "what is merged is up to date")
    elif base.up_to_date is None or base.queue is None:
        yield unknown("up-to-date", f"whether {stale} is not shown", hidden)
    else:
        yield failed("up-to-date", stale, _UP_TO_DATE[kind])


def _approvals(base: Protection, branch: str, hidden: str | None, *, arms: bool) -> Iterator[DoctorResult]:
    count = base.approvals
    if count is None:
        yield unknown("approvals", f"how many people must approve what is merged into {branch} is not shown", hidden)
    elif count and arms:
        who = "a person" if count == 1 else f"{count} people"
        yield warning(
            "approvals", f"an armed rollback still waits until {who} approved it", "who is on call must be able to"
        )
    else:
        yield ok("approvals", f"{count} needed" if count else "none needed")


def _signatures(base: Protection, branch: str, hidden: str | None, *, is_signing: bool) -> DoctorResult:
    if base.signatures and not is_signing:
        words = f"{branch} takes signed commits alone, and git is not configured to sign here"
        return failed("signatures", words, "docs/forges.md says how commits are signed")
    if base.signatures is None and not is_signing:
        return unknown("signatures", f"whether {branch} takes signed commits alone is not shown", hidden)
    return ok("signatures", "asked for, and made" if base.signatures else "made" if is_signing else "not asked for")


def _arming(standing: TokenCapabilities, branch: str, hidden: str | None) -> DoctorResult:
    if standing.auto_merge is None:
        return unknown("auto-merge", "whether a pull request can merge itself is not shown", hidden)
    if standing.auto_merge:
        return ok("auto-merge", "a pull request can merge itself once its checks pass")
    words = f"the mode is auto-merge, and no pull request can merge itself into {branch} with this token"
    return failed("auto-merge", words, "allow auto-merge in the repository, or say `automation.mode: pull-request`")
