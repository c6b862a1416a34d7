"""What a person clicked, a clock said or a base held long ago decides nothing tonight."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import forge_users
import pytest
from forge_users import automate, edit_pull, head_of, is_armed, later, newest, open_incident, pull
from repo import Repo, Result, git

pytestmark = pytest.mark.system

FRAUD = "rollouts/fraud.yaml"


@pytest.fixture(scope="module")
def made(automated: Repo) -> Repo:
    return automated


def alert(repo: Repo, version: str = "42", trigger: str = "latency-sla", *, ago: str = "", **labels: Any) -> Any:
    """Return an alert that began to fire so many hours or minutes before the last commit: ``25h``, ``10m``."""
    made: dict[str, Any] = repo.alert(version, trigger, **labels)
    if ago:
        units = {"h": "hours", "m": "minutes", "d": "days"}
        moment = repo.clock[0] - timedelta(**{units[ago[-1]]: int(ago[:-1])})
        made["startsAt"] = moment.isoformat()
    return {**made, "fingerprint": f"{abs(hash((version, trigger, ago, str(labels)))):x}"[:16]}


def told_of(repo: Repo, *alerts: Mapping[str, Any]) -> Result:
    return repo.run("rollback", "--breach", repo.payload(*alerts))


# Closed pull requests.


def test_a_draft_closed_at_the_canary_does_not_stop_a_rollback_after_the_promotion(repo: Repo) -> None:
    repo.breach("42", "drift")
    edit_pull(repo, 1, state="closed")
    forge_users.promote(repo)
    answer = repo.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert repo.live_at(head_of(repo, 2)) == {"stable": "41", "knownGood": ["40"]}


def test_a_person_who_orders_it_is_not_stopped_by_a_closed_one(repo: Repo) -> None:
    repo.breach("42", "drift")
    edit_pull(repo, 1, state="closed")
    answer = repo.run("rollback", "fraud", "--reason", "scores drift")
    assert answer.out.startswith("opened pull request 2: "), answer.text
    assert not pull(repo, 2)["draft"]
    assert not is_armed(repo, 2)


def test_the_same_alert_does_not_open_a_closed_one_again(repo: Repo) -> None:
    payload = repo.payload(alert(repo, trigger="drift"))
    repo.run("rollback", "--breach", payload)
    edit_pull(repo, 1, state="closed")
    answer = repo.run("rollback", "--breach", payload)
    assert answer.status == 1
    assert "was closed by a person and is not reopened for the same breach" in answer.err
    assert len(repo.pull_requests()) == 1


def test_another_alert_after_the_click_is_answered(repo: Repo) -> None:
    told_of(repo, alert(repo, trigger="drift"))
    edit_pull(repo, 1, state="closed", closedAt=repo.clock[0].isoformat())
    later(repo, hours=3)
    answer = told_of(repo, alert(repo, trigger="latency-sla"))
    assert answer.status == 0, answer.text
    assert is_armed(repo, 2)


def test_an_alert_that_fired_before_the_click_was_closed_with_it(repo: Repo) -> None:
    told_of(repo, alert(repo, trigger="drift"))
    edit_pull(repo, 1, state="closed", closedAt=(repo.clock[0] + timedelta(hours=1)).isoformat())
    answer = told_of(repo, alert(repo, trigger="latency-sla", ago="1m"))
    assert (answer.status, len(repo.pull_requests())) == (1, 1), answer.text


def test_a_forged_pull_request_that_somebody_closes_silences_nothing(repo: Repo) -> None:
    payload = repo.payload(alert(repo))
    shown = repo.run("rollback", "--breach", payload, "--dry-run").out
    branch = next(line.split()[1] for line in shown.splitlines() if line.startswith("branch "))
    message = repo.git("log", "-1", "--format=%B", shown.split()[1])
    head = forge_users.push_tree(repo, branch, "origin/main", {"evil.md": "evil\n"}, message)
    folder = Path(f"{repo.remote}.pulls")
    folder.mkdir()
    (folder / "1.json").write_text(
        f'{{"number": 1, "state": "closed", "head": "{branch}", "base": "main", "headSha": "{head}", "labels": [], '
        f'"closedAt": "2030-01-01T00:00:00Z", "title": "", "body": ""}}'
    )
    answer = repo.run("rollback", "--breach", payload)
    assert answer.status == 0, answer.text
    assert is_armed(repo, 2)


# Merged ones.


def test_a_base_that_was_pushed_back_behind_a_merged_rollback_is_rolled_back(repo: Repo) -> None:
    before = repo.tip()
    payload = repo.payload(alert(repo))
    repo.run("rollback", "--breach", payload)
    repo.merge(pull(repo, 1)["head"])
    repo.git("push", "-q", "-f", "origin", f"{before}:main")
    answer = repo.run("rollback", "--breach", payload)
    assert answer.out.startswith(("opened", "adopted")), answer.text
    commit = repo.git("ls-remote", str(repo.remote), f"refs/heads/{newest(repo)['head']}").split()[0]
    assert repo.live_at(commit) == {"stable": "41", "knownGood": ["40"]}
    assert newest(repo)["state"] == "open"


@pytest.mark.parametrize("recorded", ["merged", "open"])
def test_it_is_whatever_the_forge_recorded(repo: Repo, recorded: str) -> None:
    before = repo.tip()
    payload = repo.payload(alert(repo))
    repo.run("rollback", "--breach", payload)
    repo.merge(pull(repo, 1)["head"])
    edit_pull(repo, 1, state=recorded)
    repo.git("push", "-q", "-f", "origin", f"{before}:main")
    repo.git("push", "-q", "origin", "--delete", pull(repo, 1)["head"])
    answer = repo.run("rollback", "--breach", payload)
    assert answer.status == 0, answer.text
    assert " pull request " in answer.out.splitlines()[0], answer.text
    heads = {each["head"] for each in repo.pull_requests() if each["state"] == "open"}
    assert heads & set(repo.whole_names())


def test_a_rollback_that_a_person_took_back_is_a_draft_for_the_same_breach(repo: Repo) -> None:
    payload = repo.payload(alert(repo))
    repo.run("rollback", "--breach", payload)
    merged = repo.merge(pull(repo, 1)["head"])
    repo.git("revert", "-m", "1", "--no-edit", merged)
    repo.commit("Say why") if repo.git("status", "--porcelain") else repo.git("push", "-q", "origin", "HEAD")
    answer = repo.run("rollback", "--breach", payload)
    assert answer.status == 0, answer.text
    assert "[retaken]" in answer.out
    assert newest(repo)["draft"]


def test_and_a_person_may_order_it(repo: Repo) -> None:
    repo.breach("42", "latency-sla")
    merged = repo.merge(pull(repo, 1)["head"])
    repo.git("revert", "-m", "1", "--no-edit", merged)
    repo.git("push", "-q", "origin", "HEAD")
    answer = repo.run("rollback", "fraud", "--reason", "it is bad all the same")
    assert answer.out.startswith("opened pull request 2: "), answer.text
    assert not newest(repo)["draft"]


# Payloads.


def test_an_older_soft_alert_does_not_hide_a_hard_one(repo: Repo) -> None:
    answer = told_of(repo, alert(repo, trigger="drift", ago="3h"), alert(repo, trigger="latency-sla"))
    assert answer.status == 0, answer.text
    assert is_armed(repo, 1)
    body = pull(repo, 1)["body"]
    assert "| trigger | `latency-sla` |" in body
    assert "- `drift` since" in body


def test_an_old_alert_does_not_make_a_fresh_one_old(repo: Repo) -> None:
    answer = told_of(repo, alert(repo, ago="25h"), alert(repo, trigger="serving-errors"), alert(repo, ago="26h"))
    assert answer.status == 0, answer.text
    assert is_armed(repo, 1)
    assert pull(repo, 1)["body"].count("- `latency-sla` since") == 2


def test_an_alert_that_is_over_does_not_hide_one_that_is_not(repo: Repo) -> None:
    over = {**alert(repo, ago="30m"), "endsAt": repo.clock[0].isoformat()}
    assert told_of(repo, over, alert(repo, trigger="serving-errors")).status == 0
    assert is_armed(repo, 1)


# Clocks.


def test_an_old_commit_on_top_does_not_hide_newer_rollbacks(promoted: Repo) -> None:
    """The quota counts what is merged, whatever the dates of the commits above it say."""
    automate(promoted, "maxRollbacksPerDay: 1", "cooldown: 0s")
    forge_users.serve_too(promoted, "churn")
    assert promoted.breach("42", "latency-sla", rollout="churn").status == 0
    promoted.merge(pull(promoted, 1)["head"])
    promoted.write("docs/old.md", "old\n")
    promoted.git("add", "--all")
    old = {"GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z"}
    promoted.git("commit", "-q", "-m", "Written long ago", **old)
    promoted.git("push", "-q", "origin", "HEAD")
    answer = promoted.breach("42", "latency-sla")
    assert "[rollbacks-per-day]" in answer.out, answer.text


def test_an_incident_of_the_far_future_counts_when_it_was_merged(promoted: Repo) -> None:
    automate(promoted, "cooldown: 1h")
    promoted.write(
        "incidents/fraud-39.yaml",
        forge_users.incident_text("40", name="fraud-40", observedAt="2036-11-20T10:00:00Z").replace("null", '"41"', 1),
    )
    (promoted.workspace / "incidents/fraud-39.yaml").rename(promoted.workspace / "incidents/fraud-40.yaml")
    promoted.render()
    promoted.commit("Merge an alert that was dated wrong")
    later(promoted, hours=5)
    promoted.write("docs/a.md", "a\n")
    promoted.commit("Write")
    answer = promoted.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert "[cooldown]" not in answer.out
    assert is_armed(promoted, 1)


def test_an_alert_that_fires_for_hours_since_the_step_is_about_what_is_now(repo: Repo) -> None:
    before = alert(repo, trigger="latency-sla")
    later(repo, hours=1)
    forge_users.advance(repo)
    soon = told_of(repo, before)
    assert "[settled]" in soon.out, soon.text
    later(repo, hours=19)
    late = told_of(repo, before)
    assert "[settled]" not in late.out, late.text
    assert late.status == 0
    assert is_armed(repo, 1)


def test_a_rollback_of_a_rollback_is_forgotten_after_the_window(promoted: Repo) -> None:
    promoted.breach("42", "latency-sla")
    promoted.merge(pull(promoted, 1)["head"])
    promoted.record("43")
    promoted.commit("Record 43")
    text = promoted.at("HEAD", FRAUD)
    promoted.write(FRAUD, text.replace("    window: 7d ", "    window: 14d ").replace("within: 15m", "within: 999d"))
    promoted.render()
    promoted.commit("Widen")
    soon = promoted.breach("41", "latency-sla")
    assert "[rollback-of-rollback]" in soon.out, soon.text
    later(promoted, days=20)
    text = promoted.at("HEAD", FRAUD)
    promoted.write(FRAUD, text.replace("    window: 14d ", "    "))
    promoted.render()
    promoted.commit("No window")
    late = promoted.breach("41", "latency-sla")
    assert "[rollback-of-rollback]" not in late.out, late.text


# A person's order.


def test_a_person_is_held_by_no_guard_and_told_which_would_have(promoted: Repo) -> None:
    automate(promoted, "cooldown: 1d", "maxRollbacksPerDay: 0")
    promoted.write(".rollout-spec-pause", "reason: the cluster is being moved\nexpires: 2026-12-31\n")
    promoted.commit("Pause")
    answer = promoted.run("rollback", "fraud", "--reason", "scores drift")
    assert answer.out.startswith("opened pull request 1: "), answer.text
    assert not pull(promoted, 1)["draft"]
    assert not is_armed(promoted, 1)
    for guard in ("pause", "rollbacks-per-day"):
        assert f"[{guard}]" in answer.err
    assert "Guards would have held an automatic rollback" in pull(promoted, 1)["body"]


def test_a_person_arms_it_by_auto_merge(repo: Repo) -> None:
    answer = repo.run("rollback", "fraud", "--reason", "scores drift", "--auto-merge")
    assert answer.status == 0, answer.text
    assert is_armed(repo, 1)


def test_a_person_is_not_held_by_dry_run(repo: Repo) -> None:
    automate(repo, mode="dry-run")
    assert repo.breach("42", "latency-sla").status == 1
    assert repo.pull_requests() == []
    answer = repo.run("rollback", "fraud", "--reason", "now")
    assert answer.out.startswith("opened pull request 1: "), answer.text
    assert "[mode]" in answer.err


def test_auto_merge_is_for_a_person(repo: Repo) -> None:
    answer = repo.run("rollback", "--breach", repo.payload(repo.alert()), "--auto-merge")
    assert answer.status == 2
    assert "need ROLLOUT, not --breach" in answer.err


def test_an_incident_that_was_resolved_long_ago_stops_nothing(promoted: Repo) -> None:
    open_incident(promoted, "40")
    assert git(promoted.remote, "rev-parse", "main")
    assert promoted.breach("42", "latency-sla").status == 0
