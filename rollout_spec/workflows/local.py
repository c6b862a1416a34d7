"""The pull requests of a local forge: shown and merged, for trials."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import PullRequest
from rollout_spec.core.text import join_some
from rollout_spec.integrations.forges.local import LocalForge
from rollout_spec.integrations.git.merge import Bare
from rollout_spec.integrations.git.repository import Git
from rollout_spec.workflows.locate import WorkspaceLocation, check_version
from rollout_spec.workflows.newest import local_workspace

_SHOWN = 10


@dataclass(frozen=True)
class Merged:
    """A merged pull request. ``moved_from`` is the head on record, if the branch has moved since."""

    pull_request: PullRequest
    moved_from: str | None = None
    was_merged: bool = False


@dataclass(frozen=True)
class Shown:
    """A pull request as a reviewer reads it. ``patch`` is empty unless it is open."""

    pull_request: PullRequest
    title: str
    body: str
    comments: tuple[str, ...]
    patch: str


def local_address(here: WorkspaceLocation) -> str:
    """Return the address of the remote behind the local forge.

    UserError if the workspace has another forge.
    """
    if here.git_root is None:
        raise UserError(
            "a local forge belongs to a git remote; this workspace is in no git repository", hint="run `git init`"
        )
    git = Git(here.git_root)
    repository = local_workspace(here, git)
    check_version(repository)
    if repository.settings is None:
        raise UserError("the workspace does not load", hint="run `rollout-spec check` for the errors")
    forge = repository.settings.forge
    if forge is None or forge.type != "local":
        found = "names no forge" if forge is None else f"is on {forge.type}"
        raise UserError(
            f"the workspace {found}; `local` needs `forge: {{type: local}}`",
            hint=None if forge is None else f"use the pull request on {forge.type}",
        )
    remote = git.remote(forge.remote)
    if remote is None:
        raise UserError(
            f"no git remote `{forge.remote}` in this clone",
            hint=f"run `git remote add {forge.remote} URL`, or set `forge.remote` to another remote",
        )
    return remote.address


def merge(address: str, number: int, *, now: datetime) -> Merged:
    """Merge a pull request of the local forge at an address into its base, by a merge commit.

    UserError with status 1 if it is closed or a draft, or conflicts with its base.
    """
    forge = LocalForge(address, lambda branch, commit: bare.contains(branch, commit))
    bare = Bare(forge.repository)
    pull = _pull_request(forge, number)
    if pull.state == "merged":
        return Merged(pull, was_merged=True)
    _refuse_unready(pull)
    message = f"Merge pull request #{number} from {pull.head}\n"
    done = bare.merge(pull.head, pull.base, message, now)
    merged = forge.merged(pull, done.head, done.sha, now)
    return Merged(merged, moved_from=pull.head_sha if pull.head_sha != done.head else None)


def show(address: str, number: int) -> Shown:
    """Return a pull request of the local forge at an address, with its changes."""
    forge = LocalForge(address, lambda branch, commit: bare.contains(branch, commit))
    bare = Bare(forge.repository)
    pull = _pull_request(forge, number)
    title, body, *comments = forge.texts(number)
    patch = bare.changes(pull.head, pull.base) if pull.state == "open" else ""
    return Shown(pull, title, body, tuple(comments), patch)


def _pull_request(forge: LocalForge, number: int) -> PullRequest:
    if not (forge.folder / f"{number}.json").is_file():
        numbers = sorted(int(path.stem) for path in forge.folder.glob("*.json") if path.stem.isdecimal())
        known = join_some([str(each) for each in numbers], _SHOWN)
        hint = f"known: {known}" if numbers else "open one with `rollout-spec propose … --pull-request`"
        raise UserError(f"no pull request {number} in {forge.folder}", hint=hint)
    return forge.read(number)


def _refuse_unready(pull: PullRequest) -> None:
    """UserError if a pull request is closed or a draft."""
    if pull.state != "open":
        raise UserError(
            f"pull request {pull.number} is {pull.state}",
            hint=f'reopen it: set `state` to "open" in {pull.url}',
            status=1,
        )
    if pull.draft:
        raise UserError(
            f"pull request {pull.number} is a draft",
            hint=f"mark it as ready: set `draft` to false in {pull.url}",
            status=1,
        )
