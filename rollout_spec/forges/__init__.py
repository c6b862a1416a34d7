"""A forge keeps pull requests. To add one: one module here, one line below.

Every verb is idempotent: called twice, the second call finds what the first one made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from rollout_spec.change import Change, PullRequest
from rollout_spec.errors import UserError
from rollout_spec.forges import local

__all__ = ["FORGES", "Access", "Forge", "connect"]


class Forge(Protocol):
    """What the pull requests of a repository are asked for."""

    def find(self, head: str, base: str) -> PullRequest | None:
        """Return the newest pull request from a branch: an open one before a merged one before a closed one."""

    def ensure(self, change: Change, head_sha: str, base: str) -> PullRequest:
        """Return the pull request from the change's branch, whatever its state; open one where there is none."""


@dataclass(frozen=True)
class Access:
    """Where a forge is, and how to ask whether a branch holds a commit."""

    remote_url: str
    repository: str | None
    base_url: str | None
    contains: Callable[[str, str], bool]


FORGES: dict[str, Callable[[Access], Forge]] = {
    "local": lambda access: local.LocalForge(access.remote_url, access.contains),
}


def connect(kind: str, access: Access) -> Forge:
    """Return a forge by its type in the workspace. UserError where this release does not know it."""
    if kind not in FORGES:
        raise UserError(
            f"this release cannot open pull requests on {kind}; it can on {', '.join(FORGES)}",
            hint="`rollback --dry-run` prints the commit and the pull request",
        )
    return FORGES[kind](access)
