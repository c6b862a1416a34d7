"""JSON that is posted to the address of a recipient."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.integrations.redirects import NoRedirects

SECONDS = 10.0


def post(kind: str, url: str, content: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """Post JSON. UserError, without the address, if the answer is not 2xx."""
    if not url.startswith(("https://", "http://")):
        raise UserError(f"the address of a {kind} recipient is not a link", hint="it begins with `https://`")
    body = json.dumps(content).encode()
    try:
        request = Request(url.strip(), body, {"Content-Type": "application/json", **headers}, method="POST")  # noqa: S310
        with build_opener(NoRedirects(), ProxyHandler()).open(request, timeout=SECONDS) as answer:
            answer.read(1024)
    except HTTPError as error:
        error.close()
        raise UserError(f"the {kind} recipient answered {error.code}", status=OUTSIDE) from None
    except (URLError, OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        name = type(reason if isinstance(reason, Exception) else error).__name__
        raise UserError(f"the {kind} recipient did not answer ({name})", status=OUTSIDE) from None
