"""Gated steps: taken if the hold is over and the gate says ok; a breach opens the rollback instead."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from gated_repository import Gated
from repo import git

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("gate")]
Scenario = Callable[..., Gated]


def test_a_healthy_candidate_advances_with_its_evidence(scenario: Scenario) -> None:
    repo = scenario("healthy")
    done = repo.command("advance", "fraud", "--gated", "--commit")
    assert done.status == 0, done.text
    assert repo.live.stage == "ab-50"
    message = repo.git("log", "-1", "--format=%B")
    assert (
        "The gate judged since 2026-11-20T09:01:00Z, without its first 1m30s, until 2026-11-20T09:40:00Z: ok."
        in message
    )
    assert "- serving-errors: ok. error_rate of 42: " in message
    assert message.rstrip().endswith("Rollout-Step: advance fraud/42 ab-50")


def test_an_early_step_says_what_it_lacks_and_when(scenario: Scenario) -> None:
    repo = scenario("healthy")
    done = repo.command("advance", "fraud", "--gated", minutes=4)
    assert done.status == 1
    assert "the step was not done. It lacks:" in done.err
    assert "  - canary-5 is held for 15m; at 2026-11-20T09:16:00Z at the earliest" in done.err
    assert re.search(
        r"  - latency-sla is inconclusive: requests .*; about 2026-11-20T09:\S+Z if it goes on so\n", done.err
    )
    assert "  try again at 2026-11-20T09:16:00Z" in done.err
    assert repo.live.stage == "canary-5" and repo.git("status", "--short") == ""


@pytest.mark.parametrize("name", ["idle", "lopsided", "outage", "gone"])
def test_no_other_verdict_advances(scenario: Scenario, name: str) -> None:
    repo = scenario(name)
    done = repo.command("advance", "fraud", "--gated", "--commit")
    assert done.status == 1, done.text
    assert repo.live.stage == "canary-5"
    assert repo.pull_requests() == []


def test_a_breach_opens_the_rollback_instead(scenario: Scenario) -> None:
    repo = scenario("failing")
    done = repo.command("advance", "fraud", "--gated", "--pull-request", minutes=12)
    assert done.status == 1, done.text
    assert "it is rolled back instead" in done.err
    (pull,) = repo.pull_requests()
    assert pull["head"].startswith("rollback/acme-models/fraud/42-")
    assert (pull["state"], pull["autoMerge"]) == ("open", True), "a hard trigger"
    incident = repo.data_at(pull["head"], "incidents/fraud-42.yaml")["spec"]
    assert (incident["source"], incident["trigger"], incident["failedVersion"]) == ("gate", "serving-errors", "42")
    assert incident["evidence"]["summary"].startswith("error_rate of 42: ")


def test_a_dry_run_of_a_breach_pushes_nothing(scenario: Scenario) -> None:
    repo = scenario("failing")
    done = repo.command("advance", "fraud", "--gated", "--dry-run", minutes=12)
    assert done.status == 1
    assert repo.pull_requests() == []
    assert set(git(repo.remote, "branch", "--format=%(refname:short)").split()) == {"main"}


def test_a_pull_request_holds_the_evidence_and_waits_for_a_person(scenario: Scenario) -> None:
    repo = scenario("healthy")
    done = repo.command("advance", "fraud", "--gated", "--pull-request")
    assert done.status == 0, done.text
    (pull,) = repo.pull_requests()
    assert "**The gate: fraud 42 in canary-5: ok.**" in pull["body"]
    assert "gated" in pull["labels"]
    assert (pull["state"], pull["autoMerge"]) == ("open", False), "a person who types the command merges it"


def test_approval_is_given_by_merging_a_draft(scenario: Scenario) -> None:
    repo = scenario("healthy")
    repo.edit("rollouts/fraud.yaml", "weight: 50%, hold: 48h}", "weight: 50%, hold: 48h, approval: manual}")
    repo.commit("Approve by hand")
    done = repo.command("advance", "fraud", "--gated", "--commit")
    assert done.status == 1
    assert "ab-50 has `approval: manual`: a person must approve 42 by merging its pull request" in done.err
    done = repo.command("advance", "fraud", "--gated", "--pull-request")
    assert done.status == 0
    (pull,) = repo.pull_requests()
    assert pull["draft"] is True


def test_prometheus_down_moves_nothing(scenario: Scenario) -> None:
    repo = scenario("healthy", address="http://127.0.0.1:9")
    done = repo.command("advance", "fraud", "--gated", "--commit")
    assert done.status == 3
    assert repo.live.stage == "canary-5"


@pytest.mark.parametrize("words", [[], ["--commit"], ["--pull-request"]])
def test_a_step_that_is_none_is_not_worth_waiting_for(scenario: Scenario, words: list[str]) -> None:
    done = scenario("idle").command("promote", "fraud", "--gated", *words)
    assert done.status == 1
    refusal = "rollout-spec: 42 is in canary-5, not in the last stage, full\n  help: advance it to full first\n"
    assert done.err.endswith(refusal)


def test_a_breach_is_rolled_back_whatever_the_step(scenario: Scenario) -> None:
    repo = scenario("failing")
    assert repo.command("promote", "fraud", "--gated", minutes=12).status == 1
    (pull,) = repo.pull_requests()
    assert pull["head"].startswith("rollback/acme-models/fraud/42-")


def test_gated_and_force_exclude_each_other(scenario: Scenario) -> None:
    done = scenario("healthy").command("advance", "fraud", "--gated", "--force", "--reason", "x")
    assert done.status == 2


def test_a_proposed_candidate_has_no_gate(scenario: Scenario) -> None:
    repo = scenario("healthy")
    repo.edit("rollouts/fraud.yaml", "    stage: canary-5 ", "    # stage: canary-5 ")
    repo.render()
    repo.commit("Propose only")
    done = repo.command("advance", "fraud", "--gated")
    assert done.status == 2
    assert "fraud 42 is proposed and receives no requests" in done.err
