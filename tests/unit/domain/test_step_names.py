"""The name of a past step is that of the transition that made it."""

from __future__ import annotations

from pathlib import Path

import folders
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout_spec.core.errors import UserError
from rollout_spec.domain import transitions
from rollout_spec.domain.step_names import ROLLED_BACK, FileState, differences, name_of
from rollout_spec.spec.rollout import Live, RolloutSpec
from rollout_spec.workspace.loader import read_file

FILE = Path(folders.CHECKOUT, "examples/acme-models/rollouts/fraud.yaml")
SPEC: RolloutSpec = read_file("rollouts/fraud.yaml", "ModelRollout", FILE.read_bytes()).require_model().spec
STAGES = [stage.name for stage in SPEC.stages]
ABSENT = FileState(False)
BROKEN = FileState(True)


def state(live: Live) -> FileState:
    return FileState(True, SPEC.model_copy(update={"live": live}))


def live(stable: str = "41", candidate: str | None = None, stage: str | None = None, *known_good: str) -> Live:
    given = {"stable": stable, "candidate": candidate, "stage": stage, "knownGood": list(known_good)}
    return Live.model_validate(given)


LIVES = st.builds(
    lambda candidate, stage, known_good: live("41", candidate, stage if candidate else None, *known_good),
    st.sampled_from([None, "42"]),
    st.sampled_from([None, *STAGES]),
    st.lists(st.sampled_from(["38", "39", "40"]), unique=True),
)


@given(LIVES, st.sampled_from(["propose", "advance", "retreat", "withdraw", "promote", "retire", "roll back stable"]))
def test_each_transition_has_its_name(before: Live, step: str) -> None:
    steps = {
        "propose": lambda: (transitions.propose(before, "43"), "proposed", "43"),
        "advance": lambda: (transitions.advance(before, STAGES), "advanced", "42"),
        "retreat": lambda: (transitions.retreat(before, STAGES, STAGES[0]), "retreated", "42"),
        "withdraw": lambda: (transitions.withdraw(before), "withdrawn", "42"),
        "promote": lambda: (transitions.promote(before, STAGES, ()), "promoted", "42"),
        "retire": lambda: (transitions.retire(before, "40", ("40", "39")), "retired", "40"),
        "roll back stable": lambda: (transitions.roll_back_stable(before, "39"), "rolled back", "41"),
    }
    try:
        after, name, version = steps[step]()
    except (UserError, ValueError):
        return
    assert name_of(state(before), state(after), None) == (name, version)


@pytest.mark.parametrize(("failed", "name"), [("42", ROLLED_BACK), (None, "withdrawn"), ("41", "withdrawn")])
def test_only_an_incident_of_the_candidate_makes_a_withdrawal_a_rollback(failed: str | None, name: str) -> None:
    assert name_of(state(live("41", "42", "canary-5")), state(live()), failed) == (name, "42")


def test_a_promotion_may_leave_out_a_quarantined_stable() -> None:
    before = live("41", "42", "full", "40")
    assert name_of(state(before), state(live("42", None, None, "40")), None) == ("promoted", "42")


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        (ABSENT, state(live()), "bootstrapped"),
        (state(live()), ABSENT, "deleted"),
        (state(live()), BROKEN, "unknown"),
        (BROKEN, state(live()), "unknown"),
        (BROKEN, ABSENT, "unknown"),
        (state(live()), state(live()), "edited"),
        (state(live()), state(live("40")), "changed"),
        (state(live("41", "42", "canary-5")), state(live("41", "43")), "changed"),
    ],
)
def test_what_is_no_step_has_a_name_too(before: FileState, after: FileState, name: str) -> None:
    assert name_of(before, after, None)[0] == name


def test_a_record_is_named_by_its_version() -> None:
    versions = {name: record for name, record in SPEC.versions.items() if name != "42"}
    before = FileState(True, SPEC.model_copy(update={"live": live(), "versions": versions}))
    assert name_of(before, state(live()), None) == ("recorded", "42")


def test_the_changed_fields_are_listed() -> None:
    text = differences(live("41", "42", "canary-5", "40"), live("42"))
    assert text == "stable 41 -> 42, candidate 42 -> none, stage canary-5 -> none, knownGood [40] -> []"
