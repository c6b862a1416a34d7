"""Guards hold automation, never safety: what is held is a draft for a person, and what is not pushed ends with 1."""

from __future__ import annotations

from typing import Any

import forge_users
import pytest
from forge_users import automate, edit_pull, head_of, is_armed, newest, pull, push_tree
from repo import Repo, git

from rollout_spec.domain import transitions

pytestmark = pytest.mark.system

FRAUD = "rollouts/fraud.yaml"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Three rollouts alike, each with 42 in canary-5, 41 stable and 40 known good; hard triggers merge themselves."""
    repo = Repo.create(tmp_path_factory.mktemp("made"))
    automate(repo)
    forge_users.serve_too(repo, "churn", "spam")
    return repo


def alert(repo: Repo, rollout: str, trigger: str = "latency-sla", version: str = "42") -> dict[str, Any]:
    return {**repo.alert(version, trigger, rollout=rollout), "fingerprint": f"{abs(hash((rollout, trigger))):x}"[:16]}


# A shared cause.


def test_a_shared_cause_is_a_draft_for_each_and_one_incident_names_all(repo: Repo) -> None:
    alerts = [alert(repo, name) for name in ("spam", "fraud", "churn")]
    answer = repo.run("rollback", "--breach", repo.payload(*alerts))
    assert answer.status == 0, answer.text
    assert answer.out.count("[shared-cause]") == 3
    pulls = {each["head"].split("/")[2]: each for each in repo.pull_requests()}
    assert set(pulls) == {"churn", "fraud", "spam"}
    assert all(each["draft"] and not each["autoMerge"] for each in pulls.values())
    texts = {
        name: repo.data_at(head_of(repo, each["number"]), f"incidents/{name}-42.yaml")["spec"]["evidence"]["summary"]
        for name, each in pulls.items()
    }
    assert texts["churn"].startswith("shared cause, 3 rollouts at once: churn 42, fraud 42, spam 42. ")
    assert all("see incident churn-42. " in texts[name] for name in ("fraud", "spam"))


def test_a_rollback_that_is_armed_is_held_until_a_person_removes_the_label(repo: Repo) -> None:
    alerts = [alert(repo, name) for name in ("churn", "fraud", "spam")]
    for each in alerts[:2]:
        repo.run("rollback", "--breach", repo.payload(each))
    assert is_armed(repo, 1) and is_armed(repo, 2)
    answer = repo.run("rollback", "--breach", repo.payload(*alerts))
    assert answer.status == 0, answer.text
    for number in (1, 2):
        held = pull(repo, number)
        assert held["draft"] and not held["autoMerge"] and "held" in held["labels"]
        assert sum("This rollback is held" in each for each in held["comments"]) == 1
    before = repo.pull_requests()
    assert repo.run("rollback", "--breach", repo.payload(*alerts)).status == 0
    assert repo.pull_requests() == before
    forge_users.later(repo, minutes=20)
    later = repo.payload(alert(repo, "fraud"))
    assert "it stays a draft: it was held for a shared cause" in repo.run("rollback", "--breach", later).err
    assert pull(repo, 2)["draft"]
    edit_pull(repo, 2, draft=False)
    assert "auto-merge is not enabled: it was held for a shared cause" in repo.run("rollback", "--breach", later).err
    assert not is_armed(repo, 2)
    edit_pull(repo, 2, labels=[each for each in pull(repo, 2)["labels"] if each != "held"])
    assert repo.run("rollback", "--breach", later).status == 0
    assert is_armed(repo, 2) and not pull(repo, 2)["draft"]


@pytest.mark.parametrize(
    "others",
    [("drift", "drift"), ("no-such-trigger", "drift"), ("expert-spot-check", "conversion")],
    ids=["soft", "unknown", "by hand, or outside its stages"],
)
def test_what_would_not_be_acted_on_is_no_shared_cause(repo: Repo, others: tuple[str, str]) -> None:
    alerts = [alert(repo, "fraud"), alert(repo, "churn", others[0]), alert(repo, "spam", others[1])]
    answer = repo.run("rollback", "--breach", repo.payload(*alerts))
    assert answer.status == 0, answer.text
    assert "[shared-cause]" not in answer.out
    armed = {each["head"].split("/")[2] for each in repo.pull_requests() if each["autoMerge"]}
    assert armed == {"fraud"}


def test_versions_that_take_no_requests_are_no_shared_cause(repo: Repo) -> None:
    alerts = [alert(repo, "fraud"), alert(repo, "churn", version="40"), alert(repo, "spam", version="40")]
    assert repo.run("rollback", "--breach", repo.payload(*alerts)).status == 0
    assert is_armed(repo, 1)


def test_forged_branches_are_no_shared_cause(repo: Repo) -> None:
    for name in ("churn", "spam"):
        text = forge_users.incident_text("42", name, observedAt=(repo.clock[0]).isoformat(), trigger="latency-sla")
        push_tree(
            repo,
            f"rollback/acme-models/{name}/42-00000000",
            "origin/main",
            {f"incidents/{name}-42.yaml": text.replace("restoredVersion: null", 'restoredVersion: "41"')},
            f"Forge\n\nRollback-Of: {name}/42\n",
        )
    answer = repo.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert is_armed(repo, 1), answer.text


# A candidate that is taken out.


def test_cooldown_and_quotas_do_not_hold_a_candidate(repo: Repo) -> None:
    automate(repo, "cooldown: 7d", "maxRollbacksPerDay: 1", "maxAutoMergesPerDay: 0")
    assert repo.breach("42", "latency-sla", rollout="churn").status == 0
    repo.merge(pull(repo, 1)["head"])
    answer = repo.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert is_armed(repo, 2)


def test_they_hold_a_rollback_of_stable(repo: Repo) -> None:
    automate(repo, "cooldown: 7d", "maxRollbacksPerDay: 1", "maxAutoMergesPerDay: 0")
    forge_users.promote(repo)
    repo.breach("42", "latency-sla", rollout="churn")
    repo.merge(pull(repo, 1)["head"])
    answer = repo.breach("42", "latency-sla")
    assert "[rollbacks-per-day]" in answer.out, answer.text
    assert "[auto-merges-per-day]" in answer.out
    assert pull(repo, 2)["draft"]


# What is not pushed.


def test_a_notice_ends_with_1(repo: Repo) -> None:
    repo.write(".rollout-spec-pause", "reason: moving\nexpires: 2026-12-31\n")
    repo.commit("Pause")
    answer = repo.breach("42", "latency-sla")
    assert answer.status == 1
    assert "[pause]" in answer.out
    assert repo.pull_requests() == []


# No rollback target.


def stuck(repo: Repo) -> None:
    """Let 41 be stable, with 40 known good and quarantined, and no candidate."""
    repo.take(transitions.withdraw, "Withdraw fraud 42")
    forge_users.open_incident(repo, "40")


def test_with_no_target_the_incident_gets_a_pull_request(repo: Repo) -> None:
    stuck(repo)
    answer = repo.breach("41", "latency-sla")
    assert answer.status == 1
    assert answer.out.startswith("opened pull request 1: "), answer.text
    found = pull(repo, 1)
    assert (found["draft"], found["autoMerge"], found["head"][:30]) == (
        False,
        False,
        "incident/acme-models/fraud/41-"[:30],
    )
    assert set(git(repo.remote, "diff", "--name-only", "main", found["head"]).split()) == {"incidents/fraud-41.yaml"}
    assert "has no rollback target" in found["body"]
    again = repo.breach("41", "latency-sla")
    assert (again.status, len(repo.pull_requests())) == (1, 1), again.text


def test_no_rollback_goes_to_a_version_whose_incident_is_open_on_a_branch(repo: Repo) -> None:
    """41 failed with no way back; nobody merges that; 42 is promoted, and fails: 41 is no target."""
    stuck(repo)
    repo.breach("41", "latency-sla")
    repo.take(lambda live: transitions.propose(live, "42"), "Propose 42")
    forge_users.promote(repo)
    assert repo.live.known_good[0] == "41"
    answer = repo.breach("42", "latency-sla")
    assert answer.status == 1, answer.text
    assert "41: quarantined by incident fraud-41" in answer.err
    assert all(not each["autoMerge"] for each in repo.pull_requests())


def test_it_goes_to_the_next_one_and_brings_the_incident_along(repo: Repo) -> None:
    """An open rollback of 41 quarantines it: 42, promoted meanwhile, goes back to 40, and its check passes."""
    repo.take(transitions.withdraw, "Withdraw fraud 42")
    before = repo.tip()
    assert repo.breach("41", "latency-sla").status == 0  # to 40; nobody merges it
    first = pull(repo, 1)
    assert repo.live_at(head_of(repo, 1))["stable"] == "40"
    edit_pull(repo, 1, autoMerge=False)
    repo.take(lambda live: transitions.propose(live, "42"), "Propose 42")
    forge_users.promote(repo)
    answer = repo.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    commit = head_of(repo, 2)
    assert repo.live_at(commit) == {"stable": "40"} or repo.live_at(commit)["stable"] == "40"
    assert repo.at(commit, "incidents/fraud-41.yaml") == repo.at(head_of(repo, 1), "incidents/fraud-41.yaml")
    assert "41 was skipped: quarantined by incident fraud-41" in answer.err
    repo.git("fetch", "-q", "origin")
    repo.git("checkout", "-q", "--detach", commit)
    checked = repo.run("check", "--base", repo.tip())
    assert checked.status == 0, checked.text
    assert repo.breach("42", "latency-sla").out.startswith("adopted pull request 2: ")
    assert before and first


def test_one_that_a_person_closed_quarantines_nothing(repo: Repo) -> None:
    repo.take(transitions.withdraw, "Withdraw fraud 42")
    repo.breach("41", "latency-sla")
    edit_pull(repo, 1, state="closed")
    repo.take(lambda live: transitions.propose(live, "42"), "Propose 42")
    forge_users.promote(repo)
    assert repo.breach("42", "latency-sla").status == 0
    assert repo.live_at(head_of(repo, 2))["stable"] == "41"


def test_an_incident_that_somebody_pushed_by_hand_asks_a_person(repo: Repo) -> None:
    forge_users.promote(repo)
    push_tree(
        repo,
        "incident/acme-models/fraud/41",
        "origin/main",
        {"incidents/fraud-41.yaml": forge_users.incident_text("41")},
        "Open incident fraud-41",
    )
    answer = repo.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert "[incident]" in answer.out
    assert newest(repo)["draft"]
    assert repo.live_at(head_of(repo, 1))["stable"] == "41"


# One function says where a rollback can go.


def test_a_known_good_version_with_the_bytes_of_stable_is_no_target_for_anybody(repo: Repo) -> None:
    for name in ("churn", "spam"):
        (repo.workspace / f"rollouts/{name}.yaml").unlink()
    text = repo.at("HEAD", FRAUD).replace("5" * 64, "1" * 64)
    repo.write(FRAUD, text)
    repo.take(transitions.withdraw, "Withdraw fraud 42", push=False)
    for path in (repo.workspace / "manifests").glob("*/*.yaml"):
        if path.parent.name != "fraud":
            path.unlink()
    repo.commit("Let 40 have the bytes of 41")
    checked = repo.run("check")
    assert checked.status == 1
    assert "40: it has the same digest as 41" in checked.out, checked.text
    assert "would have no rollback target after a promotion" in " ".join(repo.run("doctor").out.split())
    assert repo.run("drill").status == 1
    answer = repo.breach("41", "latency-sla")
    assert answer.status == 1
    assert "40: it has the same digest as 41" in answer.err


@pytest.mark.parametrize("known_good", [True, False])
@pytest.mark.parametrize("order", [("41", "42"), ("42", "41")])
def test_stable_is_not_replaced_by_a_version_with_the_digest_of_a_candidate_that_fails_too(
    repo: Repo, order: tuple[str, str], known_good: bool
) -> None:
    """40 has the digest of the candidate, 42; an alert for 42 stands in the payload of the alert for 41."""
    text = repo.at("HEAD", FRAUD)
    repo.write(FRAUD, text.replace("5" * 64, "3" * 64))
    if known_good:
        repo.record("39", like="40")
        repo.edit(FRAUD, 'knownGood: ["40"]', 'knownGood: ["40", "39"]')
    repo.render()
    repo.commit("Let 40 have the bytes of 42")
    payload = repo.payload(*(alert(repo, "fraud", version=each) for each in order))
    answer = repo.run("rollback", "--breach", payload)
    if known_good:
        assert answer.status == 0, answer.text
        assert [repo.live_at(head_of(repo, number))["stable"] for number in (1, 2)] == ["41", "39"]
        again = repo.run("rollback", "--breach", payload)
        assert again.out.count("adopted pull request") == 2, again.text
        return
    assert answer.status == 1, answer.text
    assert "40: the same bytes as 42, quarantined by incident fraud-42" in answer.err
    (pull_request,) = (each for each in repo.pull_requests() if each["head"].startswith("rollback/"))
    assert repo.live_at(head_of(repo, pull_request["number"]))["stable"] == "41"


# An exclusive component that two share.


def switch_at_once(repo: Repo) -> None:
    """Fraud and churn take 42 at 100%, with user-profile 12 alone; spam is gone."""
    (repo.workspace / "rollouts/spam.yaml").unlink()
    for name in ("fraud", "churn"):
        path = f"rollouts/{name}.yaml"
        repo.write(path, repo.at("HEAD", path).replace("stage: canary-5  ", "stage: full  "))
    repo.edit("components/user-profile.yaml", '["11", "12"]  ', '["12"]\n  exclusive: true\n  ')
    repo.render()
    for manifest in (repo.workspace / "manifests/spam").glob("*"):
        manifest.unlink()
    repo.commit("Switch at once")


def test_two_that_share_a_component_and_fail_together_are_taken_back_by_one(repo: Repo) -> None:
    switch_at_once(repo)
    alerts = [alert(repo, "fraud"), alert(repo, "churn")]
    payload = repo.payload(*alerts)
    answer = repo.run("rollback", "--breach", payload)
    assert answer.status == 0, answer.text
    assert len(repo.pull_requests()) == 1
    commit = head_of(repo, 1)
    for name in ("fraud", "churn"):
        assert repo.live_at(commit, name) == {"stable": "41", "knownGood": ["40"]}
        assert repo.data_at(commit, f"incidents/{name}-42.yaml")["spec"]["restoredVersion"] == "41"
    assert repo.data_at(commit, "components/user-profile.yaml")["spec"]["serving"] == ["11"]
    assert is_armed(repo, 1)
    body = pull(repo, 1)["body"]
    assert "churn 42 failed in full and fraud 42 failed in full" in body
    message = git(repo.remote, "log", "-1", "--format=%B", commit)
    assert "Rollback-Of: churn/42\n" in message
    assert "Rollback-Of: fraud/42\n" in message
    assert repo.run("rollback", "--breach", payload).out.startswith("adopted pull request 1: ")
    repo.git("fetch", "-q", "origin")
    repo.git("checkout", "-q", "--detach", commit)
    checked = repo.run("check", "--base", repo.tip())
    assert checked.status == 0, checked.text


def test_none_of_them_goes_to_a_version_that_failed_and_is_not_merged(repo: Repo) -> None:
    repo.run("rollback", "churn", "--version", "41", "--reason", "41 is bad")
    switch_at_once(repo)
    for name in ("fraud", "churn"):
        forge_users.promote(repo, name)
    answer = repo.run("rollback", "--breach", repo.payload(alert(repo, "fraud"), alert(repo, "churn")))
    assert answer.status == 0, answer.text
    commit = head_of(repo, 2)
    assert [repo.live_at(commit, name)["stable"] for name in ("fraud", "churn")] == ["41", "40"]


@pytest.mark.parametrize("order", [("fraud", "churn"), ("churn", "fraud")])
def test_one_that_needs_no_switch_waits_for_the_one_that_does(repo: Repo, order: tuple[str, str]) -> None:
    let_churn_41_take_any(repo)
    answer = repo.run("rollback", "--breach", repo.payload(*(alert(repo, name) for name in order)))
    assert answer.status == 0, answer.text
    assert [each["draft"] for each in repo.pull_requests()] == [False]
    commit = head_of(repo, 1)
    assert [repo.live_at(commit, name)["stable"] for name in order] == ["41", "41"]
    assert repo.data_at(commit, "components/user-profile.yaml")["spec"]["serving"] == ["11"]


def let_churn_41_take_any(repo: Repo) -> None:
    """Let churn 41 have any user-profile: a rollback of churn alone switches nothing, and one of fraud does."""
    switch_at_once(repo)
    text = repo.at("HEAD", "rollouts/churn.yaml")
    repo.write("rollouts/churn.yaml", text.replace('user-profile: "11"', 'user-profile: ">=11"'))
    repo.render()
    repo.commit("Let churn 41 take any user-profile")


def test_one_alone_closes_none_that_takes_the_other_back_too(repo: Repo) -> None:
    let_churn_41_take_any(repo)
    both = repo.payload(alert(repo, "fraud"), alert(repo, "churn"), name="both.json")
    repo.run("rollback", "--breach", both)
    answer = repo.run("rollback", "--breach", repo.payload(alert(repo, "churn")))
    assert answer.status == 0, answer.text
    assert is_armed(repo, 1), answer.text
    assert "1.json is open too" in answer.err
    assert repo.run("rollback", "--breach", both).out.startswith("adopted pull request 1: ")


def test_a_draft_for_both_closes_none_of_the_other_that_merges_itself(repo: Repo) -> None:
    let_churn_41_take_any(repo)
    repo.run("rollback", "--breach", repo.payload(alert(repo, "churn"), name="first.json"))
    assert is_armed(repo, 1)
    answer = repo.run("rollback", "--breach", repo.payload(alert(repo, "fraud"), name="second.json"))
    assert answer.status == 0, answer.text
    assert newest(repo)["draft"]
    assert is_armed(repo, 1), answer.text


def test_one_of_them_alone_asks_a_person(repo: Repo) -> None:
    switch_at_once(repo)
    answer = repo.run("rollback", "--breach", repo.payload(alert(repo, "fraud")))
    assert "[component]" in answer.out, answer.text
    assert pull(repo, 1)["draft"]


def test_the_second_of_them_takes_the_first_along(repo: Repo) -> None:
    """Fraud alone is a draft that leaves the component; once churn fails too, one commit takes both back."""
    switch_at_once(repo)
    repo.run("rollback", "--breach", repo.payload(alert(repo, "fraud"), name="first.json"))
    answer = repo.run("rollback", "--breach", repo.payload(alert(repo, "churn"), name="second.json"))
    assert answer.status == 0, answer.text
    commit = head_of(repo, 2)
    assert [repo.live_at(commit, name)["stable"] for name in ("fraud", "churn")] == ["41", "41"]
    assert pull(repo, 1)["state"] == "closed"
    again = repo.run("rollback", "--breach", str(repo.remote.parent / "first.json"))
    assert again.out.startswith("adopted pull request 2: "), again.text


def test_a_soft_breach_of_one_of_them_makes_both_a_draft(repo: Repo) -> None:
    switch_at_once(repo)
    answer = repo.run("rollback", "--breach", repo.payload(alert(repo, "fraud"), alert(repo, "churn", "drift")))
    assert answer.status == 0, answer.text
    assert len(repo.pull_requests()) == 1
    assert pull(repo, 1)["draft"]
    assert repo.data_at(head_of(repo, 1), "components/user-profile.yaml")["spec"]["serving"] == ["11"]
