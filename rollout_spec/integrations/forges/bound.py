"""Requests to one origin, each with its whole answer, within the budget of the command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import copy_context
from threading import Thread
from typing import Any

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter

from rollout_spec.core import budget
from rollout_spec.core.budget import TimeBudget, TooLargeError
from rollout_spec.integrations.forges.hosts import AstrayError, Origin, origin_of
from rollout_spec.integrations.forges.http import TIMEOUT, patience

_LARGEST = 16 * 1024 * 1024
_CHUNK = 64 * 1024
_MOST_REDIRECTS = 5


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

    def _answer(self, request: PreparedRequest, verify: Any, cert: Any, proxies: Any, allowed: TimeBudget) -> Response:
        timeout = min(TIMEOUT, allowed.left) or 1
        answer = super().send(request, stream=True, timeout=timeout, verify=verify, cert=cert, proxies=proxies)
        try:
            answer._content = b"".join(self._parts(answer, allowed))
        except BaseException:
            answer.close()
            raise
        return answer

    def _parts(self, answer: Response, allowed: TimeBudget) -> Iterator[bytes]:
        """Give the content of an answer, decompressed, as far as there is time and space for it."""
        size = 0
        for part in answer.iter_content(_CHUNK):
            allowed.take(len(part))
            size += len(part)
            if size > _LARGEST:
                raise TooLargeError(f"its answer is larger than {_LARGEST >> 20} MiB")
            yield part


def _within(allowed: TimeBudget, work: Callable[[], Response]) -> Response:
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
