"""Random values of ``live``, and the steps from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from rollout_spec.core.errors import UserError
from rollout_spec.domain import transitions
from rollout_spec.spec.rollout import Live

Draw = Callable[..., Any]

STAGES = ["shadow", "canary-5", "full"]
VERSIONS = ["39", "40", "41", "v42", "1.10", "2026.11-rc_1"]


@st.composite
def lives(draw: Draw, stages: list[str | None] | None = None) -> Live:
    """Draw a ``live`` in any state of a rollout."""
    versions = draw(st.permutations(VERSIONS))
    known_good = versions[2 : 2 + draw(st.integers(0, 3))]
    if draw(st.booleans()) if stages is None else not stages:
        return Live.model_validate({"stable": versions[0], "knownGood": known_good})
    stage = draw(st.sampled_from(stages or [None, *STAGES]))
    fixes = draw(st.sampled_from([None, None, "fraud-41"])) if stage else None
    fields = {"stable": versions[0], "candidate": versions[1], "stage": stage, "fixes": fixes, "knownGood": known_good}
    return Live.model_validate(fields)


def steps_from(live: Live) -> list[Live]:
    """Take each step that there is from here."""
    fresh = next(version for version in VERSIONS if version not in (live.stable, live.candidate, *live.known_good))
    attempts: list[Callable[[], Live]] = [
        lambda: transitions.propose(live, fresh),
        lambda: transitions.advance(transitions.propose(live, fresh), STAGES),
        lambda: transitions.advance(live, STAGES),
        lambda: transitions.advance(live, STAGES, to=STAGES[-1], fixes="fraud-40"),
        lambda: transitions.retreat(live, STAGES, STAGES[0]),
        lambda: transitions.withdraw(live),
        lambda: transitions.promote(live, STAGES, ()),
        lambda: transitions.promote(live, STAGES, (live.stable,)),
        *(lambda version=version: transitions.retire(live, version, live.known_good) for version in live.known_good),
        *(lambda version=version: transitions.roll_back_stable(live, version) for version in live.known_good),
    ]
    found = []
    for attempt in attempts:
        try:
            found.append(attempt())
        except UserError:
            continue
    return found
