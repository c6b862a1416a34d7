"""The hosts that a token may be sent to: the git remote's own, and those that the machine's owner named."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt

VARIABLE = "ROLLOUT_SPEC_FORGE_HOSTS"
"""The variable in which the owner names hosts, parted by commas or blanks."""
LOOPBACK = {"localhost", "127.0.0.1", "::1"}

_PORTS = {"https": 443, "http": 80}
_SSH = {"ssh", "git+ssh", "ssh+git", "git"}
_HOST = r"(?P<host>[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\])"
_ORIGIN = re.compile(rf"((?P<scheme>https?)://)?{_HOST}(:(?P<port>[0-9]{{1,5}}))?/?", re.ASCII | re.IGNORECASE)
_SCP = re.compile(rf"([^/@:\s]+@)?{_HOST}:(?!:)")
_BY_SSH = {"ssh.github.com": "github.com", "altssh.gitlab.com": "gitlab.com"}
"""Hosts that take ssh for another one."""


class AstrayError(OSError):
    """A request would have gone to another host than that of the API."""


@dataclass(frozen=True)
class Origin:
    """A scheme, a host and a port. A host that is reached by ssh has no scheme, and port 0: its own is that of ssh."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS.get(self.scheme, 0) else f"{host}:{self.port}"

    @property
    def is_clear(self) -> bool:
        """Return whether others on the way read what is sent."""
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
    """Return whether all parsers read one host in a URL: it has no user, and no sign that one of them may skip."""
    return _ORIGIN.fullmatch("//".join(url.split("/")[:3:2])) is not None


def remote_origin(remote: str) -> Origin | None:
    """Return the origin of a git remote; None for a path on disk, and for what git gives to a helper."""
    if re.match(r"[A-Za-z0-9+.-]+::", remote):
        return None
    if "://" not in remote:
        found = _SCP.match(remote)
        return _by_ssh(found["host"].strip("[]")) if found else None
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
    """Return whether an API is on the host of a remote: by ssh its port says nothing, and the API has the usual one."""
    if remote is None:
        return False
    scheme, port = (remote.scheme, remote.port) if remote.scheme else ("https", _PORTS["https"])
    hosts = {remote.host, f"api.{remote.host}"} if kind == "github" else {remote.host}
    return api.host in hosts and (api.scheme, api.port) == (scheme, port)


def owner_allows(api: Origin, kind: str, configured: Iterable[str]) -> bool:
    """Return whether the machine's owner named the host of an API, in the environment or in ``configured``."""
    return any(may_go(api, kind, each) for each in _named(configured))


def _named(configured: Iterable[str]) -> Iterator[Origin]:
    """Give the origins that the owner named; a host alone is meant by https, and on loopback by http too."""
    variable = os.environ.get(VARIABLE, "")
    texts = [(each, f"${VARIABLE}") for each in re.split(r"[,\s]+", variable) if each]
    for text, source in (*texts, *((each.strip(), "git's `rollout-spec.forgeHost`") for each in configured)):
        found = _ORIGIN.fullmatch(text)
        if found is None or int(found["port"] or 1) not in range(1, 65536):
            hint = "write `git.example.com`, `git.example.com:8443` or `http://127.0.0.1:3000`"
            raise UserError(f"{source} names `{excerpt(text)}`, which is no host", hint=hint)
        host = found["host"].strip("[]").lower()
        usual = ("https", "http") if host in LOOPBACK else ("https",)
        schemes = (found["scheme"].lower(),) if found["scheme"] else usual
        yield from (Origin(scheme, host, int(found["port"] or _PORTS[scheme])) for scheme in schemes)


def refuse(api: Origin, remote: Origin | None) -> UserError:
    """Return the error that a token is not sent to the host of an API."""
    place = f"the git remote is on {remote}" if remote else "the git remote is on no host"
    return UserError(
        f"no token is sent to {api}: {place}",
        hint=f"if {api} is your forge, `git config --global --add rollout-spec.forgeHost {api}` "
        f"on this machine, or name it in ${VARIABLE}",
    )
