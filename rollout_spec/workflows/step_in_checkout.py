"""A lifecycle step in a checkout.

It is prepared, then written to the working tree or committed if nothing changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from rollout_spec.core.errors import ChangedError, UserError
from rollout_spec.core.paths import under
from rollout_spec.core.yaml.reader import MAX_BYTES
from rollout_spec.lifecycle import HoldStatus, Request
from rollout_spec.lifecycle.pull_request import StepText, message
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.sparse_checkout import check_complete
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.watched import Watched

if TYPE_CHECKING:
    from rollout_spec.domain.judgement.report import GateReport
    from rollout_spec.workflows.base_branch import Base
    from rollout_spec.workflows.checkout import Checkout
    from rollout_spec.workflows.step import PreparedStep
    from rollout_spec.workspace.files import Expected

T = TypeVar("T")


class WriteOptions(Protocol):
    """The part of an edit's options that says where it is written."""

    @property
    def is_commit(self) -> bool:
        """Whether the edit is committed."""

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing is written."""


@dataclass(frozen=True)
class StepOptions:
    """The way to write a step.

    ``forced`` is the reason for skipping a hold. ``gate`` is the verdict of the gate on a gated step, which may get
    ``auto_merge``.
    """

    now: datetime
    forced: str | None = None
    is_commit: bool = False
    is_dry_run: bool = False
    gate: GateReport | None = None
    auto_merge: bool = False

    def text(self, held: HoldStatus | None) -> StepText:
        """Return the inputs for the texts of the step."""
        if self.gate is None:
            return StepText(held, self.forced)
        from rollout_spec.reports.gate_markdown import gate_markdown, gate_message

        return StepText(held, self.forced, tuple(gate_message(self.gate)), gate_markdown(self.gate))


@dataclass(frozen=True)
class StepInCheckout:
    """A prepared step, its message, and the files before it. ``commit`` is None if nothing was committed."""

    prepared: PreparedStep
    message: str
    before: Mapping[str, bytes | None]
    commit: str | None = None


def step_in_checkout(
    request: Request, here: WorkspaceLocation, options: StepOptions, tell: Callable[[str], None]
) -> StepInCheckout:
    """Prepare a step on the checkout and write it, unless it is refused or this is a dry run."""
    return in_checkout(here, options, lambda checkout: _prepare_and_write(request, here, options, tell, checkout), tell)


def in_checkout(
    here: WorkspaceLocation,
    options: WriteOptions,
    attempt: Callable[[Checkout | None], T],
    tell: Callable[[str], None],
) -> T:
    """Return the result of an edit of the checkout, tried again if a file changes meanwhile.

    ``attempt`` gets the locked checkout, None in a dry run.
    """
    from rollout_spec.workflows.checkout import open_checkout, retry_if_changed

    if options.is_commit:
        git_root(here, "--commit")
    if options.is_dry_run:
        return attempt(None)

    def locked() -> T:
        with open_checkout(here.workspace, here.git_root, tell) as checkout:
            return attempt(checkout)

    return retry_if_changed(locked)


def _prepare_and_write(
    request: Request,
    here: WorkspaceLocation,
    options: StepOptions,
    tell: Callable[[str], None],
    checkout: Checkout | None,
) -> StepInCheckout:
    from rollout_spec.workflows.merge_times import merge_times
    from rollout_spec.workflows.step import decide

    tree, forced = Watched(here.repository().tree), options.forced
    repository = Repository(tree)
    check_complete(here, repository)
    base, settings = checked_out(here), repository.settings
    merged_at = merge_times(base, settings.forge, tell) if base is not None and settings is not None else None
    prepared = decide(
        request, repository, base, now=options.now, prefix=here.prefix, forced=forced, merged_at=merged_at
    )
    edits, text = prepared.result.edits, message(prepared.result, options.text(prepared.held))
    done = StepInCheckout(prepared, text, {path: tree.read(path) for path in edits})
    if prepared.is_refused:
        return done
    writer = StepWriter(here, tree, edits, base.commit if base is not None else None)
    if options.is_commit:
        return replace(done, commit=writer.commit(text, checkout))
    if checkout is not None:
        writer.apply(checkout)
    return done


def checked_out(here: WorkspaceLocation) -> Base | None:
    """Return the current commit of the checkout, None if there is none yet."""
    if here.git_root is None:
        return None
    from rollout_spec.integrations.git.repository import Git
    from rollout_spec.workflows.base_branch import Base

    git = Git(here.git_root)
    try:
        commit = git.commit("HEAD")
    except UserError:  # nothing is committed yet
        return None
    return Base(git, None, "HEAD", commit, here.prefix)


@dataclass(frozen=True)
class StepWriter:
    """Edits to write, and their sources: a tree and the current commit."""

    here: WorkspaceLocation
    tree: Watched
    edits: Mapping[str, bytes | None]
    head: str | None

    def apply(self, checkout: Checkout) -> None:
        """Write the files. ChangedError if a source changed since it was read."""
        self.tree.check_unchanged()
        in_git = checkout.root == self.here.git_root
        start = self.here.prefix if in_git else ""
        checkout.apply(_below(start, self.edits), self._before(start), self.head if in_git else None)

    def commit(self, message: str, checkout: Checkout | None) -> str | None:
        """Write the files and commit them. ChangedError if a source changed since it was read."""
        from rollout_spec.integrations.git.commit import Committing
        from rollout_spec.workflows.checkout import CheckedOutCommit

        root, start = git_root(self.here, "--commit"), self.here.prefix
        git = checkout.git() if checkout is not None else Committing(root)
        head = git.head()
        if head.commit != self.head:
            raise ChangedError("HEAD")
        edits = _below(start, self.edits)
        left_out = git.check(head, list(edits))
        if checkout is None:
            return None
        self.tree.check_unchanged()
        return checkout.commit(edits, self._before(start), CheckedOutCommit(head, message, frozenset(left_out)))

    def _before(self, start: str) -> dict[str, Expected]:
        """Return the expected content of each file. A file beyond the size limit may have any content."""
        contents = {path: self.tree.read(path) for path in self.edits}
        return {
            path: ... if content is not None and len(content) > MAX_BYTES else content
            for path, content in _below(start, contents).items()
        }


def _below(folder: str, files: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
    """Return files by their paths from the git root. ``folder`` is the workspace's prefix."""
    return {under(folder, path): content for path, content in files.items()}


def git_root(here: WorkspaceLocation, option: str) -> Path:
    """Return the git root of a workspace for an option. UserError if there is none."""
    if here.git_root is None:
        raise UserError(f"{option} needs git, but this workspace is not in a git repository", hint="run `git init`")
    return here.git_root
