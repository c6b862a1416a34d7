"""A repository in, findings out: each file is examined, and what they say together is put in order."""

from __future__ import annotations

import gc
import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import Protocol

from rollout_spec.checks.file_check import Context, Examined, Prove, examine, is_own, is_sound
from rollout_spec.checks.rules import BASED, RULES, UNUSED, no_links, unused
from rollout_spec.core.findings import Finding, Report, Severity, Silenced, Skipped
from rollout_spec.domain.incidents import misplaced_files
from rollout_spec.spec.kinds import FOLDERS, PAUSE_FILE, WORKSPACE_FILE
from rollout_spec.workspace.loader import is_mistaken_for_pause
from rollout_spec.workspace.repository import Repository

__all__ = ["Report", "Spread", "check", "is_sound"]

_WHY = {
    "base": "there is no base to compare with: --base REF names one",
    "whole": "it is about a whole workspace: run check without paths",
}
_LINKS = "no-links"
MANIFESTS, INCIDENTS = "manifests", "incidents"
_BATCH = 16
"""How many files are examined at a time: enough that handing them to a process costs nothing, few enough to share."""


class Spread(Protocol):
    """What ``map`` does: a function is applied to each of some items. It may be done by several processes."""

    def __call__(
        self, function: Callable[[Sequence[str]], list[Examined]], items: Sequence[Sequence[str]], /
    ) -> Iterable[list[Examined]]: ...


def check(
    repository: Repository,
    *,
    paths: Sequence[str] | None = None,
    whole: bool = False,
    without: Collection[str] = (),
    base: Repository | None = None,
    prefix: str = "",
    now: datetime | None = None,
    prove: Prove | None = None,
    spread: Spread = map,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Check files by their paths in the workspace, or all of it. ``whole``: by the rules about all of it, too;
    ``without`` are rules that are left out.

    ``base`` is the repository that the change is compared with. ``prefix`` is the workspace's folder in its git root,
    which findings' files begin with. Policies are asked where ``now`` is told: they say what a way forward must be, and
    never stand in a way back. ``prove`` rolls each rollout that is well back, where all is checked; ``spread`` may
    share the work among processes. ``progress`` is told how many files of how many are done.
    """
    todo = list(paths) if paths is not None else list(_files(repository, prefix))
    everything = paths is None
    severities = _severities(repository, base)
    proof, missing = prove if everything else None, frozenset(without)
    context = Context(repository, base, whole or everything, now, proof, severities, missing)
    batches = [todo[start : start + _BATCH] for start in range(0, len(todo), _BATCH)]
    examined: list[Examined] = []
    with _collector_held():
        for done in spread(lambda batch: [examine(path, context) for path in batch], batches):
            examined += done
            if progress:
                progress(len(examined), len(todo))
        examined += (examine(path, context) for path in (() if everything else _broken(todo, context)))
    findings = [finding for each in examined for finding in each.findings]
    findings += _unused(examined, context)
    findings += _links(todo, repository, whole=everything)
    if everything:
        findings += _strays(repository)
    silenced = dict.fromkeys(each for one in examined for each in one.silenced)
    return Report(
        tuple(sorted({_below(prefix, each) for each in findings})),
        tuple(_skipped(context)),
        tuple(sorted((replace(each, finding=_below(prefix, each.finding)) for each in silenced), key=_place_of)),
    )


def _place_of(silenced: Silenced) -> tuple[Finding, str]:
    return silenced.finding, silenced.reason


def _below(prefix: str, finding: Finding) -> Finding:
    return replace(finding, file=posixpath.normpath(f"{prefix}/{finding.file}")) if prefix else finding


@contextmanager
def _collector_held() -> Iterator[None]:
    """Hold the garbage collector: what a check reads it keeps, so that a search through it finds nothing to free."""
    held = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if held:
            gc.enable()


def _files(repository: Repository, prefix: str) -> Iterator[str]:
    """Give every document of a workspace, its own file first, and what pauses it: here, and at the git root."""
    yield WORKSPACE_FILE
    here = repository.tree.names("")
    yield from (name for name in here if name == PAUSE_FILE or is_mistaken_for_pause(name))
    up = "../" * len(PurePosixPath(prefix).parts)
    root = repository.tree.elsewhere(up) if prefix else None
    if prefix and (repository.file(up + PAUSE_FILE) is not None or repository.link(up + PAUSE_FILE) is not None):
        yield up + PAUSE_FILE
    yield from (up + name for name in (root.names("") if root is not None else ()) if is_mistaken_for_pause(name))
    for folder in FOLDERS:
        for name in repository.names(folder):
            yield f"{folder}/{name}.yaml"
    for reference in _own_packs(repository):
        if not is_own(reference):
            yield reference


def _own_packs(repository: Repository) -> Iterator[str]:
    """Give the paths of the packs of its own that a workspace names, as far as they are there."""
    settings = repository.settings
    for reference in settings.policies if settings else ():
        if ("/" in reference or reference.endswith(".yaml")) and repository.pack(reference):
            yield reference


def _broken(todo: Sequence[str], context: Context) -> Iterator[str]:
    """Give the files that decide about those under check and cannot: that they do not load is never a pass.

    They are the workspace, its packs, and the components that rollouts pin. A check of everything has them already.
    """
    repository = context.repository
    for path in dict.fromkeys(_deciding(todo, context)):
        file = repository.file(path) if path not in todo else None
        if file is not None and not is_sound(file, repository):
            yield path


def _deciding(todo: Sequence[str], context: Context) -> Iterator[str]:
    repository = context.repository
    if any(path.partition("/")[0] in ("rollouts", "components", "incidents") for path in todo):
        yield WORKSPACE_FILE
    rollouts = [repository.file(path) for path in todo if path.startswith("rollouts/")]
    if rollouts and context.now:
        yield from _own_packs(repository)
    for file in rollouts:
        if file and file.kind == "ModelRollout" and file.model:
            yield from (f"components/{name}.yaml" for name in file.model.spec.component_names)


def _unused(examined: Sequence[Examined], context: Context) -> Iterator[Finding]:
    """Point at comments that silenced nothing of what they name, where that had its say."""
    used: dict[tuple[str, int], set[str]] = {}
    for one in examined:
        for path, line, name in one.used:
            used.setdefault((path, line), set()).add(name)
    for one in examined:
        for comment in one.comments:
            for problem in unused(comment, one.ran, used.get((one.path, comment.span.line), ())):
                severity = context.severities.get(UNUSED, problem.severity)
                yield Finding.at(one.path, comment.span, UNUSED, problem, severity)


def _severities(repository: Repository, base: Repository | None) -> dict[str, Severity]:
    """Return the severities that the workspace gives, of some rules the one that it gives on the base."""
    settings, before = repository.settings, base.settings if base is not None else None
    own = {name: value for name, value in (settings.severity if settings else {}).items() if name not in BASED}
    return own | {name: value for name, value in (before.severity if before else {}).items() if name in BASED}


def _links(todo: Sequence[str], repository: Repository, *, whole: bool) -> Iterator[Finding]:
    """Point at the links that concern the files under check, or at all of the workspace."""
    links: list[str | None] = []
    if whole:
        links += (repository.link(path) for path in todo if not is_own(path))
        links += no_links.in_workspace(repository)
    else:
        links += (link for path in todo for link in no_links.concerning(path, repository))
    for problem in no_links.problems(links):
        yield Finding(problem.file or "", 1, 1, _LINKS, problem.message, hint=problem.hint)


def _strays(repository: Repository) -> Iterator[Finding]:
    """Point at files that look like documents and that nobody reads."""
    for folder in (*FOLDERS, MANIFESTS, "templates"):
        if repository.tree.read(folder) is not None:
            yield Finding(folder, 1, 1, "names-match", "this is a file, and a folder is expected", hint="remove it")
    for folder in FOLDERS:
        for name in repository.tree.names(folder):
            path = f"{folder}/{name}"
            stem, _, ending = name.rpartition(".")
            if ending != "yaml" and ending.lower() in ("yml", "yaml"):
                words, hint = f"nobody reads a file that ends in .{ending}", f"rename it to {stem}.yaml"
            elif folder == INCIDENTS and not name.endswith(".yaml"):
                continue  # looked through below
            elif not name.endswith(".yaml") and (inside := _documents(path, repository)):
                words, hint = f"nobody reads files in folders below {folder}/", f"move them to {folder}/"
                path = f"{path}/{inside[0]}"
            else:
                continue
            yield Finding(path, 1, 1, "names-match", words, hint=hint)
    for path in misplaced_files(repository):
        if not path.lower().endswith((".yml", ".yaml")) or "/" in path.removeprefix(f"{INCIDENTS}/"):
            words = f"nobody reads this as an incident: one is a file {INCIDENTS}/<name>.yaml"
            yield Finding(path, 1, 1, "names-match", words, hint="rename it, or move it there")


def _documents(folder: str, repository: Repository) -> list[str]:
    return [name for name in repository.tree.names(folder) if name.lower().endswith((".yaml", ".yml"))]


def _skipped(context: Context) -> Iterator[Skipped]:
    for name, rule in RULES.items():
        if (rule.NEEDS == "base" and context.base is None) or (rule.NEEDS == "whole" and not context.whole):
            yield Skipped(name, _WHY[rule.NEEDS])
