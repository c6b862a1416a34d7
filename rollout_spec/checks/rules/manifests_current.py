"""The committed manifests are those that the specs render.

Argo CD or Flux applies the files in ``manifests/``, and Prometheus reads those in ``alerts/``. If they are out of date,
the spec says one thing and the cluster does another. With a base, only rollouts whose inputs changed are checked: a new
release of this tool then fails no unrelated pull request, and one commit of ``rollout-spec render`` is the upgrade.

The first line of a file says whether this tool rendered it. Such a file without a rollout or target is an error, and
``render`` removes it. Any other file there is a warning: it is applied with the manifests, and ``render`` ignores it.
``kustomization.yaml`` lists the Kubernetes objects of the folder. If somebody else wrote it, it stays, with a warning.

Fails::

    spec:
      live: {candidate: "42", stage: ab-50}    # the route in manifests/ still gives it 5%

Passes::

    spec:
      rollback: {window: 14d}    # not rendered
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
    """Compare a rollout's manifests with its rendered ones, or find manifests without a rollout."""
    if subject.file.kind == "Workspace":
        yield from _left_over(subject)
        return
    if subject.base is not None and not inputs_changed(subject.file, subject.repository, subject.base):
        return
    from rollout_spec.domain.targets import definitions as catalog
    from rollout_spec.render.drift import find_drift, unmanaged_files
    from rollout_spec.render.outputs import output_path
    from rollout_spec.render.renderer import RenderError

    try:
        drifts = find_drift(subject.file, subject.repository)
    except RenderError as error:
        yield Problem(("spec", "targets", error.target), f"this target cannot be rendered: {error.message}", error.hint)
        return
    hint = f"run `rollout-spec render {subject.file.stem}` and commit the result"
    for drift in drifts:
        if drift.committed is None and subject.repository.link(drift.path) is not None:
            continue  # no-links reports it
        if drift.committed is None:
            at = ("spec", "targets", drift.target or 0)
            yield Problem(at, f"{drift.path} is missing", hint)
        elif drift.wanted is None:
            message = f"{subject.file.path} does not render this file"
            yield Problem((), message, "remove it", file=drift.path, span=WHOLE_FILE)
        else:
            line = _first_difference(drift.committed, drift.wanted)
            message = f"this manifest of {subject.file.path} is out of date: it differs from line {line} on"
            yield Problem((), message, hint, file=drift.path, span=WHOLE_FILE)
    name = subject.file.stem
    tree = subject.repository.tree
    types = [target.type for target in subject.model.spec.targets]
    rendered = [output_path(target, catalog.find(target, tree), name) for target in types]
    yield from map(_foreign, unmanaged_files(name, subject.repository, rendered))


def _foreign(path: str) -> Problem:
    from rollout_spec.render import kustomization

    if path.rpartition("/")[2] in kustomization.NAMES:
        message = "this kustomization decides which manifests are applied, but rollout-spec did not render it"
        hint = "remove it and run `rollout-spec render`, unless this is intended"
        return Problem((), message, hint, "warning", file=path, span=WHOLE_FILE)
    message = "this file is applied with the manifests, but rollout-spec did not render it"
    hint = "move it to another folder, unless this is intended"
    return Problem((), message, hint, "warning", file=path, span=WHOLE_FILE)


def _left_over(subject: Subject) -> Iterator[Problem]:
    if subject.base is not None and subject.repository.names("rollouts") == subject.base.names("rollouts"):
        return

    from rollout_spec.render.drift import orphaned_folders, orphaned_manifests, unmanaged_files

    for manifest in orphaned_manifests(subject.repository):
        message = "this manifest has no rollout any more"
        yield Problem((), message, "remove it", file=manifest.path, span=WHOLE_FILE)
    for name in orphaned_folders(subject.repository):
        yield from map(_foreign, unmanaged_files(name, subject.repository))


def _first_difference(committed: bytes, wanted: bytes) -> int:
    """Return the first line in which two texts differ, from 1."""
    lines = zip(committed.split(b"\n"), wanted.split(b"\n"), strict=False)
    shorter = min(committed.count(b"\n"), wanted.count(b"\n")) + 1
    return next((number for number, (old, new) in enumerate(lines, 1) if old != new), shorter)
