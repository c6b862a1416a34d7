"""A comment that silences findings says which and why, and there is something for it to silence.

``# rollout-spec: ignore[NAME] reason`` on the line of a finding, or on the line above, silences it; several names are
parted by commas. Without a reason the finding stays. A comment that silences nothing hides the next finding of that
name, which nobody has looked at: take it out when what it was for is gone. Some rules cannot be silenced, since a
rollback depends on what they hold.

Fails::

    # components/tokenizer.yaml
    apiVersion: rollout-spec/v1
    kind: Component
    metadata: {name: tokenizer}
    spec:
      type: preprocessing
      # rollout-spec: ignore[manifests-current]
      serving: ["1.4.2"]    # it gives no reason, and there is nothing to silence

Passes::

    # components/tokenizer.yaml
    apiVersion: rollout-spec/v1
    kind: Component
    metadata: {name: tokenizer}
    spec:
      type: preprocessing
      serving: ["1.4.2"]
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from rollout_spec.checks.policies import policies_of
from rollout_spec.checks.rules.base import Subject
from rollout_spec.checks.suppressions import Suppression, suppressions
from rollout_spec.core.findings import Problem
from rollout_spec.core.text import did_you_mean
from rollout_spec.spec.kinds import KINDS as ALL
from rollout_spec.spec.kinds import PAUSE

KINDS = frozenset({*ALL, PAUSE})
NEEDS = ""
UNCONDITIONAL = False
_FORM = "write `# rollout-spec: ignore[NAME] reason`"


def check(subject: Subject) -> Iterator[Problem]:
    """Look at each comment by itself; ``unused`` looks at what it silenced."""
    found = suppressions(subject.file.document)
    known = {*subject.rules, *(each.name for each in policies_of(subject.repository))} if found else set()
    for each in found:
        yield from _problems(each, known.difference(subject.firm))


def _problems(comment: Suppression, known: Collection[str]) -> Iterator[Problem]:
    if not comment.names:
        yield _at(comment, "this comment silences nothing: it names no rule", _FORM)
    elif not comment.reason:
        yield _at(comment, "this comment silences nothing: it gives no reason", _FORM)
    for name in comment.names:
        if name not in known:
            words = f"this comment silences nothing: there is no rule or policy `{name}` that can be silenced"
            yield _at(comment, words, did_you_mean(name, known))


def unused(comment: Suppression, ran: Collection[str], used: Collection[str]) -> Iterator[Problem]:
    """Give what a comment names that ran and found nothing in its reach. ``used`` are the names that it silenced."""
    for name in comment.names if comment.reason else ():
        if name in ran and name not in used:
            yield _at(comment, f"this comment silences nothing: {name} finds nothing here", "take it out")


def _at(comment: Suppression, words: str, hint: str | None) -> Problem:
    return Problem((), words, hint, "warning", span=comment.span)
