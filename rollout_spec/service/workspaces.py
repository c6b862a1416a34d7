"""The workspaces of a repository on its base, with the newest settings of each that load."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.paths import under
from rollout_spec.core.unexpected import as_user_error
from rollout_spec.integrations.git.command import Plumbing
from rollout_spec.integrations.git.mirror import workspaces as workspace_folders
from rollout_spec.integrations.git.repository import Git
from rollout_spec.spec.kinds import WORKSPACE_FILE
from rollout_spec.spec.service import MonitorSettings
from rollout_spec.spec.workspace import Workspace
from rollout_spec.workflows.base_branch import Base, find_base
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.mirror import mirror
from rollout_spec.workflows.newest import bare_root, fetch_base, find_anywhere
from rollout_spec.workspace.commit_tree import CommitTree
from rollout_spec.workspace.repository import Repository

_MOST_COMMITS = 200
"""How far back the last settings that load are looked for."""


@dataclass(frozen=True)
class ServedWorkspace:
    """A workspace that the service answers for.

    ``settings`` are from ``commit``, the newest one at which they load. ``error`` is the reason if that is not the
    newest commit of the base; ``is_unreachable``: the remote did not answer.
    """

    name: str
    location: WorkspaceLocation
    settings: Workspace
    commit: str
    error: str | None = None
    is_unreachable: bool = False


@dataclass(frozen=True)
class Served:
    """All workspaces of a repository.

    ``errors`` are about git itself, ``invalid`` about workspaces that are not served: none of their settings load.
    ``owners`` are the folders of the workspaces that had a name first.
    """

    workspaces: Mapping[str, ServedWorkspace] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()
    owners: Mapping[str, str] = field(default_factory=dict)

    def find(self, name: str) -> ServedWorkspace | None:
        """Return the workspace of a name, None if there is none.

        If it was renamed, it is the one in its folder.
        """
        if name in self.workspaces or name not in self.owners:
            return self.workspaces.get(name)
        folder = self.owners[name]
        return next((each for each in self.workspaces.values() if each.location.prefix == folder), None)

    def by_monitor(self, monitor: str) -> list[ServedWorkspace]:
        """Return the workspaces that name a monitor."""
        return [each for each in self.workspaces.values() if monitor in monitors_of(each)]


def monitors_of(workspace: ServedWorkspace) -> Mapping[str, object]:
    """Return the monitors of a workspace by name."""
    service = workspace.settings.spec.service
    return service.monitors if service else {}


def reconciles(workspace: ServedWorkspace) -> bool:
    """Return whether the rollouts in flight of a workspace are judged."""
    service = workspace.settings.spec.service
    return service is not None and service.reconcile is not None


def settings_of(workspace: ServedWorkspace, monitor: str) -> MonitorSettings:
    """Return the settings of a monitor that a workspace names."""
    service = workspace.settings.spec.service
    assert service is not None
    return service.monitors[monitor]


def serve_again(root: Path, before: Served) -> Served:
    """Fetch the base of each workspace, and return the workspaces with their newest settings that load.

    A workspace keeps its last good settings if the new ones do not load or the remote does not answer. It is left out
    if it was removed from the base, unless it is the only one. A mirror is brought up to date.
    """
    kept = {each.location.prefix: each for each in before.workspaces.values()}
    found: list[ServedWorkspace] = []
    removed: dict[str, ServedWorkspace] = {}
    errors, invalid = list[str](), list[str]()
    try:
        _update_mirror(root)
    except Exception as error:
        errors.append(as_user_error(error).message)
    try:
        prefixes = _prefixes(root, "HEAD", *{each.commit for each in kept.values()})
    except Exception as error:
        return replace(before, errors=(*errors, as_user_error(error).message))
    for prefix in prefixes:
        location = WorkspaceLocation(root, root / prefix, root, prefix)
        try:
            each = _newest(location, kept.get(prefix))
        except Exception as error:
            invalid.append(f"{prefix or '.'}: {as_user_error(error).message}")
            continue
        if each.error and not each.is_unreachable and _is_removed(each):
            removed[each.name] = each
            continue
        found.append(each)
    served, others = _by_name(found, before.owners)
    for each in others:
        folder = each.location.prefix or "."
        invalid.append(f"{folder}: another workspace of this repository has the name {each.name} too")
    owners = {**before.owners, **{name: each.location.prefix for name, each in served.items()}}
    return Served(served or removed, tuple(dict.fromkeys(errors)), tuple(invalid), owners)


def _by_name(
    found: Iterable[ServedWorkspace], owners: Mapping[str, str]
) -> tuple[dict[str, ServedWorkspace], list[ServedWorkspace]]:
    """Return workspaces by name, and those whose name another one has.

    The folder that had the name first keeps it: a merge to another folder must not take its breaches.
    """
    served, others = dict[str, ServedWorkspace](), list[ServedWorkspace]()
    for each in sorted(found, key=lambda each: owners.get(each.name) != each.location.prefix):
        if each.name in served:
            others.append(each)
        else:
            served[each.name] = each
    return served, others


def _is_removed(workspace: ServedWorkspace) -> bool:
    """Return whether the base has no file of a workspace any more. False if the base cannot be read."""
    root, prefix = workspace.location.git_root, workspace.location.prefix
    assert root is not None
    try:
        base = find_base(Git(root), workspace.settings.spec.forge, prefix)
        return base.repository.workspace is None and base.repository.link(WORKSPACE_FILE) is None
    except Exception:
        return False


def serve_locally(root: Path) -> Served:
    """Return the workspaces with the newest settings in the local history, without a fetch."""
    served: dict[str, ServedWorkspace] = {}
    try:
        for prefix in _prefixes(root, "HEAD"):
            last = _last_good(WorkspaceLocation(root, root / prefix, root, prefix))
            if last is not None and last.name not in served:
                served[last.name] = replace(last, error="the remote does not answer", is_unreachable=True)
    except Exception as error:
        return Served(served, (as_user_error(error).message,))
    return Served(served)


def _update_mirror(root: Path) -> None:
    """Bring a mirror up to date, with the contents that a rollback reads.

    The first workspace that loads names its remote.
    """
    if bare_root(root) is None:
        return
    for prefix in _prefixes(root, "HEAD"):
        try:
            mirror(find_anywhere(root / prefix), None, lambda _: None)
            return
        except UserError as error:
            if error.status == OUTSIDE:
                raise


def _prefixes(root: Path, *refs: str) -> tuple[str, ...]:
    """Return the folders of workspaces at some commits of a repository, from its root."""
    plumbing, git = Plumbing(root), Git(root)
    found = [workspace_folders(plumbing, git.commit(ref), WORKSPACE_FILE) for ref in refs]
    prefixes = tuple(dict.fromkeys(prefix for each in found for prefix in each))
    if not prefixes:
        raise UserError(f"no {WORKSPACE_FILE} in {root} at HEAD", hint="create one with `rollout-spec init`")
    return prefixes


def _newest(location: WorkspaceLocation, before: ServedWorkspace | None) -> ServedWorkspace:
    try:
        assert location.git_root is not None
        base, workspace = fetch_base(location, location.git_root)
    except Exception as error:
        reason = as_user_error(error)
        last = before or _last_good(location)
        if last is None:
            raise
        return replace(last, error=reason.message, is_unreachable=reason.status == OUTSIDE)
    return ServedWorkspace(workspace.metadata.name, location, workspace, base.commit)


def _last_good(location: WorkspaceLocation) -> ServedWorkspace | None:
    """Return the newest settings that load in the local history, None if there are none."""
    assert location.git_root is not None
    git = Git(location.git_root)
    newest = git.commit("HEAD")
    path = under(location.prefix, WORKSPACE_FILE)
    for count, commit in enumerate(git.history(newest, path)):
        if count == _MOST_COMMITS:
            break
        file = Repository(CommitTree(git, commit.sha, location.prefix)).workspace
        if file is not None and file.model is not None:
            return ServedWorkspace(file.model.metadata.name, location, file.model, commit.sha)
    return None


def base_of(workspace: ServedWorkspace) -> tuple[Base, Workspace]:
    """Fetch the base of a workspace. UserError if its settings do not load or it was renamed."""
    assert workspace.location.git_root is not None
    base, settings = fetch_base(workspace.location, workspace.location.git_root)
    if settings.metadata.name != workspace.name:
        raise UserError(f"the workspace {workspace.name} has the name {settings.metadata.name} on {base.branch} now")
    return base, settings
