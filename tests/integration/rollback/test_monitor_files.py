"""``rollback --breach FILE --monitor NAME``: payloads of other monitors than Alertmanager."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from repo import STAGES, Repo

from rollout_spec.domain.transitions import advance, promote
from rollout_spec.spec.kinds import WORKSPACE_FILE

pytestmark = pytest.mark.system

BRANCH = "rollback/acme-models/fraud/42"
SERVICE = """\
  service:
    monitors:
      own: {type: json, mapping: {rollout: model, version: version, observedAt: since, trigger: rule}}
      grafana: {type: flagger}
      wrong: {type: json, mapping: {rollout: "model."}}
"""


def write(repo: Repo, payload: Any) -> str:
    path = repo.remote.parent / "payload.json"
    path.write_text(json.dumps(payload), "utf-8")
    return str(path)


def with_monitors(repo: Repo) -> None:
    file = repo.workspace / WORKSPACE_FILE
    file.write_text(file.read_text("utf-8").rstrip("\n") + "\n" + SERVICE, "utf-8")
    repo.commit("Name the monitors")


def since(repo: Repo) -> str:
    return repo.clock[0].isoformat()


def test_an_abort_by_argo_rollouts_rolls_the_candidate_back(repo: Repo) -> None:
    payload = write(repo, {"event": "rollout-aborted", "name": "fraud", "message": "error-rate failed"})
    answer = repo.run("rollback", "--breach", payload, "--monitor", "argo-rollouts")
    assert answer.status == 0, answer.text
    assert repo.branches() == [BRANCH]
    assert repo.live_at(BRANCH) == {"stable": "41", "knownGood": ["40"]}
    incident = repo.data_at(BRANCH, "incidents/fraud-42.yaml")["spec"]
    assert (incident["source"], incident["failedVersion"]) == ("argo-rollouts", "42")
    assert incident["evidence"]["summary"] == "error-rate failed"


def test_a_rollback_by_flagger_after_the_promotion_is_refused(repo: Repo) -> None:
    repo.take(lambda live: advance(advance(live, STAGES), STAGES), "Advance")
    repo.take(lambda live: promote(live, STAGES, ()), "Promote")
    payload = write(repo, {"name": "fraud", "namespace": "ml", "phase": "Failed", "checksum": "1", "metadata": {}})
    answer = repo.run("rollback", "--breach", payload, "--monitor", "flagger")
    assert answer.status == 2
    assert "fraud has no candidate, but flagger reports that its rollout failed" in answer.err
    assert repo.branches() == []


def test_a_monitor_of_the_workspace_comes_before_a_type(repo: Repo) -> None:
    with_monitors(repo)
    payload = write(repo, {"model": "fraud", "version": "42", "since": since(repo), "rule": "serving-errors"})
    answer = repo.run("rollback", "--breach", payload, "--monitor", "own", "--dry-run")
    assert answer.status == 0, answer.text
    assert "Breach-Id: json-" in answer.out
    answer = repo.run("rollback", "--breach", repo.payload(repo.alert()), "--monitor", "grafana")
    assert (answer.status, "not a payload of Flagger" in answer.err) == (2, True)
    answer = repo.run("rollback", "--breach", payload, "--monitor", "wrong")
    assert (answer.status, "the expression of `rollout` is not JMESPath" in answer.err) == (2, True)
    answer = repo.run("rollback", "--breach", payload, "--monitor", "owm")
    assert (answer.status, "no monitor `owm`" in answer.err, "did you mean `own`?" in answer.err) == (2, True, True)


def test_one_alert_without_a_certain_version_does_not_hide_another(repo: Repo) -> None:
    vague = repo.alert()
    del vague["labels"]["version"]
    answer = repo.run("rollback", "--breach", repo.payload(vague, {**repo.alert("42"), "fingerprint": "ab"}))
    assert answer.status == 2
    assert "fraud: the alert names no version, but 41, 42 receive requests" in answer.err
    assert repo.branches() == [BRANCH]


def test_the_only_version_with_traffic_needs_no_name(repo: Repo, tmp_path: Path) -> None:
    repo.take(lambda live: live.model_copy(update={"candidate": None, "stage": None}), "Withdraw 42")
    vague = repo.alert()
    del vague["labels"]["version"]
    answer = repo.run("rollback", "--breach", repo.payload(vague), "--emit", str(tmp_path / "emitted"))
    assert "fraud 41 -> 40" in answer.out, answer.text
    answer = repo.run("rollback", "--breach", repo.payload(vague))
    assert answer.status == 0, answer.text
    assert repo.branches() == ["rollback/acme-models/fraud/41"]


def test_an_uncertain_version_writes_nothing(repo: Repo, tmp_path: Path) -> None:
    vague = repo.alert()
    del vague["labels"]["version"]
    answer = repo.run("rollback", "--breach", repo.payload(vague), "--emit", str(tmp_path / "emitted"))
    assert (answer.status, (tmp_path / "emitted").exists()) == (2, False)
    assert "the alert names no version" in answer.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fraud", "--reason", "x", "--monitor", "grafana"], "--monitor needs --breach"),
        (["--breach", "FILE", "--monitor", "cloudevents"], "a binary CloudEvent has its attributes in headers"),
        (["--breach", "FILE", "--monitor", "json"], "`preset`, or a `mapping`"),
        (["--breach", "FILE", "--monitor", "argo-rollouts"], "docs/monitors.md"),
    ],
)
def test_a_payload_or_option_that_does_not_fit_is_refused(repo: Repo, words: list[str], message: str) -> None:
    payload = write(repo, {"rollout": "fraud", "version": "42"})
    answer = repo.run("rollback", *(payload if word == "FILE" else word for word in words))
    assert (answer.status, message in answer.err) == (2, True), answer.text


def test_a_confirmation_is_no_breach(repo: Repo) -> None:
    file = repo.workspace / WORKSPACE_FILE
    topic = "arn:aws:sns:eu-west-1:123456789012:rollouts"
    service = f"  service:\n    monitors:\n      alarms: {{type: json, preset: cloudwatch, topic: '{topic}'}}\n"
    file.write_text(file.read_text("utf-8").rstrip("\n") + "\n" + service, "utf-8")
    case = Path(__file__).parents[2] / "cases/monitors/cloudwatch/confirmation.json"
    answer = repo.run("rollback", "--breach", str(case), "--monitor", "alarms")
    assert (answer.status, "it asks to confirm a subscription" in answer.err) == (2, True), answer.text
