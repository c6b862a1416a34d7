"""Authentication as a GitHub App.

Its private key is exchanged for an installation's token of one hour.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from github import Auth, GithubIntegration
from jwt.exceptions import PyJWTError

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.forges.credentials import APP, Access, app_is_set, need_token
from rollout_spec.integrations.forges.github import app_tokens
from rollout_spec.integrations.forges.github.api import address_of, answers
from rollout_spec.integrations.forges.http import TIMEOUT, patience


def authority(access: Access) -> Auth.Auth:
    """Return the credentials: of the App that the environment names, else its token."""
    return Auth.Token(installation_token(access) if app_is_set() else need_token("github"))


def installation_token(access: Access) -> str:
    """Return a token of the App's installation, perhaps a recent one.

    If the installation is not named, the repository's is used.
    """
    installation = os.environ.get(APP[2], "")
    owner, name = owner_and_name(access)
    key = (address_of(access), owner, name, *_credentials())
    known = app_tokens.recent(key)
    if known is not None:
        return known
    with answers("issue a token for the App", secret=""):
        app = _integration(access)
        wanted = _whole(installation) if installation else app.get_repo_installation(owner, name).id
        token = app.get_access_token(wanted).token
    app_tokens.keep(key, token)
    return token


def _credentials() -> tuple[str, ...]:
    """Return the App's settings of the environment, and when its key was written."""
    named = tuple(os.environ.get(name, "") for name in APP)
    try:
        return (*named, str(Path(named[1]).stat().st_mtime_ns))
    except (OSError, ValueError):
        return (*named, f"unreadable at {time.monotonic()}")


def granted(access: Access) -> dict[str, str]:
    """Return the permissions of the App's installation, as `{"pull_requests": "write", …}`."""
    owner, name = owner_and_name(access)
    with answers("show the App's installation", secret=""):
        return dict(_integration(access).get_repo_installation(owner, name).permissions)


def app_number() -> int:
    """Return the number of the App that the environment names."""
    return _whole(os.environ.get(APP[0], ""))


def _integration(access: Access) -> GithubIntegration:
    number, key_file = (os.environ.get(name, "") for name in APP[:2])
    return GithubIntegration(
        auth=_app(number, key_file),
        base_url=address_of(access),
        timeout=TIMEOUT,
        retry=patience(),
        seconds_between_requests=None,
        seconds_between_writes=None,
    )


def owner_and_name(access: Access) -> tuple[str, str]:
    """Return the owner and the name of the repository. UserError if the name has other parts."""
    owner, _, name = access.project().partition("/")
    if "/" in name:
        raise UserError(f"`{owner}/{name}` is not a GitHub repository", hint="`forge.repository` is OWNER/NAME")
    return owner, name


def _app(number: str, key_file: str) -> Auth.AppAuth:
    if not key_file:
        raise UserError(f"${APP[0]} is set, but ${APP[1]} is not", hint="set it to the path of the App's private key")
    try:
        app = Auth.AppAuth(_whole(number), Path(key_file).read_text("ascii") or " ")  # it must not be empty
        app.create_jwt()  # an invalid key fails here, before any request
        return app
    except (OSError, ValueError, TypeError, PyJWTError) as error:
        if isinstance(error, UserError):
            raise
        reason = error.strerror if isinstance(error, OSError) else "it contains no private key"
        raise UserError(f"the file that ${APP[1]} names is unusable: {reason}") from None


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise UserError(f"${APP[0]} and ${APP[2]} must be numbers")
    return int(text)
