"""The hosts that may receive a token: the git remote's own, and those that the machine's owner allows."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt

VARIABLE = "ROLLOUT_SPEC_FORGE_HOSTS"
"""The variable with the allowed hosts, separated by commas or spaces."""
LOOPBACK = {"localhost", "127.0.0.1", "::1"}

_PORTS = {"https": 443, "http": 80}
_SSH = {"ssh", "git+ssh", "ssh+git", "git"}
_HOST = r"(?P<host>[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\])"
_ORIGIN = re.compile(rf"((?P<scheme>https?)://)?{_HOST}(:(?P<port>[0-9]{{1,5}}))?/?", re.ASCII | re.IGNORECASE)
_SCP = re.compile(rf"([^/@:\s]+@)?{_HOST}:(?!:)")
_BY_SSH = {"ssh.github.com": "github.com", "altssh.gitlab.com": "gitlab.com"}
"""Hosts that accept ssh on behalf of another host."""


class AstrayError(OSError):
    """A request to another host than that of the API."""


@dataclass(frozen=True)
class Origin:
    """A scheme, a host and a port. A host that is reached by ssh has an empty scheme and port 0."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS.get(self.scheme, 0) else f"{host}:{self.port}"

    @property
    def is_clear(self) -> bool:
        """Return whether the connection is unencrypted."""
        return self.scheme != "https" and self.host not in LOOPBACK


def origin_of(url: str) -> Origin | None:
    """Return the origin of an http or https URL, None if it has none."""
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        return None
    if scheme not in _PORTS or not host or port == 0:
        return None
    return Origin(scheme, host, _PORTS[scheme] if port is None else port)


def is_plain(url: str) -> bool:
    """Return whether all parsers find the same host in a URL: no user, no character that one may skip."""
    return _ORIGIN.fullmatch("//".join(url.split("/")[:3:2])) is not None


def remote_origin(remote: str) -> Origin | None:
    """Return the origin of a git remote; None for a path on disk or a URL for a remote helper."""
    if re.match(r"[A-Za-z0-9+.-]+::", remote):
        return None
    if "://" not in remote:
        match = _SCP.match(remote)
        return _by_ssh(match["host"].strip("[]")) if match else None
    if remote.partition("://")[0].lower() not in _SSH:
        return origin_of(remote)
    try:
        host = urlsplit(remote).hostname
    except ValueError:
        return None
    return _by_ssh(host) if host else None


def _by_ssh(host: str) -> Origin:
    return Origin("", _BY_SSH.get(host.lower(), host.lower()), 0)


def may_go(api: Origin, kind: str, remote: Origin | None) -> bool:
    """Return whether an API is on the host of a remote. For ssh, the API must have the usual port."""
    if remote is None:
        return False
    scheme, port = (remote.scheme, remote.port) if remote.scheme else ("https", _PORTS["https"])
    hosts = {remote.host, f"api.{remote.host}"} if kind == "github" else {remote.host}
    return api.host in hosts and (api.scheme, api.port) == (scheme, port)


def owner_allows(api: Origin, kind: str, configured: Iterable[str]) -> bool:
    """Return whether the owner allows the host of an API, in the environment or in ``configured``."""
    return any(may_go(api, kind, each) for each in _named(configured))


def _named(configured: Iterable[str]) -> Iterator[Origin]:
    """Yield the allowed origins. A host alone stands for https, and on loopback also for http."""
    variable = os.environ.get(VARIABLE, "")
    texts = [(each, f"${VARIABLE}") for each in re.split(r"[,\s]+", variable) if each]
    for text, source in (*texts, *((each.strip(), "git's `rollout-spec.forgeHost`") for each in configured)):
        match = _ORIGIN.fullmatch(text)
        if match is None or int(match["port"] or 1) not in range(1, 65536):
            hint = "write `git.example.com`, `git.example.com:8443` or `http://127.0.0.1:3000`"
            raise UserError(f"{source} names `{excerpt(text)}`, which is not a host", hint=hint)
        host = match["host"].strip("[]").lower()
        usual = ("https", "http") if host in LOOPBACK else ("https",)
        schemes = (match["scheme"].lower(),) if match["scheme"] else usual
        yield from (Origin(scheme, host, int(match["port"] or _PORTS[scheme])) for scheme in schemes)


def refuse(api: Origin, remote: Origin | None) -> UserError:
    """Return the error for an API whose host may not receive the token."""
    actual = f"the git remote is on {remote}" if remote else "the git remote has no host"
    return UserError(
        f"no token is sent to {api}: {actual}",
        hint=f"if {api} is your forge, run `git config --global --add rollout-spec.forgeHost {api}` "
        f"on this machine, or add it to ${VARIABLE}",
    )
