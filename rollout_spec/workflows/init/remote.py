"""The repository on a forge, read from the git remote."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from rollout_spec.core.errors import UserError
from rollout_spec.workflows.init.choices import FORGES, Choices

_REMOTE = re.compile(
    r"(?P<scheme>https?://|ssh://)?(?:[A-Za-z0-9._-]+@)?(?P<host>[A-Za-z0-9.-]+)(?P<port>:\d+)?[:/]"
    r"(?P<path>[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)+)/?"
)


def with_remote(choices: Choices, git_root: Path | None) -> Choices:
    """Return the choices with the repository of the remote `origin`, unless it was given."""
    if choices.forge == "local" or git_root is None or (choices.repository and choices.base_url):
        return choices
    match = _REMOTE.fullmatch(_address(git_root))
    if match is None:
        return choices
    base_url = _base_url(match) if FORGES[choices.forge] == "gitea" else None
    path = match["path"].removesuffix(".git")
    return replace(choices, repository=choices.repository or path, base_url=choices.base_url or base_url)


def _base_url(match: re.Match[str]) -> str:
    """Return the address of the forge: that of an HTTP remote, or the host of another one."""
    if (match["scheme"] or "").startswith("http"):
        return f"{match['scheme']}{match['host']}{match['port'] or ''}"
    return f"https://{match['host']}"


def _address(git_root: Path) -> str:
    from rollout_spec.integrations.git.repository import Git

    try:
        remote = Git(git_root).remote("origin")
        return remote.address if remote is not None else ""
    except UserError:
        return ""  # git is missing, or does not trust this folder
