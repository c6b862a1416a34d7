"""The committed manifests are what the specs render.

Argo CD or Flux applies what stands in ``manifests/``, so a spec whose manifests are stale says one thing and does
another. With a base, only rollouts whose inputs changed are looked at: a new release of this tool makes nobody else's
pull request red, and ``rollout-spec render`` alone is its upgrade commit.

A file that this tool rendered says so in its first line. One that belongs to no rollout or target any more is an
error, and ``render`` removes it. Any other file there is a warning: it is applied with the manifests, and ``render``
leaves it as it is.

Fails::

    spec:
      live: {candidate: "42", stage: ab-50}    # and the route in manifests/ still gives it 5%

Passes::

    spec:
      rollback: {window: 14d}    # nothing that is rendered
"""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import WHOLE_FILE, Problem
from rollout_spec.render.inputs import inputs_changed

KINDS = frozenset({"ModelRollout", "Workspace"})
NEEDS = "whole"
UNCONDITIONAL = False


def check(subject: Subject) -> Iterator[Problem]:
    """Render a rollout, and compare; for the workspace, look for manifests that nothing renders."""
    if subject.file.kind == "Workspace":
        yield from _left_over(subject)
        return
    if subject.base is not None and not inputs_changed(subject.file, subject.repository, subject.base):
        return
    from rollout_spec.render.drift import find_drift, unmanaged_files
    from rollout_spec.render.renderer import MANIFESTS, RenderError

    try:
        found = find_drift(subject.file, subject.repository)
    except RenderError as error:
        yield Problem(("spec", "targets", error.target), f"this cannot be rendered: {error.message}", error.hint)
        return
    hint = f"run `rollout-spec render {subject.file.stem}` and commit what it writes"
    for each in found:
        if each.committed is None and subject.repository.link(each.path) is not None:
            continue  # no-links says so
        if each.committed is None:
            at = ("spec", "targets", each.target or 0)
            yield Problem(at, f"{each.path} is missing", hint)
        elif each.wanted is None:
            yield Problem(
                (), f"nothing in {subject.file.path} renders this", "remove it", file=each.path, span=WHOLE_FILE
            )
        else:
            line = _differs(each.committed, each.wanted)
            words = f"this is not what {subject.file.path} renders: it differs from line {line} on"
            yield Problem((), words, hint, file=each.path, span=WHOLE_FILE)
    name = subject.file.stem
    rendered = [f"{MANIFESTS}/{name}/{target.type}.yaml" for target in subject.model.spec.targets]
    yield from map(_foreign, unmanaged_files(name, subject.repository, rendered))


def _foreign(path: str) -> Problem:
    words = "this was not rendered by rollout-spec, and is applied with the manifests"
    return Problem((), words, "move it to another folder, unless that is meant", "warning", file=path, span=WHOLE_FILE)


def _left_over(subject: Subject) -> Iterator[Problem]:
    if subject.base is not None and subject.repository.names("rollouts") == subject.base.names("rollouts"):
        return
    from rollout_spec.render.drift import orphaned_folders, orphaned_manifests, unmanaged_files

    for each in orphaned_manifests(subject.repository):
        yield Problem((), "its rollout is gone, so nothing renders this", "remove it", file=each.path, span=WHOLE_FILE)
    for name in orphaned_folders(subject.repository):
        yield from map(_foreign, unmanaged_files(name, subject.repository))


def _differs(committed: bytes, wanted: bytes) -> int:
    """Return the first line in which two texts differ, from 1."""
    lines = zip(committed.split(b"\n"), wanted.split(b"\n"), strict=False)
    shorter = min(committed.count(b"\n"), wanted.count(b"\n")) + 1
    return next((number for number, (old, new) in enumerate(lines, 1) if old != new), shorter)
