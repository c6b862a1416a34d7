"""A token sees less than its owner: what it may not see is said, and never guessed."""

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
    """Asks for what a token may see; ``unseen`` is what it may not, and what would show it."""

    def __init__(self) -> None:
        self.unseen: list[str] = []

    def ask(self, what: str, shown_by: str, request: Callable[[], Seen]) -> Seen | None:
        """Return what is answered, None if the forge denies it. ForgeError if it does not answer at all."""
        try:
            return request()
        except ForgeError as error:
            if not is_denied(error):
                raise
            self.hide(f"{what} ({said(error)})", shown_by)
            return None

    def hide(self, what: str, shown_by: str) -> None:
        """Say what was not seen, and what would show it."""
        self.unseen.append(f"{what}: {shown_by}")


def is_denied(error: ForgeError) -> bool:
    """Did the forge understand, and say no? A rate limit, a broken server and silence are something else."""
    return 400 <= error.code < 500 and error.code != _SLOW_DOWN and "rate limit" not in error.words.lower()


def said(error: ForgeError) -> str:
    """Return a refusal's status and words; some forges say the status in those."""
    return error.words if error.words.startswith(f"{error.code} ") else f"{error.code} {error.words}"


def http_time(header: str | None) -> datetime | None:
    """Return the time of an HTTP ``Date``, in UTC and to the second; None if there is none."""
    try:
        return parsedate_to_datetime(header or "").astimezone(UTC)
    except ValueError:
        return None


def closing_time(state: str, moment: object) -> datetime | None:
    """Return the time at which a pull request was closed without a merge, in UTC. ValueError if it is no time."""
    return parse_time(str(moment)) if state == "closed" and moment else None


def first_merge(kind: str, found: Iterable[tuple[object, object]], base: str) -> datetime | None:
    """Return when the first of some pull requests was merged into a base; each is given by its base and ``merged_at``.

    A commit comes onto a branch once: what was merged with it later found it there.
    """
    try:
        return min((parse_time(str(merged)) for onto, merged in found if onto == base and merged), default=None)
    except ValueError as error:
        raise useless(kind, "say when a commit was merged", error, secret="") from None
