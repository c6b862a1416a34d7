"""Requests to the HTTP API of Gitea and Forgejo.

No maintained Python client covers those that we need.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from requests import Response
from requests.exceptions import RequestException

from rollout_spec.integrations.forges.bound import session
from rollout_spec.integrations.forges.http import TIMEOUT, refusal, unreachable, useless

PERMISSIONS = "the token needs the scopes `write:repository` and `write:issue`, and its owner needs write access here"


class Api:
    """The requests to one repository; paths are below it."""

    def __init__(self, address: str, repository: str, token: str) -> None:
        self.above = f"{address}/api/v1"
        self._root = f"{self.above}/repos/{quote(repository)}"
        self._token = token
        self._session = session(token, address)

    def ask(self, action: str, verb: str, path: str, **options: Any) -> Response:
        """Send one request. ForgeError if it is refused."""
        url = path if "://" in path else self._root + path
        try:
            answer = self._session.request(verb, url, timeout=TIMEOUT, **options)
        except (RequestException, OSError) as error:
            raise unreachable("gitea", action, error, secret=self._token) from None
        if answer.ok:
            return answer
        raise refusal("gitea", action, answer.status_code, _message(answer), secret=self._token, needs=PERMISSIONS)

    def read(self, action: str, verb: str, path: str, **options: Any) -> dict[str, Any]:
        """Send one request and return the JSON object of its answer."""
        data: dict[str, Any] = parsed(action, self.ask(action, verb, path, **options), dict)
        return data

    def each(self, action: str, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield the items of all pages of a list. Each page is requested from the same server."""
        page = 1
        while True:
            answer = self.ask(action, "GET", path, params={**query, "page": page, "limit": 50})
            listed = parsed(action, answer, list)
            yield from listed
            if not listed or "next" not in answer.links:
                return
            page += 1


def parsed(action: str, answer: Response, wanted: type) -> Any:
    """Return the JSON of an answer. ForgeError if it is not of the expected type."""
    try:
        data = answer.json()
    except ValueError as error:
        raise useless("gitea", action, error, secret="") from None
    is_wanted = isinstance(data, wanted)
    if not is_wanted or (isinstance(data, list) and not all(isinstance(each, dict) for each in data)):
        raise useless("gitea", action, TypeError(f"expected {wanted.__name__}"), secret="")
    return data


def _message(answer: Response) -> str:
    """Return Gitea's message."""
    try:
        data = answer.json()
        return str(data.get("message") or data) if isinstance(data, dict) else str(data)
    except ValueError:
        return answer.reason or ""
