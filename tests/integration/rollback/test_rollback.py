"""A breach is answered by the one commit that takes the whole stack back: over real git, as a user would see it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import folders
import pytest
from repo import STAGES, Repo, Result, git, plain, run

from rollout_spec.core.breach import Breach
from rollout_spec.core.yaml.document import parse
from rollout_spec.domain import transitions
from rollout_spec.integrations.git.remote import Remote
from rollout_spec.rollback import Rollback, UndoneCommits, roll_back
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay
from rollout_spec.workspace.working_tree import WorkingTree

pytestmark = pytest.mark.system

BRANCH = "rollback/acme-models/fraud/42"
CHECKOUT = folders.CHECKOUT


@pytest.fixture(scope="session")
def promoted_made(made: Repo, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    repo = made.copy(tmp_path_factory.mktemp("promoted"))
    advance_to(repo, "full")
    repo.take(lambda live: transitions.promote(live, STAGES, ()), "Promote fraud 42")
    return repo


@pytest.fixture
def promoted(promoted_made: Repo, tmp_path: Path) -> Repo:
    """The example, with 42 stable, and 41 and 40 known good."""
    return promoted_made.copy(tmp_path)


@pytest.fixture(scope="session")
def advanced_made(made: Repo, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    repo = made.copy(tmp_path_factory.mktemp("advanced"))
    repo.take(lambda live: transitions.advance(live, STAGES), "Avancer à l'étape suivante")
    repo.payload(repo.alert("42", "conversion"))
    return repo


@pytest.fixture(scope="session")
def expected(advanced_made: Repo) -> str:
    """The commit of that rollback, whoever makes it."""
    answer = advanced_made.run("rollback", "--breach", payload_of(advanced_made), "--dry-run")
    assert "Revert fraud 42 to 41: conversion at ab-50\n" in answer.out
    return answer.out.split()[1]


@pytest.fixture
def advanced(advanced_made: Repo, tmp_path: Path) -> Repo:
    """The example, with 42 in ab-50 by a commit whose subject is not ASCII, and a payload beside it."""
    repo = advanced_made.copy(tmp_path)
    repo.payload(repo.alert("42", "conversion"))
    return repo


def payload_of(repo: Repo) -> str:
    return str(repo.remote.parent / "payload.json")


def advance_to(repo: Repo, stage: str) -> None:
    while repo.live.stage != stage:
        repo.take(lambda live: transitions.advance(live, STAGES), "Advance fraud")


def propose(repo: Repo, version: str, stage: str | None = None) -> None:
    """Record a version and propose it, in the first stage or in none."""
    repo.record(version)
    if stage is None:
        repo.take(lambda live: transitions.propose(live, version), f"Propose fraud {version}")
    else:
        repo.take(
            lambda live: transitions.advance(transitions.propose(live, version), STAGES), f"Propose fraud {version}"
        )
        advance_to(repo, stage)


def landed(repo: Repo, number: int = 1) -> dict[str, Any]:
    """Return a pull request that there is."""
    return next(each for each in repo.pull_requests() if each["number"] == number)


def branch_of(answer: Result) -> str:
    """Return the name of the branch that a dry run shows."""
    return next(line for line in answer.out.splitlines() if line.startswith("branch ")).split()[1]


def message_of(repo: Repo, commit: str) -> str:
    return git(repo.remote, "log", "-1", "--format=%B", commit)


def reverted(message: str) -> list[str]:
    return re.findall(r"^This reverts commit ([0-9a-f]{40})\.$", message, re.MULTILINE)


def assert_nothing_happened(repo: Repo) -> None:
    assert repo.branches() == []
    assert repo.pull_requests() == []


def merge_and_check(repo: Repo, branch: str = BRANCH) -> None:
    """Merge a rollback; the tree that comes of it is clean, compared with the one before."""
    before = repo.git("rev-parse", "HEAD")
    repo.merge(branch)
    checked = repo.run("check", "--base", before)
    assert checked.status == 0, checked.text


# What failed decides where it goes.


@pytest.mark.parametrize(("stage", "number"), [("shadow", 2), ("canary-5", 1), ("ab-50", 2), ("full", 3)])
def test_a_candidate_goes_back_from_each_stage(repo: Repo, stage: str, number: int) -> None:
    if stage == "shadow":
        repo.take(lambda live: transitions.retreat(live, STAGES, "shadow"), "Retreat fraud 42")
    advance_to(repo, stage)
    answer = repo.breach("42")

    assert answer.status == 0
    assert answer.out.splitlines()[0] == f"opened pull request 1: {repo.remote}.pulls/1.json"
    commit = repo.tip(BRANCH)
    assert repo.live_at(commit) == {"stable": "41", "knownGood": ["40"]}
    assert [arm["weight"] for arm in route(repo, commit)] == [100]
    assert repo.data_at(commit, "incidents/fraud-42.yaml")["spec"]["stage"] == stage
    assert len(reverted(message_of(repo, commit))) == number - 1
    merge_and_check(repo)


def route(repo: Repo, commit: str) -> list[dict[str, Any]]:
    """Return who answers, as the rendered route has it."""
    found = repo.data_at(commit, "manifests/fraud/gateway-api.yaml")["spec"]["rules"][-1]["backendRefs"]
    assert isinstance(found, list)
    return found


def test_a_candidate_that_takes_no_traffic_changes_nothing(repo: Repo) -> None:
    repo.take(transitions.withdraw, "Withdraw fraud 42")
    repo.take(lambda live: transitions.propose(live, "42"), "Propose fraud 42")
    told = "fraud 42 receives neither requests nor mirrored ones: nothing to roll back; it is a candidate in no stage"
    for answer in (repo.breach("42"), repo.run("rollback", "fraud", "--reason", "it looks bad")):
        assert (answer.status, answer.out) == (0, "")
        assert told in answer.err
    assert_nothing_happened(repo)


def test_a_version_that_serves_nobody_changes_nothing(promoted: Repo) -> None:
    answer = promoted.breach("40")
    assert answer.status == 0
    assert "fraud 40 receives neither requests nor mirrored ones" in answer.err
    assert_nothing_happened(promoted)


def test_a_promoted_version_goes_back_to_the_one_before(promoted: Repo) -> None:
    assert promoted.breach("42").status == 0
    commit = promoted.tip(BRANCH)
    assert promoted.live_at(commit) == {"stable": "41", "knownGood": ["40"]}
    assert promoted.data_at(commit, "incidents/fraud-42.yaml")["spec"]["stage"] == "promoted"
    assert not landed(promoted)["draft"] or "watches only canary-5" in landed(promoted)["body"]
    merge_and_check(promoted)


def test_a_candidate_in_flight_is_withdrawn_with_a_stable_that_failed(promoted: Repo) -> None:
    propose(promoted, "43", "canary-5")
    assert promoted.breach("42", "latency-sla").status == 0
    commit = promoted.tip(BRANCH)
    assert promoted.live_at(commit) == {"stable": "41", "knownGood": ["40"]}
    assert "The candidate 43 is withdrawn. It gets no incident." in landed(promoted)["body"]
    merge_and_check(promoted)

    assert [path.name for path in (promoted.workspace / "incidents").iterdir()] == ["fraud-42.yaml"]
    before = promoted.git("rev-parse", "HEAD")
    promoted.take(lambda live: transitions.propose(live, "43"), "Propose fraud 43 again")
    assert promoted.run("check", "--base", before).status == 0


def test_stable_fails_where_42_is_the_candidate(repo: Repo) -> None:
    assert repo.breach("41", "latency-sla").status == 0
    commit = repo.tip("rollback/acme-models/fraud/41")
    assert repo.live_at(commit) == {"stable": "40", "knownGood": []}
    merge_and_check(repo, "rollback/acme-models/fraud/41")


def test_what_was_undone_once_is_not_undone_again(repo: Repo) -> None:
    assert repo.breach("42").status == 0
    repo.merge(BRANCH)
    answer = repo.breach("42")
    assert answer.status == 0
    assert "incident fraud-42 quarantines it already" in answer.err
    assert (repo.branches(), len(repo.pull_requests())) == ([BRANCH], 1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("rollback", "frud", "--reason", "r"), "there is no rollout `frud` here"),
        (("rollback", "../fraud", "--reason", "r"), "there is no rollout `../fraud` here"),
        (("rollback", "fraud", "--reason", "r", "--version", "4.2"), "rollout fraud has no version `4.2`"),
        (("rollback", "fraud", "--reason", "r", "--version", ""), "rollout fraud has no version"),
        (("rollback", "fraud"), "a rollback by hand needs a reason"),
        (("rollback", "fraud", "--reason", " \n"), "a rollback by hand needs a reason"),
        (("rollback",), "name the failure"),
        (("rollback", "fraud", "--breach", "x.json"), "name the failure"),
        (
            ("rollback", "--breach", "x.json", "--reason", "r"),
            "--reason, --version, --at and --auto-merge need ROLLOUT",
        ),
        (("rollback", "--breach", "x.json", "--auto-merge"), "--at and --auto-merge need ROLLOUT"),
        (("rollback", "--breach", "nowhere.json"), "cannot read nowhere.json"),
    ],
)
def test_what_cannot_be_answered_is_refused(repo: Repo, words: tuple[str, ...], told: str) -> None:
    answer = repo.run(*words)
    assert answer.status == 2
    assert told in answer.err
    assert_nothing_happened(repo)


def test_a_name_that_is_nearly_right_is_suggested(repo: Repo) -> None:
    assert "fraud" in repo.run("rollback", "frau", "--reason", "r").err.splitlines()[1]


def test_an_alert_about_a_rollout_or_version_that_is_not_there_is_refused(repo: Repo) -> None:
    unknown = repo.breach("42", rollout="churn")
    assert (unknown.status, "there is no rollout `churn` here" in unknown.err) == (2, True)
    unknown = repo.breach("99")
    assert (unknown.status, "rollout fraud has no version `99`" in unknown.err) == (2, True)
    assert_nothing_happened(repo)


def test_with_no_way_back_the_incident_alone_is_proposed(repo: Repo) -> None:
    text = repo.at("HEAD", "rollouts/fraud.yaml")
    repo.write("rollouts/fraud.yaml", text.replace('knownGood: ["40"]', "knownGood: []"))
    repo.render()
    repo.commit("Forget 40")
    verdict = "verdict: notify: no known-good version can be restored [way-back]\n"
    for done in ("opened", "adopted"):
        answer = repo.breach("41", "latency-sla")
        assert answer.status == 1
        assert "fraud 41 failed and has no rollback target: no known-good version can serve" in answer.err
        branch, commit = repo.whole(STUCK), repo.tip(STUCK)
        assert answer.out == (
            f"{done} pull request 1: {repo.remote}.pulls/1.json\n"
            f"incident fraud-41: branch {branch}, commit {commit}\n{verdict}"
        )
    later = repo.run("rollback", "fraud", "--version", "41", "--reason", "it looks worse")
    assert (later.status, later.out) == (1, answer.out), "another breach finds the first one's branch"
    assert (repo.branches(), len(repo.pull_requests())) == ([STUCK], 1)
    told = landed(repo)
    assert told["title"] == "Open incident fraud-41: no rollback target for fraud 41"
    assert (told["head"], told["headSha"], told["draft"], told["autoMerge"]) == (branch, commit, False, False)
    assert told["labels"] == ["incident", "rollout:fraud"]
    assert "`knownGood` is empty." in told["body"]
    assert git(repo.remote, "diff", "--name-only", "main", branch).split() == ["incidents/fraud-41.yaml"]
    spec = repo.data_at(commit, "incidents/fraud-41.yaml")["spec"]
    assert (spec["restoredVersion"], spec["status"], spec["trigger"]) == (None, "open", "latency-sla")

    merge_and_check(repo, STUCK)
    answer = repo.breach("41", "drift")
    assert (answer.status, answer.out) == (1, verdict)
    assert "incident fraud-41 is already open" in answer.err
    assert len(repo.pull_requests()) == 1


STUCK = "incident/acme-models/fraud/41"


def test_each_known_good_version_that_cannot_serve_is_named_with_the_reason(promoted: Repo) -> None:
    promoted.edit("components/tokenizer.yaml", '["1.4.2"]', '["2.0"]')
    promoted.commit("Serve another tokenizer")
    answer = promoted.breach("42", "latency-sla")
    assert answer.status == 1
    for version in ("41", "40"):
        assert f"  {version}: tokenizer 1.4.2 is not served" in answer.err
    commit = promoted.tip("incident/acme-models/fraud/42")
    assert "- 41: tokenizer 1.4.2 is not served" in message_of(promoted, commit)
    (pull,) = promoted.pull_requests()
    assert pull["headSha"] == commit
    for version in ("41", "40"):
        assert f"{version} was skipped: tokenizer 1.4.2 is not served" in pull["body"]


def test_a_known_good_version_that_cannot_serve_is_passed_over(promoted: Repo) -> None:
    path = "rollouts/fraud.yaml"
    text = promoted.at("HEAD", path)
    where = text.index('"41":\n')
    promoted.write(path, text[:where] + text[where:].replace('tokenizer: "1.4.2"', 'tokenizer: "1.3"', 1))
    promoted.render()
    promoted.commit("Pin what is not up")
    assert promoted.breach("42", "latency-sla").status == 0
    assert promoted.live_at(promoted.tip(BRANCH)) == {"stable": "40", "knownGood": []}
    assert "- 41 was skipped: tokenizer 1.3 is not served." in landed(promoted)["body"]


def test_a_known_good_version_whose_bytes_nobody_knows_is_passed_over(promoted: Repo) -> None:
    promoted.edit("rollouts/fraud.yaml", "      artifact: s3://models/fraud/41/\n", "")
    promoted.commit("Lose an artifact")
    assert promoted.breach("42", "latency-sla").status == 0
    assert promoted.live_at(promoted.tip(BRANCH)) == {"stable": "40", "knownGood": []}
    assert "- 41 was skipped: its record has neither `artifact` nor `parts`." in landed(promoted)["body"]


# Payloads.


def test_resolved_alerts_open_nothing(repo: Repo) -> None:
    answer = repo.run("rollback", "--breach", repo.payload({**repo.alert(), "status": "resolved"}, status="resolved"))
    assert (answer.status, answer.out) == (0, "")
    assert "skipped: alert 1: it is resolved, not firing" in answer.err
    assert_nothing_happened(repo)


def test_a_payload_without_alerts_opens_nothing(repo: Repo) -> None:
    answer = repo.run("rollback", "--breach", repo.payload())
    assert (answer.status, answer.err) == (0, "the payload contains no alert\n")


def test_each_alert_counts_by_its_own_status(repo: Repo) -> None:
    alerts = [{**repo.alert("41"), "status": "resolved"}, repo.alert("42")]
    assert repo.run("rollback", "--breach", repo.payload(*alerts)).status == 0
    assert repo.branches() == [BRANCH]


def test_an_alert_of_another_workspace_is_left_to_it(repo: Repo) -> None:
    settings = repo.at("HEAD", ".rollout-spec.yaml").replace("acme-models", "acme-staging")
    repo.write("staging/.rollout-spec.yaml", settings)
    repo.commit("Add staging")
    answer = repo.breach("42", workspace="acme-staging")
    assert (answer.status, answer.out) == (0, "")
    assert answer.err == "fraud 42: this breach is of the workspace acme-staging, not of acme-models\n"
    assert_nothing_happened(repo)


@pytest.mark.parametrize("options", [[], ["--dry-run"], ["--emit", "out"]])
def test_an_alert_of_a_workspace_that_is_not_there_is_no_success(repo: Repo, options: list[str]) -> None:
    """It was renamed, and Prometheus still has the rules of before."""
    answer = repo.run("rollback", "--breach", repo.payload(repo.alert("42", workspace="acme-old")), *options)
    assert (answer.status, answer.out) == (1, "")
    assert "no workspace of this repository has that name" in answer.err
    assert_nothing_happened(repo)


def test_alerts_of_several_rollouts_are_answered_each(repo: Repo) -> None:
    second_rollout(repo)
    alerts = [repo.alert("42"), repo.alert("42", rollout="churn"), repo.alert("42", rollout="nowhere")]
    answer = repo.run("rollback", "--breach", repo.payload(*reversed(alerts)))
    assert answer.status == 2, "one of the three is not there"
    assert "there is no rollout `nowhere` here" in answer.err
    assert repo.branches() == ["rollback/acme-models/churn/42", BRANCH]
    for name in ("churn", "fraud"):
        commit = repo.tip(f"rollback/acme-models/{name}/42")
        changed = repo.git("diff", "--name-only", "HEAD", commit).split()
        assert {Path(path).parts[1].partition(".")[0].removesuffix("-42") for path in changed} == {name}


def second_rollout(repo: Repo) -> None:
    text = repo.at("HEAD", "rollouts/fraud.yaml").replace("name: fraud", "name: churn")
    repo.write("rollouts/churn.yaml", text.replace("host: fraud.", "host: churn."))
    repo.render()
    repo.commit("Serve churn")


def test_duplicate_alerts_are_one_breach_the_earliest(repo: Repo) -> None:
    late = {**repo.alert("42", "latency-sla"), "startsAt": "2026-11-20T10:15:00+01:00", "fingerprint": "ffff"}
    early = {**repo.alert("42"), "startsAt": "2026-11-20T09:01:00.123456789Z"}
    answer = repo.run("rollback", "--breach", repo.payload(late, early, early))
    assert answer.out.count("opened pull request") == 1
    incident = repo.data_at(repo.tip(BRANCH), "incidents/fraud-42.yaml")["spec"]
    assert (incident["observedAt"], incident["trigger"]) == ("2026-11-20T09:01:00Z", "serving-errors")
    assert landed(repo)["body"].count("reported by `alertmanager`") == 1, "the same alert twice is no second one"


def test_of_several_alerts_of_a_version_the_strongest_is_answered_and_the_others_are_listed(repo: Repo) -> None:
    repo.edit(".rollout-spec.yaml", "mode: pull-request  ", "mode: auto-merge  ")
    repo.commit("Automate")
    drift, hard = repo.alert("42", "drift"), repo.alert("42", "latency-sla")
    over = {**repo.alert("42", "serving-errors"), "endsAt": (repo.clock[0] + timedelta(seconds=90)).isoformat()}
    drift["startsAt"] = over["startsAt"] = repo.clock[0].isoformat()
    answer = repo.run("rollback", "--breach", repo.payload(drift, over, hard))
    assert (answer.status, answer.out.count("pull request")) == (0, 1), answer.text
    assert "verdict: act: no guard objects, and it merges automatically\n" in answer.out
    incident = repo.data_at(repo.tip(BRANCH), "incidents/fraud-42.yaml")["spec"]
    assert incident["trigger"] == "latency-sla"
    told = landed(repo)
    assert (told["draft"], told["autoMerge"]) == (False, True)
    also = told["body"].partition("Reported with it:")[2].partition("###")[0]
    assert [re.findall("`([a-z-]+)` since", line) for line in also.strip().splitlines()] == [
        ["drift"],
        ["serving-errors"],
    ]
    other = repo.clone("other").run("rollback", "--breach", repo.payload(hard, over, drift))
    assert other.out == answer.out.replace("opened", "adopted", 1), "their order in the payload is nothing"


def test_a_payload_is_read_from_stdin(repo: Repo) -> None:
    payload = Path(repo.payload(repo.alert())).read_bytes()
    done = ours(repo, "rollback", "--breach", "-", "--dry-run", stdin=payload)
    assert done.returncode == 0
    assert b"nothing was pushed: this is a dry run" in done.stderr


def ours(repo: Repo, *words: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command of ours in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "rollout_spec", "--repo", str(repo.workspace), *words],
        input=stdin,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **environment},
        cwd=repo.remote.parent,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the payload is not JSON"),
        (b"{", "the payload is not JSON"),
        (b"\xff\xfe{", "the payload is not JSON"),
        (b"[" * 100_000, "the payload is not JSON"),
        (b'{"version": "4", "alerts": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "the payload is not JSON"),
        (b'{"version": "4", "alerts": ' + b"9" * 5000 + b"}", "`alerts` is missing"),
        (b"[]", "the payload is not a JSON object"),
        (b"null", "the payload is not a JSON object"),
        (b"{}", "not a webhook payload of Alertmanager, version 4"),
        (b'{"version": "3", "alerts": []}', "not a webhook payload of Alertmanager, version 4"),
        (b'{"version": 4, "alerts": []}', "not a webhook payload of Alertmanager, version 4"),
        (b'{"version": "4"}', "not a webhook payload of Alertmanager, version 4"),
        (b'{"version": "4", "alerts": {}}', "not a webhook payload of Alertmanager, version 4"),
        (b'{"version": "4", "alerts": [1, null, "x", []]}', "alert 4: it has no labels"),
        (b'{"version": "4", "alerts": [{"status": "firing"}]}', "alert 1: it has no labels"),
        (b'{"version": "4", "alerts": [{"status": "firing", "labels": []}]}', "alert 1: it has no labels"),
        (b" " * (8 * 1024 * 1024 + 1), "more than the limit of 8,388,608"),
    ],
)
def test_what_is_no_payload_is_refused(repo: Repo, content: bytes, told: str) -> None:
    path = repo.remote.parent / "junk.json"
    path.write_bytes(content)
    answer = repo.run("rollback", "--breach", str(path))
    assert answer.status == 2
    assert told in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"rollout": None}, "its label `rollout` is not the name of a rollout"),
        ({"rollout": ["fraud"]}, "its label `rollout` is not the name of a rollout"),
        ({"rollout": "Fraud"}, "its label `rollout` is not the name of a rollout"),
        ({"rollout": "../../etc/passwd"}, "its label `rollout` is not the name of a rollout"),
        ({"rollout": "fraud\n"}, "its label `rollout` is not the name of a rollout"),
        ({"rollout": "--output=x"}, "its label `rollout` is not the name of a rollout"),
        ({"version": 42}, "its label `version` is not a version"),
        ({"version": "42\nRollback-To: fraud/1"}, "its label `version` is not a version"),
        ({"version": "4" * 129}, "its label `version` is not a version"),
        ({"workspace": "a\x1b[2J"}, "its label `workspace` is not the name of a workspace"),
        ({"workspace": {"a": 1}}, "its label `workspace` is not the name of a workspace"),
    ],
)
def test_an_alert_whose_labels_name_nothing_is_refused(repo: Repo, changes: dict[str, Any], told: str) -> None:
    answer = repo.breach("42", **changes) if "version" not in changes else with_version(repo, changes["version"])
    assert answer.status == 2
    assert f"skipped: alert 1: {told}\n" in answer.err
    assert "the payload contains no breach that can be answered" in answer.err
    assert_nothing_happened(repo)


def with_version(repo: Repo, version: Any) -> Result:
    return repo.run("rollback", "--breach", repo.payload(repo.alert(version)))


@pytest.mark.parametrize(
    "started",
    [None, 0, "", "yesterday", "2026-11-20", "2026-11-20T10:15:00", "0001-01-01T00:00:00Z", "9999-99-99T00:00:00Z"],
)
def test_an_alert_that_does_not_say_since_when_is_refused(repo: Repo, started: Any) -> None:
    answer = repo.run("rollback", "--breach", repo.payload({**repo.alert(), "startsAt": started}))
    assert answer.status == 2
    assert "skipped: alert 1: " in answer.err


def test_a_breach_of_long_ago_and_one_of_the_far_future_make_a_commit(repo: Repo) -> None:
    for started in ("1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        payload = repo.payload({**repo.alert(), "startsAt": started})
        answer = repo.run("rollback", "--breach", payload, "--dry-run")
        assert answer.status == 0, answer.text
        assert f'observedAt: "{started}"' in answer.out


EVIL = (
    "\n\nSigned-off-by: evil\nRollback-To: fraud/1\r\n"
    "\x1b[31m\u202e@everyone `x` | <img src=x> [a](javascript:b) \ud800#1\x00"
)


def test_what_a_stranger_wrote_is_quoted_wherever_it_goes(repo: Repo) -> None:
    alert = repo.alert(severity=EVIL, namespace=EVIL, alertname=EVIL, **{EVIL: EVIL})
    alert["annotations"] |= {"summary": EVIL, "description": EVIL, "value": "1e999999999", EVIL: EVIL}
    alert |= {"generatorURL": "http://x/\x1b[31m\ud800", "fingerprint": EVIL}
    answer = repo.run("rollback", "--breach", repo.payload(alert, receiver=EVIL, commonAnnotations={EVIL: EVIL}))
    assert answer.status == 0, answer.text

    commit = repo.tip(BRANCH)
    message = message_of(repo, commit)
    assert re.sub(r"[0-9a-f]{16}-[0-9]+$", "ID", message) == (
        "Revert fraud 42 to 41: serving-errors at canary-5\n\n"
        "fraud 42 failed in canary-5: breach reported by serving-errors at 2026-11-20T09:02:00Z.\n"
        "Traffic returns to 41. Incident fraud-42 quarantines 42.\n\n"
        "Rollback-Of: fraud/42\nRollback-To: fraud/41\nBreach-Id: alertmanager-ID"
    )
    one_line = "Signed-off-by: evil Rollback-To: fraud/1 [31m @everyone `x` | <img src=x> [a](javascript:b) #1"
    incident = repo.data_at(commit, "incidents/fraud-42.yaml")
    assert incident["spec"]["evidence"] == {"summary": one_line}
    body = landed(repo)["body"]
    shown = one_line.replace("`", "'").replace("|", "¦")
    assert f"| summary | `{shown}` |\n" in body
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800]", body + answer.text)
    assert "evil" not in re.sub(r"`[^`\n]*`", "", body)
    merge_and_check(repo)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("0.0812", "0.0812"),
        ("8.123456789012345e-05", "0.0000812345678901234"),
        ("1.234e+06", "1234000"),
        ("-0", "0"),
        ("0.1234567890123456789012345678901234567890", "0.123456789012346"),
        ("8.123456789012345e-25", None),
        ("1e400", None),
        ("9" * 400, None),
        ("NaN", None),
        ("+Inf", None),
        ("٤٢", None),
        ("4_2", None),
        ("42; rm", None),
        ("", None),
        (42, "42"),
    ],
)
def test_a_number_is_kept_where_a_person_can_read_it(repo: Repo, value: Any, kept: str | None) -> None:
    alert = repo.alert()
    alert["annotations"]["value"] = value
    decision = roll_back(here(repo), breach_of(repo, alert))
    assert isinstance(decision, Rollback)
    text = (decision.edits["incidents/fraud-42.yaml"] or b"").decode()
    assert re.findall(r"^    value: (.*)$", text, re.MULTILINE) == ([kept] if kept else [])


def breach_of(repo: Repo, alert: dict[str, Any]) -> Breach:
    from rollout_spec.integrations.monitors import parse as parse_payload

    return parse_payload(json.dumps({"version": "4", "alerts": [alert]}).encode()).breaches[0]


def here(repo: Repo) -> Repository:
    return Repository(WorkingTree(repo.workspace))


# How far it goes by itself.


BREACH = Breach(
    id="test-1",
    source="alertmanager",
    rollout="fraud",
    version="42",
    observed_at=datetime(2026, 11, 20, 12, tzinfo=UTC),
    trigger="serving-errors",
)


def ago(**units: int) -> UndoneCommits:
    return UndoneCommits(since=BREACH.observed_at - timedelta(**units))


@pytest.mark.parametrize(
    ("stage", "trigger", "undone", "reason"),
    [
        ("canary-5", "serving-errors", ago(minutes=15), None),
        ("canary-5", "serving-errors", ago(minutes=15, seconds=1), "is hard only within 15m of the stage's start"),
        ("canary-5", "serving-errors", ago(minutes=-5), None),
        ("canary-5", "serving-errors", UndoneCommits(), "and that time is unknown"),
        ("ab-50", "serving-errors", ago(minutes=1), "watches only canary-5, but 42 is in ab-50"),
        ("canary-5", "latency-sla", ago(days=30), None),
        ("shadow", "latency-sla", UndoneCommits(), None),
        ("canary-5", "drift", ago(minutes=1), "the trigger drift is soft"),
        ("canary-5", "expert-spot-check", ago(minutes=1), "the trigger expert-spot-check is soft"),
        ("ab-50", "conversion", ago(minutes=1), None),
        ("full", "conversion", ago(minutes=1), "watches only ab-50, but 42 is in full"),
        (
            "canary-5",
            "unheard-of",
            ago(minutes=1),
            "the trigger counts as soft: the rollout has no trigger `unheard-of`",
        ),
        ("canary-5", None, ago(minutes=1), "the trigger counts as soft: the breach names no trigger"),
        ("promoted", "latency-sla", ago(days=7), None),
        ("promoted", "latency-sla", ago(days=7, seconds=1), "triggers are hard only within 7d of the promotion"),
        ("promoted", "latency-sla", UndoneCommits(), "and that time is unknown"),
        ("promoted", "serving-errors", ago(minutes=1), "watches only canary-5, but 42 is promoted"),
    ],
)
def test_a_hard_trigger_in_its_time_asks_nobody(
    made: Repo, promoted_made: Repo, stage: str, trigger: str | None, undone: UndoneCommits, reason: str | None
) -> None:
    repository = here(promoted_made) if stage == "promoted" else with_stage(made, stage)
    decision = roll_back(repository, replace(BREACH, trigger=trigger), undone)
    assert isinstance(decision, Rollback)
    assert [str(reason) in each.message for each in decision.review_reasons] == ([] if reason is None else [True])


def with_stage(repo: Repo, stage: str) -> Repository:
    text = (repo.workspace / "rollouts/fraud.yaml").read_text("utf-8")
    edited = text.replace("stage: canary-5  ", f"stage: {stage}  ")
    return Repository(Overlay(WorkingTree(repo.workspace), {"rollouts/fraud.yaml": edited.encode()}))


def test_both_the_triggers_time_and_the_window_count_after_a_promotion(promoted_made: Repo) -> None:
    tree = WorkingTree(promoted_made.workspace)
    text = (tree.read("rollouts/fraud.yaml") or b"").replace(b"during: [canary-5]", b"during: [promoted]")
    decision = roll_back(Repository(Overlay(tree, {"rollouts/fraud.yaml": text})), BREACH, ago(days=8))
    assert isinstance(decision, Rollback)
    assert list(map(str, decision.review_reasons)) == [
        "the trigger serving-errors is hard only within 15m of the promotion, which was 8d before the breach [trigger]",
        "triggers are hard only within 7d of the promotion, which was 8d before the breach [window]",
    ]


def test_a_person_says_so(repo: Repo) -> None:
    answer = repo.run("rollback", "fraud", "--reason", "odd\nscores")
    assert (answer.status, answer.err) == (0, "")
    assert "a draft for a person" not in answer.out
    spec = repo.data_at(repo.tip(BRANCH), "incidents/fraud-42.yaml")["spec"]
    assert (spec["source"], spec["trigger"], spec["evidence"]) == ("manual", None, {"summary": "odd scores"})
    assert (landed(repo)["draft"], landed(repo)["autoMerge"]) == (False, False)
    merge_and_check(repo)


HELD = "an automatic rollback would have been held: "
PAUSE = "{reason: a move, expires: 2026-12-01}\n"


@pytest.mark.parametrize("arm", [False, True])
@pytest.mark.parametrize("mode", ["dry-run", "pull-request", "auto-merge"])
def test_a_person_is_held_by_no_guard_and_told_which_would_have(repo: Repo, mode: str, arm: bool) -> None:
    repo.edit(".rollout-spec.yaml", "mode: pull-request  ", f"maxRollbacksPerDay: 0\n    mode: {mode}  ")
    repo.write(".rollout-spec-pause", PAUSE)
    repo.commit("Hold the automation")
    words = ("--version", "41", *(("--auto-merge",) if arm else ()))
    answer = repo.run("rollback", "fraud", "--reason", "odd", *words)
    assert answer.status == 0, answer.text
    assert answer.out.startswith("opened pull request 1: ")
    told = [line.removeprefix(HELD).rpartition("[")[2] for line in answer.err.splitlines() if line.startswith(HELD)]
    assert told == [*(["mode]"] if mode == "dry-run" else []), "pause]", "rollbacks-per-day]"]
    assert (landed(repo)["draft"], landed(repo)["autoMerge"]) == (False, arm)
    assert "A person ordered it. Guards would have held an automatic rollback: " in landed(repo)["body"]


def test_a_person_who_asks_for_a_step_by_hand_first_gets_a_draft(repo: Repo) -> None:
    exclusive(repo, "external")
    answer = repo.run("rollback", "fraud", "--reason", "odd", "--auto-merge")
    assert answer.status == 0, answer.text
    assert "a draft for a person: a person must switch user-profile to 11" in answer.out
    assert (landed(repo)["draft"], landed(repo)["autoMerge"]) == (True, False)


def test_a_person_gets_what_a_person_closed(repo: Repo) -> None:
    assert repo.breach("42").status == 0
    change_pull_request(repo, state="closed")
    answer = repo.run("rollback", "fraud", "--reason", "odd")
    assert (answer.status, answer.out.partition(":")[0]) == (0, "opened pull request 2"), answer.text
    assert repo.branches() == [BRANCH, f"{BRANCH}-2"]


def test_a_person_may_name_the_version(repo: Repo) -> None:
    assert repo.run("rollback", "fraud", "--reason", "odd", "--version", "41").status == 0
    assert repo.live_at(repo.tip("rollback/acme-models/fraud/41")) == {"stable": "40", "knownGood": []}


def test_a_person_who_names_the_rollout_alone_means_stable_where_nothing_comes_in(promoted: Repo) -> None:
    assert promoted.run("rollback", "fraud", "--reason", "odd").status == 0
    assert promoted.branches() == [BRANCH]


def test_bytes_that_are_no_text_on_the_command_line_are_taken(repo: Repo) -> None:
    answer = repo.run("rollback", "fraud", "--reason", "bad \udcff byte", "--dry-run")
    assert answer.status == 0
    assert "summary: bad byte" in answer.out.replace('"', "")


@pytest.mark.parametrize(
    ("mode", "merge", "trigger", "armed", "draft"),
    [
        ("auto-merge", "auto", "latency-sla", True, False),
        ("auto-merge", "auto", "drift", False, True),
        ("auto-merge", "review", "latency-sla", False, False),
        ("pull-request", "auto", "latency-sla", False, False),
    ],
)
def test_a_rollback_is_armed_where_the_workspace_and_the_rollout_say_so(
    repo: Repo, mode: str, merge: str, trigger: str, armed: bool, draft: bool
) -> None:
    repo.edit(".rollout-spec.yaml", "mode: pull-request  ", f"mode: {mode}  ")
    repo.edit("rollouts/fraud.yaml", "merge: auto  ", f"merge: {merge} #")
    repo.commit("Automate")
    assert repo.breach("42", trigger).status == 0
    assert (landed(repo)["autoMerge"], landed(repo)["draft"]) == (armed, draft)
    verdict = {(True, False): "It merges automatically once its checks pass.", (False, False): "It is ready to merge."}
    assert verdict.get((armed, draft), "It is a draft for a person") in landed(repo)["body"]


def test_a_workspace_in_dry_run_pushes_nothing(repo: Repo) -> None:
    repo.edit(".rollout-spec.yaml", "mode: pull-request  ", "mode: dry-run  ")
    repo.commit("Look on")
    before = repo.snapshot()
    answer = repo.breach("42")
    assert answer.status == 1, "a breach is real, and nothing was proposed"
    assert answer.err == "nothing was pushed: the workspace's `automation.mode` is dry-run\n"
    assert repo.snapshot() == before


def test_a_dry_run_prints_the_commit_its_diff_and_the_pull_request_and_changes_nothing(repo: Repo) -> None:
    other = repo.clone("other")
    other.edit("rollouts/fraud.yaml", "owner: team-risk", "owner: team-fraud")
    other.commit("Move")
    before = repo.snapshot()
    answer = repo.breach("42", "serving-errors", "--dry-run")
    assert repo.snapshot() == before, "not even what is known of the remote"
    assert answer.status == 0
    assert answer.err == "nothing was pushed: this is a dry run\n"
    commit, branch = (line.split()[1] for line in answer.out.splitlines()[:2])
    assert plain(branch) == BRANCH
    assert branch != BRANCH
    for part in (
        "\nRevert fraud 42 to 41: serving-errors at canary-5\n",
        "\n-    stage: canary-5 ",
        '\n+  failedVersion: "42"\n',
        "\npull request: Revert fraud 42 to 41: serving-errors at canary-5\n\n**fraud 42 failed in canary-5.",
    ):
        assert part in answer.out

    repo.breach("42")
    assert repo.whole_names() == [branch]
    assert repo.tip(branch) == commit, "what a dry run shows is what is pushed"


def test_what_is_checked_out_makes_no_difference(repo: Repo) -> None:
    breach = ("rollback", "--breach", repo.payload(repo.alert()))
    expected = repo.run(*breach, "--dry-run").out.splitlines()[0]
    repo.git("checkout", "-q", "-b", "elsewhere")
    repo.edit("rollouts/fraud.yaml", "stage: canary-5  ", "stage: full  ")
    repo.commit("Not merged", push=False)
    repo.write("rollouts/fraud.yaml", "garbage: [")
    repo.write("incidents/fraud-42.yaml", "staged")
    repo.git("add", "incidents")
    repo.write(".rollout-spec.yaml", 'apiVersion: rollout-spec/v1\nkind: Workspace\nspec: {requires: ">=99"}\n')
    before = repo.snapshot()
    assert repo.run(*breach, "--dry-run").out.splitlines()[0] == expected
    assert repo.snapshot() == before
    assert repo.run(*breach).status == 0
    assert f"commit {repo.tip(BRANCH)}" == expected
    assert repo.snapshot()["files"] == before["files"]


def test_the_base_is_the_branch_that_the_workspace_names(repo: Repo) -> None:
    repo.git("push", "-q", "origin", "HEAD:refs/heads/live")
    repo.edit(".rollout-spec.yaml", "{type: local}", "{type: local, base: live}")
    repo.commit("Live on live")
    repo.git("push", "-q", "origin", "HEAD:refs/heads/live")
    repo.take(transitions.withdraw, "Withdraw on main, where nobody looks")
    repo.git("checkout", "-q", "HEAD~2")
    assert repo.breach("42").status == 0
    assert landed(repo)["base"] == "live"


def test_a_version_of_the_tool_that_the_base_does_not_want_is_refused(repo: Repo) -> None:
    repo.edit(".rollout-spec.yaml", "policies: [baseline]", 'policies: [baseline]\n  requires: ">=99"')
    repo.commit("Want another")
    repo.git("checkout", "-q", "HEAD~1")
    answer = repo.breach("42")
    assert (answer.status, "this workspace requires rollout-spec >=99" in answer.err) == (2, True)


def test_what_the_way_back_would_break_is_refused(repo: Repo) -> None:
    advance_to(repo, "full")
    repo.edit("components/user-profile.yaml", '["11", "12"]', '["12"]')
    repo.commit("Take away what 41 needs")
    answer = repo.breach("42", "latency-sla")
    assert answer.status == 1
    assert "rollback to 41 refused: it would introduce these errors" in answer.err
    assert "41 receives traffic but needs user-profile 11" in answer.err
    assert_nothing_happened(repo)


def test_findings_that_stood_before_refuse_nothing(repo: Repo) -> None:
    repo.edit("rollouts/fraud.yaml", "window: 7d", "window: 7d\n  colour: red")
    repo.edit("rollouts/fraud.yaml", "\n  colour: red", "")
    repo.edit("rollouts/fraud.yaml", "during: [ab-50]", "during: [ab-51]")
    repo.commit("Watch a stage that is not there")
    assert repo.breach("42", "latency-sla").status == 0
    assert "- Older finding: `rollouts/fraud.yaml:" in landed(repo)["body"]


def test_a_way_back_whose_workload_differs_is_for_a_person(promoted: Repo) -> None:
    path = "manifests/fraud/kserve.yaml"
    old = '      storageUri: "s3://models/fraud/41/"\n'
    promoted.edit(path, old, f"{old}      env:\n        - name: DEBUG\n")
    promoted.commit("Edit by hand what is rendered")
    assert promoted.breach("42", "latency-sla").status == 0
    assert landed(promoted)["draft"] is True
    assert "the manifests of 41 differ from the deployed ones" in landed(promoted)["body"]
    assert "The manifests that run 41 **change**" in landed(promoted)["body"]


def exclusive(repo: Repo, applied_by: str) -> None:
    """Switch a component of which there is one version at a time together with the traffic."""
    repo.edit("rollouts/fraud.yaml", "weight: 50%, hold: 48h, approval: manual", "mirror: 50%, hold: 48h")
    repo.edit("rollouts/fraud.yaml", "weight: 5%, hold: 15m", "mirror: 5%, hold: 15m")
    repo.edit(
        "components/user-profile.yaml", '["11", "12"]  ', f'["12"]\n  exclusive: true\n  appliedBy: {applied_by}\n  '
    )
    repo.edit("rollouts/fraud.yaml", "stage: canary-5  ", "stage: full  ")
    repo.render()
    repo.commit("Switch at once")


@pytest.mark.parametrize(("applied_by", "draft"), [("git", False), ("external", True)])
def test_an_exclusive_component_goes_back_too(repo: Repo, applied_by: str, draft: bool) -> None:
    exclusive(repo, applied_by)
    assert repo.breach("42", "latency-sla").status == 0
    commit = repo.tip(BRANCH)
    assert repo.data_at(commit, "components/user-profile.yaml")["spec"]["serving"] == ["11"]
    assert "side by side: the rollback target pins 11" in repo.at(commit, "components/user-profile.yaml")
    body = landed(repo)["body"]
    assert "- user-profile is switched from 12 to 11 in the same commit." in body
    assert ("a person must switch user-profile to 11: git does not apply it" in body) == draft
    assert landed(repo)["draft"] is draft


def test_a_version_with_the_bytes_of_the_one_that_failed_is_no_way_back(promoted: Repo) -> None:
    path = "rollouts/fraud.yaml"
    text = promoted.at("HEAD", path)
    promoted.write(path, text.replace("sha256:" + "1" * 64, "sha256:" + "3" * 64))
    decision = roll_back(here(promoted), replace(BREACH, trigger="latency-sla"))
    assert isinstance(decision, Rollback)
    assert decision.restored == "40"
    assert decision.skipped == (("41", "it has the same digest as 42"),)


# The whole story.


def test_promotions_and_rollbacks_never_lead_back_to_a_version_that_failed(repo: Repo) -> None:
    """Six steps: promote, start the next candidate, breach of stable, promote the fix, resolve, breach of the fix."""

    def step(change: Callable[[], object], live: dict[str, Any]) -> None:
        before = repo.git("rev-parse", "HEAD")
        change()
        checked = repo.run("check", "--base", before)
        assert checked.status == 0, checked.text
        assert {key: value for key, value in repo.live_at("HEAD").items() if value} == live
        assert repo.tip() == repo.git("rev-parse", "HEAD")

    advance_to(repo, "full")
    step(
        lambda: repo.take(lambda live: transitions.promote(live, STAGES, ()), "Promote fraud 42"),
        {"stable": "42", "knownGood": ["41", "40"]},
    )

    def edit() -> None:
        repo.edit("rollouts/fraud.yaml", "owner: team-risk", "owner: team-fraud     # moved")
        repo.edit("rollouts/fraud.yaml", "  live:  ", "  # who answers\n  live:  ")
        repo.edit("rollouts/fraud.yaml", 'stable: "42"  ', '# the best so far\n    stable: "42"  ')
        propose(repo, "43", "shadow")

    step(edit, {"stable": "42", "candidate": "43", "stage": "shadow", "knownGood": ["41", "40"]})
    step(lambda: roll(repo, "42"), {"stable": "41", "knownGood": ["40"]})

    def fix() -> None:
        repo.record("44")
        repo.take(
            lambda live: transitions.advance(transitions.propose(live, "44"), STAGES, to="full", fixes="fraud-42"),
            "Fix what 42 did",
        )

    step(fix, {"stable": "41", "candidate": "44", "stage": "full", "fixes": "fraud-42", "knownGood": ["40"]})
    step(
        lambda: repo.take(lambda live: transitions.promote(live, STAGES, {"42"}), "Promote fraud 44"),
        {"stable": "44", "knownGood": ["41", "40"]},
    )
    step(lambda: repo.resolve("fraud-42", "bad"), {"stable": "44", "knownGood": ["41", "40"]})
    step(lambda: roll(repo, "44"), {"stable": "41", "knownGood": ["40"]})
    step(lambda: roll(repo, "41"), {"stable": "40"})

    text = repo.at("HEAD", "rollouts/fraud.yaml")
    for kept in ("owner: team-fraud     # moved", "  # who answers\n", "    # the best so far\n", '    "44":\n'):
        assert kept in text
    first = repo.at(repo.git("rev-list", "--max-parents=0", "HEAD"), "rollouts/fraud.yaml")
    for key, comment in re.findall(r"^ *(\w*).*?(#.*)", first, re.MULTILINE):
        assert (comment.strip() in text) == (key not in ("candidate", "stage")), comment


def roll(repo: Repo, version: str) -> None:
    assert repo.breach(version, "latency-sla").status == 0
    repo.merge(f"rollback/acme-models/fraud/{version}")


def test_owners_edits_beside_live_survive(repo: Repo) -> None:
    repo.edit("rollouts/fraud.yaml", "  live:  ", "  # adjacent, above\n  live:  ")
    repo.edit("rollouts/fraud.yaml", "  stages:  ", "  # adjacent, below\n  stages:  ")
    repo.edit("rollouts/fraud.yaml", "requestsPerSecond: 120 ", "requestsPerSecond: 240 ")
    repo.render()
    before = repo.commit("Edit around")
    assert repo.breach("42").status == 0
    lines = repo.git("diff", "-U0", before, repo.tip(BRANCH), "--", "rollouts/fraud.yaml").splitlines()[4:]
    assert [re.sub(r"(?<=[\w\"])  +#.*", "", line) for line in lines if not line.startswith("@@")] == [
        '-    candidate: "42"',
        "-    stage: canary-5",
    ]


@pytest.mark.parametrize(("stage", "branch"), [("canary-5", f"{BRANCH}-2"), ("shadow", BRANCH)])
def test_a_second_incident_of_a_version_has_a_number(repo: Repo, stage: str, branch: str) -> None:
    """The branch has one too if all is as it was before; else its digest differs."""
    roll(repo, "42")
    first = repo.whole(BRANCH)
    repo.resolve("fraud-42", "cleared")
    repo.take(lambda live: transitions.advance(transitions.propose(live, "42"), STAGES), "Propose fraud 42 again")
    advance_to(repo, stage)
    assert repo.breach("42", "latency-sla").status == 0
    second = landed(repo, 2)["head"]
    assert (plain(second), set(repo.whole_names())) == (branch, {first, second})
    assert second.startswith(first) == (stage == "canary-5")
    assert repo.data_at(repo.tip(second), "incidents/fraud-42-2.yaml")["metadata"]["name"] == "fraud-42-2"
    assert len(reverted(message_of(repo, repo.tip(second)))) == (1 if stage == "shadow" else 2)
    merge_and_check(repo, second)


def test_the_incident_says_what_happened(repo: Repo) -> None:
    advanced = repo.take(lambda live: transitions.advance(live, STAGES), "Advance fraud 42")
    assert repo.breach("42", "conversion").status == 0
    assert repo.data_at(repo.tip(BRANCH), "incidents/fraud-42.yaml") == {
        "apiVersion": "rollout-spec/v1",
        "kind": "Incident",
        "metadata": {"name": "fraud-42", "owner": "team-risk"},
        "spec": {
            "rollout": "fraud",
            "failedVersion": "42",
            "restoredVersion": "41",
            "trigger": "conversion",
            "source": "alertmanager",
            "observedAt": "2026-11-20T09:03:00Z",
            "stage": "ab-50",
            "reverts": [advanced],
            "evidence": parse(
                b"{summary: 'fraud 42: error_rate above 5%', value: 0.081,"
                b" url: 'http://prometheus.example.com:9090/graph?g0.expr=error_rate'}"
            ).data,
            "status": "open",
            "verdict": None,
            "reproduced": None,
            "rootCause": None,
            "resolution": None,
        },
    }


def test_the_pull_request_has_all_that_a_person_needs(repo: Repo) -> None:
    advanced = repo.take(lambda live: transitions.advance(live, STAGES), "Advance fraud 42 to `ab-50` | @all")
    assert repo.breach("42", "conversion").status == 0
    told = landed(repo)
    body = told.pop("body")
    assert told == {
        "number": 1,
        "state": "open",
        "draft": False,
        "title": "Revert fraud 42 to 41: conversion at ab-50",
        "head": repo.whole(BRANCH),
        "headSha": repo.tip(BRANCH),
        "base": "main",
        "labels": ["rollback", "rollout:fraud"],
        "reviewers": ["team-risk"],
        "autoMerge": False,
        "automation": {"head": repo.tip(BRANCH), "draft": False, "armed": False},
    }
    for part in (
        "**fraud 42 failed in ab-50. This restores fraud 41 with its components.** It is ready to merge.\n",
        "| observed | 2026-11-20T09:03:00Z |\n",
        "| trigger | `conversion` |\n| summary | `fraud 42: error_rate above 5%` |\n| value | `0.081` |\n"
        "| link | <http://prometheus.example.com:9090/graph?g0.expr=error_rate> |\n",
        "| version | `42` | `41` |\n",
        "| pin user-profile | `12` | `11` |\n",
        "| now | `50% to 41, 50% to 42` |\n| after this merges | `100% to 41` |\n",
        f"- {advanced} `Advance fraud 42 to 'ab-50' ¦ @all`\n",
        "The manifests that run 41 are byte for byte the deployed ones: only traffic moves.",
        "The runbook is <https://runbooks.example.com/fraud>.",
        "rollout-spec incident show fraud-42",
    ):
        assert part in body
    assert message_of(repo, repo.tip(BRANCH)).splitlines()[0] == told["title"]
    assert git(repo.remote, "log", "-1", "--format=%(trailers)", repo.tip(BRANCH)).splitlines() == [
        "Rollback-Of: fraud/42",
        "Rollback-To: fraud/41",
        "Breach-Id: alertmanager-5c9f0e6e2c7b1d3a-1795165380",
    ]


# What it undoes.


def test_where_git_revert_works_it_comes_to_the_same(repo: Repo, tmp_path: Path) -> None:
    """Revert the commits that the message names, one by one, newest first: traffic and stable are the rollback's."""
    roll(repo, "42")

    def promote() -> None:
        repo.take(lambda live: transitions.promote(live, STAGES, ()), "Promote fraud")

    stories: list[tuple[str, Callable[[], object]]] = [
        ("43", lambda: propose(repo, "43", "shadow")),
        ("43", lambda: by_a_merge(repo, lambda: advance_to(repo, "ab-50"))),
        ("43", lambda: repo.edit("rollouts/fraud.yaml", "owner: team-risk", "owner: team-fraud")),
        ("43", lambda: advance_to(repo, "full")),
        ("43", promote),
        ("43", lambda: propose(repo, "44", "canary-5")),
        ("44", lambda: None),
        ("44", lambda: (advance_to(repo, "full"), promote())),
        ("43", lambda: roll(repo, "44")),
    ]
    same: list[Any] = []
    for version, happens in stories:
        happens()
        if repo.git("status", "--porcelain"):
            repo.commit("Edit")
        answer = repo.breach(version, "latency-sla", "--dry-run")
        assert answer.status == 0, answer.text
        commit = answer.out.split()[1]
        names = reverted(answer.out)
        assert names
        result = revert(repo, names, tmp_path / f"revert-{len(same)}")
        ours_live = repo.live_at(commit)
        same.append(result and (result["stable"], route_in(result)) == (ours_live["stable"], route_in(ours_live)))
    assert same == [True] * len(stories)


def by_a_merge(repo: Repo, happens: Callable[[], object]) -> None:
    """Let something happen on a branch, and merge that: the base's first parents see one commit."""
    repo.git("checkout", "-q", "-b", "side")
    happens()
    repo.git("checkout", "-q", "main")
    repo.merge("side")


def route_in(live: dict[str, Any]) -> tuple[Any, Any]:
    return live.get("candidate"), live.get("stage")


def revert(repo: Repo, commits: list[str], folder: Path) -> dict[str, Any] | None:
    """Do as a person would, in a clone; return ``live`` of what comes out, None where git finds a conflict."""
    git(folder.parent, "clone", "-q", repo.remote.as_uri(), str(folder))
    for commit in commits:
        parents = git(folder, "rev-list", "--parents", "-1", commit).split()[1:]
        mainline = ["-m", "1"] if len(parents) > 1 else []
        done = subprocess.run(
            ["git", "revert", "--no-edit", *mainline, commit], cwd=folder, capture_output=True, check=False
        )
        if done.returncode:
            return None
    live: dict[str, Any] = parse((folder / "rollouts/fraud.yaml").read_bytes()).data["spec"]["live"]
    return live


def test_a_history_with_a_text_that_did_not_load_is_said_to_be_unknown(repo: Repo) -> None:
    good = repo.at("HEAD", "rollouts/fraud.yaml")
    repo.write("rollouts/fraud.yaml", good + "\n  broken: [\n")
    broken = repo.commit("Break it")
    repo.write("rollouts/fraud.yaml", good)
    repo.commit("Mend it")
    assert repo.breach("42").status == 0
    assert f"Cannot tell which commits this undoes: the file did not load at {broken[:12]}" in landed(repo)["body"]
    assert landed(repo)["title"].startswith("Revert fraud 42 to 41: ")
    assert "and that time is unknown" in landed(repo)["body"]
    merge_and_check(repo)


def test_a_shallow_clone_does_not_know_what_is_undone_and_lands_right(repo: Repo) -> None:
    repo.take(lambda live: transitions.advance(live, STAGES), "Advance fraud 42")
    shallow = repo.clone("shallow", "--depth", "1")
    answer = shallow.breach("42", "conversion")
    assert answer.status == 0, answer.text
    commit = repo.tip(BRANCH)
    assert repo.live_at(commit) == {"stable": "41", "knownGood": ["40"]}
    assert reverted(message_of(repo, commit)) == []
    assert "Cannot tell which commits this undoes: this clone is shallow" in landed(repo)["body"]
    assert git(repo.remote, "rev-parse", f"{commit}^") == repo.tip()

    assert shallow.breach("42", "conversion").out.startswith("adopted pull request 1: ")
    merge_and_check(repo)


def test_a_clone_adopts_the_rollback_of_a_shallow_one(repo: Repo) -> None:
    repo.take(lambda live: transitions.advance(live, STAGES), "Advance fraud 42")
    assert repo.clone("shallow", "--depth", "1").breach("42", "conversion").status == 0
    assert repo.breach("42", "conversion").out.startswith("adopted pull request 1: ")
    assert repo.branches() == [BRANCH]


# Many at once, and everywhere.


def test_two_clones_make_the_same_commit_and_the_second_adopts_the_first(advanced: Repo, expected: str) -> None:
    other = advanced.clone("other")
    breach = ("rollback", "--breach", payload_of(advanced))
    assert other.run(*breach, "--dry-run").out.splitlines()[0] == f"commit {expected}"

    first, second = advanced.run(*breach), other.run(*breach)
    assert (first.status, second.status) == (0, 0)
    assert second.out == first.out.replace("opened", "adopted", 1)
    assert advanced.tip(BRANCH) == expected
    assert len(advanced.pull_requests()) == 1


def test_another_breach_of_the_same_version_adopts_the_first_rollback(repo: Repo) -> None:
    assert repo.breach("42").status == 0
    commit = repo.tip(BRANCH)
    repo.edit("rollouts/fraud.yaml", "owner: team-risk", "owner: team-fraud")
    repo.commit("Move on")
    for answer in (repo.breach("42", "latency-sla"), repo.run("rollback", "fraud", "--reason", "odd")):
        assert answer.status == 0
        assert answer.out.startswith("adopted pull request 1: ")
        assert f"commit {commit}" in answer.out
    assert (repo.tip(BRANCH), len(repo.pull_requests())) == (commit, 1)


def test_a_branch_without_a_pull_request_is_given_one(repo: Repo) -> None:
    payload = repo.payload(repo.alert())
    commit = repo.run("rollback", "--breach", payload, "--dry-run").out.split()[1]
    branch = branch_of(repo.run("rollback", "--breach", payload, "--dry-run"))
    repo.git("push", "-q", "origin", f"{commit}:refs/heads/{branch}")
    assert repo.run("rollback", "--breach", payload).out.startswith("opened pull request 1: ")
    assert landed(repo)["headSha"] == commit


SETTINGS: dict[str, list[tuple[str, str]]] = {
    "another name": [("user.name", "Eve"), ("user.email", "eve@example.com"), ("user.useConfigOnly", "true")],
    "signed pushes": [("push.gpgSign", "true"), ("tag.gpgSign", "true"), ("gpg.program", "/bin/false")],
    "hooks": [("core.hooksPath", "{hooks}")],
    "encodings": [("i18n.commitEncoding", "ISO-8859-1"), ("i18n.logOutputEncoding", "ISO-8859-1")],
    "line ends": [("core.autocrlf", "true"), ("core.eol", "crlf"), ("core.safecrlf", "true")],
    "messages": [
        ("commit.template", "{hooks}/template"),
        ("commit.cleanup", "strip"),
        ("trailer.sign.command", "false"),
    ],
    "logs": [("log.follow", "true"), ("log.showSignature", "true"), ("color.ui", "always"), ("format.pretty", "raw")],
    "indexes": [("core.splitIndex", "true"), ("index.version", "4"), ("core.sparseCheckout", "true")],
    "diffs": [("diff.external", "/bin/false"), ("diff.noprefix", "true"), ("core.quotePath", "true")],
    "fetches": [("fetch.prune", "true"), ("remote.origin.tagOpt", "--tags"), ("fetch.recurseSubmodules", "true")],
    "pushes": [("push.followTags", "true"), ("push.default", "nothing"), ("remote.origin.mirror", "true")],
}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_clones_settings_make_no_difference(advanced: Repo, expected: str, name: str) -> None:
    hooks = failing_hooks(advanced)
    for key, value in SETTINGS[name]:
        advanced.git("config", key, value.replace("{hooks}", str(hooks)))
    answer = advanced.run("rollback", "--breach", payload_of(advanced))
    assert answer.status == 0, answer.text
    assert advanced.tip(BRANCH) == expected


def test_who_made_a_rollback_and_when_are_the_tool_and_the_breach(advanced: Repo) -> None:
    assert advanced.run("rollback", "--breach", payload_of(advanced)).status == 0
    told = git(
        advanced.remote, "log", "-1", "--format=%an <%ae> %ad%n%cn <%ce> %cd", "--date=iso", advanced.tip(BRANCH)
    )
    assert told.splitlines() == ["rollout-spec <rollout-spec@users.noreply.invalid> 2026-11-20 09:03:00 +0000"] * 2


def failing_hooks(repo: Repo) -> Path:
    """Make a folder of hooks that say no, in the clone's own place for them too."""
    names = ("pre-commit", "commit-msg", "prepare-commit-msg", "pre-push", "post-commit", "reference-transaction")
    for folder in (repo.remote.parent / "hooks", repo.folder / ".git/hooks"):
        folder.mkdir(exist_ok=True)
        for name in names:
            (folder / name).write_text("#!/bin/sh\nexit 1\n")
            (folder / name).chmod(0o755)
    (repo.remote.parent / "hooks/template").write_text("Template\n")
    return repo.remote.parent / "hooks"


ENVIRONMENTS: dict[str, dict[str, str]] = {
    "another author": {"GIT_AUTHOR_NAME": "Eve", "GIT_AUTHOR_EMAIL": "e@x", "GIT_COMMITTER_NAME": "Eve"},
    "another time": {"GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "@1 +0000", "TZ": "Asia/Tokyo"},
    "a hook": {"GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index.lock", "GIT_PREFIX": "rollouts/", "GIT_EDITOR": ":"},
    "a hook elsewhere": {"GIT_DIR": "{other}/.git", "GIT_WORK_TREE": "{other}", "GIT_INDEX_FILE": "{other}/x"},
    "other objects": {"GIT_OBJECT_DIRECTORY": "{other}/.git/objects", "GIT_COMMON_DIR": "{other}/.git"},
    "a namespace": {"GIT_NAMESPACE": "other", "GIT_SHALLOW_FILE": "{other}/x", "GIT_GRAFT_FILE": "{other}/x"},
    "path specs": {"GIT_ICASE_PATHSPECS": "1", "GIT_GLOB_PATHSPECS": "1", "GIT_NOGLOB_PATHSPECS": "1"},
    "settings": {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.hooksPath", "GIT_CONFIG_VALUE_0": "{other}/hooks"},
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_callers_environment_makes_no_difference(
    advanced: Repo, expected: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = advanced.clone("other")
    failing_hooks(other)
    (other.folder / "hooks").symlink_to(other.folder / ".git/hooks")
    before = other.snapshot()
    with monkeypatch.context() as patch:
        for key, value in ENVIRONMENTS[name].items():
            patch.setenv(key, value.replace("{other}", str(other.folder)))
        answer = advanced.run("rollback", "--breach", payload_of(advanced))
    assert answer.status == 0, answer.text
    assert advanced.tip(BRANCH) == expected
    assert {**other.snapshot(), "remote": "", "pulls": []} == {**before, "remote": "", "pulls": []}


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "fr_FR.UTF-8", "LANGUAGE": "fr", "LANG": "fr_FR.UTF-8"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_the_callers_language_makes_no_difference(advanced: Repo, expected: str, environment: dict[str, Any]) -> None:
    done = ours(advanced, "rollback", "--breach", payload_of(advanced), **environment)
    assert done.returncode == 0, done.stderr
    assert advanced.tip(BRANCH) == expected


def test_a_rollback_from_within_a_hook_lands(advanced: Repo, expected: str) -> None:
    hook = advanced.folder / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    command = f"{sys.executable} -m rollout_spec rollback --breach {payload_of(advanced)}"
    hook.write_text(f"#!/bin/sh\nPYTHONPATH={CHECKOUT} exec {command}\n")
    hook.chmod(0o755)
    advanced.edit("rollouts/fraud.yaml", "owner: team-risk", "owner: team-fraud")
    advanced.git("commit", "-q", "-a", "-m", "Local")
    assert advanced.tip(BRANCH) == expected


def test_eight_at_once_make_one_branch_and_one_pull_request(repo: Repo) -> None:
    payloads = [repo.payload(repo.alert("42", trigger), name=f"{trigger}.json") for trigger in ("drift", "latency-sla")]
    clones = [repo, repo.clone("other")]
    command = [sys.executable, "-m", "rollout_spec", "--repo"]
    running = [
        subprocess.Popen(
            [*command, str(clones[number % 2].workspace), "rollback", "--breach", payloads[number // 2 % 2]],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for number in range(8)
    ]
    told = [(*each.communicate(), each.returncode) for each in running]
    assert [(status, err) for _, err, status in told] == [(0, b"")] * 8
    assert all(b"pull request 1: " in out for out, _, _ in told)
    assert repo.branches() == [BRANCH]
    assert [each["number"] for each in repo.pull_requests()] == [1]
    assert landed(repo)["headSha"] == repo.tip(BRANCH)


@pytest.mark.parametrize("others", [1, 2])
def test_a_branch_that_holds_something_else_is_left_alone_and_the_next_is_taken(repo: Repo, others: int) -> None:
    branch = branch_of(repo.breach("42", "serving-errors", "--dry-run"))
    repo.git("checkout", "-q", "-b", "mine")
    repo.write("mine.txt", "mine\n")
    mine = repo.commit("Rollback-Of: fraud/42", push=False)
    names = [branch, f"{branch}-2"][:others]
    for name in names:
        repo.git("push", "-q", "origin", f"HEAD:refs/heads/{name}")
    answer = repo.breach("42")
    assert answer.status == 0, answer.text
    for name in names:
        assert (
            f"the branch {name} on origin has an unexpected commit ({mine[:12]}) and was left unchanged\n" in answer.err
        )
        assert repo.tip(name) == mine
    assert landed(repo)["head"] == f"{branch}-{others + 1}"
    assert repo.live_at(landed(repo)["headSha"]) == {"stable": "41", "knownGood": ["40"]}
    assert repo.breach("42").out.startswith("adopted pull request 1: ")


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("rollback", "rollback.2/acme-models/fraud/42"),
        ("rollback/acme-models", "rollback/acme-models.2/fraud/42"),
        ("rollback/acme-models/fraud", "rollback/acme-models/fraud.2/42"),
        ("rollback/acme-models/fraud/{digest}/mine", "rollback/acme-models/fraud/42-2"),
    ],
)
def test_a_branch_that_is_in_the_way_of_a_folder_is_got_round(repo: Repo, name: str, instead: str) -> None:
    branch = branch_of(repo.breach("42", "serving-errors", "--dry-run"))
    taken = name.replace("{digest}", branch.rpartition("/")[2])
    git(repo.remote, "update-ref", f"refs/heads/{taken}", repo.tip())
    for word in ("opened", "adopted"):
        answer = repo.breach("42")
        assert (answer.status, answer.out.partition(":")[0]) == (0, f"{word} pull request 1"), answer.text
        assert plain(landed(repo)["head"]) == instead
    assert sorted(repo.whole_names()) == sorted([taken, landed(repo)["head"]])
    assert (f"blocks the name {branch}" in answer.err) == ("digest" not in name)
    assert "[cooldown]" in repo.breach("41", "latency-sla", "--dry-run").out, "it counts there too"
    merge_and_check(repo, landed(repo)["head"])


def test_a_branch_to_which_a_person_added_is_theirs_and_the_breach_is_answered_beside_it(repo: Repo) -> None:
    repo.edit(".rollout-spec.yaml", "mode: pull-request  ", "mode: auto-merge  ")
    repo.commit("Automate")
    assert repo.breach("42", "drift").status == 0
    branch = repo.whole(BRANCH)
    repo.git("fetch", "-q", "origin")
    repo.git("checkout", "-q", "-b", branch, f"origin/{branch}")
    repo.write("notes.md", "It was the weather.\n")
    added = repo.commit("Say why")
    answer = repo.breach("42", "latency-sla")
    assert (answer.status, answer.out.partition(":")[0]) == (0, "opened pull request 2"), answer.text
    assert f"the branch {branch} on origin, of " in answer.err
    assert f".pulls/1.json has an unexpected commit ({added[:12]}) and was left unchanged\n" in answer.err
    assert repo.tip(branch) == added
    assert [(each["head"], each["draft"], each["autoMerge"]) for each in repo.pull_requests()] == [
        (branch, True, False),
        (f"{branch}-2", False, True),
    ], "nothing of a person's merges itself"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("requestsPerSecond: 120 ", "requestsPerSecond: 240 "),
        ("owner: team-risk", "owner: team-fraud"),
    ],
    ids=["load", "owner"],
)
def test_a_merge_of_the_base_into_the_branch_is_adopted(repo: Repo, old: str, new: str) -> None:
    """As a forge does it to bring a branch up to date."""
    assert repo.breach("42").status == 0
    branch = repo.whole(BRANCH)
    repo.edit("rollouts/fraud.yaml", old, new)
    repo.render()
    repo.commit("Move on")
    repo.git("fetch", "-q", "origin")
    repo.git("checkout", "-q", "-b", branch, f"origin/{branch}")
    repo.git("merge", "-q", "--no-edit", "main")
    repo.git("push", "-q", "origin", "HEAD")
    merged = repo.git("rev-parse", "HEAD")
    repo.git("checkout", "-q", "main")
    answer = repo.breach("42", "latency-sla")
    assert (answer.status, answer.out.partition(":")[0]) == (0, "adopted pull request 1"), answer.text
    assert repo.tip(branch) == merged


def test_a_rollback_that_is_out_of_date_is_superseded(repo: Repo) -> None:
    repo.edit(".rollout-spec.yaml", "mode: pull-request  ", "mode: auto-merge  ")
    repo.commit("Automate")
    assert repo.breach("42", "latency-sla").status == 0
    branch, old = repo.whole(BRANCH), repo.tip(BRANCH)
    repo.edit("rollouts/fraud.yaml", "requestsPerSecond: 120 ", "requestsPerSecond: 240 ")
    repo.edit("rollouts/fraud.yaml", "  live:  ", "  # a comment beside it\n  live:  ")
    repo.edit("rollouts/fraud.yaml", 'stable: "41"  ', 'stable: "41"    # moved ')
    repo.render()
    base = repo.commit("Edit around")
    answer = repo.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert answer.out.startswith("superseded pull request 1: "), answer.text
    assert repo.whole_names() == [branch]
    assert repo.tip(branch) != old
    assert git(repo.remote, "rev-parse", f"{branch}~1") == base
    told = landed(repo)
    assert (told["headSha"], told["draft"], told["autoMerge"]) == (repo.tip(branch), False, True)
    assert any("This was rebuilt" in each for each in told["comments"])
    assert repo.clone("other").breach("42", "latency-sla").out.startswith("adopted pull request 1: ")
    merge_and_check(repo)


def test_a_rollback_that_led_elsewhere_is_closed_for_the_one_of_now(repo: Repo) -> None:
    """What the tool closed by itself keeps no later one from being opened."""
    assert repo.breach("42", "drift").status == 0
    old = repo.whole(BRANCH)
    repo.take(lambda live: transitions.advance(live, STAGES), "Advance fraud 42 all the same")
    answer = repo.breach("42", "latency-sla")
    assert (answer.status, answer.out.partition(":")[0]) == (0, "opened pull request 2"), answer.text
    new = landed(repo, 2)["head"]
    assert (plain(new), new != old) == (BRANCH, True)
    first = landed(repo)
    assert any(f"{repo.remote}.pulls/2.json takes fraud 42 back to 41 now." in each for each in first["comments"])
    assert (first["state"], "superseded" in first["labels"]) == ("closed", True)
    assert f"{repo.remote}.pulls/1.json is out of date, and was closed\n" in answer.err

    repo.take(lambda live: transitions.retreat(live, STAGES, "canary-5"), "Retreat fraud 42")
    again = repo.breach("42", "latency-sla")
    assert (again.status, again.out.partition(":")[0]) == (0, "opened pull request 3"), again.text
    assert landed(repo, 3)["head"] == f"{old}-2"
    assert [each["state"] for each in repo.pull_requests()] == ["closed", "closed", "open"]


def test_a_rollback_that_led_elsewhere_and_that_a_person_took_charge_of_is_told_and_stays(repo: Repo) -> None:
    assert repo.breach("42", "latency-sla").status == 0
    change_pull_request(repo, draft=True)
    repo.take(lambda live: transitions.advance(live, STAGES), "Advance fraud 42 all the same")
    answer = repo.breach("42", "latency-sla")
    assert answer.out.startswith("opened pull request 2: "), answer.text
    first = landed(repo)
    assert (first["state"], "superseded" in first["labels"]) == ("open", False)
    assert any("This one was right on an older state of the base: close it." in each for each in first["comments"])
    assert f"{repo.remote}.pulls/1.json is out of date\n" in answer.err


def test_a_rollback_that_another_process_opens_meanwhile_is_adopted(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert repo.breach("42").status == 0
    before = repo.pull_requests()
    seen: list[tuple[str, ...]] = []

    def branches(remote: Remote, *patterns: str) -> dict[str, str]:
        seen.append(patterns)
        return {} if seen.count(patterns) == 1 and patterns[0] == "rollback*" else original(remote, *patterns)

    original = Remote.branches
    monkeypatch.setattr(Remote, "branches", branches)
    answer = repo.breach("42")
    assert any(patterns[0] == "rollback*" for patterns in seen)
    assert (answer.out.partition(":")[0], answer.err) == ("adopted pull request 1", "")
    assert repo.pull_requests() == before


def change_pull_request(repo: Repo, **fields: Any) -> None:
    path = Path(f"{repo.remote}.pulls/1.json")
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | fields), "utf-8")


def test_a_pull_request_that_a_person_closed_is_not_opened_again_for_the_same_breach(repo: Repo) -> None:
    assert repo.breach("42").status == 0
    change_pull_request(repo, state="closed")
    for _ in range(2):
        answer = repo.breach("42")
        assert answer.status == 1
        assert "1.json was closed by a person and is not reopened" in answer.err
        repo.git("push", "-q", "origin", "--delete", repo.whole(BRANCH)) if repo.branches() else None
    assert (repo.branches(), len(repo.pull_requests())) == ([], 1)


def test_a_clone_that_never_saw_what_a_person_closed_does_not_open_it_again(repo: Repo) -> None:
    """Its branch is gone and the base has moved; git still gives the commit by its id."""
    payload = repo.payload(repo.alert("42", "latency-sla"))
    assert repo.run("rollback", "--breach", payload).status == 0
    change_pull_request(repo, state="closed")
    repo.git("push", "-q", "origin", "--delete", repo.whole(BRANCH))
    repo.edit("rollouts/fraud.yaml", "requestsPerSecond: 120 ", "requestsPerSecond: 240 ")
    repo.render()
    repo.commit("Move on")
    answer = repo.clone("fresh").run("rollback", "--breach", payload)
    assert (answer.status, "was closed by a person" in answer.err) == (1, True), answer.text


def test_a_closed_one_whose_commit_is_nowhere_silences_nothing(repo: Repo) -> None:
    payload = repo.payload(repo.alert("42", "latency-sla"))
    assert repo.run("rollback", "--breach", payload).status == 0
    change_pull_request(repo, state="closed", headSha="0123456789" * 4)
    repo.git("push", "-q", "origin", "--delete", repo.whole(BRANCH))
    answer = repo.clone("fresh").run("rollback", "--breach", payload)
    assert answer.out.startswith("opened pull request 2: "), answer.text


@pytest.mark.parametrize("value", ["0", "0.0812", "-0.0", "-0", "NaN", "8.1e-25", "1e19"])
def test_whatever_number_an_alert_has_its_rollback_is_adopted(repo: Repo, value: str) -> None:
    alert = repo.alert("42", "latency-sla")
    alert["annotations"]["value"] = value
    payload = repo.payload(alert)
    assert repo.run("rollback", "--breach", payload).status == 0
    assert repo.clone("other").run("rollback", "--breach", payload).out.startswith("adopted pull request 1: ")
    assert repo.branches() == [BRANCH]


def test_the_same_breach_may_be_told_in_other_words(repo: Repo) -> None:
    alert = repo.alert("42")
    assert repo.run("rollback", "--breach", repo.payload(alert)).status == 0
    change_pull_request(repo, state="closed")
    alert["annotations"] = {"summary": "fraud 42: error_rate far above 5%", "value": "0.23"}
    repo.clock[0] += timedelta(hours=1)
    answer = repo.run("rollback", "--breach", repo.payload(alert))
    assert (answer.status, "was closed by a person" in answer.err) == (1, True), answer.text


@pytest.mark.parametrize(("seconds", "opened"), [(-1, True), (0, False), (3600, False)])
def test_a_breach_that_was_seen_after_a_person_closed_the_last_opens_a_new_one(
    repo: Repo, seconds: int, opened: bool
) -> None:
    assert repo.breach("42").status == 0
    repo.clock[0] += timedelta(hours=2)
    alert = repo.alert("42", "latency-sla")
    closed = datetime.fromisoformat(alert["startsAt"]) + timedelta(seconds=seconds)
    change_pull_request(repo, state="closed", closedAt=closed.isoformat())
    answer = repo.run("rollback", "--breach", repo.payload(alert))
    if not opened:
        assert (answer.status, "was closed by a person" in answer.err) == (1, True), answer.text
        assert (repo.branches(), len(repo.pull_requests())) == ([BRANCH], 1)
        return
    assert (answer.status, answer.out.partition(":")[0]) == (0, "opened pull request 2"), answer.text
    assert repo.branches() == [BRANCH, f"{BRANCH}-2"]
    assert landed(repo, 2)["head"] == f"{landed(repo)['head']}-2"


def test_a_pull_request_that_is_said_to_be_merged_and_was_not_is_opened_anew(repo: Repo) -> None:
    assert repo.breach("42").status == 0
    change_pull_request(repo, state="merged")
    for done in ("opened", "adopted"):
        answer = repo.breach("42")
        assert (answer.status, answer.out.partition(":")[0]) == (0, f"{done} pull request 2"), answer.text
    assert repo.branches() == [BRANCH, f"{BRANCH}-2"]


@pytest.mark.parametrize("seen", ["before", "after"])
def test_a_merge_that_a_person_took_back_is_proposed_anew(repo: Repo, seen: str) -> None:
    """As a draft if the breach was seen before that: whoever took it back knew of it."""
    repo.edit(".rollout-spec.yaml", "mode: pull-request  ", "mode: auto-merge  ")
    repo.commit("Automate")
    assert repo.breach("42", "latency-sla").status == 0
    taken_back(repo)
    repo.clock[0] += timedelta(hours=6)
    payload = repo.payload(repo.alert("42", "latency-sla")) if seen == "after" else payload_of(repo)
    answer = repo.run("rollback", "--breach", payload)
    assert (answer.status, answer.out.partition(":")[0]) == (0, "opened pull request 2"), answer.text
    assert ("after this breach was observed [retaken]" in answer.out) == (seen == "before")
    told = landed(repo, 2)
    assert (told["head"], told["draft"]) == (f"{landed(repo)['head']}-2", seen == "before")
    assert told["autoMerge"] == (seen == "after")
    assert repo.live_at(told["headSha"]) == {"stable": "41", "knownGood": ["40"]}


def taken_back(repo: Repo) -> None:
    """Merge the rollback of 42, and revert the merge as a person does, an hour later."""
    merged = repo.merge(BRANCH)
    repo.clock[0] += timedelta(hours=1)
    repo.git("revert", "--no-commit", "-m", "1", merged)
    repo.commit("Revert the rollback")
    assert repo.live.candidate == "42"


# Where the workspace is.


def test_a_workspace_may_be_a_folder_of_a_larger_repository(tmp_path: Path) -> None:
    repo = Repo.create(tmp_path, prefix="environments/prod")
    repo.take(lambda live: transitions.advance(live, STAGES), "Advance fraud 42")
    payload = repo.payload(repo.alert("42", "conversion"))
    answer = run("--repo", str(repo.workspace / "rollouts"), "rollback", "--breach", payload)
    assert answer.status == 0, answer.text
    commit = repo.tip(BRANCH)
    assert repo.live_at(commit) == {"stable": "41", "knownGood": ["40"]}
    changed = git(repo.remote, "diff", "--name-only", f"{commit}^", commit).split()
    assert {path.partition("/prod/")[0] for path in changed} == {"environments"}
    assert len(reverted(message_of(repo, commit))) == 1
    assert repo.data_at(commit, "incidents/fraud-42.yaml")["spec"]["reverts"] == reverted(message_of(repo, commit))
    merge_and_check(repo)


def test_two_workspaces_of_one_repository_know_nothing_of_each_other(tmp_path: Path) -> None:
    prod = Repo.create(tmp_path, prefix="prod")
    staging = Repo(prod.folder, prod.remote, "staging", prod.clock)
    for path in prod.workspace.rglob("*"):
        if path.is_file():
            staging.write(str(path.relative_to(prod.workspace)), path.read_text("utf-8"))
    staging.edit(".rollout-spec.yaml", "name: acme-models", "name: acme-staging")
    staging.render()
    staging.commit("Add staging")

    both = prod.payload(prod.alert("42"), prod.alert("42", workspace="acme-staging"))
    assert prod.run("rollback", "--breach", both).status == 0
    assert staging.run("rollback", "--breach", both).status == 0
    assert prod.branches() == [BRANCH, "rollback/acme-staging/fraud/42"]
    for folder, branch in zip(("prod", "staging"), prod.whole_names(), strict=True):
        changed = git(prod.remote, "diff", "--name-only", f"{branch}^", branch).split()
        assert {path.partition("/")[0] for path in changed} == {folder}
    assert {each["head"] for each in prod.pull_requests()} == set(prod.whole_names())


def test_two_workspaces_of_one_name_never_share_a_branch(tmp_path: Path) -> None:
    """The check refuses that, and nobody is kept from committing it: each is rolled back all the same."""
    prod = Repo.create(tmp_path, prefix="prod")
    twin = Repo(prod.folder, prod.remote, "twin", prod.clock)
    for path in prod.workspace.rglob("*"):
        if path.is_file():
            twin.write(str(path.relative_to(prod.workspace)), path.read_text("utf-8"))
    twin.commit("Add its twin")
    for repo in (prod, twin):
        assert repo.breach("42").out.startswith("opened pull request "), repo.prefix
    assert (prod.branches(), len(set(prod.whole_names()))) == ([BRANCH, BRANCH], 2)
    for number, folder in ((1, "prod"), (2, "twin")):
        commit = landed(prod, number)["headSha"]
        changed = git(prod.remote, "diff", "--name-only", f"{commit}^", commit).split()
        assert {path.partition("/")[0] for path in changed} == {folder}


def test_a_linked_worktree_is_a_clone_too(advanced: Repo, expected: str) -> None:
    linked = advanced.remote.parent / "linked"
    advanced.git("worktree", "add", "-q", str(linked), "-b", "elsewhere")
    assert run("--repo", str(linked), "rollback", "--breach", payload_of(advanced)).status == 0
    assert advanced.tip(BRANCH) == expected


def test_a_remote_is_found_by_a_relative_path_and_at_a_name_with_odd_letters(made: Repo, tmp_path: Path) -> None:
    place = tmp_path / "a b: ünï$HOME 'c'"
    place.mkdir()
    repo = made.copy(place)
    repo.git("remote", "set-url", "origin", "../remote.git")
    answer = repo.breach("42")
    assert answer.status == 0, answer.text
    assert (repo.branches(), len(repo.pull_requests())) == ([BRANCH], 1)


def test_a_workspace_outside_git_is_told_so(made: Repo, tmp_path: Path) -> None:
    (tmp_path / ".rollout-spec.yaml").write_bytes((made.workspace / ".rollout-spec.yaml").read_bytes())
    answer = run("--repo", str(tmp_path), "rollback", "fraud", "--reason", "r")
    assert (answer.status, "this workspace is not in a git repository" in answer.err) == (2, True)


def test_a_workspace_without_a_forge_is_told_so_and_may_look(repo: Repo) -> None:
    repo.edit(".rollout-spec.yaml", "  forge: {type: local} ", "  # forge: {type: local} ")
    repo.commit("No forge")
    answer = repo.breach("42")
    assert (answer.status, "the workspace names no forge" in answer.err) == (2, True)
    assert repo.breach("42", "serving-errors", "--dry-run").status == 0
    assert_nothing_happened(repo)


def test_a_remote_that_does_not_answer_is_an_outside_failure(repo: Repo) -> None:
    repo.git("remote", "set-url", "origin", "https://name:secret@127.0.0.1:1/x.git")
    answer = repo.breach("42")
    assert answer.status == 3
    assert "git ls-remote failed" in answer.err
    assert "secret" not in answer.err


def test_a_file_that_could_not_be_edited_is_named_and_check_has_said_so(repo: Repo) -> None:
    text = repo.at("HEAD", "rollouts/fraud.yaml")
    odd = re.sub(r"    knownGood: .*", "    ? knownGood\n    :\n      -\n        '40'", text)
    repo.write("rollouts/fraud.yaml", odd)
    repo.commit("Write it oddly")
    answer = repo.breach("41", "latency-sla")
    assert answer.status == 2
    assert "rollouts/fraud.yaml does not load" in answer.err
    checked = repo.run("check", "rollouts/fraud.yaml")
    line = 1 + odd[: odd.index("? knownGood")].count("\n")
    assert (
        f"rollouts/fraud.yaml:{line}:5: error: a key with a question mark cannot be edited by commands" in checked.out
    )
    assert_nothing_happened(repo)


# Clones that do not have everything.


def test_a_shallow_clone_says_that_it_does_not_see_where_branches_parted(repo: Repo) -> None:
    repo.git("push", "-q", "origin", "HEAD:refs/heads/work")
    repo.write("README.md", "about\n")
    repo.commit("Move on")
    shallow = repo.clone("shallow", "--depth", "1", "--branch", "work")
    shallow.git("fetch", "-q", "--depth", "1", "origin", "main")
    answer = shallow.run("check", "--base", "FETCH_HEAD")
    assert answer.status == 2
    assert "this clone is shallow: the merge base of HEAD and FETCH_HEAD is unknown" in answer.err
    shallow.git("fetch", "-q", "--unshallow", "origin", "main", "work")
    assert shallow.run("check", "--base", "FETCH_HEAD").status == 0


def test_a_shallow_clone_does_not_know_that_a_merge_was_taken_back_and_asks_a_person(repo: Repo) -> None:
    repo.edit(".rollout-spec.yaml", "mode: pull-request  ", "mode: auto-merge  ")
    repo.commit("Automate")
    assert repo.breach("42", "latency-sla").status == 0
    taken_back(repo)
    repo.write("README.md", "about\n")
    repo.commit("Move on")
    answer = repo.clone("shallow", "--depth", "1").run("rollback", "--breach", payload_of(repo))
    assert (answer.status, answer.out.partition(":")[0]) == (0, "opened pull request 2"), answer.text
    assert (landed(repo, 2)["draft"], landed(repo, 2)["autoMerge"]) == (True, False)
    assert "a draft for a person: cannot tell when 42 entered its current stage [settled]" in answer.out
