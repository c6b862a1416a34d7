"""`gate` judges a stage by the traffic that a real Prometheus recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from gated_repository import Gated

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("gate")]
Scenario = Callable[..., Gated]


@pytest.mark.parametrize(
    ("name", "verdict", "trigger", "status"),
    [
        ("healthy", "ok", None, 0),
        ("failing", "breach", "serving-errors", 1),
        ("slow", "breach", "latency-sla", 1),
        ("idle", "no-data", "serving-errors", 1),
        ("lopsided", "invalid", "serving-errors", 1),
        ("outage", "inconclusive", "serving-errors", 1),
        ("gone", "no-data", "latency-sla", 1),
        ("restarted", "ok", None, 0),
    ],
)
def test_a_verdict(scenario: Scenario, name: str, verdict: str, trigger: str | None, status: int) -> None:
    done = scenario(name).command("gate", "fraud", "--format", "json")
    report = json.loads(done.out)
    assert (report["verdict"], done.status) == (verdict, status), done.text
    verdicts = {each["name"]: each for each in report["triggers"]}
    if trigger is not None:
        assert verdicts[trigger]["verdict"] == verdict, done.text
    assert report["since"] == "2026-11-20T09:01:00Z"
    assert report["judgedSince"] == "2026-11-20T09:02:30Z"
    assert {each["name"] for each in report["skipped"]} == {"conversion", "expert-spot-check"}


def test_the_counts_are_those_of_the_traffic(scenario: Scenario) -> None:
    report = json.loads(scenario("healthy").command("gate", "fraud", "--format", "json").out)
    errors, latency = (
        next(each for each in report["triggers"] if each["name"] == name) for name in ("serving-errors", "latency-sla")
    )
    # From 09:02:30 on: `serving-errors` looks at the first 15 minutes of the stage, `latency-sla` at all of it.
    assert errors["candidate"]["total"] == (13 * 60 + 28) * 5
    assert errors["stable"]["total"] == (13 * 60 + 28) * 95
    assert latency["candidate"]["total"] == pytest.approx(37.5 * 60 * 5, abs=75)


def test_a_restart_loses_no_request(scenario: Scenario) -> None:
    report = json.loads(scenario("restarted").command("gate", "fraud", "--format", "json").out)
    latency = next(each for each in report["triggers"] if each["name"] == "latency-sla")
    assert latency["candidate"]["total"] == pytest.approx(37.5 * 60 * 5, abs=75)


def test_the_same_answer_at_each_later_look(scenario: Scenario) -> None:
    repo = scenario("failing")
    moments = set()
    for minutes in (10, 25, 60):
        report = json.loads(repo.command("gate", "fraud", "--format", "json", minutes=minutes).out)
        errors = next(each for each in report["triggers"] if each["name"] == "serving-errors")
        assert errors["verdict"] == "breach"
        moments.add(errors["breachedAfter"])
    assert len(moments) == 1


def test_the_warmup_does_not_count(scenario: Scenario) -> None:
    done = scenario("failing").command("gate", "fraud", minutes=2)
    assert done.status == 1
    assert "  since 2026-11-20T09:01:00Z, at 2026-11-20T09:02:00Z still in its warm-up of 1m30s\n" in done.out
    assert "serving-errors (threshold): no-data" in done.out
    assert "the stage began at 2026-11-20T09:01:00Z, and its first 1m30s do not count" in done.out


def test_since_replaces_the_start(scenario: Scenario) -> None:
    done = scenario("failing").command("gate", "fraud", "--since", "2026-11-20T09:20:00Z", "--format", "json")
    assert json.loads(done.out)["since"] == "2026-11-20T09:20:00Z"


def test_the_chart_is_xml_with_both_limits(scenario: Scenario) -> None:
    done = scenario("failing").command("gate", "fraud", "--format", "svg")
    root = ElementTree.fromstring(done.out)
    texts = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "fraud 42 in canary-5: breach" in texts
    assert {"breach", "ok", "no evidence"} <= set(texts)
    assert any(each.startswith("95% to 41, 5% to 42, since 2026-11-20T09:01:00Z") for each in texts)
    assert "offline-auc: ok, without evidence over time" in texts
    paths = [each.get("class") for each in root.iter("{http://www.w3.org/2000/svg}path")]
    assert paths.count("breach") == paths.count("ok") == 2


def test_markdown_quotes_names_and_numbers(scenario: Scenario) -> None:
    done = scenario("healthy").command("gate", "fraud", "--format", "markdown")
    assert done.out.startswith("**The gate: fraud 42 in canary-5: ok.** Judged since 2026-11-20T09:01:00Z")
    assert "| `serving-errors` | **ok** | `error_rate of 42: " in done.out


def test_a_holdout_decides_an_offline_trigger(scenario: Scenario) -> None:
    repo = scenario("healthy")
    rows = [f"{index % 2},{index % 2 + index % 5 / 10},{(index * 7) % 10 / 10}" for index in range(200)]
    repo.write("holdout.csv", "\n".join(["label,41,42", *rows]) + "\n")
    done = repo.command("gate", "fraud", "--holdout", "holdout.csv")
    assert done.status == 1
    assert "offline-auc (offline): breach" in done.out
    assert "the recorded values alone are ok: auc of the candidate is 0.9174, of stable 0.9131" in done.out


def test_predictions_that_are_too_large_are_no_data(scenario: Scenario) -> None:
    repo = scenario("healthy")
    text = (repo.workspace / "rollouts/fraud.yaml").read_text("utf-8")
    repo.write(
        "rollouts/fraud.yaml", text.replace("{auc: ", "{rmse: 0.1, auc: ").replace("metric: auc", "metric: rmse")
    )
    repo.write("holdout.csv", "label,41,42\n1,0.2,1e200\n0,0.1,0.1\n")
    done = repo.command("gate", "fraud", "--holdout", "holdout.csv")
    assert done.status == 1
    assert "offline-auc (offline): no-data\n    the holdout cannot be used" in done.out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("label,41\n1,0.2\n", "has no column `candidate` or `42`"),
        ("label,41\n1,0.2\n", "`stable` and `candidate` or the names of both versions; it has label, 41"),
        ("41,42\n1,0.2\n", "has no column `label`"),
        ("label,41,42\n1,0.2\n", ":2: 2 values, but 3 columns"),
        ("label,41,42\n1,0.2,high\n", ":2: `high` is not a number"),
        ("label,41,42,42\n1,1,1,1\n", ":1: a column has the name of another one"),
    ],
)
def test_a_bad_holdout_is_an_error(scenario: Scenario, content: str, message: str) -> None:
    repo = scenario("healthy")
    repo.write("holdout.csv", content)
    done = repo.command("gate", "fraud", "--holdout", "holdout.csv")
    assert done.status == 2
    assert message in done.err


def test_a_holdout_with_nan_is_no_data(scenario: Scenario) -> None:
    repo = scenario("healthy")
    repo.write("holdout.csv", "label,41,42\n1,0.2,nan\n0,0.1,0.1\n1,0.4,0.2\n0,0.3,0.1\n")
    done = repo.command("gate", "fraud", "--holdout", "holdout.csv")
    assert done.status == 1
    assert "offline-auc (offline): no-data\n    the holdout cannot be used" in done.out


def test_prometheus_is_down(scenario: Scenario) -> None:
    done = scenario("failing", address="http://127.0.0.1:9").command("gate", "fraud")
    assert done.status == 3
    assert "fraud 42 in canary-5: no-data" in done.out
    assert "\n    cannot read Prometheus at http://127.0.0.1:9: Connection refused\n" in done.out


def test_a_workspace_that_does_not_load_is_an_error(scenario: Scenario) -> None:
    repo = scenario("healthy", address="ftp://127.0.0.1")
    done = repo.command("gate", "fraud")
    hint = "run `rollout-spec check .rollout-spec.yaml` to see why"
    assert (done.status, done.out) == (2, "")
    assert done.err == f"rollout-spec: .rollout-spec.yaml does not load\n  help: {hint}\n"


def test_a_missing_token_is_named(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_TOKEN", raising=False)
    repo = scenario("healthy", address="http://127.0.0.1:9, auth: {bearer: {env: PROMETHEUS_TOKEN}}")
    done = repo.command("gate", "fraud")
    assert done.status == 2
    assert "no token for Prometheus: the environment variable PROMETHEUS_TOKEN is not set" in done.err


def test_a_time_before_the_stage_is_noted(scenario: Scenario) -> None:
    repo = scenario("healthy")
    early = repo.command("gate", "fraud", "--since", "2026-11-20T09:00:00Z")
    assert "  note: 42 entered canary-5 at 2026-11-20T09:01:00Z; --since is before that" in early.out
    assert "note: 42 entered" not in repo.command("gate", "fraud", "--since", "2026-11-20T09:10:00Z").out


def test_a_holdout_that_no_trigger_takes_is_noted(scenario: Scenario) -> None:
    repo = scenario("healthy")
    repo.write("holdout.csv", "label,41,42\n1,0.2,0.3\n0,0.1,0.1\n1,0.4,0.2\n0,0.3,0.1\n")
    taken = repo.command("gate", "fraud", "--holdout", "holdout.csv")
    path = "rollouts/fraud.yaml"
    repo.write(path, (repo.workspace / path).read_text("utf-8").replace("{auc: ", "{f1: ").replace(": auc\n", ": f1\n"))
    unused = repo.command("gate", "fraud", "--holdout", "holdout.csv")
    assert "--holdout was not used" not in taken.text
    assert (
        "  note: --holdout was not used: no offline trigger has a metric that it gives, `auc` or `rmse`" in unused.out
    )


def test_nothing_is_judged_without_a_candidate(scenario: Scenario) -> None:
    repo = scenario("healthy")
    repo.run("withdraw", "fraud", "--commit")
    done = repo.command("gate", "fraud")
    assert (done.status, done.err) == (
        2,
        "rollout-spec: fraud has no candidate: 41 is stable and receives all requests\n"
        "  help: propose a version, and move it to its first stage: `rollout-spec propose fraud VERSION --advance`\n",
    )


def test_an_uncommitted_stage_has_no_start(scenario: Scenario) -> None:
    repo = scenario("healthy")
    repo.edit("rollouts/fraud.yaml", "stage: canary-5 ", "stage: ab-50 ")
    done = repo.command("gate", "fraud")
    assert done.status == 2
    assert "cannot tell when 42 entered ab-50: no commit of a full clone says so" in done.err


def test_a_query_that_prometheus_refuses_does_not_hide_the_others(scenario: Scenario) -> None:
    repo = scenario("failing")
    text = (repo.workspace / ".rollout-spec.yaml").read_text("utf-8")
    repo.write(".rollout-spec.yaml", text.replace("query: 'model_psi{", "query: 'model_psi{{"))
    path = "rollouts/fraud.yaml"
    drift = "    - {name: drift, type: threshold, metric: psi, above: 0.2}\n    - name: latency-sla\n"
    repo.edit(path, "    - name: latency-sla\n", drift)
    repo.commit("Watch the drift")
    done = repo.command("gate", "fraud", "--format", "json")
    verdicts = {each["name"]: (each["verdict"], each["message"]) for each in json.loads(done.out)["triggers"]}
    assert done.status == 1
    assert verdicts["serving-errors"][0] == "breach"
    assert verdicts["drift"][0] == "no-data"
    assert verdicts["drift"][1].startswith("cannot read Prometheus at "), verdicts["drift"]
