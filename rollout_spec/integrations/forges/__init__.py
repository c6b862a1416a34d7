"""Pull requests on GitHub, GitLab, Gitea, and in a folder beside a bare repository.

To add a forge: one module or package here, one line below. Every method is idempotent: a second call finds the result
of the first. Each forge has a ``client`` with the methods, an ``api`` that sends requests, and ``capabilities`` that
tell the permissions of a token and the protection of a branch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import Interventions, ProposedChange, PullRequest
from rollout_spec.integrations.forges.capabilities import Protection, TokenCapabilities
from rollout_spec.integrations.forges.credentials import USERS, Access, Credential, app_is_set, find_token

__all__ = ["FORGES", "Access", "Credential", "Forge", "Protection", "TokenCapabilities", "connect", "credential"]


class Forge(Protocol):
    """What the pull requests of a repository are asked for. UserError if the forge refuses, or does not answer."""

    def find(self, head: str, base: str) -> PullRequest | None:
        """Return the newest pull request from a branch: an open one before a merged one before a closed one."""

    def ensure_pull_request(self, change: ProposedChange, head_sha: str, base: str) -> PullRequest:
        """Return the pull request from the change's branch, whatever its state; open one if there is none.

        An existing pull request is returned as it is: nothing about it changes.
        """

    def ready(self, pull: PullRequest) -> PullRequest:
        """Mark an open draft as ready for review."""

    def interventions(self, pull: PullRequest) -> Interventions:
        """Return the changes that a person made to a pull request at its present head.

        The forge's own records are read, which need write access; comments and bodies are not.
        """

    def update(self, pull: PullRequest, change: ProposedChange, head_sha: str) -> PullRequest:
        """Write the title and body anew after the branch was pushed again at ``head_sha``.

        A draft stays a draft, and a pull request that is ready stays ready.
        """

    def close(self, pull: PullRequest) -> None:
        """Close an open pull request without a merge, and cancel its auto-merge."""

    def label_and_request_review(
        self, pull: PullRequest, labels: tuple[str, ...], reviewers: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Label a pull request and ask for its review, and say who could not be asked.

        The labels are put on last: where all of them are there, the rest was done.
        """

    def comment(self, pull: PullRequest, key: str, text: str) -> None:
        """Say something once: the comment of this key is written, or edited where it says something else."""

    def enable_auto_merge(self, pull: PullRequest, head_sha: str) -> PullRequest:
        """Let the forge merge once checks pass, or merge where nothing is to be waited for; only at this commit."""

    def standing(self, base: str) -> TokenCapabilities:
        """Return what the token may do, and what the base demands. Nothing is changed.

        What the token may not see is said in it; UserError is for a forge that does not answer, a token that is bad,
        and a repository that is not there.
        """

    def merged_at(self, commit: str, base: str) -> datetime | None:
        """Return when the pull request that brought a commit onto the base was merged, in UTC.

        None if the forge knows of none: the commit was pushed, is on no branch, or came in a way it keeps no record
        of.
        """


def _local(access: Access) -> Forge:
    from rollout_spec.integrations.forges.local import LocalForge

    return LocalForge(access.remote_url, access.contains)


def _github(access: Access) -> Forge:
    from rollout_spec.integrations.forges.github.client import GitHub

    return GitHub.connect(access)


def _gitlab(access: Access) -> Forge:
    from rollout_spec.integrations.forges.gitlab.client import GitLab

    return GitLab.connect(access)


def _gitea(access: Access) -> Forge:
    from rollout_spec.integrations.forges.gitea.client import Gitea

    return Gitea.connect(access)


# Each is imported where it is used: it comes with a library that the others do not need.
FORGES: dict[str, Callable[[Access], Forge]] = {
    "local": _local,
    "github": _github,
    "gitlab": _gitlab,
    "gitea": _gitea,
}


def connect(kind: str, access: Access) -> Forge:
    """Return a forge by its type in the workspace. UserError if this release does not know it."""
    if kind not in FORGES:
        raise UserError(
            f"this release cannot open pull requests on {kind}; it can on {', '.join(FORGES)}",
            hint="`rollback --dry-run` prints the commit and the pull request",
        )
    with _library(kind):
        return FORGES[kind](access)


def credential(kind: str, access: Access) -> Credential | None:
    """Return what git may show to a remote on the forge's own host; None if the environment holds nothing for it.

    A remote elsewhere, or one that is reached by ssh or as a path, is shown nothing.
    """
    place = access.git_host(kind)
    if place is None:
        return None
    if kind == "github" and app_is_set():
        with _library(kind):
            from rollout_spec.integrations.forges.github.app import installation_token

            return Credential(place, USERS[kind], installation_token(access))
    secret = find_token(kind)
    return Credential(place, USERS[kind], secret) if secret else None


@contextmanager
def _library(kind: str) -> Iterator[None]:
    """UserError if the library of a forge is not installed."""
    try:
        yield
    except ModuleNotFoundError as missing:
        if (missing.name or "rollout_spec").startswith("rollout_spec"):
            raise
        raise UserError(
            f"pull requests on {kind} need the Python package that holds `{missing.name}`, and it is not installed",
            hint=f"pip install 'rollout-spec[{kind}]'",
        ) from None
