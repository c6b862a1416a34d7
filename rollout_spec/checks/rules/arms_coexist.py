"""Both arms of a stage can be served at once.

An exclusive component serves one version at a time. If stable needs another version of it than the candidate, half of
the requests would get the wrong features in every stage with two arms. Such a change goes from 0% to 100% in one commit
that switches the component too, and a rollback switches it back.

Fails::

    # components/user-profile.yaml
    spec: {serving: ["12"], exclusive: true}
    # rollouts/fraud.yaml
    spec:
      versions:
        "41": {requires: {user-profile: "11"}}
        "42": {requires: {user-profile: "12"}}
      live: {stable: "41", candidate: "42", stage: canary-5}    # 5% and 95% need different versions

Passes::

    # components/user-profile.yaml
    spec: {serving: ["11", "12"], exclusive: false}
    # rollouts/fraud.yaml
    spec:
      versions:
        "41": {requires: {user-profile: "11"}}
        "42": {requires: {user-profile: "12"}}
      live: {stable: "41", candidate: "42", stage: canary-5}
"""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import Problem
from rollout_spec.domain.pins import disagreements

KINDS = frozenset({"ModelRollout"})
NEEDS = ""
UNCONDITIONAL = True


def check(subject: Subject) -> Iterator[Problem]:
    """Compare the pins of the two arms on each exclusive component."""
    live = subject.model.spec.live
    for name, (pin, other) in disagreements(subject.model, subject.repository).items():
        needs = f"{live.candidate} needs {name} {pin}, but {live.stable} needs {other}"
        hint = "go from 0% to 100% in one commit that switches it too, or serve both versions side by side"
        yield Problem(("spec", "live", "stage"), f"{needs}; {name} is exclusive and serves one version", hint)
