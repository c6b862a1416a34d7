"""A pause file lies where rollbacks look for it, and has not expired.

A rollback reads ``.rollout-spec-pause`` before it starts, often at night. It looks in the workspace and at the root of
the git repository, and nowhere else. A pause that has expired stops nothing, and a person who relies on it should know.
A file of a similar name, such as ``.rollout-spec-pause.yaml``, stops nothing either.

Fails::

    # .rollout-spec-pause
    reason: the cluster is being moved, OPS-1181
    expires: 2026-10-31    # in the past

Passes::

    # .rollout-spec-pause
    reason: the cluster is being moved, OPS-1181
    expires: 2026-12-31
"""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import WHOLE_FILE, Problem
from rollout_spec.spec.kinds import PAUSE, PAUSE_FILE

KINDS = frozenset({PAUSE})
NEEDS = ""
UNCONDITIONAL = False


def misnamed(path: str) -> Problem:
    """Return the problem of a file that looks like a pause."""
    name = path.rpartition("/")[2]
    return Problem((), f"this file pauses nothing: its name is `{name}`", f"rename it to `{PAUSE_FILE}`")


def check(subject: Subject) -> Iterator[Problem]:
    """Check the folder of the pause, and its end."""
    folder = subject.file.path.rpartition("/")[0]
    if folder.strip("./"):
        message = "this file pauses nothing: no rollback looks for it in this folder"
        hint = "move it beside .rollout-spec.yaml, or to the root of the git repository"
        yield Problem((), message, hint, span=WHOLE_FILE)
    elif subject.now is not None and subject.model.ends <= subject.now:
        message = "this pause has expired and no longer stops rollbacks"
        yield Problem(("expires",), message, "remove it, or write a later time", "warning")
