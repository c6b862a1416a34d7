"""What pull requests have in common on every forge: two branches, a state that git decides, and what people add."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fakes.statuses import Status, StatusHost

NOW = "2026-11-20T10:20:00Z"


@dataclass
class Comment:
    """A comment, by its id."""

    number: int
    author: str
    body: str


@dataclass(frozen=True)
class Event:
    """A change to a pull request: a title, arm, disarm, draft, ready, queue, dequeue or push, by an author.

    ``old`` and ``new`` are titles, or the commits of a head; ``forced`` says that a push replaced the branch.
    """

    kind: str
    author: str
    old: str = ""
    new: str = ""
    reason: str = ""
    forced: bool = False


@dataclass
class Pull:
    """A pull request. ``sha`` is where its head was when it ended; an open one follows its branch."""

    number: int
    title: str
    body: str
    head: str
    base: str
    author: str
    draft: bool = False
    state: str = "open"
    labels: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    teams: list[str] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    armed: str | None = None
    fork: bool = False
    sha: str = ""
    merge_sha: str | None = None
    merged_at: str | None = None
    closed_at: str | None = None
    events: list[Event] = field(default_factory=list)
    landed: tuple[str, ...] = ()
    """The commits that its merge brought onto the base."""


@dataclass(frozen=True)
class Guard:
    """What protects the branch that is live."""

    checks: tuple[str, ...] = ("rollouts",)
    up_to_date: bool = True
    approvals: int = 1
    signatures: bool = False
    queue: bool = False


class ForgeHost(StatusHost):
    """A host with pull requests, and the settings that decide what happens to them."""

    draft_prefix = ""
    """The beginning of the title of a draft, if drafts are told by it."""

    def __init__(self, remote: Path, name: str = "acme/models") -> None:
        super().__init__(remote, name)
        self.pulls: list[Pull] = []
        self.labels: list[str] = []
        self.people = ["ada", "grace", "release-bot"]
        self.teams = ["team-risk"]
        self.checks = "pending"
        """What the required checks say: pending, success, or none where there are none."""
        self.role = "write"
        """What the owner of the token may do: read, write or admin."""
        self.guard: Guard | None = None
        self.archived = False
        self.now = NOW
        self.pusher = "release-bot"
        """Who pushes to the branches of pull requests."""

    def branch(self, name: str) -> str:
        """Return the commit of a branch, empty where there is none."""
        return self.git("rev-parse", "--verify", "--quiet", f"refs/heads/{name}^{{commit}}")

    def head(self, pull: Pull) -> str:
        """Return the commit that a pull request is at; a push since the last look becomes an event."""
        if pull.state == "open":
            old, pull.sha = pull.sha, self.branch(pull.head) or pull.sha
            if old and old != pull.sha:
                forced = old not in self.git("rev-list", pull.sha).split()
                pull.events.append(Event("push", self.pusher, old, pull.sha, forced=forced))
        return pull.sha

    def timeline(self, pull: Pull) -> list[Event]:
        """Return the events of a pull request, oldest first."""
        self.head(pull)
        return pull.events

    # What people and the tool do.

    def retitle(self, pull: Pull, title: str, by: str) -> None:
        """Write another title."""
        self.head(pull)
        if title != pull.title:
            pull.events.append(Event("title", by, pull.title, title))
            pull.title = title

    def convert(self, pull: Pull, *, draft: bool, by: str = "ada") -> None:
        """Make a draft of a pull request, or mark it as ready."""
        if self.draft_prefix:
            self.retitle(pull, (self.draft_prefix if draft else "") + pull.title.removeprefix(self.draft_prefix), by)
            return
        self.head(pull)
        pull.draft = draft
        pull.events.append(Event("draft" if draft else "ready", by))

    def enable_auto_merge(self, pull: Pull, by: str = "ada") -> None:
        """Let it merge once its checks pass."""
        pull.armed = self.head(pull)
        pull.events.append(Event("arm", by))

    def disarm(self, pull: Pull, by: str = "ada", reason: str = "") -> None:
        """Cancel the auto-merge; with a reason, the forge itself does."""
        self.head(pull)
        pull.armed = None
        pull.events.append(Event("disarm", by, reason=reason))

    def end(self, pull: Pull) -> None:
        """Close a pull request without a merge."""
        self.head(pull)
        pull.state, pull.closed_at = "closed", self.now

    def ahead(self, base: str, head: str) -> int:
        """Count the commits that a branch has and another has not."""
        return int(self.git("rev-list", "--count", f"refs/heads/{base}..refs/heads/{head}") or 0)

    def duplicate(self, base: str, head: str) -> Pull | None:
        """Return the open pull request between two branches."""
        return next(
            (each for each in self.pulls if self.is_open(each) and (each.base, each.head) == (base, head)), None
        )

    @staticmethod
    def is_open(pull: Pull) -> bool:
        return pull.state == "open" and not pull.fork

    def open(self, head: str, base: str, title: str, body: str, user: str, *, draft: bool = False) -> Pull:
        pull = Pull(len(self.pulls) + 1, title, body, head, base, user, draft)
        self.pulls.append(pull)
        self.head(pull)
        return pull

    def pull(self, number: int | str) -> Pull | None:
        return next((each for each in self.pulls if each.number == int(number)), None)

    def merge(self, pull: Pull, *, squash: bool = False, rebase: bool = False, forward: bool = False) -> str:
        """Merge in the bare repository, and return the commit that the base is at then; ``forward`` makes none."""
        base, head = self.branch(pull.base), self.head(pull)
        tree = self.git("merge-tree", "--write-tree", base, head)
        parents = ["-p", base] if squash else ["-p", base, "-p", head]
        message = f"{pull.title} (#{pull.number})"
        merged = head
        if not forward:
            merged = self._rebased(base, head) if rebase else self.git("commit-tree", tree, *parents, "-m", message)
        self.git("update-ref", f"refs/heads/{pull.base}", merged, base)
        pull.state, pull.armed, pull.merge_sha, pull.merged_at = "merged", None, merged, self.now
        pull.landed = tuple(self.git("rev-list", f"{base}..{merged}").split())
        return merged

    def _rebased(self, base: str, head: str) -> str:
        """Write the commits of a branch anew on top of another; their ids are others then."""
        top = base
        for commit in self.git("rev-list", "--reverse", f"{base}..{head}").split():
            tree = self.git("merge-tree", "--write-tree", base, commit)
            top = self.git("commit-tree", tree, "-p", top, "-m", self.git("log", "-1", "--format=%B", commit))
        return top

    def has(self, commit: str) -> bool:
        """Is there a commit of that id?"""
        return bool(self.git("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"))

    def checks_pass(self) -> None:
        """Let the checks succeed: what is armed merges."""
        self.checks = "success"
        self.settle()

    def settle(self) -> None:
        """Merge what is armed and waits for nothing."""
        for each in self.pulls:
            if each.state == "open" and each.armed == self.head(each) and not self.is_pending(each):
                self.merge(each)

    # Statuses.

    def set_status(self, sha: str, context: str, state: str, author: str = "ci", description: str = "") -> Status:
        """Set a status of a commit: what is armed and needed no more than that merges."""
        status = Status(len(self.statuses) + 1, sha, context, state, author, description)
        self.statuses.append(status)
        self.settle()
        return status

    def is_pending(self, pull: Pull) -> bool:
        """Whether a merge has to wait for checks."""
        return bool(self.missing(self.head(pull))) if self.required else self.checks == "pending"

    def say(self, pull: Pull, author: str, body: str) -> Comment:
        comment = Comment(sum(len(each.comments) for each in self.pulls) + 1, author, body)
        pull.comments.append(comment)
        return comment

    def comment(self, number: int | str) -> tuple[Pull, Comment] | None:
        found = ((pull, each) for pull in self.pulls for each in pull.comments)
        return next(((pull, each) for pull, each in found if each.number == int(number)), None)
