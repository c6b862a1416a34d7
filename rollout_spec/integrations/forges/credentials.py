"""Tokens from the environment, and the addresses that may receive them.

Only HTTP headers and git's helpers carry them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from rollout_spec.core import redaction
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt
from rollout_spec.integrations.forges.hosts import (
    Origin,
    is_plain,
    may_go,
    origin_of,
    owner_allows,
    refuse,
    remote_origin,
)

TOKENS = {
    "github": ("ROLLOUT_SPEC_TOKEN", "GITHUB_TOKEN"),
    "gitlab": ("ROLLOUT_SPEC_TOKEN", "GITLAB_TOKEN"),
    "gitea": ("ROLLOUT_SPEC_TOKEN", "GITEA_TOKEN", "FORGEJO_TOKEN"),
}
"""The variables that may hold the token of a forge; the first that is set counts."""
APP = ("GITHUB_APP_ID", "GITHUB_APP_PRIVATE_KEY_FILE", "GITHUB_APP_INSTALLATION_ID")
USERS = {"github": "x-access-token", "gitlab": "oauth2", "gitea": "oauth2"}
"""The user name that git sends with a token."""

_ADDRESSES = {"github": "https://api.github.com", "gitlab": "https://gitlab.com"}
_PATHS = {"gitlab": "/api/v4", "gitea": "/api/v1"}


@dataclass(frozen=True)
class Credential:
    """A password for one host. ``url`` is a scheme with a host. The password is never printed."""

    url: str
    user: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        redaction.learn(self.password)


@dataclass(frozen=True)
class Access:
    """The address of a forge. ``contains`` returns whether a branch contains a commit.

    ``named`` returns the hosts that git's configuration allows to receive a token.
    """

    remote_url: str
    repository: str | None
    base_url: str | None
    contains: Callable[[str, str], bool]
    named: Callable[[], Iterable[str]] = tuple

    def address(self, kind: str) -> str:
        """Return the URL of the API, without the path that all forges of a type share.

        UserError if the token must not be sent there: the connection is not encrypted, the host is neither the remote's
        nor allowed by the owner, or the URL contains a secret.
        """
        address, api = self._api(kind)
        remote = remote_origin(self.remote_url)
        if not may_go(api, kind, remote) and not owner_allows(api, kind, self.named()):
            raise refuse(api, remote)
        return address

    def _api(self, kind: str) -> tuple[str, Origin]:
        address = self.base_url or _ADDRESSES.get(kind)
        if address is None:
            raise UserError(f"a {kind} forge has no default address", hint="set `forge.baseUrl: https://…`")
        api = origin_of(address)
        if api is None or not is_plain(address) or "?" in address or "#" in address:
            raise UserError(
                "`forge.baseUrl` is not the address of an API",
                hint="write a scheme, a host and a path, without secrets",
            )
        if api.is_clear:
            raise UserError(
                f"the token would be sent to {api.host} unencrypted", hint="use https:// in `forge.baseUrl`"
            )
        return address.rstrip("/").removesuffix(_PATHS.get(kind, "\n")), api

    def project(self) -> str:
        """Return the name of the repository. UserError if it is unsafe as a part of URLs."""
        name = self.repository or ""
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_.][A-Za-z0-9_.-]*)+", name) or re.search(
            r"/\.{1,2}(/|$)", name
        ):
            raise UserError(
                f"`{excerpt(name)}` is not the name of a repository", hint="write `forge.repository` like acme/models"
            )
        return name

    def git_host(self, kind: str) -> str | None:
        """Return the scheme and host of the remote if the API is on the same host.

        None if git needs no password.
        """
        remote = remote_origin(self.remote_url)
        if kind not in TOKENS or remote is None or not remote.scheme or remote.is_clear:
            return None
        _, api = self._api(kind)
        if not may_go(api, kind, remote):
            return None
        return f"{remote.scheme}://{urlsplit(self.remote_url).netloc.rpartition('@')[2]}"


def find_token(kind: str) -> str | None:
    """Return the token of a forge, None if no variable holds one. UserError if it has invalid characters."""
    name = token_variable(kind)
    if name is None:
        return None
    token = os.environ[name].strip()
    redaction.learn(token)
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise UserError(f"${name} contains characters that no token has")
    return token


def tokens() -> list[str]:
    """Return the tokens of all forges in the environment."""
    return [os.environ.get(name, "").strip() for names in TOKENS.values() for name in names]


def token_variable(kind: str) -> str | None:
    """Return the name of the variable that holds the token of a forge, None if none does."""
    return next((name for name in TOKENS.get(kind, ()) if os.environ.get(name, "").strip()), None)


def need_token(kind: str) -> str:
    """Return the token of a forge. UserError if no variable holds one."""
    token = find_token(kind)
    if token is None:
        names = " or ".join(f"${name}" for name in TOKENS[kind])
        raise UserError(f"no token for {kind}", hint=f"set {names}; see docs/forges.md for its permissions")
    return token


def app_is_set() -> bool:
    """Return whether the environment names a GitHub App."""
    return bool(os.environ.get(APP[0]))
