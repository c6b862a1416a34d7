"""The log of the reconciler: each condition that a rollout waits for, once."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest

from rollout_spec.service import reconciler
from rollout_spec.service.child_process import ProcessOptions
from rollout_spec.service.reconciler import Reconciler
from rollout_spec.service.workspaces import Served
from rollout_spec.workflows.pass_results import Action, Reconciled

WAITS = "serving-errors is inconclusive: error_rate of 42: 1% ({} of 900)"


@pytest.fixture
def one_pass(monkeypatch: pytest.MonkeyPatch) -> mock.Mock:
    """The result of each pass: a function that a test replaces. The passes are ten seconds apart."""
    results, passed = mock.Mock(), iter(range(0, 1000, 10))
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + next(passed))
    for name in ("learn_secrets", "forge_of", "connect_for_pass", "GatedBase", "serve_again"):
        monkeypatch.setattr(reconciler, name, mock.Mock())
    monkeypatch.setattr(reconciler, "monitor_secrets", lambda _: frozenset())
    monkeypatch.setattr(reconciler, "base_of", lambda _: (mock.Mock(), mock.Mock()))
    monkeypatch.setattr(reconciler, "Pass", lambda *_, **__: mock.Mock(run=lambda: [results()]))
    return results


def logged(results: list[Reconciled], one_pass: mock.Mock, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Run a pass for each result, and return the messages."""
    workspace = mock.Mock()
    workspace.name = "acme"
    workspace.settings.spec.service.reconcile = timedelta(seconds=1)
    served = Served({"acme": workspace})
    reconciler.serve_again.return_value = served  # type: ignore[attr-defined]
    one_pass.side_effect = results
    judge = Reconciler(ProcessOptions(Path(), "", 15.0, "text"), served, lambda _: None)
    with caplog.at_level(logging.INFO, "rollout_spec.service.reconciler"):
        for _ in results:
            assert judge.work()
    return [record.getMessage().removeprefix("acme: fraud 42: ") for record in caplog.records]


def result(reason: str, action: Action = "waiting", verdict: str = "inconclusive") -> Reconciled:
    return Reconciled("fraud", "42", "canary", action, reason, verdict)


def test_each_condition_is_logged_once(one_pass: mock.Mock, caplog: pytest.LogCaptureFixture) -> None:
    reasons = [
        "canary is held for 15m, and 2 more; at 2026-11-20T09:16:00Z at the earliest",
        "canary is held for 15m, and 1 more; at 2026-11-20T09:17:00Z at the earliest",
        WAITS.format(9),
        WAITS.format(10),
        "latency is inconclusive: requests slower than 250ms of 42: 0% (0 of 900)",
    ]
    messages = logged([result(reason) for reason in reasons], one_pass, caplog)
    assert messages == [f"waiting: {reasons[index]}" for index in (0, 2, 4)]


def test_another_action_or_verdict_is_logged(one_pass: mock.Mock, caplog: pytest.LogCaptureFixture) -> None:
    results = [
        result(WAITS.format(9)),
        result(WAITS.format(9), verdict="invalid"),
        result("it is merged", "advanced"),
        result("it is merged", "failed"),
    ]
    messages = logged(results, one_pass, caplog)
    assert [message.partition(":")[0] for message in messages] == ["waiting", "waiting", "advanced", "failed"]
