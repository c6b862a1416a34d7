"""A step is refused where the check of its pull request would fail, and leaves nothing that this check refuses."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from repo import EXAMPLE, STAGES, Repo

from rollout_spec.domain import transitions
from rollout_spec.workspace.edits import with_live

pytestmark = pytest.mark.system

FRAUD = "rollouts/fraud.yaml"
NAMES = ("prod", "prod-us", "staging")
FORCED = ("--force", "--reason", "test")
INCIDENT = """\
apiVersion: rollout-spec/v1
kind: Incident
metadata: {name: fraud-42}
spec:
  rollout: fraud
  failedVersion: "42"
  restoredVersion: "41"
  source: alertmanager
  observedAt: 2026-11-20T10:15:00Z
  status: open
"""


def within(repo: Repo, name: str) -> Repo:
    """The same clone, seen from another of its workspaces."""
    return Repo(repo.folder, repo.remote, f"environments/{name}", repo.clock)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """The example in three workspaces: 42 in shadow. None of them looks at another one yet."""
    prod = Repo.create(tmp_path_factory.mktemp("made"), prefix="environments/prod")
    for name in NAMES:
        there = within(prod, name)
        shutil.copytree(EXAMPLE, there.workspace, dirs_exist_ok=True)
        there.edit(".rollout-spec.yaml", "name: acme-models", f"name: {name}")
        live = transitions.retreat(there.live, STAGES, "shadow")
        (there.workspace / FRAUD).write_bytes(with_live((there.workspace / FRAUD).read_bytes(), live))
        there.edit(FRAUD, "hold: 1h}", "hold: 1s}")
        there.render()
    prod.commit("Serve fraud everywhere")
    return prod


@pytest.fixture
def prod(made: Repo, tmp_path: Path) -> Repo:
    return made.copy(tmp_path)


def says(repo: Repo, line: str) -> None:
    """Add a line to the workspace's own file, and commit it."""
    repo.edit(".rollout-spec.yaml", "spec:\n", f"spec:\n  {line}\n")
    repo.render()
    repo.commit(f"Say {line}")


def is_refused(repo: Repo, words: Sequence[str], told: str) -> None:
    """A step is refused in each of its ways, with nothing written, committed or opened."""
    head = repo.git("rev-parse", "HEAD")
    dirty = repo.git("status", "--porcelain")
    for way in ((), ("--commit",), ("--pull-request",), ("--dry-run",)):
        done = repo.run(*words, *way)
        assert done.status == 1, done.text
        assert told in done.err
    assert (repo.git("rev-parse", "HEAD"), repo.git("status", "--porcelain")) == (head, dirty)
    assert repo.pull_requests() == []


def is_done(repo: Repo, *words: str) -> None:
    """A step is taken, and the check of its pull request finds no error in it."""
    done = repo.run(*words, "--commit")
    assert done.status == 0, done.text
    checked = repo.run("check", "--base", "HEAD~1")
    assert checked.status == 0, checked.text
    repo.git("push", "-q", "origin", "HEAD")


def test_a_candidate_does_not_go_on_before_it_is_stable_upstream(prod: Repo) -> None:
    says(prod, "after: ../staging")
    is_refused(prod, ("advance", "fraud", *FORCED), "error: 42 is not stable in staging: 41 is")
    is_done(prod, "withdraw", "fraud")
    is_refused(prod, ("propose", "fraud", "42"), "error: 42 is not stable in staging: 41 is")
    is_refused(prod, ("propose", "fraud", "42", "--advance"), "error: 42 is not stable in staging: 41 is")


def test_a_candidate_does_not_go_on_that_another_workspace_quarantines(prod: Repo) -> None:
    says(prod, "incidentsFrom: [../prod-us]")
    is_done(prod, "advance", "fraud", *FORCED)
    within(prod, "prod-us").write("incidents/fraud-42.yaml", INCIDENT)
    within(prod, "prod-us").take(transitions.withdraw, "Roll back in prod-us")
    is_refused(prod, ("advance", "fraud", *FORCED), "error: 42 is quarantined by incident fraud-42 of prod-us")
    is_done(prod, "retreat", "fraud")
    is_done(prod, "withdraw", "fraud")
    is_refused(prod, ("propose", "fraud", "42"), "error: 42 is quarantined by incident fraud-42 of prod-us")


def test_a_candidate_does_not_go_on_that_is_quarantined_here(prod: Repo) -> None:
    prod.write("incidents/fraud-42.yaml", INCIDENT)
    prod.commit("Note it, and roll nothing back")
    is_refused(prod, ("advance", "fraud", *FORCED), "error: 42 is quarantined by incident fraud-42")
    done = prod.run("withdraw", "fraud", "--commit")
    assert done.status == 0, done.text
    assert prod.run("check", "--base", "HEAD~1").status == 0


@pytest.mark.parametrize("step", ["advance", "retreat", "withdraw", "record"])
@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("after: ../gone", "error: there is no workspace in ../gone"),
        ("incidentsFrom: [../gone]", "error: there is no workspace in ../gone"),
        ("severity: [gone]", "error: expected a mapping"),
        ("wavers: []", "error: there is no field `wavers` here"),
    ],
)
def test_no_step_is_taken_in_a_workspace_that_is_wrong(prod: Repo, step: str, line: str, told: str) -> None:
    is_done(prod, "advance", "fraud", *FORCED)
    prod.edit(".rollout-spec.yaml", "spec:\n", f"spec:\n  {line}\n")
    more = {"advance": FORCED, "record": ("44", "--artifact", "s3://models/fraud/44/")}.get(step, ())
    done = prod.run(step, "fraud", *more)
    assert done.status == 1, done.text
    assert told in done.err
    checked = prod.run("check", FRAUD)
    assert (checked.status, checked.out.count(told)) == (1, 1), checked.text
    assert prod.git("status", "--porcelain") == "M environments/prod/.rollout-spec.yaml"


def test_what_a_step_makes_wrong_in_another_file_refuses_it(prod: Repo) -> None:
    """Both arms are of the same callers from canary-5 on, and the schema of the candidate refuses what they send."""
    closed = '{"type": "object", "properties": {"amount": {"type": "number"}}, "additionalProperties": false}'
    prod.write("contracts/event/3.1.json", closed)
    prod.write("contracts/event/4.0.json", closed.replace("amount", "total"))
    prod.edit("components/payment-event.yaml", 'serving: ["3.1"]', 'serving: ["3.1", "4.0"]')
    text = (prod.workspace / "components/payment-event.yaml").read_text("utf-8")
    if "contract:" not in text:
        prod.write("components/payment-event.yaml", text + "  contract: contracts/event/{version}.json\n")
    records = (prod.workspace / FRAUD).read_text("utf-8").rpartition('payment-event: "3.1"')
    prod.write(FRAUD, f'{records[0]}payment-event: "4.0"{records[2]}')
    prod.render()
    prod.commit("Read another schema")
    assert prod.run("check").status == 0, prod.run("check").text
    is_refused(prod, ("advance", "fraud", *FORCED), "components/payment-event.yaml:")


def test_a_version_does_not_take_the_name_of_another_rollouts(prod: Repo) -> None:
    text = (prod.workspace / FRAUD).read_text("utf-8")
    text = text.replace("name: fraud\n", "name: fraud-v9\n").replace("host: fraud.", "host: fraud-v9.")
    prod.write("rollouts/fraud-v9.yaml", text)
    prod.render()
    prod.commit("Serve fraud-v9")
    assert prod.run("check").status == 0, prod.run("check").text
    is_refused(
        prod,
        ("record", "fraud", "9-v42", "--artifact", "s3://models/fraud/9/", "--format", "sklearn"),
        "rollouts/fraud-v9.yaml:",
    )


def test_a_limit_on_what_is_in_flight_holds_for_all_that_is(prod: Repo) -> None:
    text = (prod.workspace / FRAUD).read_text("utf-8")
    prod.write("rollouts/churn.yaml", text.replace("name: fraud\n", "name: churn\n").replace("fraud.ml", "churn.ml"))
    prod.render()
    prod.write(
        "policies/calm.yaml",
        "apiVersion: rollout-spec/v1\nkind: PolicyPack\nmetadata: {name: calm}\nspec:\n  policies:\n"
        "    - name: one-at-a-time\n      match: {names: [fraud]}\n"
        "      expression: size(workspace.inFlight) <= 1\n      message: too many\n      why: One at a time.\n",
    )
    prod.edit(".rollout-spec.yaml", "policies: [baseline]", "policies: [policies/calm.yaml]")
    prod.commit("Serve churn")
    is_done(prod, "withdraw", "churn")
    is_refused(prod, ("propose", "churn", "42"), f"environments/prod/{FRAUD}:")


def test_a_new_rollout_does_not_take_the_host_of_another(prod: Repo) -> None:
    is_refused(
        prod,
        (
            *("bootstrap", "churn", "--version", "1", "--like", "fraud", "--host", "fraud.ml.svc.cluster.local"),
            *(*RECORD, *OWN),
        ),
        "has the same host",
    )


def test_what_lies_in_the_working_tree_is_compared_with_the_commit_too(prod: Repo) -> None:
    """What somebody edited and did not commit is a part of what the step would commit."""
    prod.edit(FRAUD, "runId: c0ffee0a1b2c4d5e8f90a1b2c3d4e5f6", "runId: deadbeef0b1c2d3e")
    for step in (("retreat", "fraud"), ("withdraw", "fraud"), ("advance", "fraud", *FORCED)):
        done = prod.run(*step, "--commit")
        assert done.status == 1, done.text


def test_errors_of_others_stand_in_no_steps_way(prod: Repo) -> None:
    prod.write("rollouts/churn.yaml", "kind: [\n")
    prod.write("components/geo.yaml", "kind: [\n")
    prod.write("incidents/fraud-40.yaml", "kind: [\n")
    prod.commit("Break what is not fraud's")
    assert prod.run("check").status == 1
    done = prod.run("advance", "fraud", *FORCED, "--commit")
    assert done.status == 0, done.text


# Approvals.


def test_a_fix_that_skips_an_approval_asks_for_it(prod: Repo) -> None:
    """An open incident allows to skip stages, and no approval."""
    prod.write("incidents/fraud-40.yaml", INCIDENT.replace("42", "40").replace('"41"', '"39"'))
    prod.record("39", like="40")
    prod.commit("An incident of 40")
    words = ("advance", "fraud", "--fixes", "fraud-40", "--to", "full")
    opened = prod.run(*words, "--pull-request")
    assert opened.status == 0, opened.text
    (pull,) = prod.pull_requests()
    assert pull["draft"]
    assert "It is a draft: `ab-50` (skipped) has `approval: manual`." in pull["body"]
    line = "ab-50 has `approval: manual` and is skipped: a person must approve 42"
    assert line in opened.err
    done = prod.run(*words, "--commit")
    assert (done.status, f"{line}, by merging this\n" in done.err) == (0, True), done.text
    assert f"{line}." in prod.git("log", "-1", "--format=%B")


def test_a_fix_that_skips_to_the_stage_before_an_approval_asks_for_none(prod: Repo) -> None:
    prod.write("incidents/fraud-40.yaml", INCIDENT.replace("42", "40").replace('"41"', '"39"'))
    prod.record("39", like="40")
    prod.commit("An incident of 40")
    opened = prod.run("advance", "fraud", "--fixes", "fraud-40", "--to", "canary-5", "--pull-request", *FORCED)
    assert opened.status == 0, opened.text
    assert prod.pull_requests()[0]["draft"] is False


def test_a_proposal_that_enters_a_first_stage_with_an_approval_asks_for_it(prod: Repo) -> None:
    is_done(prod, "withdraw", "fraud")
    prod.edit(FRAUD, "{name: shadow, mirror: 20%, hold: 1s}", "{name: shadow, mirror: 20%, approval: manual}")
    prod.commit("Ask for the shadow")
    opened = prod.run("propose", "fraud", "42", "--advance", "--pull-request")
    assert opened.status == 0, opened.text
    assert prod.pull_requests()[0]["draft"]


# What splits the traffic.


def routeless(repo: Repo) -> None:
    repo.edit(FRAUD, "    - {type: gateway-api, gateway: {name: edge, namespace: gateways}}\n", "")
    repo.render()
    repo.commit("Render no route")


def test_a_split_that_nothing_renders_is_an_error_everywhere(prod: Repo) -> None:
    routeless(prod)
    told = "error: the stage shadow moves traffic, but none of the targets"
    checked = prod.run("check")
    assert (checked.status, told in checked.out) == (1, True), checked.text
    drilled = prod.run("drill")
    assert (drilled.status, "failed: the stage shadow moves traffic" in drilled.out) == (1, True), drilled.text
    is_refused(prod, ("advance", "fraud", *FORCED), told)
    is_refused(prod, ("bootstrap", "churn", "--version", "1", "--like", "fraud", *RECORD, *OWN), told)


def test_a_rollback_does_not_wait_for_a_route(prod: Repo) -> None:
    routeless(prod)
    answer = prod.run("rollback", "fraud", "--reason", "wrong")
    assert answer.status == 0, answer.text


DIGEST = f"sha256:{'4' * 64}"
RECORD = (
    *("--artifact", "s3://models/churn/1/", "--format", "sklearn", "--digest", DIGEST, "--metric", "auc=0.9"),
    *("--dataset-digest", DIGEST, "--run-id", "r1"),
)
OWN = ("--inference-log", "s3://inference-logs/churn/", "--runbook", "https://runbooks.example.com/churn")


def test_a_new_rollout_takes_the_gateway_that_the_others_share(prod: Repo) -> None:
    is_done(prod, "bootstrap", "churn", "--version", "1", *RECORD)
    text = (prod.workspace / "rollouts/churn.yaml").read_text("utf-8")
    assert "- {type: gateway-api, gateway: {namespace: gateways, name: edge}}" in text or (
        "{name: edge, namespace: gateways}" in text
    )
    prod.edit("rollouts/churn.yaml", "name: edge", "name: other")
    prod.render()
    prod.commit("Use another gateway")
    refused = prod.run("bootstrap", "scam", "--version", "1", *RECORD)
    assert refused.status == 2
    assert "the rollouts here have several gateways" in refused.err
    assert "--target '{type: gateway-api, gateway: {name: edge, namespace: gateways}}'" in refused.err
