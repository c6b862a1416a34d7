"""A flood of alerts costs a worker no more for the shared cause than one alert of each version."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import forge_users
import pytest
import served
from repo import Repo

from rollout_spec.core.breach import Breach
from rollout_spec.service import answers
from rollout_spec.service.answers import answer_all, counts_since
from rollout_spec.service.database import Database
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.records import NewBreach
from rollout_spec.service.workspaces import base_of, serve_locally
from rollout_spec.workflows.breach_order import would_be_acted_on
from rollout_spec.workflows.respond import Responder

pytestmark = pytest.mark.system

FLOOD = 300


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    database = Database(f"sqlite:///{tmp_path}/inbox.sqlite")
    database.prepare()
    return Inbox(database)


def new(rollout: str, number: int, at: datetime, trigger: str = "latency-sla") -> NewBreach:
    id = f"alertmanager-{number}-{int(at.timestamp())}"
    return NewBreach("acme-models", "alertmanager", Breach(id, "alertmanager", rollout, "42", at, trigger=trigger))


def test_only_one_alert_of_a_version_is_examined(repo: Repo, inbox: Inbox) -> None:
    forge_users.serve_too(repo, "churn", "spam")
    served.settings(repo, "sharedCause: {rollouts: 3, within: 10m, settle: 0s}")
    base, _ = base_of(serve_locally(served.mirror(repo)).workspaces["acme-models"])
    now = datetime.now(UTC)
    inbox.add([new("fraud", 0, now)])
    (fraud,) = inbox.lease("one", 60, 20)
    inbox.add([new("churn", 1, now - timedelta(minutes=10, seconds=30))])  # too early for fraud
    inbox.add([new("spam", 2, now, "expert-spot-check")])  # a person must decide
    inbox.add([new("churn", number, now - timedelta(seconds=number % 60)) for number in range(3, FLOOD)])
    inbox.add([new("spam", FLOOD + number, now) for number in range(FLOOD)])
    responder, others = Responder(base, None, now), inbox.recent("acme-models", counts_since(base, now))
    assert len(others) == 2 * FLOOD
    real = would_be_acted_on
    with mock.patch.object(answers, "would_be_acted_on", side_effect=real) as examined:
        (answer,) = answer_all([fraud], responder, others)
    assert examined.call_count <= 6
    assert answers.has_shared_cause(answer.outcome)
    every = [replace(each) for each in others]
    with mock.patch.object(answers, "_acted_on", lambda *_: [each for each in every if real(each, base, now)]):
        (same,) = answer_all([fraud], responder, others)
    assert same.outcome == answer.outcome
