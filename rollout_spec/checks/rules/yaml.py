"""A file is YAML that has one reading.

YAML gives the same bytes many readings: ``no`` is false, ``1.10`` is 1.1, ``12:30`` is 750, a key that is written twice
silently wins the second time, nine aliases become a gigabyte. Only the part that every reader reads alike is accepted:
no duplicate keys, anchors, aliases, merges, tags, directives or second documents, text keys, ``true`` and ``false`` as
the only booleans, UTF-8 without hidden characters, at most 64 levels and 1 MiB. Neither is what libyaml reads and
YAML 1.2 does not allow, or reads otherwise: ``{?a: b}``, ``[-]``, a ``#`` right behind a value, a value that goes on in
a line which is not indented, a text that the end of the file cuts off. Keys with a question mark are not read either.

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
    """Give the flaws of the text."""
    for flaw in subject.file.document.problems:
        bare_pause = subject.file.kind == PAUSE and flaw.message == EMPTY  # `touch` made it, and so it says nothing
        hint = PAUSE_HINT if bare_pause else flaw.hint
        yield Problem(flaw.path, flaw.message, hint, flaw.severity, span=flaw.span)
