"""What a rollback would have pushed is written to a folder: from any clone, stale or shallow, without a network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from rollout_spec.checks.regressions import new_findings
from rollout_spec.cli import terminal
from rollout_spec.cli.rollback_output import of_workspace, print_no_target, print_refusal
from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import UserError
from rollout_spec.core.units import format_time
from rollout_spec.rollback import NoAction, NoRollbackTarget, Undone, roll_back
from rollout_spec.rollback.offline_bundle import README, Emergency, prepare, readme
from rollout_spec.workflows import locate as location
from rollout_spec.workflows.decide import left_to_a_person
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.newest import bare_root, local_workspace
from rollout_spec.workspace.files import write
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import CommitTree


def emit(breaches: list[Breach], here: WorkspaceLocation, folder: Path, now: datetime) -> int:
    """Write the manifests and what to do with them; the worst status counts. No guard is asked: a person does it."""
    target = Path(os.path.normpath(here.start / folder))
    if here.git_root is not None and bare_root(target) is not None:
        raise UserError(f"{folder} would be in the bare repository {here.git_root}", hint="name a folder elsewhere: /…")
    if here.workspace in target.parents:
        location.refuse_link(here.workspace, target.relative_to(here.workspace).as_posix())
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(f"{folder} is there already, and not empty", hint="name a folder that is not there yet")
    repository, source = _newest_known(here)
    location.check_version(repository)
    mine, least = of_workspace(breaches, repository)
    first = {
        (each.rollout, each.version): each for each in sorted(mine, key=lambda each: each.observed_at, reverse=True)
    }
    ours = list(first.values())
    rollouts = [breach.rollout for breach in ours]
    twice = next((name for name in rollouts if rollouts.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"two versions of {twice} failed, and one folder holds one way back", hint="name ROLLOUT")
    prepared = [_prepared(breach, repository, here.prefix) for breach in ours]
    found = [emergency for emergency, _ in prepared if emergency is not None]
    if found:
        _write(found, target, readme(found, source, now))
        for each in found:
            print(f"{each.rollback.rollout} {each.rollback.failed} -> {each.rollback.restored}: {folder}")
        terminal.say(f"made from {source}; nothing was pushed or applied: {folder}/{README} says what to do")
    return max(least, *(status for _, status in prepared), 0)


def _prepared(breach: Breach, repository: Repository, prefix: str) -> tuple[Emergency | None, int]:
    decision = roll_back(repository, breach, Undone(reason="nobody looked"))
    if isinstance(decision, NoAction):
        terminal.say(decision.why)
        return None, 0
    if isinstance(decision, NoRollbackTarget):
        print_no_target(decision)
        return None, 1
    brought, _ = new_findings(repository, decision.edits, switched=decision.switched, prefix=prefix)
    if len(left_to_a_person(brought, decision)) < len(brought):
        print_refusal(decision, brought)
        return None, 1
    return prepare(decision, repository), 0


def _write(found: list[Emergency], target: Path, words: str) -> None:
    for each in found:
        for path, content in each.files.items():
            write(target, path, content)
    write(target, README, words.encode())


def _newest_known(here: WorkspaceLocation) -> tuple[Repository, str]:
    """Return the workspace as the base was when this clone last saw it, else as it lies here; and say which."""
    lies_here = local_workspace(here)
    settings = lies_here.settings
    if here.git_root is not None:
        from rollout_spec.integrations.git.repository import Git

        git = Git(here.git_root)
        for ref in _refs(settings.forge.remote, settings.forge.base) if settings and settings.forge else _refs():
            try:
                commit = git.commit(ref)
                repository = Repository(CommitTree(git, commit, here.prefix))
                if repository.workspace is not None and repository.workspace.model is not None:
                    return repository, f"{ref} as this clone knows it: {commit[:12]} of {format_time(git.date(commit))}"
            except UserError:
                continue  # there is no such branch here, or not all that it holds
    return lies_here, "the files on this disk"


def _refs(remote: str = "origin", base: str | None = None) -> Iterator[str]:
    """Give where the base may be found in a clone, the best first."""
    yield from (f"refs/remotes/{remote}/{base}", f"refs/heads/{base}") if base else (f"refs/remotes/{remote}/HEAD",)
    yield from (f"refs/remotes/{remote}/main", "refs/heads/main", "HEAD")
