"""A change becomes a commit on the newest base, a branch that only one of many can push, and a pull request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from rollout_spec.change import Change, PullRequest
from rollout_spec.errors import UserError
from rollout_spec.forges import Access, Forge, connect, credential
from rollout_spec.git.authorship import AUTHOR
from rollout_spec.git.clone import Git
from rollout_spec.git.plumbing import Plumbing
from rollout_spec.git.remotes import Remote
from rollout_spec.repository import Repository, read_file
from rollout_spec.rollback import Step
from rollout_spec.spec.rollout import Live
from rollout_spec.spec.workspace import Forge as ForgeSettings
from rollout_spec.tree import CommitTree

_DEFAULT_REMOTE, _DEFAULT_BASE = "origin", "main"
_MOST_COMMITS = 20
_KEYS = ("Rollback-Of: ", "Rollout-Step: ", "No-Way-Back-From: ")
"""How the line of a commit message begins that says what was done to what: the same line is the same change."""


@dataclass(frozen=True)
class Base:
    """The branch that is live, at one commit: what is decided about, and what a change is laid over."""

    git: Git
    remote: Remote | None
    branch: str
    commit: str
    prefix: str

    @property
    def repository(self) -> Repository:
        """The workspace as the base has it."""
        return Repository(CommitTree(self.git, self.commit, self.prefix))

    def path(self, path: str) -> str:
        """Turn a path of the workspace into one from the git root."""
        return f"{self.prefix}/{path}" if self.prefix else path

    def renewed(self) -> Base:
        """Return the branch as it is now: it may have moved since."""
        if self.remote is None:
            return self
        return replace(self, commit=self.remote.fetch(self.branch))

    def history(self, path: str) -> Iterator[Step]:
        """Give the first-parent history of a rollout's file, newest first, with ``live`` before and after each."""
        full = self.path(path)
        after = self._live(self.commit, full)
        for commit in self.git.history(self.commit, full):
            before = self._live(commit.parent, full) if commit.parent else None
            yield Step(commit.sha, commit.date, commit.subject, after, before, commit.parent)
            after = before

    def _live(self, commit: str, path: str) -> Live | None:
        content = self.git.read(commit, path)
        model = read_file(path, "ModelRollout", content).model if content is not None else None
        return model.spec.live if model else None


@dataclass(frozen=True)
class Landed:
    """Where a change is now.

    ``adopted``: somebody had opened the same one before. ``merged``: the forge had nothing to wait for, and merged it.
    ``notes`` say what the forge did not do: who was not asked for a review, why it is not armed.
    """

    commit: str
    pull_request: PullRequest
    adopted: bool
    merged: bool = False
    notes: tuple[str, ...] = ()


def find_base(git: Git, settings: ForgeSettings | None, prefix: str) -> Base:
    """Fetch the newest commit of the branch that is live. Without a remote it is the local branch of that name."""
    remote = git.remote(settings.remote if settings else _DEFAULT_REMOTE)
    if remote is None:
        branch = (settings.base if settings else None) or _DEFAULT_BASE
        return Base(git, None, branch, git.commit(branch), prefix)
    if settings is not None:
        authorize(git, remote, settings)
    branch = live_branch(remote, settings)
    return Base(git, remote, branch, remote.fetch(branch), prefix)


def live_branch(remote: Remote, settings: ForgeSettings | None) -> str:
    """Return the branch that is live: the one that the workspace names, else what the remote calls its head."""
    return (settings.base if settings else None) or remote.head() or _DEFAULT_BASE


def authorize(git: Git | Plumbing, remote: Remote, settings: ForgeSettings) -> None:
    """Let git show a remote on the forge's own host the token of the environment, where there is one."""
    shown = credential(settings.type, _access(remote, settings))
    if shown is not None:
        git.authorize(shown.url, shown.user, shown.password)


def forge_of(base: Base, settings: ForgeSettings | None) -> Forge:
    """Return the forge of a workspace. UserError where it names none, or its remote is not there."""
    if settings is None:
        raise UserError(
            "the workspace names no forge",
            hint="add `forge: {type: local}` to `spec` in .rollout-spec.yaml, or use --dry-run",
        )
    known = base.remote is not None and base.remote.name == settings.remote
    remote = base.remote if known else base.git.remote(settings.remote)
    if remote is None:
        raise UserError(
            f"there is no git remote `{settings.remote}` here",
            hint=f"`git remote add {settings.remote} URL`, or name another in `forge.remote`",
        )
    return connect(settings.type, _access(remote, settings, lambda branch, commit: _holds(base, branch, commit)))


def _access(
    remote: Remote, settings: ForgeSettings, contains: Callable[[str, str], bool] = lambda _, __: False
) -> Access:
    return Access(remote.address, settings.repository, settings.base_url, contains)


def _holds(base: Base, branch: str, commit: str) -> bool:
    return branch == base.branch and base.git.holds(base.commit, commit)


def build(change: Change, base: Base) -> str:
    """Make the commit; the same change on the same base is the same commit."""
    return base.git.build(base.commit, change.edits, change.message, change.date)


def land(change: Change, base: Base, forge: Forge) -> Landed:
    """Push the change's branch and open its pull request, or adopt those that are there.

    UserError with status 1 where a person closed the pull request or took back its merge, or where the branch holds
    something that is not ours.
    """
    assert base.remote is not None
    known = forge.find(change.branch, base.branch)
    if known is not None:
        _refuse_what_a_person_ended(known, change, base)
        if known.state == "merged":
            return Landed(known.head_sha, known, adopted=True)
    commit = build(change, base)
    adopted = known is not None
    if not base.remote.push_new(change.branch, commit):
        commit = _theirs(change, base)
        adopted = True
    opened = forge.ensure(change, commit, base.branch)
    _refuse_what_a_person_ended(opened, change, base)
    return _follow_up(Landed(commit, opened, adopted), change, base, forge)


def push(change: Change, base: Base) -> str:
    """Push the change's branch, or find that another one did, and return its commit. No pull request is opened."""
    assert base.remote is not None
    commit = build(change, base)
    return commit if base.remote.push_new(change.branch, commit) else _theirs(change, base)


def _follow_up(landed: Landed, change: Change, base: Base, forge: Forge) -> Landed:
    """Label, ask for reviews, arm. The pull request is there: what fails of this is said, and takes nothing back."""
    pull = landed.pull_request
    notes: list[str] = []
    if pull.state != "open":
        return landed
    may_arm = change.arm
    try:
        pull, may_arm = _as_people_left_it(pull, change, forge)
    except UserError as error:
        may_arm = False
        notes.append(error.message)
    try:
        notes += forge.mark(pull, change.labels, change.reviewers)
    except UserError as error:
        notes.append(error.message)
    if may_arm and not pull.draft and _is_all_ours(base, landed.commit):
        try:
            pull = forge.arm(pull, landed.commit)
        except UserError as error:
            notes.append(f"it does not merge itself: {error.message}" + (f" ({error.hint})" if error.hint else ""))
    if notes:
        try:
            forge.comment(pull, "not-done", "What the forge did not do:\n\n" + "\n".join(f"- {note}" for note in notes))
        except UserError as error:
            notes.append(error.message)
    return replace(landed, pull_request=pull, merged=pull.state == "merged", notes=tuple(notes))


def _as_people_left_it(pull: PullRequest, change: Change, forge: Forge) -> tuple[PullRequest, bool]:
    """Mark a draft as ready unless a person drafted it; return it, and whether auto-merge may be enabled."""
    if pull.draft and not change.draft and not forge.interventions(pull).drafted:
        pull = forge.ready(pull)
    return pull, change.arm and not pull.draft and not forge.interventions(pull).disarmed


def _is_all_ours(base: Base, commit: str) -> bool:
    """Did nobody else add to the branch? What a person added is theirs to merge."""
    return all(base.git.author(each) == AUTHOR for each in base.git.beyond(base.commit, commit))


def _refuse_what_a_person_ended(known: PullRequest, change: Change, base: Base) -> None:
    """UserError where a person said no: closed the pull request, or merged it and took that back."""
    if known.state == "closed":
        raise UserError(
            f"{known.url} was closed by a person, and is not opened again",
            hint="reopen it, if it should be merged after all",
            status=1,
        )
    if known.state == "merged" and _was_taken_back(known, base):
        raise UserError(
            f"{known.url} was merged, and taken back by a person since: that is not done again",
            hint="roll back by hand, in a pull request of your own",
            status=1,
        )


def _was_taken_back(merged: PullRequest, base: Base) -> bool:
    """Does the base hold what was merged, and still need it? A shallow clone does not see that far, but that the base
    did not move since it was read: what was merged was merged before that.
    """
    if base.git.holds(base.commit, merged.merge_sha or merged.head_sha):
        return True
    return base.git.is_shallow() and base.renewed().commit == base.commit


def _theirs(change: Change, base: Base) -> str:
    """Return the newest commit of a branch that another one, that does the same, pushed first.

    A person may have added to it. UserError where it is something else.
    """
    assert base.remote is not None
    git, there = base.git, base.remote.fetch(change.branch)
    ours = next((line for line in change.message.splitlines() if line.startswith(_KEYS)), None)
    for commit in git.beyond(base.commit, there)[:_MOST_COMMITS]:
        if git.author(commit) == AUTHOR and ours in git.message(commit).splitlines():
            return there
    raise UserError(
        f"the branch {change.branch} is on {base.remote.name} already, and holds something else ({there[:12]})",
        hint="look at it, and delete it if it is not needed",
        status=1,
    )
