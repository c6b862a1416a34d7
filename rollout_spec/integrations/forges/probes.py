"""Requests for facts that a token may not be allowed to see, and readers of times in answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from rollout_spec.core.units import parse_time
from rollout_spec.integrations.forges.http import ForgeError, useless

Seen = TypeVar("Seen")

_SLOW_DOWN = 429


class Look:
    """Requests with one token. ``unseen`` lists the denied facts, each with the permission that shows it."""

    def __init__(self) -> None:
        self.unseen: list[str] = []

    def ask(self, what: str, shown_by: str, request: Callable[[], Seen]) -> Seen | None:
        """Return the answer, None if the forge denies it. ForgeError if it does not answer."""
        try:
            return request()
        except ForgeError as error:
            if not is_denied(error):
                raise
            self.hide(f"{what} ({said(error)})", shown_by)
            return None

    def hide(self, what: str, shown_by: str) -> None:
        """Add a fact to ``unseen``, with the permission that shows it."""
        self.unseen.append(f"{what}: {shown_by}")


def is_denied(error: ForgeError) -> bool:
    """Return whether the forge denied a request. A rate limit, a server error or silence is not a denial."""
    return 400 <= error.code < 500 and error.code != _SLOW_DOWN and "rate limit" not in error.reason.lower()


def said(error: ForgeError) -> str:
    """Return a refusal's status and reason; some forges repeat the status in the reason."""
    return error.reason if error.reason.startswith(f"{error.code} ") else f"{error.code} {error.reason}"


def http_time(header: str | None) -> datetime | None:
    """Return the time of an HTTP ``Date``, in UTC and to the second; None if there is none."""
    try:
        return parsedate_to_datetime(header or "").astimezone(UTC)
    except ValueError:
        return None


def closing_time(state: str, moment: object) -> datetime | None:
    """Return the time at which a pull request was closed without a merge, in UTC. ValueError if invalid."""
    return parse_time(str(moment)) if state == "closed" and moment else None


def first_merge(kind: str, merges: Iterable[tuple[object, object]], base: str) -> datetime | None:
    """Return the first merge into a base. ``found`` are pairs of a pull request's base and ``merged_at``.

    A commit comes onto a branch once; later merges found it there.
    """
    try:
        return min((parse_time(str(merged)) for onto, merged in merges if onto == base and merged), default=None)
    except ValueError as error:
        raise useless(kind, "say when a commit was merged", error, secret="") from None
