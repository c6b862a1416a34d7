"""Permissions of a token and protection of a branch, as a forge reports them.

None always means that the forge does not report the value, or not to this token.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Protection:
    """The conditions of a merge into a branch.

    ``checks`` are the names of the required checks. ``up_to_date``: a branch must contain the newest base before it is
    merged. ``queue``: a merge queue or train tests the merged result. ``approvals`` is the number of required
    approvals. Several rules are combined; if one of them is not visible, a number may be higher. ``pinned`` are pairs
    of a required check and the number of the only App whose statuses count for it.
    """

    checks: tuple[str, ...] | None = None
    up_to_date: bool | None = None
    queue: bool | None = None
    approvals: int | None = None
    signatures: bool | None = None
    pinned: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class TokenCapabilities:
    """The permissions of a token, and the protection of the base.

    ``who`` is the token's account. ``clock`` is the forge's time at the answer, to the second, ``asked_at`` is ours,
    both in UTC. ``expires`` is the end of the token; an App has none, as it gets a new one each time. ``lacks`` are
    missing permissions, in the forge's words, and settings that stop all writes. ``auto_merge``: this token may enable
    auto-merge, as far as the forge reports it. ``base`` is None if the branch is not protected, and a Protection of
    Nones if that is hidden. ``app`` is the number of the App, None for a token. ``may_attest``: it may set the status
    of a commit. ``unsure`` lists hidden permissions of the token, ``unseen`` other hidden facts, each with the
    permission that shows it.
    """

    who: str | None = None
    server: str | None = None
    clock: datetime | None = None
    asked_at: datetime | None = None
    expires: datetime | None = None
    lacks: tuple[str, ...] = ()
    auto_merge: bool | None = None
    base: Protection | None = None
    app: int | None = None
    may_attest: bool | None = True
    unsure: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


def together(parts: list[Protection]) -> Protection | None:
    """Combine several rules of a branch: each condition of each rule holds. None if there are no rules."""
    if not parts:
        return None
    checks = dict.fromkeys(name for part in parts for name in part.checks or ())
    approvals = max((part.approvals for part in parts if part.approvals is not None), default=0)
    return Protection(
        checks=tuple(checks) if checks or all(part.checks is not None for part in parts) else None,
        up_to_date=_any([part.up_to_date for part in parts]),
        queue=_any([part.queue for part in parts]),
        approvals=approvals if approvals or all(part.approvals is not None for part in parts) else None,
        signatures=_any([part.signatures for part in parts]),
        pinned=tuple(dict.fromkeys(each for part in parts for each in part.pinned)),
    )


def _any(values: list[bool | None]) -> bool | None:
    return True if any(values) else None if None in values else False
