"""A drill sees what is wrong with a rollback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from workspaces import rendered

from rollout_spec.core.breach import Breach
from rollout_spec.rollback import Rollback, roll_back
from rollout_spec.workflows.drill import DrillOutcome, drill
from rollout_spec.workflows.drill import outcomes as verdict
from rollout_spec.workspace.repository import Repository

COMPONENT = """apiVersion: rollout-spec/v1
kind: Component
metadata: {{name: user-profile, owner: team-features}}
spec:
  type: feature
  serving: {}
"""


def spoiled(monkeypatch: pytest.MonkeyPatch, change: Callable[[dict[str, bytes | None]], object]) -> list[DrillOutcome]:
    """Drill with a rollback whose edits are not what they should be."""

    def spoil(repository: Repository, breach: Breach) -> Rollback:
        rollback = roll_back(repository, breach)
        assert isinstance(rollback, Rollback)
        edits = dict(rollback.edits)
        change(edits)
        return replace(rollback, edits=edits)

    monkeypatch.setattr(verdict, "roll_back", spoil)
    return list(drill(Repository(rendered({})), "fraud", reach="here"))


def test_a_rollback_that_forgets_its_manifests_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    found = spoiled(monkeypatch, lambda edits: edits.pop("manifests/fraud/gateway-api.yaml", None) and None)
    words = "leaves manifests/fraud/gateway-api.yaml out of date"
    assert {(each.verdict, each.why) for each in found} == {("failed", words)}


def test_a_rollback_that_leaves_traffic_where_it_is_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    found = spoiled(monkeypatch, lambda edits: edits.clear())
    words = "leaves the split 95% to 41, 5% to 42, not all traffic to a known-good version"
    assert {(each.verdict, each.why) for each in found} == {("failed", words)}


def test_a_rollback_that_restores_without_pins_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    component = COMPONENT.format('["12"]').encode()
    found = spoiled(monkeypatch, lambda edits: edits.update({"components/user-profile.yaml": component}))
    assert {each.verdict for each in found} == {"failed"}
    assert "41 receives traffic but needs user-profile 11; only 12 is served" in "".join(each.why for each in found)
