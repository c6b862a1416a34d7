"""An edit that no rollback makes is found, so that nothing attests it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from workspaces import rendered

from rollout_spec.core.breach import Breach
from rollout_spec.rollback import Rollback, roll_back
from rollout_spec.rollback.edit_limits import edits_beyond_rollback
from rollout_spec.workspace.repository import Repository

FRAUD = "rollouts/fraud.yaml"
BREACH = Breach("test", "alertmanager", "fraud", None, datetime(2026, 11, 20, tzinfo=UTC), None)


@pytest.fixture(scope="module")
def repository() -> Repository:
    return Repository(rendered({}))


@pytest.fixture(scope="module")
def rollback(repository: Repository) -> Rollback:
    decision = roll_back(repository, BREACH)
    assert isinstance(decision, Rollback)
    return decision


def beyond(repository: Repository, rollback: Rollback, **edits: bytes | None) -> list[str]:
    return list(edits_beyond_rollback(replace(rollback, edits={**rollback.edits, **edits}), repository))


def test_a_rollback_stays_within_its_limits(repository: Repository, rollback: Rollback) -> None:
    assert {path.split("/")[0] for path in rollback.edits} == {"rollouts", "incidents", "manifests"}
    assert beyond(repository, rollback) == []
    alerts = {"alerts/fraud.yaml": b"groups: []\n", "alerts/fraud.paging.yaml": None}
    assert beyond(repository, rollback, **alerts) == []


@pytest.mark.parametrize(
    "path",
    [
        ".rollout-spec.yaml",
        ".github/workflows/rollouts.yml",
        "policies/payments.yaml",
        "templates/kserve/target.yaml",
        "components/user-profile.yaml",
        "rollouts/churn.yaml",
        "manifests/churn/kserve.yaml",
        "manifests/fraud.yaml",
        "manifests/fraud/deeper/kserve.yaml",
        "alerts/churn.yaml",
        "alerts/fraud",
        "alerts/fraud/prometheus.yaml",
        "incidents",
        "README.md",
    ],
)
@pytest.mark.parametrize("content", [b"kind: Nothing\n", None])
def test_another_file_is_beyond_a_rollback(
    repository: Repository, rollback: Rollback, path: str, content: bytes | None
) -> None:
    assert beyond(repository, rollback, **{path: content}) == [path]


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"merge: auto", b"merge: review"), (b"name: fraud", b"name: spam"), (b"window: 7d", b"window: 700d")],
)
def test_another_field_of_the_rollout_is_beyond_a_rollback(
    repository: Repository, rollback: Rollback, old: bytes, new: bytes
) -> None:
    content = rollback.edits[FRAUD]
    assert content is not None
    assert old in content
    assert beyond(repository, rollback, **{FRAUD: content.replace(old, new, 1)}) == [FRAUD]


@pytest.mark.parametrize("content", [None, b"", b"[", b"a: 1\na: 2\n"])
def test_a_rollout_that_does_not_load_is_beyond_a_rollback(
    repository: Repository, rollback: Rollback, content: bytes | None
) -> None:
    assert beyond(repository, rollback, **{FRAUD: content}) == [FRAUD]


def test_a_change_of_an_incident_is_beyond_a_rollback(repository: Repository, rollback: Rollback) -> None:
    (path,) = (path for path in rollback.edits if path.startswith("incidents/"))
    with_incident = repository.edited({path: b"kind: Incident\n"})
    assert list(edits_beyond_rollback(rollback, with_incident)) == [path]


@pytest.mark.parametrize(
    ("path", "is_beyond"),
    [
        ("alerts/fraud.yaml", False),
        ("alerts/fraud.paging.yaml", False),
        ("alerts/churn.yaml", True),
        ("alerts/fraud/other.yaml", True),
        ("manifests/churn/kserve.yaml", True),
        ("manifests/fraud", True),
    ],
)
def test_only_files_rendered_for_its_rollout_may_change(
    repository: Repository, rollback: Rollback, path: str, is_beyond: bool
) -> None:
    assert beyond(repository, rollback, **{path: b"{}\n"}) == ([path] if is_beyond else [])
