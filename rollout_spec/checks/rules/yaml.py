"""A file is YAML that every reader reads alike.

YAML readers disagree: ``no`` may be false, ``1.10`` may be 1.1, and ``12:30`` may be 750. The second of two equal keys
wins silently, and nine aliases can expand to a gigabyte. So only the part that all readers agree on is accepted: no
duplicate keys, anchors, aliases, merges, tags, directives or second documents; only texts as keys; ``true`` and
``false`` as the only booleans; UTF-8 without hidden characters; at most 64 levels and 1 MiB. Text that libyaml reads
but YAML 1.2 forbids or reads differently is refused too: ``{?a: b}``, ``[-]``, a ``#`` directly behind a value, a value
that continues on a line without indentation, a text that the end of the file cuts off. Keys with a question mark are
refused as well.

Source: https://yaml.org/spec/1.2.2/ and the differences between its readers.

Fails::

    spec:
      rollback: {merge: auto, merge: review}    # the same key twice

Passes::

    spec:
      rollback: {merge: review}
"""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import Problem
from rollout_spec.core.yaml.reader import EMPTY
from rollout_spec.spec.kinds import KINDS as ALL_KINDS
from rollout_spec.spec.kinds import PAUSE, PAUSE_HINT

KINDS = frozenset({*ALL_KINDS, PAUSE})
NEEDS = ""
UNCONDITIONAL = True


def check(subject: Subject) -> Iterator[Problem]:
    """Yield the problems of the text."""
    for problem in subject.file.document.problems:
        is_empty_pause = subject.file.kind == PAUSE and problem.message == EMPTY  # made with `touch`
        hint = PAUSE_HINT if is_empty_pause else problem.hint
        yield Problem(problem.path, problem.message, hint, problem.severity, span=problem.span)
