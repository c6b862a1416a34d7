"""HTTP sessions that are bound to one origin and to the time budget of the command."""

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
    """An adapter for one origin that reads each answer whole within the command's budget.

    The timeout of ``requests`` covers single reads. An answer that comes byte by byte never exceeds it, nor does a
    silent name server. So a thread does the work, and is abandoned when the time is over.
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
        target = origin_of(request.url or "")
        if target is None or target != self._origin:
            raise AstrayError(f"it redirects to {target}, but the token is only for {self._origin}")
        with budget.spending() as remaining:
            remaining.check()
            return _within(remaining, lambda: self._answer(request, verify, cert, proxies, remaining))

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
        """Yield the decompressed content of an answer. LateError or TooLargeError beyond the limits."""
        size = 0
        for part in answer.iter_content(_CHUNK):
            allowed.take(len(part))
            size += len(part)
            if size > _LARGEST:
                raise TooLargeError(f"its answer is larger than {_LARGEST >> 20} MiB")
            yield part


def _within(allowed: TimeBudget, work: Callable[[], Response]) -> Response:
    """Call a function in a thread; return its result or raise its error.

    LateError if the time is over first.
    """
    results: list[Response | BaseException] = []

    def keep() -> None:
        try:
            results.append(work())
        except BaseException as error:
            results.append(error)

    thread = Thread(target=copy_context().run, args=(keep,), daemon=True)
    thread.start()
    while not results and (left := allowed.left):
        thread.join(left)
    if not results:
        allowed.check()
    result = results[0]
    if isinstance(result, Response):
        return result
    allowed.check()
    raise result


class _Session(Session):
    """A session in which a redirect reads no ~/.netrc, which would replace the token."""

    def rebuild_auth(self, prepared_request: PreparedRequest, response: Response) -> None:
        """Remove the token from a request to another origin. ``Bound`` does not send that request."""
        if origin_of(prepared_request.url or "") != origin_of(response.request.url or ""):
            prepared_request.headers.pop("Authorization", None)


def session(token: str, address: str) -> Session:
    """Return a session that sends a token to the origin of an address, and connects to no other."""

    def add_token(request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    new = _Session()
    new.auth = add_token
    new.max_redirects = _MOST_REDIRECTS
    for scheme in ("https://", "http://"):
        new.mount(scheme, Bound(origin_of(address)))
    return new
