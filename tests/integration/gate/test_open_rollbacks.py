"""No pass moves a version forward that a rollback takes back, or leaves such a step with auto-merge."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gated_repository import Gated
from repo import git

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("gate")]
Scenario = Callable[..., Gated]
INCIDENT = """\
apiVersion: rollout-spec/v1
kind: Incident
metadata: {name: fraud-42}
spec:
  rollout: fraud
  failedVersion: "42"
  restoredVersion: "41"
  source: person
  observedAt: 2026-11-20T09:20:00Z
  status: open
"""


def rows(repo: Gated, minutes: int = 40) -> list[dict[str, Any]]:
    done = repo.command("reconcile", "--format", "json", minutes=minutes)
    found: list[dict[str, Any]] = json.loads(done.out)["rollouts"]
    return found


def armed(repo: Gated) -> Gated:
    """Let a pass propose a step that merges itself."""
    (row,) = rows(repo)
    assert row["action"] == "proposed" and step_of(repo)["autoMerge"] is True
    return repo


def step_of(repo: Gated) -> dict[str, Any]:
    return next(pull for pull in repo.pull_requests() if pull["head"].startswith("advance"))


def assert_held(repo: Gated) -> None:
    pull = step_of(repo)
    assert (pull["state"], pull["autoMerge"], pull["draft"]) == ("open", False, True)


def roll_back(repo: Gated) -> None:
    assert repo.command("rollback", "fraud", "--version", "42", "--reason", "scores drift").status == 0


def test_a_rollback_holds_the_open_step_at_once(scenario: Scenario) -> None:
    repo = armed(scenario("healthy"))
    roll_back(repo)
    assert_held(repo)


def test_no_step_is_proposed_beside_an_open_rollback(scenario: Scenario) -> None:
    repo = scenario("healthy")
    roll_back(repo)
    (row,) = rows(repo)
    branch = repo.whole("rollback/acme-models/fraud/42")
    assert (row["action"], row["verdict"]) == ("waiting", "ok")
    assert row["reason"] == f"the branch {branch} has an incident of 42"
    done = repo.command("advance", "fraud", "--gated", "--commit")
    assert done.status == 1 and f"  - the branch {branch} has an incident of 42" in done.err
    assert [pull["head"] for pull in repo.pull_requests()] == [branch]


def test_a_rollback_that_a_person_closed_bars_nothing(scenario: Scenario) -> None:
    repo = scenario("healthy")
    roll_back(repo)
    (path,) = Path(f"{repo.remote}.pulls").glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "state": "closed"}), "utf-8")
    assert [row["action"] for row in rows(repo)] == ["proposed"]


@pytest.mark.parametrize("content", [INCIDENT, INCIDENT.replace("failedVersion", "failedVersoin"), "{"])
@pytest.mark.parametrize("kind", ["rollback", "incident"])
def test_an_incident_on_a_branch_bars_its_version(scenario: Scenario, kind: str, content: str) -> None:
    repo = armed(scenario("healthy"))
    repo.git("switch", "-q", "-c", "side")
    repo.write("incidents/fraud-42.yaml", content)
    repo.commit("Report an incident", push=False)
    repo.git("push", "-q", "origin", f"HEAD:refs/heads/{kind}/acme-models/fraud/42-01234567")
    (row,) = rows(repo)
    assert row["reason"] == f"the branch {kind}/acme-models/fraud/42-01234567 has an incident of 42"
    assert_held(repo)


@pytest.mark.parametrize("content", [INCIDENT, "{"])
def test_an_incident_on_the_base_holds_the_open_step(scenario: Scenario, content: str) -> None:
    repo = armed(scenario("healthy"))
    repo.write("incidents/fraud-42.yaml", content)
    repo.commit("Report an incident")
    (row,) = rows(repo)
    assert row["action"] == "failed" and "is quarantined by" in row["reason"]
    assert_held(repo)


def test_a_step_is_held_after_its_candidate_is_gone(scenario: Scenario) -> None:
    """If 42 came back to its stage later, the old step would merge at once."""
    repo = armed(scenario("healthy"))
    repo.take(lambda live: live.model_copy(update={"candidate": None, "stage": None}), "Withdraw 42")
    (row,) = rows(repo)
    assert (row["rollout"], row["action"]) == ("fraud", "waiting")
    assert row["reason"] == "the rollout has no candidate any more"
    assert_held(repo)
    assert rows(repo) == [], "it is said once"


def test_a_step_is_held_after_its_candidate_went_back_to_the_proposal(scenario: Scenario) -> None:
    repo = armed(scenario("healthy"))
    repo.take(lambda live: live.model_copy(update={"stage": None}), "Take 42 back")
    assert [row["action"] for row in rows(repo)] == ["waiting"]
    assert_held(repo)


def test_a_step_of_a_rollout_that_does_not_load_is_held(scenario: Scenario) -> None:
    repo = armed(scenario("healthy"))
    repo.write("rollouts/fraud.yaml", "kind: [\n")
    repo.commit("Break it")
    assert [row["action"] for row in rows(repo)] == ["failed"]
    assert_held(repo)


def test_a_step_of_a_rollout_that_is_gone_is_held(scenario: Scenario) -> None:
    repo = armed(scenario("healthy"))
    git(repo.folder, "rm", "-q", "-r", "rollouts/fraud.yaml", "manifests/fraud")
    repo.commit("Remove it")
    (row,) = rows(repo)
    assert (row["rollout"], row["reason"]) == ("fraud", "the rollout is not on the base any more")
    assert_held(repo)


LIMITS = {
    "promote": ("rollouts/fraud.yaml", "promote: auto\n", "promote: review\n"),
    "mode": (".rollout-spec.yaml", "mode: auto-merge ", "mode: pull-request "),
    "approval": ("rollouts/fraud.yaml", "hold: 48h}", "hold: 48h, approval: manual}"),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_a_step_that_may_not_merge_itself_any_more_gives_way(scenario: Scenario, limit: str) -> None:
    repo = armed(scenario("healthy"))
    repo.edit(*LIMITS[limit])
    repo.render()
    repo.commit("Let a person merge it")
    (row,) = rows(repo)
    assert row["action"] == "proposed"
    first, second = repo.pull_requests()
    assert (first["state"], first["autoMerge"]) == ("closed", False)
    assert (second["state"], second["autoMerge"], second["draft"]) == ("open", False, limit == "approval")
    path = Path(f"{repo.remote}.pulls") / "2.json"
    path.write_text(json.dumps({**second, "autoMerge": True, "draft": False}), "utf-8")
    assert [row["action"] for row in rows(repo, minutes=45)] == ["proposed"]
    assert repo.pull_requests()[1]["autoMerge"] is True, "a person lets this one merge"
