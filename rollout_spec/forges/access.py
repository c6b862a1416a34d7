"""A token is a secret of the environment: it goes into headers, and to git through git's own, and nowhere else."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from rollout_spec.errors import UserError
from rollout_spec.scalars import excerpt

TOKENS = {
    "github": ("ROLLOUT_SPEC_TOKEN", "GITHUB_TOKEN"),
    "gitlab": ("ROLLOUT_SPEC_TOKEN", "GITLAB_TOKEN"),
    "gitea": ("ROLLOUT_SPEC_TOKEN", "GITEA_TOKEN", "FORGEJO_TOKEN"),
}
"""The variables that may hold the token of a forge; the first that is set counts."""
APP = ("GITHUB_APP_ID", "GITHUB_APP_PRIVATE_KEY_FILE", "GITHUB_APP_INSTALLATION_ID")
USERS = {"github": "x-access-token", "gitlab": "oauth2", "gitea": "oauth2"}
"""The name that goes with a token where git asks for one."""

_ADDRESSES = {"github": "https://api.github.com", "gitlab": "https://gitlab.com"}
_PATHS = {"gitlab": "/api/v4", "gitea": "/api/v1"}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Credential:
    """What git shows to one host: a scheme with a host, a user and a password that is never printed."""

    url: str
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Access:
    """Where a forge is, and how to ask whether a branch holds a commit."""

    remote_url: str
    repository: str | None
    base_url: str | None
    contains: Callable[[str, str], bool]

    def address(self, kind: str) -> str:
        """Return where the API of a forge is, without the path that every forge of its type has.

        UserError where a token would go there in the clear, or where the URL itself holds one.
        """
        address = self.base_url or _ADDRESSES.get(kind)
        if address is None:
            raise UserError(
                f"a {kind} forge has no address of its own", hint="say where it is: `forge.baseUrl: https://…`"
            )
        parts = _split(address)
        if parts is None or "@" in parts.netloc or parts.query or parts.fragment:
            raise UserError(
                "`forge.baseUrl` is no address of an API", hint="a scheme, a host and a path; secrets go elsewhere"
            )
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise UserError(
                f"the token would go to {parts.hostname} in the clear", hint="`forge.baseUrl` begins with https://"
            )
        return address.rstrip("/").removesuffix(_PATHS.get(kind, "\n"))

    def project(self) -> str:
        """Return the name of the repository, checked: it becomes part of URLs."""
        name = self.repository or ""
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_.][A-Za-z0-9_.-]*)+", name) or re.search(
            r"/\.{1,2}(/|$)", name
        ):
            raise UserError(
                f"`{excerpt(name)}` is no name of a repository", hint="`forge.repository` is like acme/models"
            )
        return name

    def git_host(self, kind: str) -> str | None:
        """Return the scheme and host of the remote where it is the forge's own, None where it is not."""
        remote = _split(self.remote_url)
        if kind not in TOKENS or remote is None or remote.scheme not in _PORTS:
            return None
        api = _split(self.address(kind))
        assert api is not None
        if remote.scheme != "https" and remote.hostname not in _LOOPBACK:
            return None
        same = (remote.hostname, _port(remote)) == (api.hostname, _port(api))
        if not same and f"api.{remote.hostname}" != api.hostname:
            return None
        return f"{remote.scheme}://{remote.netloc.rpartition('@')[2]}"


def find_token(kind: str) -> str | None:
    """Return the token of a forge, None where no variable holds one. UserError where it cannot be one."""
    name = token_variable(kind)
    if name is None:
        return None
    token = os.environ[name].strip()
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise UserError(f"${name} holds characters that no token has")
    return token


def token_variable(kind: str) -> str | None:
    """Return the name of the variable that holds the token of a forge, None where none does."""
    return next((name for name in TOKENS.get(kind, ()) if os.environ.get(name, "").strip()), None)


def need_token(kind: str) -> str:
    """Return the token of a forge. UserError where no variable holds one."""
    token = find_token(kind)
    if token is None:
        names = " or ".join(f"${name}" for name in TOKENS[kind])
        raise UserError(
            f"there is no token for {kind}", hint=f"set {names}; docs/forges.md says what it must be allowed"
        )
    return token


def app_is_set() -> bool:
    """Does the environment name a GitHub App?"""
    return bool(os.environ.get(APP[0]))


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return parts if parts.hostname and parts.port != 0 else None
    except ValueError:
        return None


def _port(parts: SplitResult) -> int | None:
    return parts.port or _PORTS.get(parts.scheme)
