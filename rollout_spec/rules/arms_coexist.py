"""Both arms of a stage can be served at once.

An exclusive component serves one version at a time. Where stable needs another version of it than the candidate, no
stage in which both take requests can work: half of them would meet the wrong features. Such a change goes from 0% to
100% in one commit that switches the component too, and a rollback switches it back.
"""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec.eligibility import disagreements
from rollout_spec.finding import Problem
from rollout_spec.rules.subject import Subject

KINDS = frozenset({"ModelRollout"})
NEEDS = ""
UNCONDITIONAL = True


def check(subject: Subject) -> Iterator[Problem]:
    """Compare the pins of the two arms on each exclusive component."""
    live = subject.model.spec.live
    for name, (pin, other) in disagreements(subject.model, subject.repository).items():
        needs = f"{live.candidate} needs {name} {pin} and {live.stable} needs {other}"
        hint = "go from 0% to 100% in one commit that switches it too, or serve both versions side by side"
        yield Problem(("spec", "live", "stage"), f"{needs}, and {name} serves one version at a time", hint)
