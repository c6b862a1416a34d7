"""The record of a registry entry: what the registry says, and a note on what it does not say."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from registries import DATA, Registered

from rollout_spec.core.errors import UserError
from rollout_spec.core.registered import Dataset
from rollout_spec.core.tree_digest import tree_digest
from rollout_spec.workflows.registry_record import RecordDraft, record_from

COLUMNS = [
    {"type": "double", "name": "amount", "required": True},
    {"type": "string", "name": "shop", "required": False},
]
MODEL = """\
flavors:
  python_function: {{loader_module: mlflow.sklearn}}
  sklearn: {{pickled_model: model.pkl}}
signature:
  inputs: '{inputs}'
  params: null
"""
CONTRACT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "A payment",
    "type": "object",
    "required": ["amount"],
    "properties": {"amount": {"type": "number", "description": "In euros."}, "shop": {"type": "string"}},
}
COMPONENT = """\
apiVersion: rollout-spec/v1
kind: Component
metadata: {{name: {name}}}
spec:
  type: schema
  serving: {serving}
  contract: contracts/{name}/{{version}}.json
"""


@pytest.fixture
def fraud(tmp_path: Path) -> Registered:
    fraud = Registered(tmp_path)
    folder = tmp_path / "stored"
    folder.mkdir()
    (folder / "MLmodel").write_text(MODEL.format(inputs=json.dumps(COLUMNS)), "utf-8")
    (folder / "model.pkl").write_bytes(b"weights")
    fraud.registry.change("43", artifact=str(folder))
    return fraud


def draft(fraud: Registered, source: str = "models:/fraud/43", **given: Any) -> RecordDraft:
    return record_from(source, fraud.repository, fraud.access, given)


def contract(fraud: Registered, name: str, versions: dict[str, Any]) -> None:
    fraud.write(f"components/{name}.yaml", COMPONENT.format(name=name, serving=json.dumps(list(versions))))
    for version, schema in versions.items():
        fraud.write(f"contracts/{name}/{version}.json", json.dumps(schema))


def test_all_that_the_registry_says(fraud: Registered) -> None:
    contract(fraud, "payment-event", {"3.0": {"type": "object"}, "3.1": CONTRACT})
    made = draft(fraud)
    stored = fraud.folder / "stored"
    names = {name: fraud.access.artifacts.examine(str(stored / name)).digest or "" for name in ("MLmodel", "model.pkl")}
    assert made.fields == {
        "model": "models:/fraud/43",
        "artifact": str(stored),
        "digest": tree_digest({name: digest.removeprefix("sha256:") for name, digest in names.items()}),
        "format": "sklearn",
        "runId": "run43",
        "datasetDigest": DATA,
        "metrics": {"auc": Decimal("0.9131")},
        "requires": {"payment-event": "3.1"},
    }
    assert made.notes == ["pinned payment-event 3.1: its contract has the columns of the signature"]


@pytest.mark.parametrize(
    "change",
    [
        {"required": []},
        {"properties": {"amount": {"type": "number", "minimum": 0}, "shop": {"type": "string"}}},
        {"properties": {"amount": {"type": "string"}, "shop": {"type": "string"}}},
        {"properties": {"amount": {"type": "number"}}},
        {"minProperties": 1},
    ],
)
def test_a_contract_with_another_demand_is_not_pinned(fraud: Registered, change: dict[str, Any]) -> None:
    contract(fraud, "payment-event", {"3.1": {**CONTRACT, **change}})
    made = draft(fraud)
    assert "requires" not in made.fields
    assert made.notes == ["no schema has the columns of the signature (amount, shop): pin one with --requires"]


def test_several_contracts_that_fit_are_named(fraud: Registered) -> None:
    contract(fraud, "payment-event", {"3.1": CONTRACT, "3.2": CONTRACT})
    assert draft(fraud).notes == [
        "several contracts fit the signature: choose one with --requires: payment-event=3.1, payment-event=3.2"
    ]


@pytest.mark.parametrize("inputs", ["[", "[[]]", '[{"type": "tensor", "tensor-spec": {}}]', "[" * 5000, "{}", "[]"])
def test_a_signature_without_columns(fraud: Registered, inputs: str) -> None:
    (fraud.folder / "stored/MLmodel").write_text(MODEL.format(inputs=inputs), "utf-8")
    assert draft(fraud).notes == ["the model has no signature with named columns: pin its schema with --requires"]


def test_an_alias_is_resolved(fraud: Registered) -> None:
    fraud.registry.alias["fraud"]["next"] = "43"
    assert draft(fraud, "models:/fraud@next").fields["model"] == "models:/fraud/43"


def test_a_given_artifact_is_hashed_in_place_of_the_stored_one(fraud: Registered) -> None:
    made = draft(fraud, artifact="artifacts/42.bin")
    assert made.fields["digest"] == fraud.access.artifacts.examine("artifacts/42.bin").digest


def test_a_given_digest_is_not_computed(fraud: Registered) -> None:
    assert "digest" not in draft(fraud, digest=DATA).fields


def test_a_tag_that_the_bytes_contradict(fraud: Registered) -> None:
    fraud.registry.change("43", tags={"rollout-spec.digest": DATA})
    with pytest.raises(UserError, match=f"but the tag rollout-spec.digest is {DATA}"):
        draft(fraud)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("models:/fraud/99", "the registry has no entry models:/fraud/99"),
        ("models:/fraud@none", "the registry has no alias models:/fraud@none"),
        ("models:/", "is no entry of a registry"),
        ("models:/a/b/c", "is no entry of a registry"),
    ],
)
def test_no_such_entry(fraud: Registered, source: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        draft(fraud, source)


def test_nothing_at_the_artifact(fraud: Registered) -> None:
    with pytest.raises(UserError, match="nothing is at artifacts/99"):
        draft(fraud, artifact="artifacts/99")


def test_the_digest_of_a_dataset(fraud: Registered) -> None:
    fraud.registry.change_run("43", tags={}, datasets=(Dataset("cards", "4" * 64),))
    assert draft(fraud).fields["datasetDigest"] == f"sha256:{'4' * 64}"
    fraud.registry.change_run("43", datasets=(Dataset("cards", "4" * 64), Dataset("shops", "5" * 64)))
    made = draft(fraud)
    assert "datasetDigest" not in made.fields
    assert any("has several digests of the training data" in note for note in made.notes)


def test_metrics_that_no_record_holds_are_left_out_and_named(fraud: Registered) -> None:
    fraud.registry.change_run(
        "43", metrics={"auc": 0.5, "system/cpu": 1.0, "loss": float("nan"), "big": 1e300, "small": 1e-7}
    )
    made = draft(fraud)
    assert made.fields["metrics"] == {"auc": Decimal("0.5"), "small": Decimal("0.0000001")}
    assert "left out of the metrics: big, loss, system/cpu" in made.notes
