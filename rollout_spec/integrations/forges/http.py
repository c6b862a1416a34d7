"""Retries and errors of requests to forges."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from urllib3.util import Retry

from rollout_spec.core import budget
from rollout_spec.core.budget import DeadlineError, TooLargeError
from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.pull_request import ProposedChange, PullRequest
from rollout_spec.core.text import one_line
from rollout_spec.integrations.forges import text as wording
from rollout_spec.integrations.forges.credentials import APP, TOKENS
from rollout_spec.integrations.forges.hosts import AstrayError

TIMEOUT = 20
"""Seconds for one read of an answer. The command's budget limits all requests together."""
_TRIES = 4
_BACKOFF = 0.5
_LONGEST_WAIT = 15.0
_PASSING = (429, 500, 502, 503, 504)
_AGAIN = "run it again: finished work is not repeated"
_LONGEST_REASON = 300


class ForgeError(UserError):
    """A refused or unanswered request.

    ``code`` is the HTTP status, 0 without an answer; ``reason`` is the forge's.
    """

    def __init__(self, message: str, *, code: int, reason: str, hint: str | None) -> None:
        super().__init__(message, hint=hint, status=OUTSIDE)
        self.code = code
        self.reason = reason


def ensure(
    change: ProposedChange,
    base: str,
    *,
    find: Callable[[str, str], PullRequest | None],
    begin: Callable[[], PullRequest],
    taken: Callable[[ForgeError], bool],
) -> PullRequest:
    """Return the pull request from the change's branch, whatever its state; open one if there is none.

    ``taken`` returns whether a refusal means that another process opened it meanwhile.
    """
    existing = find(change.branch, base)
    if existing is None:
        try:
            return begin()
        except ForgeError as error:
            existing = find(change.branch, base) if taken(error) else None
            if existing is None:
                raise
    return existing


def ask_for_review(name: str, ask: Callable[[list[str], list[str]], object]) -> str | None:
    """Request the review of a person or team. Return a note if the forge refuses.

    A name may be a person's or a team's; one with a slash is a team's. ``ask`` takes people and teams.
    """
    login = name.removeprefix("@")
    slug = login.rpartition("/")[2]
    for people, teams in (([], [slug]),) if "/" in login else (([login], []), ([], [slug])):
        try:
            ask(people, teams)
            return None
        except ForgeError as error:
            if error.code not in (403, 404, 422):
                raise
            refused = error
    return wording.not_asked_note(name, f"refused as a person and as a team ({refused.reason})")


class Patience(Retry):
    """Bounded retries, with a limit on the wait that a forge may request."""

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        """Return whether to retry. GitHub's secondary rate limit is a 403 with Retry-After."""
        says_when = status_code == 403 and has_retry_after and bool(self.total)
        return says_when or super().is_retry(method, status_code, has_retry_after)

    def get_retry_after(self, response: Any) -> float | None:
        """Return the seconds that a forge asks to wait, up to a limit."""
        seconds = super().get_retry_after(response)
        return None if seconds is None else min(seconds, _LONGEST_WAIT)

    def sleep(self, response: Any = None) -> None:
        """Wait for the next try. LateError if the command's time is over by then."""
        super().sleep(response)
        budget.check()


def patience() -> Patience:
    """Return the retries of every request. Each request is safe to repeat."""
    return Patience(
        total=_TRIES,
        backoff_factor=_BACKOFF,
        status_forcelist=_PASSING,
        allowed_methods=None,
        raise_on_status=False,
    )


def refusal(kind: str, action: str, code: int, text: object, *, secret: str, needs: str) -> ForgeError:
    """Return the error of a refused request. ``needs`` are the permissions that a token must have."""
    reason = one_line(str(text).replace(secret, "***") if secret else str(text), _LONGEST_REASON)
    hints = {
        401: f"the token is wrong, expired or revoked: check {_sources(kind)}",
        403: f"{needs}; it may also be a rate limit",
        404: f"check `forge.repository`; {needs}",
        429: f"this is a rate limit; {_AGAIN}",
    }
    hint = hints.get(code, _AGAIN if code == 0 or code >= 500 else None)
    number = f"{code} " if code else ""
    return ForgeError(f"{kind} did not {action}: {number}{reason}".rstrip(" :"), code=code, reason=reason, hint=hint)


def unreachable(kind: str, action: str, error: Exception, *, secret: str) -> ForgeError:
    """Return the error of a request without an answer, without the long URL of the library's message."""
    if isinstance(error, AstrayError | DeadlineError | TooLargeError):
        ended = refusal(kind, action, 0, error, secret=secret, needs="")
        if isinstance(error, DeadlineError):
            ended.hint = f"{ended.hint}; ${budget.VARIABLE} sets the time"
        return ended
    reason = re.sub(r"^.*?Caused by ", "", str(error), flags=re.DOTALL)
    return refusal(kind, action, 0, f"no answer ({reason or type(error).__name__})", secret=secret, needs="")


def useless(kind: str, action: str, error: Exception, *, secret: str) -> ForgeError:
    """Return the error for an answer that is not of this forge's API but of another server or a proxy."""
    reason = f"unusable answer ({type(error).__name__}: {error}); check `forge.baseUrl`"
    return refusal(kind, action, 0, reason, secret=secret, needs="")


def _sources(kind: str) -> str:
    names = [*TOKENS[kind], *(APP[:1] if kind == "github" else ())]
    return ", ".join(f"${name}" for name in names)
