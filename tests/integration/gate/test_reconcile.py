"""`reconcile` moves each rollout in flight once: forward, back, or not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from gated_repository import Gated
from repo import NINE, git

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.forges.local import LocalForge
from rollout_spec.integrations.git.remote import Remote
from rollout_spec.workflows import gate_triggers
from rollout_spec.workflows.gated_step import GatedBase
from rollout_spec.workflows.newest import find_anywhere
from rollout_spec.workflows.reconcile import reconcile

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("gate")]
Scenario = Callable[..., Gated]


def row(repo: Gated, *words: str, minutes: int = 40) -> dict[str, Any]:
    done = repo.command("reconcile", "--format", "json", *words, minutes=minutes)
    (only,) = json.loads(done.out)["rollouts"]
    return {**only, "status": done.status}


def test_a_healthy_candidate_is_advanced(scenario: Scenario) -> None:
    repo = scenario("healthy")
    first = row(repo)
    assert (first["action"], first["verdict"], first["status"]) == ("proposed", "ok", 0)
    assert first["reason"] == "the pull request waits for its checks"
    (pull,) = repo.pull_requests()
    assert pull["autoMerge"] is True and "**The gate: fraud 42 in canary-5: ok.**" in pull["body"]
    assert repo.command("local", "merge", "1").status == 0
    assert repo.live_at("main")["stage"] == "ab-50"
    message = git(repo.remote, "log", "-1", "--format=%B", f"{repo.tip(pull['head'])}")
    assert "- serving-errors: ok. error_rate of 42: " in message
    second = row(repo)
    assert (second["stage"], second["action"]) == ("ab-50", "waiting"), "the next stage has just begun"
    assert len(repo.pull_requests()) == 1


def test_review_leaves_the_merge_to_a_person(scenario: Scenario) -> None:
    repo = scenario("healthy", promote="review")
    for _ in range(2):
        done = row(repo)
        assert (done["action"], done["reason"]) == ("proposed", "the pull request waits for a person to merge it")
    (pull,) = repo.pull_requests()
    assert (pull["state"], pull["autoMerge"]) == ("open", False)


def test_the_mode_limits_auto_merge(scenario: Scenario) -> None:
    repo = scenario("healthy", mode="pull-request")
    assert row(repo)["action"] == "proposed"
    assert repo.live_at("main")["stage"] == "canary-5"


@pytest.mark.parametrize(("words", "mode"), [(["--dry-run"], "auto-merge"), ([], "dry-run")])
def test_dry_run_pushes_nothing(scenario: Scenario, words: list[str], mode: str) -> None:
    repo = scenario("healthy", mode=mode)
    assert row(repo, *words)["reason"] == "all conditions are met; nothing is pushed"
    assert repo.pull_requests() == []


def test_a_failing_candidate_is_taken_back_once(scenario: Scenario) -> None:
    repo = scenario("failing")
    first = row(repo, minutes=12)
    assert (first["action"], first["verdict"], first["status"]) == ("rolled-back", "breach", 0)
    assert row(repo, minutes=13)["action"] == "rolled-back", "the open rollback is adopted"
    assert repo.command("local", "merge", "1").status == 0
    assert "candidate" not in repo.live_at("main")
    done = repo.command("reconcile", minutes=14)
    assert (done.status, done.out) == (0, "no rollout is in flight\n")
    assert len(repo.pull_requests()) == 1


@pytest.mark.parametrize(
    ("name", "verdict", "reason"),
    [
        ("idle", "no-data", "serving-errors is no-data: 42 has no samples"),
        ("lopsided", "invalid", "serving-errors is invalid: 42 received "),
        ("outage", "inconclusive", "serving-errors is inconclusive: error_rate of 42"),
        ("gone", "no-data", "latency-sla is no-data: the samples of 42 end at "),
    ],
)
def test_everything_else_waits_and_says_so(scenario: Scenario, name: str, verdict: str, reason: str) -> None:
    repo = scenario(name)
    done = row(repo)
    assert (done["action"], done["verdict"], done["status"]) == ("waiting", verdict, 0)
    assert done["reason"].startswith(reason), done["reason"]
    assert repo.pull_requests() == []


def test_prometheus_down_moves_nothing(scenario: Scenario) -> None:
    repo = scenario("failing", address="http://127.0.0.1:9")
    done = row(repo)
    assert (done["action"], done["verdict"], done["status"]) == ("waiting", "no-data", 3)
    assert repo.pull_requests() == []
    reason = "cannot read Prometheus at http://127.0.0.1:9: Connection refused"
    assert done["missing"] == [f"serving-errors is no-data: {reason}; the same for latency-sla"]


def test_every_missing_condition_is_shown_those_that_no_time_changes_first(scenario: Scenario) -> None:
    repo = scenario("idle")
    done = row(repo, minutes=10)
    first, *_, last = done["missing"]
    assert first.startswith("serving-errors is no-data: 42 has no samples of ")
    assert last == "canary-5 is held for 15m; at 2026-11-20T09:16:00Z at the earliest"
    assert done["reason"] == f"{first}, and {len(done['missing']) - 1} more conditions"
    text = repo.command("reconcile", minutes=10).out
    assert text.endswith("".join(f"    {each}\n" for each in done["missing"]))


def test_a_warm_up_is_waited_for_as_a_hold_is(scenario: Scenario) -> None:
    hold, warmup = row(scenario("failing"), minutes=2)["missing"]
    assert hold == "canary-5 is held for 15m; at 2026-11-20T09:16:00Z at the earliest"
    assert warmup.startswith("serving-errors is no-data: the stage began at 2026-11-20T09:01:00Z, and its first 1m30s")
    assert warmup.endswith("; the same for latency-sla; at 2026-11-20T09:02:30Z at the earliest")


def test_a_pause_holds_steps_forward(scenario: Scenario) -> None:
    repo = scenario("healthy")
    repo.write(".rollout-spec-pause", 'reason: a freeze\nexpires: "2026-12-01"\n')
    repo.commit("Pause")
    assert row(repo)["reason"] == "all conditions are met, but .rollout-spec-pause pauses the automation"
    assert repo.pull_requests() == []


def test_a_step_that_a_person_closed_is_not_proposed_again(scenario: Scenario) -> None:
    repo = scenario("healthy", promote="review")
    row(repo)
    (path,) = Path(f"{repo.remote}.pulls").glob("*.json")
    pull = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**pull, "state": "closed", "closedAt": "2026-11-20T09:41:00Z"}), "utf-8")
    done = row(repo, minutes=45)
    assert (done["action"], done["url"]) == ("waiting", str(path))
    assert done["reason"] == f"a person closed {path}, so this step is not proposed again"
    assert len(repo.pull_requests()) == 1


def test_two_machines_at_once_take_one_step(scenario: Scenario) -> None:
    repo = scenario("healthy", promote="review")
    clones = [repo.clone(f"clone-{number}") for number in range(3)]
    now = NINE + timedelta(minutes=40)

    def one_pass(number: int) -> str:
        here = find_anywhere(clones[number].folder)
        (result,) = reconcile(here, now + timedelta(seconds=number), lambda _: None).results
        return f"{result.action} {result.url}"

    with ThreadPoolExecutor(3) as threads:
        results = set(threads.map(one_pass, range(3)))
    assert len(results) == 1, results
    assert len(repo.pull_requests()) == 1
    branches = git(repo.remote, "branch", "--format=%(refname:short)").split()
    assert sorted(branches) == ["advance/acme-models/fraud/42", "main"]


@pytest.mark.parametrize(
    ("path", "action"),
    [(".rollout-spec-pause", "waiting"), ("incidents/fraud-42.yaml", "waiting"), ("README.md", "proposed")],
)
def test_what_is_merged_during_a_pass_counts(scenario: Scenario, path: str, action: str) -> None:
    repo, prepare = scenario("healthy"), GatedBase.prepare

    def prepare_and_merge(*arguments: Any) -> Any:
        prepared = prepare(*arguments)
        repo.write(path, "reason: a freeze\n")
        repo.commit("Something else")
        return prepared

    with mock.patch.object(GatedBase, "prepare", prepare_and_merge):
        done = row(repo)
    assert done["action"] == action
    if action == "waiting":
        assert done["reason"].endswith(" was changed during this pass, so the next one judges it again")
        assert repo.pull_requests() == []


def test_auto_merge_is_held_once_the_gate_says_something_else(scenario: Scenario) -> None:
    repo = scenario("healthy")
    assert row(repo)["action"] == "proposed"
    assert row(repo, minutes=4)["action"] == "waiting", "by that clock the hold is not over"
    (pull,) = repo.pull_requests()
    assert (pull["state"], pull["autoMerge"], pull["draft"]) == ("open", False, True)
    assert "**This is held.** The gate does not say ok any more" in "".join(pull["comments"])


def held(repo: Gated) -> tuple[bool, bool]:
    """Return whether the pull request of the step has auto-merge, and whether it is a draft."""
    pull = next(each for each in repo.pull_requests() if each["head"].startswith("advance"))
    return pull["autoMerge"], pull["draft"]


def test_other_branches_keep_no_step_from_being_held(scenario: Scenario) -> None:
    """Anybody may push a branch that takes the name of a step's folder, and many that look like steps."""
    repo = scenario("healthy")
    git(repo.folder, "push", "-q", str(repo.remote), "HEAD:refs/heads/advance")
    assert row(repo)["action"] == "proposed"
    names = [f"advance.2/acme-models/fraud/0-{number}" for number in range(60)]
    git(repo.folder, "push", "-q", str(repo.remote), *(f"HEAD:refs/heads/{name}" for name in names))
    assert row(repo, minutes=4)["action"] == "waiting"
    assert held(repo) == (False, True)


def test_a_pause_holds_an_open_step_too(scenario: Scenario) -> None:
    repo = scenario("healthy")
    assert row(repo)["action"] == "proposed"
    repo.write(".rollout-spec-pause", 'reason: a freeze\nexpires: "2026-12-01"\n')
    repo.commit("Pause")
    assert row(repo)["action"] == "waiting"
    assert held(repo) == (False, True)


def test_a_step_whose_rollout_cannot_be_judged_any_more_is_held(scenario: Scenario) -> None:
    repo = scenario("healthy")
    assert row(repo)["action"] == "proposed"
    with mock.patch("rollout_spec.workflows.gate.judge_trigger", side_effect=ValueError("a defect")):
        assert row(repo)["action"] == "failed"
    assert held(repo) == (False, True)


def test_a_step_is_held_if_the_token_of_prometheus_cannot_be_read(scenario: Scenario) -> None:
    repo = scenario("healthy")
    assert row(repo)["action"] == "proposed"
    text = repo.at("HEAD", ".rollout-spec.yaml")
    changed = re.sub(r"(prometheus: \{[^}]*)\}", r"\1, auth: {bearer: {env: NO_SUCH_TOKEN}}}", text)
    assert changed != text
    repo.write(".rollout-spec.yaml", changed)
    repo.commit("Give Prometheus a token")
    done = row(repo)
    assert (done["action"], done["verdict"], done["status"]) == ("waiting", "no-data", 3)
    assert held(repo) == (False, True)


def test_odd_counts_of_one_trigger_hide_no_breach_of_another(scenario: Scenario) -> None:
    """Counts of 5e-324 requests, for example, divide by zero."""
    judge = gate_triggers._judge_counts

    def judge_counts(trigger: Any, *rest: Any) -> Any:
        return 1 / 0 if trigger.name == "latency-sla" else judge(trigger, *rest)

    with mock.patch.object(gate_triggers, "_judge_counts", judge_counts):
        assert row(scenario("failing"), minutes=12)["action"] == "rolled-back"


@pytest.mark.parametrize("fault", ["comment", "branches"])
def test_no_fault_of_the_forge_stands_between_a_breach_and_its_rollback(scenario: Scenario, fault: str) -> None:
    """A comment may be refused, for example because the conversation is locked."""
    repo = scenario("healthy")
    assert row(repo)["action"] == "proposed"
    repo.edit("rollouts/fraud.yaml", "namespace: healthy\n", "namespace: failing\n")
    repo.render()
    repo.commit("Now it fails")
    faulty = mock.Mock(side_effect=UserError("the conversation is locked"))
    with mock.patch.object(LocalForge, fault, faulty) if fault == "comment" else broken_listing():
        assert row(repo, minutes=45)["action"] == "rolled-back"
    if fault == "comment":
        assert held(repo) == (False, True), "it is held before it is commented on"


def broken_listing() -> AbstractContextManager[object]:
    """Let the remote refuse to list the branches of steps."""
    listing = Remote.branches

    def branches(self: Remote, *patterns: str) -> dict[str, str]:
        if patterns[0].startswith("advance"):
            raise UserError("the remote does not answer", status=3)
        return listing(self, *patterns)

    return mock.patch.object(Remote, "branches", branches)


def test_what_a_person_lets_merge_is_left_alone(scenario: Scenario) -> None:
    repo = scenario("idle")
    assert repo.command("advance", "fraud", "--pull-request").status == 0
    (path,) = Path(f"{repo.remote}.pulls").glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "autoMerge": True}), "utf-8")
    assert row(repo)["action"] == "waiting"
    (pull,) = repo.pull_requests()
    assert (pull["autoMerge"], pull["draft"]) == (True, False)


def test_one_rollout_that_does_not_load_stops_no_other(scenario: Scenario) -> None:
    repo = scenario("healthy")
    repo.write("rollouts/broken.yaml", "kind: [\n")
    repo.commit("Break another one")
    done = repo.command("reconcile", "--format", "json")
    actions = {each["rollout"]: each["action"] for each in json.loads(done.out)["rollouts"]}
    assert actions == {"broken": "failed", "fraud": "proposed"}
    assert done.status == 1


def test_the_table(scenario: Scenario) -> None:
    done = scenario("idle").command("reconcile", "fraud")
    lines = done.out.splitlines()
    assert lines[0] == "rollout  version  stage     verdict  action"
    assert lines[1] == "fraud    42       canary-5  no-data  waiting"
    assert lines[2].startswith("    serving-errors is no-data: 42 has no samples of ")
    assert done.err == "1 rollout in flight, 2 queries to Prometheus\n"


def test_an_unknown_rollout_is_an_error(scenario: Scenario) -> None:
    done = scenario("idle").command("reconcile", "froud")
    assert done.status == 2
    assert "froud" in done.err
