"""HTTP without redirects: each may lead to another host, which must not get a secret or be believed."""

from __future__ import annotations

from typing import Any
from urllib.request import HTTPRedirectHandler


class NoRedirects(HTTPRedirectHandler):
    """A handler that follows no redirect: the answer is then an HTTPError."""

    def redirect_request(self, *_: Any) -> None:
        """Return no new request."""
