"""A pause stops rollbacks: it lies where they look for it, and has not expired.

``.rollout-spec-pause`` is read at night, by the rollback that it should stop. It is looked for in the workspace and at
the root of the git repository, and nowhere else; one that has expired pauses nothing any more, and whoever counts on it
should know. A file with a name that is nearly this one, such as ``.rollout-spec-pause.yaml``, pauses nothing either.

Fails::

    # .rollout-spec-pause
    reason: the cluster is being moved, OPS-1181
    expires: 2026-10-31    # that is over

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
    """Point at a file that somebody may take for a pause."""
    name = path.rpartition("/")[2]
    return Problem((), f"this pauses nothing: its name is `{name}`", f"rename it to `{PAUSE_FILE}`", span=WHOLE_FILE)


def check(subject: Subject) -> Iterator[Problem]:
    """Look at where it lies, and until when it holds."""
    folder = subject.file.path.rpartition("/")[0]
    if folder.strip("./"):
        words = "this pauses nothing: no rollback looks for it here"
        hint = "put it beside .rollout-spec.yaml, or at the root of the git repository"
        yield Problem((), words, hint, span=WHOLE_FILE)
    elif subject.now is not None and subject.model.ends <= subject.now:
        words = "this pause has expired, and pauses nothing any more"
        yield Problem(("expires",), words, "remove it, or write when it is to end now", "warning")
