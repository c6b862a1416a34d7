"""A trigger is hard in the stages that it watches; how far it looks back follows from its window."""

from __future__ import annotations

from datetime import timedelta

import pytest
from workspaces import rendered

from rollout_spec.rollback import may_auto_merge, watches
from rollout_spec.rollback.trigger_guards import is_hard, lookback
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workspace.repository import Repository


def rollout_with(merge: str) -> ModelRollout:
    """The base workspace, whose triggers are hard but for ``drift``; two of them watch one stage alone."""
    patch = f"-  rollback: {{merge: auto, window: 7d}}\n+  rollback: {{merge: {merge}, window: 7d}}\n"
    file = Repository(rendered({"rollouts/fraud.yaml.diff": patch.encode()})).rollout("fraud")
    assert file is not None and file.model is not None
    return file.model


AUTO, REVIEW = rollout_with("auto"), rollout_with("review")
HARD = {"serving-errors", "latency-sla", "conversion", "offline-auc"}


@pytest.mark.parametrize("trigger", [*sorted(HARD), "drift", "spot-check", "unheard-of", None])
def test_only_a_hard_trigger_lets_a_rollback_merge_itself(trigger: str | None) -> None:
    assert is_hard(AUTO, trigger) == is_hard(REVIEW, trigger) == (trigger in HARD)
    assert may_auto_merge(AUTO, trigger) == (trigger in HARD)
    assert not may_auto_merge(REVIEW, trigger)


@pytest.mark.parametrize(
    ("trigger", "moments"),
    [
        ("serving-errors", {"canary-5"}),
        ("conversion", {"ab-50"}),
        ("latency-sla", {"shadow", "canary-5", "ab-50", "promoted", None}),
        ("drift", set()),
        ("unheard-of", set()),
        (None, set()),
    ],
)
def test_a_hard_trigger_watches_its_stages_or_all(trigger: str | None, moments: set[str | None]) -> None:
    everywhere = ("shadow", "canary-5", "ab-50", "promoted", None)
    assert {moment for moment in everywhere if watches(AUTO, trigger, moment)} == moments


def test_a_trigger_looks_back_as_far_as_its_window_and_waits_for_the_monitor() -> None:
    assert lookback(AUTO, "latency-sla") == timedelta(minutes=5 + 2)
    assert {lookback(AUTO, name) for name in ("conversion", "unheard-of", None)} == {timedelta(hours=1)}
    text = "-    - {name: latency-sla, type: latency, quantile: 99%, above: 250ms}\n"
    text += "+    - {name: latency-sla, type: latency, quantile: 99%, above: 250ms, window: 10m, for: 3m}\n"
    file = Repository(rendered({"rollouts/fraud.yaml.diff": text.encode()})).rollout("fraud")
    assert file is not None and file.model is not None
    assert lookback(file.model, "latency-sla") == timedelta(minutes=10 + 3 + 2)
