"""Networks fail at night: a forge is asked again a few times, and what it refuses is put in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from urllib3.util import Retry

from rollout_spec.core import budget
from rollout_spec.core.budget import DeadlineError, TooLargeError
from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.pull_request import ProposedChange, PullRequest
from rollout_spec.integrations.forges import text as wording
from rollout_spec.integrations.forges.credentials import APP, TOKENS
from rollout_spec.integrations.forges.hosts import AstrayError

TIMEOUT = 20
"""Seconds for one read of an answer; all requests of a command together have those of its budget."""
_TRIES = 4
_BACKOFF = 0.5
_LONGEST_WAIT = 15.0
_PASSING = (429, 500, 502, 503, 504)
_AGAIN = "run it again: what was done is found, and not done twice"


class ForgeError(UserError):
    """A forge said no, or did not answer; ``code`` is its HTTP status, 0 where there was none, ``words`` its own."""

    def __init__(self, message: str, *, code: int, words: str, hint: str | None) -> None:
        super().__init__(message, hint=hint, status=OUTSIDE)
        self.code = code
        self.words = words


def ensure(
    change: ProposedChange,
    base: str,
    *,
    find: Callable[[str, str], PullRequest | None],
    begin: Callable[[], PullRequest],
    taken: Callable[[ForgeError], bool],
) -> PullRequest:
    """Return the pull request from the change's branch, whatever its state; begin one if there is none.

    ``taken`` says of a refusal to begin one that there is one: another process was faster.
    """
    known = find(change.branch, base)
    if known is None:
        try:
            return begin()
        except ForgeError as error:
            known = find(change.branch, base) if taken(error) else None
            if known is None:
                raise
    return known


def ask_for_review(name: str, ask: Callable[[list[str], list[str]], object]) -> str | None:
    """Ask one person or team for a review, and say why not where that is refused: it stops nothing.

    A name may be either's; one with a slash is a team's. ``ask`` takes people and teams.
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
    return wording.nobody(name, f"as a person and as a team it was refused ({refused.words})")


class Patience(Retry):
    """Bounded retries. A forge that asks for more time than a rollback has is not waited for."""

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        """Retry what passes; GitHub's secondary limit is a 403 that says when to come back."""
        told_when = status_code == 403 and has_retry_after and bool(self.total)
        return told_when or super().is_retry(method, status_code, has_retry_after)

    def get_retry_after(self, response: Any) -> float | None:
        """Return how long a forge asks to wait, in seconds, as far as there is time."""
        asked = super().get_retry_after(response)
        return None if asked is None else min(asked, _LONGEST_WAIT)

    def sleep(self, response: Any = None) -> None:
        """Wait for the next try. LateError if the time of the command is over by then."""
        super().sleep(response)
        budget.check()


def patience() -> Patience:
    """Return the retries of every request. Each is safe to repeat: a change that is there already is found."""
    return Patience(
        total=_TRIES,
        backoff_factor=_BACKOFF,
        status_forcelist=_PASSING,
        allowed_methods=None,
        raise_on_status=False,
    )


def refusal(kind: str, action: str, code: int, words: object, *, secret: str, needs: str) -> ForgeError:
    """Say what a forge refused, why, and what is missing. ``needs`` are the permissions that a token must have."""
    said = _one_line(str(words).replace(secret, "***") if secret else str(words))
    hints = {
        401: f"the token is wrong, expired or revoked: look at {_sources(kind)}",
        403: f"{needs}; it may also be a rate limit",
        404: f"is `forge.repository` right? {needs}",
        429: f"that is a rate limit; {_AGAIN}",
    }
    hint = hints.get(code, _AGAIN if code == 0 or code >= 500 else None)
    number = f"{code} " if code else ""
    return ForgeError(f"{kind} did not {action}: {number}{said}".rstrip(" :"), code=code, words=said, hint=hint)


def unreachable(kind: str, action: str, error: Exception, *, secret: str) -> ForgeError:
    """Say that a forge did not answer. The URL in a library's words is left out: they are long, and say it twice."""
    if isinstance(error, AstrayError | DeadlineError | TooLargeError):
        ended = refusal(kind, action, 0, error, secret=secret, needs="")
        if isinstance(error, DeadlineError):
            ended.hint = f"{ended.hint}; ${budget.VARIABLE} sets the time"
        return ended
    reason = re.sub(r"^.*?Caused by ", "", str(error), flags=re.DOTALL)
    return refusal(kind, action, 0, f"it does not answer ({reason or type(error).__name__})", secret=secret, needs="")


def useless(kind: str, action: str, error: Exception, *, secret: str) -> ForgeError:
    """Say that an answer is not what this forge's API answers: another server's, or a proxy's."""
    words = f"its answer cannot be used ({type(error).__name__}: {error}); is `forge.baseUrl` right?"
    return refusal(kind, action, 0, words, secret=secret, needs="")


def _sources(kind: str) -> str:
    names = [*TOKENS[kind], *(APP[:1] if kind == "github" else ())]
    return ", ".join(f"${name}" for name in names)


def _one_line(text: str) -> str:
    words = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return words if len(words) <= 300 else f"{words[:300]}…"
