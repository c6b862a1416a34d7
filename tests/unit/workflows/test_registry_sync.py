"""What ``registry sync`` changes: the aliases of a rollout's own model and the tags of failed versions, once."""

from __future__ import annotations

from pathlib import Path

import pytest
from registries import RECORD, ROLLOUT, Registered

from rollout_spec.core.errors import OUTSIDE
from rollout_spec.spec.registry import RegistryAliases
from rollout_spec.workflows.registry_sync import Sync, synchronize

FIRST = ["champion of fraud is 41", "challenger of fraud is 42"]


@pytest.fixture
def fraud(tmp_path: Path) -> Registered:
    return Registered(tmp_path)


def run(fraud: Registered, *, is_dry_run: bool = False) -> Sync:
    return synchronize(fraud.repository, fraud.registry, None, is_dry_run=is_dry_run)


def written(fraud: Registered) -> list[str]:
    """Return the changes of a synchronization, after which another one changes nothing."""
    fraud.registry.written.clear()
    done = run(fraud)
    assert done.failure is None and not done.left_out
    changes = list(fraud.registry.written)
    assert run(fraud).changes == [] and fraud.registry.written == changes
    return changes


def test_the_aliases_follow_live(fraud: Registered) -> None:
    assert written(fraud) == FIRST
    fraud.edit(
        '    stable: "41"\n    candidate: "42"\n    knownGood: ["40"]', '    stable: "42"\n    knownGood: ["41"]'
    )
    assert written(fraud) == ["champion of fraud is 42", "challenger of fraud is gone"]


def test_other_aliases_stay(fraud: Registered) -> None:
    fraud.registry.alias["fraud"] = {"champion": "41", "challenger": "42", "nightly": "43"}
    assert written(fraud) == []


def test_aliases_may_have_other_names(fraud: Registered) -> None:
    aliases = RegistryAliases(stable="prod", candidate="prod-next")
    done = synchronize(fraud.repository, fraud.registry, aliases)
    assert [each.text for each in done.changes] == ["prod of fraud: none -> 41", "prod-next of fraud: none -> 42"]


def test_a_failed_version_is_tagged_until_its_incident_is_cleared(fraud: Registered) -> None:
    written(fraud)
    fraud.incident("fraud-43", "43")
    address = "models:/fraud/43"
    assert written(fraud) == [
        f"rollout-spec.quarantined of {address} is true",
        f"rollout-spec.incident of {address} is fraud-43",
    ]
    fraud.incident("fraud-43", "43", is_cleared=True)
    assert written(fraud) == [f"rollout-spec.quarantined of {address} is false"]
    fraud.incident("fraud-43-2", "43")
    assert written(fraud) == [
        f"rollout-spec.quarantined of {address} is true",
        f"rollout-spec.incident of {address} is fraud-43-2",
    ]


def test_an_incident_that_does_not_load_quarantines(fraud: Registered) -> None:
    fraud.write("incidents/fraud-43.yaml", "kind: Incident\nspec: [")
    assert "rollout-spec.quarantined of models:/fraud/43 is true" in written(fraud)


def test_a_dry_run_changes_nothing(fraud: Registered) -> None:
    done = run(fraud, is_dry_run=True)
    assert [each.text for each in done.changes] == ["champion of fraud: none -> 41", "challenger of fraud: none -> 42"]
    assert fraud.registry.written == []


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("models:/fraud/42", "models:/other/42", "41 and 42 are of different models: fraud and other"),
        ("models:/fraud/42", "models:/fraud@challenger", "the record of 42 names no entry"),
        ("models:/fraud/41", "s3://models/fraud/41", "the record of 41 names no entry"),
        ("models:/fraud/42", "models:/fraud/99", "the registry has no entry models:/fraud/99"),
    ],
)
def test_a_rollout_that_is_not_clear_is_left_alone(fraud: Registered, before: str, after: str, reason: str) -> None:
    fraud.edit(before, after)
    done = run(fraud)
    (left_out,) = done.left_out
    assert reason in left_out.reason
    assert (fraud.registry.written, done.status) == ([], 1)


def test_a_model_that_the_registry_lacks(fraud: Registered) -> None:
    del fraud.registry.alias["fraud"]
    assert [each.reason for each in run(fraud).left_out] == ["the registry has no model fraud"]


def test_two_rollouts_that_name_one_model_are_both_left_alone(fraud: Registered) -> None:
    records = "".join(
        RECORD.format(
            version=version, name="fraud", artifact="a", digest=f"sha256:{'1' * 64}", data=f"sha256:{'2' * 64}"
        )
        for version in ("40", "41", "42")
    )
    fraud.write("rollouts/thief.yaml", ROLLOUT.format(name="thief", records=records))
    done = run(fraud)
    assert [(each.rollout, each.reason) for each in done.left_out] == [
        ("fraud", "the model fraud is also that of thief"),
        ("thief", "the model fraud is also that of fraud"),
    ]
    assert fraud.registry.written == []


def test_a_failed_version_of_another_model_is_not_tagged_for_a_rollout_that_shares_it(fraud: Registered) -> None:
    fraud.edit("models:/fraud/43", "models:/cards/43")
    fraud.incident("fraud-43", "43")
    records = RECORD.format(
        version="41", name="cards", artifact="a", digest=f"sha256:{'1' * 64}", data=f"sha256:{'2' * 64}"
    )
    text = ROLLOUT.format(name="cards", records=records)
    fraud.write("rollouts/cards.yaml", text.replace('    candidate: "42"\n    knownGood: ["40"]\n', ""))
    assert {each.rollout for each in run(fraud).left_out} == {"cards", "fraud"}


def test_a_registry_that_does_not_answer(fraud: Registered) -> None:
    fraud.registry.is_down = True
    done = run(fraud)
    assert (done.changes, done.status) == ([], OUTSIDE)


def test_the_model_of_a_rollout_that_does_not_load_is_not_touched(fraud: Registered) -> None:
    """A typing error must not hand the aliases of its model to another rollout."""
    text = (fraud.folder / "rollouts/fraud.yaml").read_text("utf-8")
    fraud.write("rollouts/thief.yaml", text.replace("name: fraud", "name: thief"))
    fraud.edit('    stable: "41"', '    stabel: "41"')
    done = run(fraud)
    assert [(each.rollout, each.reason) for each in done.left_out] == [
        ("fraud", "rollouts/fraud.yaml does not load"),
        ("thief", "the model fraud is also that of fraud"),
    ]
    assert fraud.registry.written == []
