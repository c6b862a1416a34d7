"""Networks fail at night: a forge is asked again a few times, and what it refuses is put in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextvars import copy_context
from threading import Thread
from typing import Any

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from rollout_spec import budget
from rollout_spec.budget import Budget, LateError, TooLargeError
from rollout_spec.change import Change, PullRequest
from rollout_spec.errors import OUTSIDE, UserError
from rollout_spec.forges import wording
from rollout_spec.forges.access import APP, TOKENS
from rollout_spec.forges.hosts import Origin, origin_of

TIMEOUT = 20
"""Seconds for one read of an answer; all requests of a command together have those of its budget."""
_TRIES = 4
_BACKOFF = 0.5
_LONGEST_WAIT = 15.0
_PASSING = (429, 500, 502, 503, 504)
_LARGEST = 16 * 1024 * 1024
_CHUNK = 64 * 1024
_MOST_REDIRECTS = 5
_AGAIN = "run it again: what was done is found, and not done twice"


class Refused(UserError):
    """A forge said no, or did not answer; ``code`` is its HTTP status, 0 where there was none, ``words`` its own."""

    def __init__(self, message: str, *, code: int, words: str, hint: str | None) -> None:
        super().__init__(message, hint=hint, status=OUTSIDE)
        self.code = code
        self.words = words


def ensure(
    change: Change,
    base: str,
    *,
    find: Callable[[str, str], PullRequest | None],
    begin: Callable[[], PullRequest],
    taken: Callable[[Refused], bool],
) -> PullRequest:
    """Return the pull request from the change's branch, whatever its state; begin one if there is none.

    ``taken`` says of a refusal to begin one that there is one: another process was faster.
    """
    known = find(change.branch, base)
    if known is None:
        try:
            return begin()
        except Refused as error:
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
        except Refused as error:
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


class AstrayError(OSError):
    """A request would have gone to another host than that of the API."""


class Bound(HTTPAdapter):
    """Sends requests to one origin, and reads each answer whole, within the budget of the command.

    A timeout of requests is one of each read: an answer that comes byte by byte never meets it, and neither does a name
    server that is silent. So a thread does the work, and is left to itself when the time is over.
    """

    def __init__(self, origin: Origin | None) -> None:
        super().__init__(max_retries=patience())
        self._origin = origin

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Response:
        """Send a request and read its answer. AstrayError if it has another origin; LateError, TooLargeError."""
        to = origin_of(request.url or "")
        if to is None or to != self._origin:
            raise AstrayError(f"it sends us on to {to}, and the token goes to {self._origin} alone")
        with budget.spending() as allowed:
            allowed.check()
            return _within(allowed, lambda: self._answer(request, verify, cert, proxies, allowed))

    def _answer(self, request: PreparedRequest, verify: Any, cert: Any, proxies: Any, allowed: Budget) -> Response:
        timeout = min(TIMEOUT, allowed.left) or 1
        answer = super().send(request, stream=True, timeout=timeout, verify=verify, cert=cert, proxies=proxies)
        try:
            answer._content = b"".join(self._parts(answer, allowed))
        except BaseException:
            answer.close()
            raise
        return answer

    def _parts(self, answer: Response, allowed: Budget) -> Iterator[bytes]:
        """Give the content of an answer, decompressed, as far as there is time and space for it."""
        size = 0
        for part in answer.iter_content(_CHUNK):
            allowed.take(len(part))
            size += len(part)
            if size > _LARGEST:
                raise TooLargeError(f"its answer is larger than {_LARGEST >> 20} MiB")
            yield part


def _within(allowed: Budget, work: Callable[[], Response]) -> Response:
    """Return what a function returns, or raise what it raises. LateError if the time ends before it does."""
    done: list[Response | BaseException] = []

    def keep() -> None:
        try:
            done.append(work())
        except BaseException as error:
            done.append(error)

    thread = Thread(target=copy_context().run, args=(keep,), daemon=True)
    thread.start()
    while not done and (left := allowed.left):
        thread.join(left)
    if not done:
        allowed.check()
    found = done[0]
    if isinstance(found, Response):
        return found
    allowed.check()
    raise found


class _Session(Session):
    """A session in which a redirect reads no ~/.netrc, which would replace the token."""

    def rebuild_auth(self, prepared_request: PreparedRequest, response: Response) -> None:
        """Take the token out of a request to another origin. ``Bound`` does not send it at all."""
        if origin_of(prepared_request.url or "") != origin_of(response.request.url or ""):
            prepared_request.headers.pop("Authorization", None)


def session(token: str, address: str) -> Session:
    """Return a session that shows a token to the origin of an address, and speaks to no other."""

    def show(request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    made = _Session()
    made.auth = show
    made.max_redirects = _MOST_REDIRECTS
    for scheme in ("https://", "http://"):
        made.mount(scheme, Bound(origin_of(address)))
    return made


def refusal(kind: str, action: str, code: int, words: object, *, secret: str, needs: str) -> Refused:
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
    return Refused(f"{kind} did not {action}: {number}{said}".rstrip(" :"), code=code, words=said, hint=hint)


def unreachable(kind: str, action: str, error: Exception, *, secret: str) -> Refused:
    """Say that a forge did not answer. The URL in a library's words is left out: they are long, and say it twice."""
    if isinstance(error, AstrayError | LateError | TooLargeError):
        ended = refusal(kind, action, 0, error, secret=secret, needs="")
        if isinstance(error, LateError):
            ended.hint = f"{ended.hint}; ${budget.VARIABLE} sets the time"
        return ended
    reason = re.sub(r"^.*?Caused by ", "", str(error), flags=re.DOTALL)
    return refusal(kind, action, 0, f"it does not answer ({reason or type(error).__name__})", secret=secret, needs="")


def useless(kind: str, action: str, error: Exception, *, secret: str) -> Refused:
    """Say that an answer is not what this forge's API answers: another server's, or a proxy's."""
    words = f"its answer cannot be used ({type(error).__name__}: {error}); is `forge.baseUrl` right?"
    return refusal(kind, action, 0, words, secret=secret, needs="")


def _sources(kind: str) -> str:
    names = [*TOKENS[kind], *(APP[:1] if kind == "github" else ())]
    return ", ".join(f"${name}" for name in names)


def _one_line(text: str) -> str:
    words = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return words if len(words) <= 300 else f"{words[:300]}…"
