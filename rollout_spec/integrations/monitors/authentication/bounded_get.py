"""One GET request within bounds: a few seconds, 64 KiB, and no redirect."""

from __future__ import annotations

import time
from http.client import HTTPException, HTTPResponse
from urllib.error import HTTPError, URLError
from urllib.request import Request, build_opener

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.text import excerpt
from rollout_spec.integrations.redirects import NoRedirects

TIMEOUT = 5.0
_MOST_BYTES = 64 * 1024


def get(address: str, what: str, timeout: float = TIMEOUT) -> bytes:
    """Return the body at an address that the caller has checked. UserError with status 3 if there is none."""
    request = Request(address)  # noqa: S310 - the caller checked the address
    deadline = time.monotonic() + timeout
    try:
        with build_opener(NoRedirects).open(request, timeout=timeout) as response:
            return _read_until(response, deadline)
    except (URLError, HTTPException, OSError, ValueError) as error:
        if isinstance(error, HTTPError):
            error.close()
        reason = getattr(error, "reason", None) or error
        raise UserError(f"cannot fetch {what} {address}: {excerpt(str(reason))}", status=OUTSIDE) from None


def _read_until(response: HTTPResponse, deadline: float) -> bytes:
    """Return a body. OSError if it is too large, or slower than the deadline."""
    content = b""
    while chunk := response.read1(4096):
        content += chunk
        if len(content) > _MOST_BYTES:
            raise OSError(f"more than {_MOST_BYTES:,} bytes")
        if time.monotonic() > deadline:
            raise OSError("it took too long")
    return content
