"""The version of a breach that names none: certain, or an error."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from repo import EXAMPLE

from rollout_spec.core.breach import About, Breach
from rollout_spec.core.errors import UserError
from rollout_spec.rollback import roll_back
from rollout_spec.spec.rollout import Live
from rollout_spec.workflows.breach_version import with_version, with_versions
from rollout_spec.workspace.edits import with_live
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.working_tree import WorkingTree

NOW = datetime(2026, 11, 20, 10, 16, tzinfo=UTC)
FRAUD = "rollouts/fraud.yaml"


def repository(live: Live) -> Repository:
    content = with_live((EXAMPLE / FRAUD).read_bytes(), live)
    return Repository(WorkingTree(Path(EXAMPLE))).edited({FRAUD: content})


def breach(about: About | None, version: str | None = None, rollout: str = "fraud") -> Breach:
    return Breach("b-1", "grafana", rollout, version, NOW, about=about)


CANARY = Live(stable="41", candidate="42", stage="canary-5", knownGood=["40"])
SHADOW = Live(stable="41", candidate="42", stage="shadow", knownGood=["40"])
PROPOSED = Live(stable="41", candidate="42", knownGood=["40"])
FULL = Live(stable="41", candidate="42", stage="full", knownGood=["40"])
ALONE = Live(stable="41", knownGood=["40"])


@pytest.mark.parametrize(
    ("about", "live", "version"),
    [
        ("rollout", ALONE, "41"),
        ("rollout", PROPOSED, "41"),
        ("rollout", FULL, "42"),
        ("rollout", CANARY, None),
        ("rollout", SHADOW, None),
        ("candidate", CANARY, "42"),
        ("candidate", SHADOW, "42"),
        ("candidate", PROPOSED, "42"),
        ("candidate", FULL, "42"),
        ("candidate", ALONE, None),
    ],
)
def test_the_version_is_certain_or_refused(about: About, live: Live, version: str | None) -> None:
    if version is None:
        with pytest.raises(UserError, match=r"fraud.*(41, 42 receive requests|has no candidate)") as caught:
            with_version(breach(about), repository(live))
        assert "rollout-spec rollback fraud --version V" in str(caught.value.hint)
        return
    found = with_version(breach(about), repository(live))
    assert (found.version, found.about, found.id) == (version, None, "b-1")


def test_a_named_version_and_one_of_a_person_stay() -> None:
    for each in (breach(None), breach(None, "40"), breach("rollout", "40")):
        assert with_version(each, repository(CANARY)) is each


def test_one_uncertain_breach_does_not_hide_another() -> None:
    certain, errors = with_versions(
        [breach("rollout"), breach("candidate"), breach("rollout", rollout="churn"), breach(None, "41")],
        repository(CANARY),
    )
    assert [each.version for each in certain] == ["42", "41"]
    assert [error.message for error in errors] == [
        "fraud: the alert names no version, but 41, 42 receive requests",
        "there is no rollout `churn` here",
    ]


def test_a_breach_whose_version_was_not_looked_for_is_not_taken_as_one_of_a_person() -> None:
    with pytest.raises(UserError, match="the failed version of this breach is not known"):
        roll_back(repository(CANARY), breach("rollout"))
