"""The base: the live branch at its newest commit, and its forge."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from rollout_spec.core.errors import UserError
from rollout_spec.core.paths import under
from rollout_spec.core.pull_request import ProposedChange
from rollout_spec.integrations.forges import Access, Forge, connect, credential
from rollout_spec.integrations.git.command import Plumbing
from rollout_spec.integrations.git.remote import Remote
from rollout_spec.integrations.git.repository import Git
from rollout_spec.rollback import Step, UndoneCommits
from rollout_spec.spec.rollout import Live
from rollout_spec.spec.workspace import Automation
from rollout_spec.spec.workspace import ForgeSettings as ForgeSettings
from rollout_spec.workspace.commit_tree import CommitTree
from rollout_spec.workspace.loader import read_file
from rollout_spec.workspace.repository import Repository

_DEFAULT_REMOTE, _DEFAULT_BASE = "origin", "main"


@dataclass(frozen=True)
class Base:
    """The live branch at one commit. Decisions are made on it, and changes are built on it."""

    git: Git
    remote: Remote | None
    branch: str
    commit: str
    prefix: str

    @cached_property
    def repository(self) -> Repository:
        """The workspace at the base."""
        return Repository(CommitTree(self.git, self.commit, self.prefix))

    @property
    def automation(self) -> Automation:
        """The limits on automation, by default those of the model."""
        settings = self.repository.settings
        return settings.automation if settings else Automation()

    @cached_property
    def undone(self) -> dict[tuple[str, str], UndoneCommits]:
        """A cache of the commits that rollbacks undo, by rollout and version."""
        return {}

    @cached_property
    def carried(self) -> dict[str, Collection[str]]:
        """A cache of the incidents that heads carry, by head."""
        return {}

    def path(self, path: str) -> str:
        """Return a path of the workspace as a path from the git root."""
        return under(self.prefix, path)

    def renewed(self) -> Base:
        """Fetch the branch again: it may have moved."""
        if self.remote is None:
            return self
        return replace(self, commit=self.remote.fetch(self.branch))

    def history(self, path: str) -> Iterator[Step]:
        """Yield the first-parent history of a rollout's file, newest first, with ``live`` before and after."""
        full_path = self.path(path)
        after = self._live(self.commit, full_path)
        for commit in self.git.history(self.commit, full_path):
            before = self._live(commit.parent, full_path) if commit.parent else None
            yield Step(commit.sha, commit.date, commit.subject, after, before, commit.parent)
            after = before

    def _live(self, commit: str, path: str) -> Live | None:
        content = self.git.read(commit, path)
        model = read_file(path, "ModelRollout", content).model if content is not None else None
        return model.spec.live if model else None


def find_base(git: Git, settings: ForgeSettings | None, prefix: str) -> Base:
    """Fetch the newest commit of the live branch. Without a remote it is the local branch."""
    remote = git.remote(settings.remote if settings else _DEFAULT_REMOTE)
    if remote is None:
        branch = (settings.base if settings else None) or _DEFAULT_BASE
        return Base(git, None, branch, git.commit(branch), prefix)
    if settings is not None:
        authorize(git, remote, settings)
    named = settings.base if settings is not None else None
    default = remote.head() if named is None else None
    if default is None:
        branch = named or _DEFAULT_BASE
        return Base(git, remote, branch, remote.fetch(branch), prefix)
    branch, commit = default
    remote.fetch_branches({branch: commit})
    return Base(git, remote, branch, commit, prefix)


def live_branch(remote: Remote, settings: ForgeSettings | None) -> str:
    """Return the live branch: the one that the workspace names, else the remote's default branch."""
    if settings is not None and settings.base:
        return settings.base
    default = remote.head()
    return default[0] if default is not None else _DEFAULT_BASE


def authorize(git: Git | Plumbing, remote: Remote, settings: ForgeSettings) -> None:
    """Let git send the token of the environment to a remote on the forge's own host."""
    secret = credential(settings.type, _access(remote, settings))
    if secret is not None:
        git.authorize(secret.url, secret.user, secret.password)


def forge_of(base: Base, settings: ForgeSettings | None) -> Forge:
    """Return the forge of a workspace. UserError if it names none, or its remote is absent."""
    if settings is None:
        raise UserError(
            "the workspace names no forge",
            hint="add `forge: {type: local}` to `spec` in .rollout-spec.yaml, or use --dry-run",
        )
    is_base_remote = base.remote is not None and base.remote.name == settings.remote
    remote = base.remote if is_base_remote else base.git.remote(settings.remote)
    if remote is None:
        raise UserError(
            f"no git remote `{settings.remote}` in this clone",
            hint=f"run `git remote add {settings.remote} URL`, or set `forge.remote` to another remote",
        )
    return connect(settings.type, _access(remote, settings, lambda branch, commit: _holds(base, branch, commit)))


def _access(
    remote: Remote, settings: ForgeSettings, contains: Callable[[str, str], bool] = lambda _, __: False
) -> Access:
    return Access(remote.address, settings.repository, settings.base_url, contains, remote.forge_hosts)


def _holds(base: Base, branch: str, commit: str) -> bool:
    return branch == base.branch and base.git.holds(base.commit, commit)


def build(change: ProposedChange, base: Base) -> str:
    """Build the commit of a change. The same change on the same base is the same commit."""
    return base.git.build(base.commit, change.edits, change.message, change.date)
