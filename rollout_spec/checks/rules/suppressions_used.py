"""A comment that silences findings names them, gives a reason, and is needed.

``# rollout-spec: ignore[NAME] reason`` on the line of a finding, or on the line above, silences it; commas separate
several names. Without a reason the finding stays. A comment that silences nothing would hide the next finding of that
name unseen, so remove it when its finding is gone. Rules that a rollback depends on cannot be silenced.

Fails::

    # components/tokenizer.yaml
    apiVersion: rollout-spec/v1
    kind: Component
    metadata: {name: tokenizer}
    spec:
      type: preprocessing
      # rollout-spec: ignore[manifests-current]
      serving: ["1.4.2"]    # no reason, and nothing to silence

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
    """Check the names and the reason of each comment; ``unused`` checks that it silenced a finding."""
    comments = suppressions(subject.file.document)
    known = {*subject.configurable, *(policy.name for policy in policies_of(subject.repository))} if comments else set()
    for comment in comments:
        yield from _problems(comment, known.difference(subject.base_severity))


def _problems(comment: Suppression, known: Collection[str]) -> Iterator[Problem]:
    if not comment.names:
        yield _at(comment, "this comment silences nothing: it names no rule", _FORM)
    elif not comment.reason:
        yield _at(comment, "this comment silences nothing: it gives no reason", _FORM)
    for name in comment.names:
        if name not in known:
            message = f"this comment silences nothing: `{name}` is not a rule or policy that can be silenced"
            yield _at(comment, message, did_you_mean(name, known))


def unused(comment: Suppression, ran: Collection[str], used: Collection[str]) -> Iterator[Problem]:
    """Yield a problem for each name in a comment that ran and was not silenced.

    ``used`` are the silenced names.
    """
    for name in comment.names if comment.reason else ():
        if name in ran and name not in used:
            yield _at(comment, f"this comment silences nothing: {name} has no finding here", "remove it")


def _at(comment: Suppression, message: str, hint: str | None) -> Problem:
    return Problem((), message, hint, "warning", span=comment.span)
