"""The order of all checks. A failed check leaves out only those that need its result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.git.command import Plumbing
from rollout_spec.integrations.git.repository import Git
from rollout_spec.spec.workspace import Automation, ForgeSettings, Workspace, WorkspaceSpec
from rollout_spec.workflows.base_branch import Base, find_base, forge_of
from rollout_spec.workflows.doctor import attest, clock, clone, protection, remote, service, token, workspace
from rollout_spec.workflows.doctor.extras import extras
from rollout_spec.workflows.doctor.prometheus import prometheus
from rollout_spec.workflows.doctor.registry import registry
from rollout_spec.workflows.doctor.result import DoctorResult, ended, failed, ok
from rollout_spec.workspace.repository import Repository

_LOCAL, _LOCAL_NAME = "local", "a bare repository on this disk"
_FOR_PUSHING = {
    *("commit", "push", "extras", "forge", "token", "permissions"),
    *("protection", "required-checks", "up-to-date", "approvals", "signatures"),
}
"""Checks of a pushed rollback. In the mode dry-run their failures are warnings."""


@dataclass(frozen=True)
class Scene:
    """The clone to check, and the time.

    ``known`` returns the local workspace, ``newest`` the base of the remote with its workspace. ``prefix`` is the
    workspace's folder in the git root. ``tell`` is called with a description of each long step.
    """

    git: Git
    prefix: str
    known: Callable[[], Repository]
    newest: Callable[[], tuple[Base, Workspace]]
    now: datetime
    tell: Callable[[str], None]


@dataclass(frozen=True)
class _Subject:
    """The base, or HEAD if the remote does not answer. The commit is empty if there is none yet."""

    base: Base
    settings: WorkspaceSpec | None
    name: str = ""
    reached: bool = False


def examine(scene: Scene) -> Iterator[DoctorResult]:
    """Yield the results of all checks.

    Nothing changes on the remote or the forge, and no ref or file here.
    """
    plumbing = Plumbing(scene.git.root)
    yield clone.git_version(plumbing)
    if unreadable := clone.unreadable(plumbing):
        yield unreadable
        return
    scene.tell("asking the remote")
    subject, checks = _find(scene)
    yield from checks
    settings = subject.settings
    reported = {each.message for each in checks if each.verdict == "failed"}
    for check in _examined(scene, subject):
        if check.verdict == "failed" and check.message in reported:
            continue  # the same error was reported for git
        if settings and settings.automation.mode == "dry-run" and check.name in _FOR_PUSHING:
            yield replace(check, verdict="warning") if check.verdict == "failed" else check
        else:
            yield check


def _find(scene: Scene) -> tuple[_Subject, list[DoctorResult]]:
    """Return the base and its workspace, with the checks of both."""
    try:
        base, remote_workspace = scene.newest()
    except UserError as error:
        return _find_without_workspace(scene, error)
    checks = [
        remote.remote(base, remote_workspace.spec.forge),
        workspace.workspace(base, remote_workspace.metadata.name),
    ]
    return _Subject(base, remote_workspace.spec, remote_workspace.metadata.name, base.remote is not None), checks


def _find_without_workspace(scene: Scene, wrong: UserError) -> tuple[_Subject, list[DoctorResult]]:
    """Return the base if its workspace does not load, or HEAD if the remote does not answer."""
    try:
        here = scene.known()
        settings, name = here.settings, here.workspace_name
    except UserError as error:
        return _Subject(_local_base(scene, None), None), [ended("workspace", error)]
    forge = settings.forge if settings else None
    try:
        base = find_base(scene.git, forge, scene.prefix)
    except UserError as error:
        return _Subject(_local_base(scene, forge), settings, name), [remote.unreached(error, forge)]
    checks = [remote.remote(base, forge), replace(ended("workspace", wrong), hint=wrong.hint or "`rollout-spec check`")]
    return _Subject(base, settings, name, base.remote is not None), checks


def _local_base(scene: Scene, forge: ForgeSettings | None) -> Base:
    try:
        commit = scene.git.commit("HEAD")
    except UserError:
        commit = ""
    return Base(scene.git, None, (forge.base if forge else None) or "main", commit, scene.prefix)


def _examined(scene: Scene, subject: _Subject) -> Iterator[DoctorResult]:
    """Yield the results of the checks in order. An error is a failed check."""
    base, settings = subject.base, subject.settings
    automation = settings.automation if settings else Automation()
    if settings is not None:
        yield workspace.automation(automation)
    parts: list[tuple[str, Callable[[], Iterable[DoctorResult]]]] = [
        ("workspace-name", lambda: [workspace.name(base)] if subject.name else []),
        ("pause", lambda: workspace.pause(base, scene.now)),
        ("clone", lambda: clone.clone(base, automation)),
        ("commit", lambda: [clone.commit(base)]),
        ("push", lambda: [remote.push(base, subject.name)] if subject.reached and subject.name else []),
        ("extras", lambda: extras(settings) if settings else []),
        ("forge", lambda: _forge(scene.now, base, settings, reached=subject.reached) if settings else []),
        ("service", lambda: service.service(settings.service) if settings else []),
        ("prometheus", lambda: prometheus(settings.prometheus, base.repository, scene.now) if settings else []),
        (
            "registry",
            lambda: registry(settings.registry, base.repository, base.git.root / base.prefix) if settings else [],
        ),
        ("way-back", lambda: [workspace.way_back(base.repository)]),
    ]
    for name, part in parts if base.commit else [each for each in parts if each[0] in ("extras", "forge")]:
        scene.tell(f"checking {name}")
        try:
            yield from part()
        except UserError as error:
            yield ended(name, error, answered=True)


def _forge(now: datetime, base: Base, settings: WorkspaceSpec, *, reached: bool) -> Iterator[DoctorResult]:
    """Check the forge, its token and the base's protection. A local forge is the remote itself."""
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
        away = f"check the connection to {forge.base_url or forge.type}; set `HTTPS_PROXY` for a proxy"
        yield replace(check, hint=away) if code == 0 else check
        return
    yield ok("forge", _LOCAL_NAME if forge.type == _LOCAL else f"{standing.server or forge.type}, {forge.repository}")
    if found is not None:
        yield token.token(standing, found, now)
    yield from token.permissions(standing)
    signs = base.git.is_signing
    yield from protection.protection(standing, forge.type, base.branch, settings.automation, is_signing=signs)
    yield from attest.attest(standing, forge.type, base.branch, settings.automation)
    if forge.type == _LOCAL:
        yield clock.against_commit(base.git.date(base.commit), now, base.branch)
    else:
        yield clock.compared(standing.clock, standing.asked_at, forge.type)
