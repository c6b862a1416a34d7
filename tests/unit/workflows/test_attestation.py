"""Only an automatic rollback with auto-merge gets the status that the base names."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from workspaces import rendered

from rollout_spec.core.breach import Breach
from rollout_spec.core.pull_request import ProposedChange
from rollout_spec.rollback import GuardVerdict, NoAction, Order, Rollback, roll_back
from rollout_spec.spec.workspace import Automation
from rollout_spec.workflows.attest import attestation
from rollout_spec.workspace.repository import Repository

NOW = datetime(2026, 11, 20, tzinfo=UTC)
ACT = GuardVerdict("act", auto_merge=True)
CHANGE = ProposedChange("rollback/x", "Roll back", {}, NOW, "Roll back", "", auto_merge=True)


@pytest.fixture(scope="module")
def rollback() -> Rollback:
    decision = roll_back(Repository(rendered({})), Breach("test", "alertmanager", "fraud", None, NOW, None))
    assert isinstance(decision, Rollback)
    return decision


def is_attested(
    decision: Any,
    verdict: GuardVerdict = ACT,
    change: ProposedChange = CHANGE,
    *,
    context: str | None = "rollout-spec/check",
    order: Order | None = None,
) -> bool:
    base = SimpleNamespace(automation=Automation(attest=context))
    case = SimpleNamespace(base=base, order=order, now=NOW)
    return attestation(decision, verdict, change, cast(Any, case), cast(Any, None)) is not None


def test_a_rollback_that_merges_itself_is_attested(rollback: Rollback) -> None:
    assert is_attested(rollback)


def test_without_a_name_or_by_a_person_or_without_a_rollback_it_is_not(rollback: Rollback) -> None:
    assert not is_attested(rollback, context=None)
    assert not is_attested(rollback, order=Order(auto_merge=True))
    assert not is_attested(NoAction("no traffic"))


@pytest.mark.parametrize("action", ["draft", "notify", "ignore"])
def test_no_other_verdict_is_attested(rollback: Rollback, action: Any) -> None:
    assert not is_attested(rollback, replace(ACT, action=action))


def test_a_verdict_or_a_change_without_auto_merge_is_not_attested(rollback: Rollback) -> None:
    assert not is_attested(rollback, GuardVerdict("act"))
    assert not is_attested(rollback, change=replace(CHANGE, auto_merge=False))
    assert not is_attested(rollback, change=replace(CHANGE, draft=True))
