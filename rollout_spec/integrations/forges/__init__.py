"""Pull requests on GitHub, GitLab, Gitea, and in a folder beside a bare repository.

To add a forge: one module or package here, one line below. Every method is idempotent: a second call finds the result
of the first. Each forge has a ``client`` with the methods, an ``api`` that sends requests, and ``capabilities`` that
tell the permissions of a token and the protection of a branch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from typing import Protocol

from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import Interventions, ProposedChange, PullRequest
from rollout_spec.integrations.forges.capabilities import Protection, TokenCapabilities
from rollout_spec.integrations.forges.credentials import USERS, Access, Credential, app_is_set, find_token, tokens

__all__ = [
    "FORGES",
    "Access",
    "Credential",
    "Forge",
    "Protection",
    "TokenCapabilities",
    "connect",
    "credential",
    "load",
    "tokens",
]


class Forge(Protocol):
    """The pull requests of a repository. UserError if the forge refuses or does not answer.

    ``attests_first``: the status of a commit is set before auto-merge is enabled, so that the forge merges at once.
    """

    attests_first: bool

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

        Only the forge's own records count, which need write access. Comments and bodies do not count.
        """

    def update(self, pull: PullRequest, change: ProposedChange, head_sha: str) -> PullRequest:
        """Write the title and body again after the branch was pushed again at ``head_sha``.

        A draft stays a draft, and a pull request that is ready stays ready.
        """

    def close(self, pull: PullRequest) -> None:
        """Close an open pull request without a merge, and cancel its auto-merge."""

    def hold(self, pull: PullRequest) -> PullRequest:
        """Cancel the auto-merge of an open pull request, make it a draft, and return it as it is then.

        One that is merged or closed meanwhile is returned unchanged. UserError if the forge may still merge it.
        """

    def label_and_request_review(
        self, pull: PullRequest, labels: tuple[str, ...], reviewers: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Label a pull request, request reviews, and return a note for each reviewer who was not asked.

        The labels come last: if all of them are present, the reviews were requested.
        """

    def comment(self, pull: PullRequest, key: str, text: str) -> None:
        """Write the comment of a key, or edit it if its text differs."""

    def enable_auto_merge(self, pull: PullRequest, head_sha: str) -> PullRequest:
        """Let the forge merge once checks pass, or merge now if none is pending; only at ``head_sha``."""

    def attest(self, pull: PullRequest, commit: str, context: str, description: str) -> None:
        """Set the status of a context at the head of a pull request to success.

        A status that is set stays. UserError unless ``commit`` is the head now, and the pull request is open, ready and
        for the same base. A failed status of this context is refused too.
        """

    def standing(self, base: str) -> TokenCapabilities:
        """Return the permissions of the token and the protection of the base. Nothing is changed.

        The result lists facts that the token may not see. UserError if the forge does not answer, the token is
        invalid, or the repository does not exist.
        """

    def merged_at(self, commit: str, base: str) -> datetime | None:
        """Return when the pull request that brought a commit onto the base was merged, in UTC.

        None if the forge has no record of it: the commit was pushed, or is on no branch.
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


# Each imports its own library only when it is used.
FORGES: dict[str, Callable[[Access], Forge]] = {
    "local": _local,
    "github": _github,
    "gitlab": _gitlab,
    "gitea": _gitea,
}


def connect(kind: str, access: Access) -> Forge:
    """Connect to a forge by its type in the workspace. UserError if the type is not supported."""
    if kind not in FORGES:
        raise UserError(
            f"pull requests on {kind} are not supported; supported forges: {', '.join(FORGES)}",
            hint="use `rollback --dry-run` to print the commit and the pull request",
        )
    with _library(kind):
        return FORGES[kind](access)


def load(kind: str) -> None:
    """Import the modules of a forge now. UserError if its library is not installed."""
    with _library(kind):
        import_module(f"{__name__}.local" if kind == "local" else f"{__name__}.{kind}.client")


def credential(kind: str, access: Access) -> Credential | None:
    """Return the credential for a remote on the forge's own host; None if the environment has none.

    A remote on another host, or by ssh or path, gets no credential.
    """
    host = access.git_host(kind)
    if host is None:
        return None
    if kind == "github" and app_is_set():
        with _library(kind):
            from rollout_spec.integrations.forges.github.app import installation_token

            return Credential(host, USERS[kind], installation_token(access))
    secret = find_token(kind)
    return Credential(host, USERS[kind], secret) if secret else None


@contextmanager
def _library(kind: str) -> Iterator[None]:
    """Raise UserError if the library of a forge is not installed."""
    try:
        yield
    except ModuleNotFoundError as missing:
        if (missing.name or "rollout_spec").startswith("rollout_spec"):
            raise
        raise UserError(
            f"pull requests on {kind} need the Python module `{missing.name}`, which is not installed",
            hint=f"pip install 'rollout-spec[{kind}]'",
        ) from None
