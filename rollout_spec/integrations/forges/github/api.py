"""PyGithub raises what a message may not hold, and lets pass what is no answer of GitHub's: here it is put in words."""

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
from rollout_spec.integrations.forges.hosts import Origin, origin_of
from rollout_spec.integrations.forges.http import refusal, unreachable, useless
from rollout_spec.integrations.forges.probes import Look

PERMISSIONS = "the token or App needs Contents and Pull requests (read and write); a classic token, `repo`"


_origins: set[Origin] = set()
"""Where PyGithub may send requests: it opens connections to what an answer names, with the token."""


def address_of(access: Access) -> str:
    """Return the URL of the API, and let PyGithub send requests to its origin and to no other."""
    address = access.address("github")
    origin = origin_of(address)
    assert origin is not None
    _origins.add(origin)
    return address


@lru_cache(maxsize=2)
def _adapter(origin: Origin) -> Bound:
    """Return what all connections to one origin share: PyGithub makes one for each request."""
    return Bound(origin)


class _Plain(HTTPRequestsConnectionClass):
    def __init__(self, host: str, port: int | None = None, *rest: Any, **options: Any) -> None:
        super().__init__(host, port, *rest, **options)
        _bind(self)

    def close(self) -> None:
        """Keep what is shared open."""


class _Secure(HTTPSRequestsConnectionClass):
    def __init__(self, host: str, port: int | None = None, *rest: Any, **options: Any) -> None:
        super().__init__(host, port, *rest, **options)
        _bind(self)

    def close(self) -> None:
        """Keep what is shared open."""


def _bind(connection: HTTPRequestsConnectionClass | HTTPSRequestsConnectionClass) -> None:
    """Let a connection speak to its origin, if that may be, and to no other."""
    origin = Origin(connection.protocol, connection.host.lower(), connection.port)
    bound = _adapter(origin) if origin in _origins else Bound(None)
    for scheme in ("https://", "http://"):
        connection.session.mount(scheme, bound)


Requester.injectConnectionClasses(_Plain, _Secure)


class Asked:
    """What the API answers to one token about one repository."""

    def __init__(self, repository: Repository, name: str, secret: str) -> None:
        self._repository = repository
        self._owner, _, self._name = name.partition("/")
        self._secret = secret
        self.own, self.look = Look(), Look()

    def get(self, action: str, path: str = "", kind: type = dict) -> tuple[dict[str, Any], Any]:
        """Return the headers, in lower case, and what is answered. ForgeError if that is none of this API."""
        with answers(action, secret=self._secret):
            url = f"{self._repository.url}{path}"
            headers, found = self._repository.requester.requestJsonAndCheck("GET", url)
            if not isinstance(found, kind):
                raise TypeError(f"it is no {kind.__name__}")
            return headers, found

    def post(self, action: str, path: str, wish: dict[str, str]) -> None:
        """Send one request whose answer says all by its status."""
        with answers(action, secret=self._secret):
            self._repository.requester.requestJsonAndCheck("POST", f"{self._repository.url}{path}", input=wish)

    def query(self, action: str, words: str, **variables: str) -> dict[str, Any]:
        """Return what GraphQL answers about the repository, which the query takes as $owner and $name."""
        with answers(action, secret=self._secret):
            wish = {"owner": self._owner, "name": self._name, **variables}
            _, found = self._repository.requester.graphql_query(words, wish)
            data = found["data"]
            if not isinstance(data["repository"], dict):
                raise TypeError("it is no repository")
            return dict(data)


@contextmanager
def answers(action: str, *, secret: str) -> Iterator[None]:
    """Turn what PyGithub raises into words that hold no secret."""
    try:
        with spending():
            yield
    except GithubException as error:
        raise refusal("github", action, error.status or 0, _words(error), secret=secret, needs=PERMISSIONS) from None
    except (RequestException, OSError) as error:
        raise unreachable("github", action, error, secret=secret) from None
    except (RuntimeError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise useless("github", action, error, secret=secret) from None  # it is no answer of GitHub's


def _words(error: GithubException) -> str:
    """Return what GitHub said: its message, and each of the errors that it lists."""
    data = error.data if isinstance(error.data, dict) else {}
    listed = data.get("errors")
    told = [str(data.get("message") or error.message or "")]
    for each in listed if isinstance(listed, list) else [listed] if listed else []:
        told.append(str(each.get("message") or each.get("code") or "") if isinstance(each, dict) else str(each))
    return "; ".join(part for part in told if part) or "it does not say why"
