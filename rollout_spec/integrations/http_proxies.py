"""The proxy between this machine and a server, by the usual environment variables."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from rollout_spec.core import redaction
from rollout_spec.core.errors import UserError


@dataclass(frozen=True)
class Proxy:
    """An HTTP proxy. ``headers`` hold its credentials."""

    host: str
    port: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def proxy_for(scheme: str, host: str, port: int) -> Proxy | None:
    """Return the proxy for a server, None if it is reached directly.

    UserError if the proxy cannot be used.
    """
    address = getproxies().get(scheme)
    if not address or proxy_bypass(host) or proxy_bypass(f"{host}:{port}"):
        return None
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        name, number = parts.hostname, parts.port or 80
    except ValueError:
        parts, name, number = urlsplit(""), None, 0
    if parts.scheme != "http" or not name:
        raise UserError(
            f"${scheme}_proxy names a proxy that cannot be used", hint="write its address as `http://HOST:PORT`"
        )
    return Proxy(name, number, _credentials(parts.username, parts.password))


def _credentials(user: str | None, password: str | None) -> dict[str, str]:
    if user is None:
        return {}
    name, secret = unquote(user), unquote(password or "")
    redaction.learn_basic(name, secret)
    return {"Proxy-Authorization": f"Basic {b64encode(f'{name}:{secret}'.encode()).decode()}"}
