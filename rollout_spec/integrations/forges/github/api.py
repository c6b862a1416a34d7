"""Requests to GitHub, limited to one origin, and PyGithub's errors without secrets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from github import GithubException
from github.Repository import Repository
from github.Requester import HTTPRequestsConnectionClass, HTTPSRequestsConnectionClass, Requester
from requests.exceptions import RequestException

from rollout_spec.core.budget import spending
from rollout_spec.integrations.forges.bound import Bound
from rollout_spec.integrations.forges.credentials import Access
from rollout_spec.integrations.forges.github import app_tokens
from rollout_spec.integrations.forges.hosts import Origin, origin_of
from rollout_spec.integrations.forges.http import refusal, unreachable, useless
from rollout_spec.integrations.forges.probes import Look

PERMISSIONS = "the token or App needs Contents and Pull requests (read and write); a classic token, `repo`"


_origins: set[Origin] = set()
"""The origin of PyGithub's requests. It would also connect to addresses in answers, with the token."""


def address_of(access: Access) -> str:
    """Return the URL of the API, and limit PyGithub's requests to its origin."""
    address = access.address("github")
    origin = origin_of(address)
    assert origin is not None
    _origins.add(origin)
    return address


@lru_cache(maxsize=2)
def _adapter(origin: Origin) -> Bound:
    """Return the session that all connections to one origin share; PyGithub opens one for each request."""
    return Bound(origin)


class _Plain(HTTPRequestsConnectionClass):
    def __init__(self, host: str, port: int | None = None, *rest: Any, **options: Any) -> None:
        super().__init__(host, port, *rest, **options)
        _bind(self)

    def close(self) -> None:
        """Keep the shared session open."""


class _Secure(HTTPSRequestsConnectionClass):
    def __init__(self, host: str, port: int | None = None, *rest: Any, **options: Any) -> None:
        super().__init__(host, port, *rest, **options)
        _bind(self)

    def close(self) -> None:
        """Keep the shared session open."""


def _bind(connection: HTTPRequestsConnectionClass | HTTPSRequestsConnectionClass) -> None:
    """Mount an adapter that is bound to the connection's origin, if that is the API's."""
    origin = Origin(connection.protocol, connection.host.lower(), connection.port)
    bound = _adapter(origin) if origin in _origins else Bound(None)
    for scheme in ("https://", "http://"):
        connection.session.mount(scheme, bound)


Requester.injectConnectionClasses(_Plain, _Secure)


class Asked:
    """Requests with one token about one repository."""

    def __init__(self, repository: Repository, name: str, secret: str) -> None:
        self._repository = repository
        self._owner, _, self._name = name.partition("/")
        self._secret = secret
        self.own, self.look = Look(), Look()

    def get(self, action: str, path: str = "", kind: type = dict) -> tuple[dict[str, Any], Any]:
        """Return the lower-case headers and the JSON of an answer. ForgeError if it is not of this API."""
        with answers(action, secret=self._secret):
            url = f"{self._repository.url}{path}"
            headers, found = self._repository.requester.requestJsonAndCheck("GET", url)
            if not isinstance(found, kind):
                raise TypeError(f"expected {kind.__name__}")
            return headers, found

    def post(self, action: str, path: str, wish: dict[str, str]) -> None:
        """Send one request and ignore the content of its answer."""
        with answers(action, secret=self._secret):
            self._repository.requester.requestJsonAndCheck("POST", f"{self._repository.url}{path}", input=wish)

    def query(self, action: str, words: str, **variables: str) -> dict[str, Any]:
        """Return GraphQL's answer. The query takes the repository as $owner and $name."""
        with answers(action, secret=self._secret):
            wish = {"owner": self._owner, "name": self._name, **variables}
            _, found = self._repository.requester.graphql_query(words, wish)
            data = found["data"]
            if not isinstance(data["repository"], dict):
                raise TypeError("expected a repository")
            return dict(data)


@contextmanager
def answers(action: str, *, secret: str) -> Iterator[None]:
    """Raise the errors of PyGithub as ForgeError, without secrets."""
    try:
        with spending():
            yield
    except GithubException as error:
        if error.status in (401, 403):
            app_tokens.forget()
        raise refusal("github", action, error.status or 0, _message(error), secret=secret, needs=PERMISSIONS) from None
    except (RequestException, OSError) as error:
        raise unreachable("github", action, error, secret=secret) from None
    except (RuntimeError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise useless("github", action, error, secret=secret) from None  # not an answer of GitHub


def _message(error: GithubException) -> str:
    """Return GitHub's message and the errors that it lists."""
    data = error.data if isinstance(error.data, dict) else {}
    listed = data.get("errors")
    messages = [str(data.get("message") or error.message or "")]
    for each in listed if isinstance(listed, list) else [listed] if listed else []:
        messages.append(str(each.get("message") or each.get("code") or "") if isinstance(each, dict) else str(each))
    return "; ".join(part for part in messages if part) or "it does not say why"
