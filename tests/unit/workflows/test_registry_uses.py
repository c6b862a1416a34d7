"""The drill and doctor see what the registry sees: a rollback target that is gone is found before it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from registries import Registered

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.spec.registry import Registry
from rollout_spec.workflows.doctor import registry as doctor
from rollout_spec.workflows.doctor.result import status_of
from rollout_spec.workflows.drill import DrillOutcome, artifacts
from rollout_spec.workflows.drill.workspace import drill_workspace
from rollout_spec.workflows.locate import find_from
from rollout_spec.workflows.registry import RegistryAccess

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def fraud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registered:
    fraud = Registered(tmp_path)

    @contextmanager
    def opened(*_: Any) -> Iterator[RegistryAccess]:
        yield fraud.access

    monkeypatch.setattr(artifacts, "open_registry", opened)
    monkeypatch.setattr(doctor, "open_registry", opened)
    return fraud


def drilled(fraud: Registered) -> tuple[int, list[DrillOutcome]]:
    """Return the number of outcomes without the registry, and those that the registry adds."""
    here = find_from(fraud.folder)
    before = drill_workspace([], here, NOW, None)
    ((alone,), (both,)) = before.drills, artifacts.with_artifacts(before, here).drills
    assert both[: len(alone)] == alone
    return len(alone), both[len(alone) :]


def examined(fraud: Registered) -> list[str]:
    results = list(doctor.registry(Registry(url="http://mlflow:5000"), fraud.repository, fraud.folder))
    return [f"{each.verdict}: {each.message}" for each in results]


def test_a_registry_that_agrees_adds_nothing_to_a_drill(fraud: Registered) -> None:
    _, added = drilled(fraud)
    assert added == []


def test_a_known_good_artifact_that_is_gone_makes_the_drill_fail(fraud: Registered) -> None:
    fraud.artifact("40").unlink()
    _, (outcome,) = drilled(fraud)
    assert (outcome.failed, outcome.restored, outcome.verdict, outcome.fails) == ("41", "40", "failed", True)
    assert outcome.why == (
        "to 40 would restore what is not there: the artifact of this known-good version is gone: "
        "nothing is at artifacts/40.bin [artifact-intact]"
    )


def test_a_stable_entry_that_is_gone_fails_the_rollback_of_the_candidate(fraud: Registered) -> None:
    del fraud.registry.entries["fraud", "41"]
    _, (outcome,) = drilled(fraud)
    assert (outcome.failed, outcome.restored, outcome.verdict) == ("42", "41", "failed")


def test_the_candidate_is_no_rollback_target(fraud: Registered) -> None:
    fraud.artifact("42").unlink()
    assert drilled(fraud)[1] == []


def test_a_drill_without_an_answer_verifies_nothing(fraud: Registered) -> None:
    fraud.registry.is_down = True
    with pytest.raises(UserError, match="does not answer") as caught:
        drilled(fraud)
    assert caught.value.status == OUTSIDE


def test_doctor_is_content_with_what_exists(fraud: Registered) -> None:
    assert examined(fraud) == ["ok: it has the versions that are needed; 3 artifacts exist"]


def test_doctor_reads_no_artifact(fraud: Registered) -> None:
    fraud.artifact("40").write_bytes(b"others")
    assert examined(fraud) == ["ok: it has the versions that are needed; 3 artifacts exist"]


def test_doctor_names_the_line_of_an_artifact_that_is_gone(fraud: Registered) -> None:
    fraud.artifact("40").unlink()
    fraud.registry.change_run("41", metrics={})
    line = fraud.line("artifacts/40.bin")
    assert examined(fraud) == [
        f"failed: rollouts/fraud.yaml:{line}: the artifact of this known-good version is gone: "
        "nothing is at artifacts/40.bin",
        "warning: 1 thing cannot be confirmed",
    ]


def test_doctor_has_the_status_of_a_registry_that_does_not_answer(fraud: Registered) -> None:
    fraud.registry.is_down = True
    results = list(doctor.registry(Registry(url="http://mlflow:5000"), fraud.repository, fraud.folder))
    assert status_of(results) == OUTSIDE


def test_doctor_says_nothing_without_a_registry(fraud: Registered) -> None:
    assert list(doctor.registry(None, fraud.repository, fraud.folder)) == []
