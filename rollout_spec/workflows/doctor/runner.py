"""What the next check needs is found by the one before it; where that failed, as much is done as can be without it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.git.command import Plumbing
from rollout_spec.integrations.git.repository import Git
from rollout_spec.spec.workspace import Automation, ForgeSettings, Workspace, WorkspaceSpec
from rollout_spec.workflows.base_branch import Base, find_base, forge_of
from rollout_spec.workflows.doctor import clock, clone, protection, remote, token, workspace
from rollout_spec.workflows.doctor.result import DoctorResult, ended, failed, ok
from rollout_spec.workspace.repository import Repository

_LOCAL, _LOCAL_WORDS = "local", "a bare repository on this disk"
_FOR_PUSHING = {
    *("commit", "push", "forge", "token", "permissions"),
    *("protection", "required-checks", "up-to-date", "approvals", "signatures"),
}
"""What a rollback needs that is pushed; where none is, it is not needed yet."""


@dataclass(frozen=True)
class Scene:
    """Where it is looked around, and when.

    ``known`` gives the workspace as it lies here, ``newest`` the base as the remote has it, with the workspace there.
    ``prefix`` is the workspace's folder in the git root. ``tell`` is told what takes long.
    """

    git: Git
    prefix: str
    known: Callable[[], Repository]
    newest: Callable[[], tuple[Base, Workspace]]
    now: datetime
    tell: Callable[[str], None]


@dataclass(frozen=True)
class _Found:
    """The base, or what stands in for it: HEAD where the remote does not answer, whose commit is empty before any."""

    base: Base
    settings: WorkspaceSpec | None
    name: str = ""
    reached: bool = False


def examine(scene: Scene) -> Iterator[DoctorResult]:
    """Give all checks, one after another. Nothing is changed on the remote or the forge, and no ref and file here."""
    plumbing = Plumbing(scene.git.root)
    yield clone.git_version(plumbing)
    if unreadable := clone.unreadable(plumbing):
        yield unreadable
        return
    scene.tell("asking the remote")
    found, checks = _find(scene)
    yield from checks
    settings = found.settings
    told = {each.message for each in checks if each.verdict == "failed"}
    for check in _examined(scene, found):
        if check.verdict == "failed" and check.message in told:
            continue  # what keeps git from the remote keeps us from the forge
        if settings and settings.automation.mode == "dry-run" and check.name in _FOR_PUSHING:
            yield replace(check, verdict="warning") if check.verdict == "failed" else check
        else:
            yield check


def _find(scene: Scene) -> tuple[_Found, list[DoctorResult]]:
    """Find the base and the workspace there; where one of them is not to be had, say why."""
    try:
        base, there = scene.newest()
    except UserError as error:
        return _find_less(scene, error)
    checks = [remote.remote(base, there.spec.forge), workspace.workspace(base, there.metadata.name)]
    return _Found(base, there.spec, there.metadata.name, base.remote is not None), checks


def _find_less(scene: Scene, wrong: UserError) -> tuple[_Found, list[DoctorResult]]:
    """Find the base alone, whose workspace does not load; or HEAD, where the remote does not answer."""
    try:
        here = scene.known()
        settings, name = here.settings, here.workspace_name
    except UserError as error:
        return _Found(_as_it_lies_here(scene, None), None), [ended("workspace", error)]
    forge = settings.forge if settings else None
    try:
        base = find_base(scene.git, forge, scene.prefix)
    except UserError as error:
        return _Found(_as_it_lies_here(scene, forge), settings, name), [remote.unreached(error, forge)]
    checks = [remote.remote(base, forge), replace(ended("workspace", wrong), hint=wrong.hint or "`rollout-spec check`")]
    return _Found(base, settings, name, base.remote is not None), checks


def _as_it_lies_here(scene: Scene, forge: ForgeSettings | None) -> Base:
    try:
        commit = scene.git.commit("HEAD")
    except UserError:
        commit = ""
    return Base(scene.git, None, (forge.base if forge else None) or "main", commit, scene.prefix)


def _examined(scene: Scene, found: _Found) -> Iterator[DoctorResult]:
    """Give the checks of one thing after another; one that comes to no end is one that failed."""
    base, settings = found.base, found.settings
    automation = settings.automation if settings else Automation()
    if settings is not None:
        yield workspace.automation(automation)
    parts: list[tuple[str, Callable[[], Iterable[DoctorResult]]]] = [
        ("workspace-name", lambda: [workspace.name(base)] if found.name else []),
        ("pause", lambda: workspace.pause(base, scene.now)),
        ("clone", lambda: clone.clone(base, automation)),
        ("commit", lambda: [clone.commit(base)]),
        ("push", lambda: [remote.push(base, found.name)] if found.reached and found.name else []),
        ("forge", lambda: _forge(scene.now, base, settings, reached=found.reached) if settings else []),
        ("way-back", lambda: [workspace.way_back(base.repository)]),
    ]
    for name, part in parts if base.commit else [each for each in parts if each[0] == "forge"]:
        scene.tell(f"looking at: {name}")
        try:
            yield from part()
        except UserError as error:
            yield ended(name, error, answered=True)


def _forge(now: datetime, base: Base, settings: WorkspaceSpec, *, reached: bool) -> Iterator[DoctorResult]:
    """Ask the forge how its token stands, and judge what it says. One on this disk is the remote itself."""
    forge = settings.forge
    if forge is None:
        hint = "add `forge: {type: github, repository: OWNER/NAME}` to `spec` in .rollout-spec.yaml"
        yield failed("forge", "the workspace names no forge: no pull request can be opened", hint)
        return
    if forge.type == _LOCAL and not reached:
        return
    found = token.source(forge.type)
    if found is None and forge.type != _LOCAL:
        yield token.missing(forge.type)
        return
    try:
        standing = forge_of(base, forge).standing(base.branch)
    except UserError as error:
        code = getattr(error, "code", None)
        answered = code is not None and 400 <= code < 500 and code != 429
        check = ended("token" if code == 401 else "forge", error, answered=answered)
        away = f"does this machine reach {forge.base_url or forge.type}? A proxy is named by `HTTPS_PROXY`"
        yield replace(check, hint=away) if code == 0 else check
        return
    yield ok("forge", _LOCAL_WORDS if forge.type == _LOCAL else f"{standing.server or forge.type}, {forge.repository}")
    if found is not None:
        yield token.token(standing, found, now)
    yield from token.permissions(standing)
    signs = base.git.is_signing
    yield from protection.protection(standing, forge.type, base.branch, settings.automation, is_signing=signs)
    if forge.type == _LOCAL:
        yield clock.against_commit(base.git.date(base.commit), now, base.branch)
    else:
        yield clock.compared(standing.clock, standing.asked_at, forge.type)
