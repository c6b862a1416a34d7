"""What the guards go by stands in git and on the forge: over real git, any replica decides the same."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from repo import STAGES, Repo, Result, git, plain

from rollout_spec.core.errors import UserError
from rollout_spec.domain import transitions
from rollout_spec.integrations.forges.local import LocalForge
from rollout_spec.integrations.git import remote as remotes
from rollout_spec.workflows import base_branch as landing
from rollout_spec.workflows import decide as decisions

pytestmark = pytest.mark.system

FRAUD, CHURN, SPAM = (f"rollback/acme-models/{name}/42" for name in ("fraud", "churn", "spam"))
STABLE, STABLE_CHURN, STABLE_SPAM = (f"rollback/acme-models/{name}/41" for name in ("fraud", "churn", "spam"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """The example thrice, each with 42 in canary-5, 41 stable and 40 known good."""
    repo = Repo.create(tmp_path_factory.mktemp("made"))
    text = repo.at("HEAD", "rollouts/fraud.yaml")
    for name in ("churn", "spam"):
        repo.write(
            f"rollouts/{name}.yaml",
            text.replace("name: fraud", f"name: {name}").replace("host: fraud.", f"host: {name}."),
        )
    repo.render()
    repo.commit("Serve churn and spam")
    return repo


def automate(repo: Repo, *lines: str, mode: str = "pull-request") -> None:
    """Say how far automation may go, on the base."""
    text = repo.at("HEAD", ".rollout-spec.yaml")
    start = text[: text.index("  automation:")]
    repo.write(
        ".rollout-spec.yaml", start + "  automation:\n" + "".join(f"    {each}\n" for each in (f"mode: {mode}", *lines))
    )
    repo.commit("Automate")


def later(repo: Repo, **units: int) -> None:
    repo.clock[0] += timedelta(**units)


def told(answer: Result) -> list[str]:
    """Return the names of the guards that made a draft."""
    assert answer.status == 0, answer.text
    return [line.rpartition("[")[2].rstrip("]") for line in answer.out.splitlines() if line.startswith("a draft")]


def pull(repo: Repo, number: int) -> dict[str, Any]:
    return next(each for each in repo.pull_requests() if each["number"] == number)


def merge_commit(repo: Repo, branch: str) -> None:
    repo.merge(branch)


def squash(repo: Repo, branch: str) -> None:
    """Squash a branch into main, as a forge does: one commit, of now, and the branch stays as it is."""
    repo.git("fetch", "-q", "origin")
    repo.git("merge", "-q", "--squash", f"origin/{repo.whole(branch)}")
    repo.commit("Take 42 back (#1)")


def rebase(repo: Repo, branch: str) -> None:
    """Fast-forward main to a branch: the commit that lands is as old as the breach."""
    repo.git("fetch", "-q", "origin")
    repo.git("merge", "-q", "--ff-only", f"origin/{repo.whole(branch)}")
    repo.git("push", "-q", "origin", "HEAD")


@pytest.mark.parametrize("how", [merge_commit, squash, rebase])
def test_a_second_rollback_within_the_cooldown_is_a_draft(repo: Repo, how: Callable[[Repo, str], None]) -> None:
    assert told(repo.breach("42", "latency-sla")) == []
    how(repo, FRAUD)
    later(repo, minutes=30)
    replica = repo.clone("replica")
    answer = repo.breach("41", "latency-sla", "--dry-run")
    assert "verdict: draft: fraud was rolled back from 42 3" in answer.out
    assert "within its cool-down of 1h [cooldown]" in answer.out
    assert replica.breach("41", "latency-sla", "--dry-run").out == answer.out, "any replica decides the same"
    assert told(replica.breach("41", "latency-sla")) == ["cooldown"]
    assert pull(repo, 2)["draft"] is True

    repo.git("push", "-q", "origin", "--delete", repo.whole(STABLE))
    Path(f"{repo.remote}.pulls/2.json").unlink()
    later(repo, minutes=32)
    assert told(repo.breach("41", "latency-sla")) == []


def test_an_open_rollback_of_the_same_rollout_counts(repo: Repo) -> None:
    assert told(repo.breach("42", "latency-sla")) == []
    assert told(repo.breach("41", "latency-sla")) == ["cooldown"]
    assert "fraud has an unmerged rollback from 42 1m ago, within its cool-down of 1h" in pull(repo, 2)["body"]


def close(repo: Repo, number: int) -> None:
    """A person closes a pull request, and leaves its branch."""
    path = Path(f"{repo.remote}.pulls/{number}.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "state": "closed"}))


def test_a_candidate_is_withdrawn_whatever_the_cooldown_and_the_quotas_say(repo: Repo) -> None:
    automate(repo, "maxRollbacksPerDay: 1", "maxAutoMergesPerDay: 1", mode="auto-merge")
    assert told(repo.breach("41", "latency-sla")) == []
    answer = repo.breach("42", "latency-sla")
    assert told(answer) == []
    assert "verdict: act: no guard objects, and it merges automatically\n" in answer.out
    assert told(repo.breach("41", "latency-sla", rollout="churn")) == ["rollbacks-per-day", "auto-merges-per-day"]


@pytest.mark.parametrize("forged", [False, True])
def test_an_open_rollback_that_this_tool_would_not_build_does_not_count(repo: Repo, forged: bool) -> None:
    """Whoever may push a branch could hold up every rollback of stable by it."""
    assert told(repo.breach("42", "latency-sla")) == []
    assert "[cooldown]" in repo.breach("41", "latency-sla", "--dry-run").out
    branch = repo.whole(FRAUD)
    repo.git("fetch", "-q", "origin")
    repo.git("checkout", "-q", "-b", "look", f"origin/{branch}")
    if forged:
        path = repo.workspace / "incidents/fraud-42.yaml"
        path.write_text(path.read_text("utf-8").replace('"41"', '"40"'), "utf-8")
    else:
        repo.write("mine.txt", "mine\n")
    repo.commit("Add to it", push=False)
    repo.git("push", "-q", "origin", f"HEAD:refs/heads/{branch}")
    repo.git("checkout", "-q", "main")
    assert told(repo.breach("41", "latency-sla")) == []


def test_a_rollback_that_a_person_refused_does_not_count(repo: Repo) -> None:
    automate(repo, "maxRollbacksPerDay: 2", mode="auto-merge")
    assert told(repo.breach("42", "latency-sla")) == []
    assert told(repo.breach("42", "drift", rollout="churn")) == ["trigger"]
    later(repo, minutes=15)
    assert "[rollbacks-per-day]" in repo.breach("41", "latency-sla", "--dry-run", rollout="spam").out
    close(repo, 2)
    replica = repo.clone("replica")
    answer = repo.breach("41", "latency-sla", rollout="spam")
    assert "verdict: act: no guard objects, and it merges automatically\n" in answer.out
    assert replica.breach("41", "latency-sla", rollout="spam").out == answer.out.replace("opened", "adopted", 1)

    assert told(repo.breach("41", "latency-sla")) == ["cooldown", "rollbacks-per-day"], "that of 42 is open still"
    assert sorted(repo.branches()) == sorted([CHURN, FRAUD, STABLE, STABLE_SPAM])


def test_a_cooldown_that_a_person_refused_is_none(repo: Repo) -> None:
    assert told(repo.breach("42", "latency-sla")) == []
    close(repo, 1)
    assert told(repo.breach("41", "latency-sla")) == []


def test_a_forge_that_does_not_answer_keeps_a_rollback_counted(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    automate(repo, "maxRollbacksPerDay: 1")
    assert told(repo.breach("42", "latency-sla")) == []
    later(repo, minutes=15)
    assert told(repo.breach("41", "latency-sla", rollout="churn")) == ["rollbacks-per-day"]
    close(repo, 1)
    close(repo, 2)
    asked: list[str] = []

    def find(forge: LocalForge, head: str, base: str) -> Any:
        asked.append(head)
        if len(asked) == 1:
            raise UserError("the forge is down")
        return original(forge, head, base)

    original = LocalForge.find
    monkeypatch.setattr(LocalForge, "find", find)
    later(repo, minutes=15)
    assert told(repo.breach("41", "latency-sla", rollout="spam")) == ["rollbacks-per-day"]
    assert plain(asked[0]) in (STABLE_CHURN, FRAUD) and "spam" in asked[1], (
        "it is asked no more, until there is something to open"
    )


def test_the_days_rollbacks_are_counted_where_they_are(repo: Repo) -> None:
    automate(repo, "maxRollbacksPerDay: 1")
    assert told(repo.breach("42", "latency-sla")) == []
    answer = repo.breach("41", "latency-sla", rollout="churn")
    assert told(answer) == ["rollbacks-per-day"], "open, on a branch of the remote"
    squash(repo, FRAUD)
    later(repo, minutes=15)
    assert told(repo.breach("41", "latency-sla", rollout="spam")) == ["rollbacks-per-day"]
    for branch in (STABLE_CHURN, STABLE_SPAM):
        repo.git("push", "-q", "origin", "--delete", repo.whole(branch))
    later(repo, hours=23)
    assert "[rollbacks-per-day]" in repo.breach("41", "latency-sla", "--dry-run", rollout="spam").out
    later(repo, hours=1)
    assert "verdict: act" in repo.breach("41", "latency-sla", "--dry-run", rollout="spam").out


def test_so_many_merge_themselves_within_a_day(repo: Repo) -> None:
    automate(repo, "maxAutoMergesPerDay: 1", mode="auto-merge")
    answer = repo.breach("42", "drift", rollout="spam")
    assert told(answer) == ["trigger"], "a soft one takes nothing from the quota"
    later(repo, minutes=15)
    answer = repo.breach("42", "latency-sla")
    assert "verdict: act: no guard objects, and it merges automatically\n" in answer.out
    assert told(repo.breach("41", "latency-sla", rollout="churn")) == ["auto-merges-per-day"]
    assert [(pull(repo, each)["autoMerge"], pull(repo, each)["draft"]) for each in (1, 2, 3)] == [
        (False, True),
        (True, False),
        (False, True),
    ]


def test_an_old_breach_is_for_a_person(repo: Repo) -> None:
    alert = repo.alert("42", "latency-sla")
    later(repo, hours=25)
    assert told(repo.run("rollback", "--breach", repo.payload(alert))) == ["age"]


def test_a_breach_of_the_split_before_this_one_is_for_a_person(repo: Repo) -> None:
    alert = repo.alert("42", "latency-sla")
    later(repo, minutes=5)
    repo.take(lambda live: transitions.advance(live, STAGES), "Advance fraud 42")
    answer = repo.run("rollback", "--breach", repo.payload(alert))
    assert told(answer) == ["settled"]
    assert "42 entered its current stage at" in pull(repo, 1)["body"]


def test_a_breach_that_is_over_is_for_a_person(repo: Repo) -> None:
    alert = repo.alert("42", "latency-sla") | {"endsAt": (repo.clock[0] + timedelta(minutes=2)).isoformat()}
    assert told(repo.run("rollback", "--breach", repo.payload(alert))) == ["recovered"]


def test_a_rollback_of_a_rollback_is_for_a_person(repo: Repo) -> None:
    repo.take(
        lambda live: transitions.promote(live.model_copy(update={"stage": "full"}), STAGES, ()), "Promote fraud 42"
    )
    assert told(repo.breach("42", "latency-sla")) == []
    repo.merge(FRAUD)
    later(repo, days=2)
    assert told(repo.breach("41", "latency-sla")) == ["rollback-of-rollback"]
    assert "41 was itself restored by a rollback (incident fraud-42)" in pull(repo, 2)["body"]


# Many at once.


def test_three_rollouts_at_once_are_a_draft_each_and_one_incident_names_them(repo: Repo) -> None:
    automate(repo, mode="auto-merge")
    payload = repo.payload(*(repo.alert("42", "latency-sla", rollout=name) for name in ("fraud", "churn", "spam")))
    answer = repo.run("rollback", "--breach", payload)
    assert told(answer) == ["shared-cause"] * 3
    words = "3 rollouts failed within 10m (churn, fraud, spam): the cause is probably not this model"
    assert answer.out.count(f"a draft for a person: {words} [shared-cause]\n") == 3
    assert [(each["draft"], each["autoMerge"]) for each in repo.pull_requests()] == [(True, False)] * 3
    assert repo.branches() == [CHURN, FRAUD, SPAM]
    assert summary(repo, "churn").startswith(
        "shared cause, 3 rollouts at once: churn 42, fraud 42, spam 42. fraud 42: "
    )
    for name in ("fraud", "spam"):
        assert summary(repo, name).startswith("shared cause with churn 42, see incident churn-42. fraud 42: ")

    again = repo.clone("replica").run("rollback", "--breach", payload)
    assert again.out == answer.out.replace("opened", "adopted"), "any replica decides the same"
    assert len(repo.pull_requests()) == 3


def summary(repo: Repo, rollout: str) -> str:
    """Return what the incident of an open rollback says was seen."""
    commit = repo.tip(f"rollback/acme-models/{rollout}/42")
    found: str = repo.data_at(commit, f"incidents/{rollout}-42.yaml")["spec"]["evidence"]["summary"]
    return found


def test_the_third_rollout_within_ten_minutes_is_a_draft(repo: Repo) -> None:
    assert told(repo.breach("42", "latency-sla")) == []
    repo.merge(FRAUD)
    assert told(repo.breach("42", "latency-sla", rollout="churn")) == []
    answer = repo.clone("replica").breach("42", "latency-sla", rollout="spam")
    assert told(answer) == ["shared-cause"]
    assert (pull(repo, 3)["draft"], repo.branches()) == (True, [CHURN, FRAUD, SPAM])
    assert summary(repo, "spam").startswith("shared cause with churn 42, see incident churn-42. ")
    later(repo, minutes=11)
    later_one = repo.breach("42", "latency-sla", rollout="spam")
    assert (told(later_one), later_one.out.partition(":")[0]) == ([], "adopted pull request 3")
    assert pull(repo, 3)["draft"] is False


@pytest.mark.parametrize(("first", "second"), [("drift", "drift"), ("drift", "latency-sla")])
def test_what_asks_for_a_person_by_itself_is_no_shared_cause(repo: Repo, first: str, second: str) -> None:
    assert told(repo.breach("42", first, rollout="churn")) == ["trigger"]
    assert told(repo.breach("42", second, rollout="spam")) == (["trigger"] if second == "drift" else [])
    assert told(repo.breach("42", "latency-sla")) == []


def test_branches_that_this_tool_would_not_build_are_no_shared_cause(repo: Repo) -> None:
    """Whoever may push a branch could keep every rollback from merging itself."""
    for name in ("churn", "spam"):
        assert told(repo.breach("42", "latency-sla", rollout=name)) == []
        branch = repo.whole(f"rollback/acme-models/{name}/42")
        repo.git("fetch", "-q", "origin")
        repo.git("checkout", "-q", "-b", name, f"origin/{branch}")
        repo.write("mine.txt", "mine\n")
        repo.commit("Add to it", push=False)
        repo.git("push", "-q", "origin", f"HEAD:refs/heads/{branch}")
        repo.git("checkout", "-q", "main")
    assert told(repo.breach("42", "latency-sla")) == []


def test_the_incident_that_a_shared_cause_names_is_the_one_that_is_open(repo: Repo) -> None:
    assert told(repo.breach("42", "latency-sla", rollout="churn")) == []
    repo.merge(CHURN)
    repo.resolve("churn-42", "cleared")
    repo.take(
        lambda live: transitions.advance(transitions.propose(live, "42"), STAGES), "Try 42 again", rollout="churn"
    )
    later(repo, hours=3)
    payload = repo.payload(*(repo.alert("42", "latency-sla", rollout=name) for name in ("churn", "fraud", "spam")))
    assert repo.run("rollback", "--breach", payload).status == 0
    assert summary(repo, "fraud").startswith("shared cause with churn 42, see incident churn-42-2. ")


# Notices.


def test_names_that_a_stranger_made_up_stop_no_rollback(repo: Repo) -> None:
    alerts = [repo.alert("42", "latency-sla", rollout=name) for name in ("fraud", "nowhere", "nobody", "nothing")]
    idle = [repo.alert("40", rollout="churn"), repo.alert("99", rollout="spam")]
    strange = [
        repo.alert("42", rollout="churn", workspace="elsewhere"),
        repo.alert("42", rollout="spam", workspace="x"),
    ]
    repo.run("rollback", "--breach", repo.payload(*alerts, *idle, *strange))
    assert repo.branches() == [FRAUD]


@pytest.mark.parametrize(
    ("text", "paused"),
    [
        ("reason: OPS-1181\nexpires: 2026-11-21\n", "pauses the automation until 2026-11-21T23:59:59Z: OPS-1181"),
        ("", "pauses the automation: the file cannot be read; it must have `reason` and `expires`"),
        ("reason: OPS-1181\nexpires: 2026-11-19\n", None),
    ],
)
def test_a_file_on_the_base_pauses_the_automation(repo: Repo, text: str, paused: str | None) -> None:
    repo.write(".rollout-spec-pause", text)
    assert told(repo.breach("42", "latency-sla", rollout="churn")) == [], "not on the base yet"
    repo.commit("Pause")
    before = repo.snapshot()
    answer = repo.breach("42", "latency-sla")
    assert answer.status == (0 if paused is None else 1), "a breach is real, and nothing was proposed"
    if paused is None:
        assert repo.branches() == [CHURN, FRAUD]
        return
    assert answer.err == f"nothing was pushed: .rollout-spec-pause {paused}\n"
    assert repo.snapshot() == before

    automate(repo)
    repo.edit("rollouts/fraud.yaml", 'knownGood: ["40"]', "knownGood: []")
    repo.render()
    repo.commit("Forget 40")
    stuck = repo.breach("41", "latency-sla")
    assert (stuck.status, "has no rollback target" in stuck.err, "[pause]" in stuck.out) == (1, True, True)
    assert repo.branches() == [CHURN], "not even the incident is pushed"


def test_a_pause_at_the_root_of_git_is_for_all_workspaces(tmp_path: Path) -> None:
    repo = Repo.create(tmp_path, prefix="environments/prod")
    (repo.folder / ".rollout-spec-pause").write_text("{reason: a move, expires: 2026-12-01}")
    repo.commit("Pause everything")
    answer = repo.breach("42")
    assert (answer.status, repo.branches()) == (1, [])
    assert answer.err.startswith("nothing was pushed: .rollout-spec-pause pauses")
    (repo.folder / ".rollout-spec-pause").rename(repo.workspace / ".rollout-spec-pause")
    repo.commit("Pause this one")
    assert repo.breach("42").err.startswith("nothing was pushed: environments/prod/.rollout-spec-pause pauses")


# What a later breach makes of an earlier rollback.


def test_a_hard_breach_makes_a_soft_draft_ready(repo: Repo) -> None:
    automate(repo, mode="auto-merge")
    assert told(repo.breach("42", "drift")) == ["trigger"]
    commit, draft = repo.tip(FRAUD), pull(repo, 1)
    assert (draft["draft"], draft["autoMerge"]) == (True, False)

    later(repo, minutes=1)
    answer = repo.breach("42", "latency-sla")
    assert answer.out.startswith("adopted pull request 1: ")
    assert "verdict: act: no guard objects, and it merges automatically" in answer.out
    ready = pull(repo, 1)
    assert (ready["draft"], ready["autoMerge"], repo.tip(FRAUD)) == (False, True, commit)
    assert len(ready["comments"]) == 1
    assert (
        "**fraud 42 failed again. For this breach alone, its rollback needs no reviewer: no guard objects, "
        "and it merges automatically.**" in (ready["comments"][0])
    )
    assert "| trigger | `latency-sla` |" in ready["comments"][0]

    assert told(repo.breach("42", "drift")) == ["trigger"]
    assert (pull(repo, 1)["draft"], pull(repo, 1)["autoMerge"]) == (False, True), "ready stays ready"
    assert repo.breach("42", "latency-sla").status == 0
    assert len(pull(repo, 1)["comments"]) == 2, "one for each trigger, however often it tells"


def change(repo: Repo, number: int, **fields: object) -> None:
    """Change a pull request of the local forge, as a person does."""
    Path(f"{repo.remote}.pulls/{number}.json").write_text(json.dumps(pull(repo, number) | fields), "utf-8")


def test_a_draft_that_a_person_made_stays_one(repo: Repo) -> None:
    automate(repo, mode="auto-merge")
    assert repo.breach("42", "latency-sla").status == 0
    assert (pull(repo, 1)["draft"], pull(repo, 1)["autoMerge"]) == (False, True)
    change(repo, 1, draft=True, autoMerge=False)
    later(repo, minutes=1)
    assert repo.breach("42", "latency-sla").status == 0
    assert (pull(repo, 1)["draft"], pull(repo, 1)["autoMerge"]) == (True, False)
    change(repo, 1, draft=False)
    assert repo.breach("42", "latency-sla").status == 0
    assert (pull(repo, 1)["draft"], pull(repo, 1)["autoMerge"]) == (False, False)


def test_an_auto_merge_that_a_person_cancelled_stays_so(repo: Repo) -> None:
    automate(repo, mode="auto-merge")
    assert repo.breach("42", "latency-sla").status == 0
    change(repo, 1, autoMerge=False)
    later(repo, minutes=1)
    assert repo.breach("42", "latency-sla").status == 0
    assert pull(repo, 1)["autoMerge"] is False


def test_a_hard_breach_that_a_guard_objects_to_leaves_the_draft(repo: Repo) -> None:
    automate(repo, "maxRollbacksPerDay: 0", mode="auto-merge")
    assert told(repo.breach("41", "drift")) == ["trigger", "rollbacks-per-day"]
    for _ in range(2):
        assert told(repo.breach("41", "drift")) == ["trigger", "rollbacks-per-day"]
    assert "comments" not in pull(repo, 1), "the breach that it was made for"
    later(repo, minutes=1)
    assert told(repo.breach("41", "latency-sla")) == ["rollbacks-per-day"]
    assert (pull(repo, 1)["draft"], pull(repo, 1)["autoMerge"]) == (True, False)
    assert (
        "For this breach alone, its rollback would be a draft: there were 0 rollbacks" in pull(repo, 1)["comments"][0]
    )


def test_a_step_that_is_under_way_is_told(repo: Repo) -> None:
    repo.git("push", "-q", "origin", "HEAD:refs/heads/advance/acme-models/fraud/42")
    repo.git("push", "-q", "origin", "HEAD:refs/heads/advance/acme-models/churn/42")
    for number, name in ((1, "fraud"), (2, "churn")):
        path = Path(f"{repo.remote}.pulls/{number}.json")
        path.parent.mkdir(exist_ok=True)
        head = {"head": f"advance/acme-models/{name}/42", "base": "main", "headSha": "0" * 40}
        path.write_text(json.dumps({"number": number, "state": "open", "title": "t", "body": "b", **head}))
    for _ in range(2):
        answer = repo.breach("42", "latency-sla")
        assert answer.err == f"{repo.remote}.pulls/1.json is open too; a comment there names this rollback\n"
    comments = pull(repo, 1)["comments"]
    assert len(comments) == 1
    assert f"{repo.remote}.pulls/3.json rolls it back to 41. Merge that one first.**" in comments[0]
    assert "comments" not in pull(repo, 2)


def test_a_shallow_clone_knows_the_cooldown_and_does_not_merge(repo: Repo) -> None:
    automate(repo, mode="auto-merge")
    assert told(repo.breach("42", "latency-sla")) == []
    repo.merge(FRAUD)
    shallow = repo.clone("shallow", "--depth", "1")
    assert told(shallow.breach("41", "latency-sla")) == ["window", "settled", "cooldown"]
    assert "cannot tell when 41 entered its current stage" in pull(repo, 2)["body"]


def test_a_branch_that_holds_no_incident_of_ours_counts_for_nothing(repo: Repo) -> None:
    automate(repo, "maxRollbacksPerDay: 1")
    for name in ("churn/42", "nonsense", "spam/4/2", "spam/incident"):
        repo.git("push", "-q", "origin", f"HEAD:refs/heads/rollback/acme-models/{name}")
    repo.git("push", "-q", "origin", "HEAD:refs/heads/rollback/acme-staging/spam/42")
    assert told(repo.breach("41", "latency-sla")) == []


def test_a_branch_that_is_gone_again_hides_no_other(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    automate(repo, "maxRollbacksPerDay: 1")
    assert told(repo.breach("42", "latency-sla")) == []
    later(repo, minutes=15)
    ghosts = {f"rollback/acme-models/spam/{number}": f"{number}" * 40 for number in (1, 2)}
    original = remotes.Remote.branches
    replica = repo.clone("replica", "--single-branch")
    once = iter([ghosts])

    def listed(self: remotes.Remote, *patterns: str) -> dict[str, str]:
        return original(self, *patterns) | (next(once, {}) if "rollback*" in patterns else {})

    monkeypatch.setattr(remotes.Remote, "branches", listed)
    assert told(replica.breach("41", "latency-sla", rollout="churn")) == ["rollbacks-per-day"]


# Exclusive components.


@pytest.mark.parametrize("needs", ["12", ">=12"])
def test_a_component_that_another_rollout_needs_as_it_is_stays_and_a_person_decides(repo: Repo, needs: str) -> None:
    """Fraud goes from 11 to 12 at once, and churn has come to need 12: nobody but a person can say who gives way."""
    for name in ("fraud", "churn", "spam"):
        path = f"rollouts/{name}.yaml"
        text = repo.at("HEAD", path).replace("weight: 50%, hold: 48h, approval: manual", "mirror: 50%, hold: 48h")
        text = text.replace("weight: 5%, hold: 15m", "mirror: 5%, hold: 15m").replace(
            "stage: canary-5  ", "stage: full  "
        )
        if name == "churn":
            text = text.replace('user-profile: "11"', f'user-profile: "{needs}"').replace(
                'user-profile: "12"', f'user-profile: "{needs}"'
            )
        if name == "spam":
            text = text.replace('user-profile: "11"', 'user-profile: ">=11"').replace(
                'user-profile: "12"', 'user-profile: ">=11"'
            )
        repo.write(path, text)
    repo.edit("components/user-profile.yaml", '["11", "12"]  ', '["12"]\n  exclusive: true\n  ')
    repo.render()
    repo.commit("Switch at once")

    answer = repo.breach("42", "latency-sla")
    assert told(answer) == ["component"]
    assert (
        "a draft for a person: churn 42, churn 41, churn 40 need user-profile 12, "
        "but the rollback needs user-profile 11" in answer.out
    )
    commit, body = repo.tip(FRAUD), pull(repo, 1)["body"]
    assert repo.live_at(commit) == {"stable": "41", "knownGood": ["40"]}
    assert repo.data_at(commit, "components/user-profile.yaml")["spec"]["serving"] == ["12"]
    assert "- user-profile **stays** at 12, because churn 42, churn 41, churn 40 need it, but 41 needs 11" in body
    assert "- New finding: `rollouts/fraud.yaml:" in body
    assert f"- churn 42 pins user-profile `{needs}`. Therefore user-profile stays." in body


def switched_at_once(repo: Repo, *rollouts: str) -> None:
    """Put rollouts at 100% of 42, which needs user-profile 12, of which there is one version at a time."""
    for name in ("fraud", "churn", "spam"):
        path = f"rollouts/{name}.yaml"
        text = repo.at("HEAD", path)
        if name in rollouts:
            text = text.replace("weight: 50%, hold: 48h, approval: manual", "mirror: 50%, hold: 48h")
            text = text.replace("weight: 5%, hold: 15m", "mirror: 5%, hold: 15m")
            text = text.replace("stage: canary-5  ", "stage: full  ")
        else:
            text = text.replace('user-profile: "11"', 'user-profile: ">=11"')
            text = text.replace('user-profile: "12"', 'user-profile: ">=11"')
            text = text.replace("tier: critical", "tier: standard")
        repo.write(path, text)
    repo.edit("components/user-profile.yaml", '["11", "12"]  ', '["12"]\n  exclusive: true\n  ')
    repo.render()
    repo.commit("Switch at once")


def test_rollouts_that_hold_a_component_for_each_other_go_back_together(repo: Repo) -> None:
    automate(repo, mode="auto-merge")
    switched_at_once(repo, "fraud", "churn")
    alone = repo.breach("42", "latency-sla", "--dry-run")
    assert "[component]" in alone.out, "one of them alone is for a person"

    payload = repo.payload(*(repo.alert("42", "latency-sla", rollout=name) for name in ("fraud", "churn")))
    answer = repo.run("rollback", "--breach", payload)
    assert told(answer) == [], answer.text
    assert answer.out.splitlines()[1].startswith("churn 42 -> 41, fraud 42 -> 41, branch ")
    assert (repo.branches(), len(repo.pull_requests())) == ([CHURN], 1)
    commit = repo.tip(CHURN)
    for name in ("churn", "fraud"):
        assert repo.live_at(commit, name) == {"stable": "41", "knownGood": ["40"]}
        assert repo.data_at(commit, f"incidents/{name}-42.yaml")["spec"]["restoredVersion"] == "41"
    assert repo.data_at(commit, "components/user-profile.yaml")["spec"]["serving"] == ["11"]
    one = pull(repo, 1)
    assert (one["draft"], one["autoMerge"]) == (False, True)
    assert {"rollout:churn", "rollout:fraud"} <= set(one["labels"])

    again = repo.clone("replica").run("rollback", "--breach", payload)
    assert again.out == answer.out.replace("opened", "adopted", 1)
    before, stood = repo.git("rev-parse", "HEAD"), errors(repo)
    repo.merge(CHURN)
    assert errors(repo, "--base", before) <= stood


def errors(repo: Repo, *options: str) -> set[tuple[str, str, str]]:
    """Return the errors that a check finds."""
    found = json.loads(repo.run("check", "--format", "json", *options).out)["findings"]
    return {(each["file"], each["name"], each["message"]) for each in found if each["severity"] == "error"}


def test_a_rollout_that_holds_a_component_and_does_not_fail_stays(repo: Repo) -> None:
    switched_at_once(repo, "fraud", "churn")
    payload = repo.payload(*(repo.alert("42", "latency-sla", rollout=name) for name in ("fraud", "spam")))
    assert told(repo.run("rollback", "--breach", payload)) == ["component"]
    assert repo.live_at(repo.tip(FRAUD), "churn") == repo.live_at("HEAD", "churn")
    assert sorted(repo.branches()) == [FRAUD, SPAM]


# Races.


def test_a_base_that_moves_is_followed(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    other = repo.clone("other")
    moves = iter(range(2))

    def decided(case: decisions.Case) -> decisions.PreparedRollback:
        found = original(case)
        for _ in moves:
            other.edit("rollouts/fraud.yaml", "owner: team-", "owner: team-x-")
            other.commit("Move on")
            break
        return found

    original = decisions.Case.decide
    monkeypatch.setattr(decisions.Case, "decide", decided)
    assert told(repo.breach("42", "latency-sla")) == []
    assert git(repo.remote, "rev-parse", f"{repo.tip(FRAUD)}^") == repo.tip()
    assert "owner: team-x-x-risk" in repo.at(repo.tip(FRAUD), "rollouts/fraud.yaml")
    assert repo.live_at(repo.tip(FRAUD)) == {"stable": "41", "knownGood": ["40"]}


def test_a_base_that_is_rolled_back_meanwhile_is_left_alone(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    other = repo.clone("other")

    def renewed(base: landing.Base) -> landing.Base:
        if other.live.candidate:
            other.take(transitions.withdraw, "Withdraw fraud 42")
        return original(base)

    original = landing.Base.renewed
    monkeypatch.setattr(landing.Base, "renewed", renewed)
    answer = repo.breach("42", "latency-sla")
    assert (answer.status, answer.out) == (0, "")
    assert "fraud 42 receives neither requests nor mirrored ones" in answer.err
    assert repo.branches() == []


def test_a_base_that_never_rests_is_rolled_back_all_the_same(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    other = repo.clone("other")

    def renewed(base: landing.Base) -> landing.Base:
        other.write("notes.md", f"{other.clock[0]}\n")
        other.commit("Note")
        return original(base)

    original = landing.Base.renewed
    monkeypatch.setattr(landing.Base, "renewed", renewed)
    assert told(repo.breach("42", "latency-sla")) == []
    assert repo.live_at(repo.tip(FRAUD)) == {"stable": "41", "knownGood": ["40"]}


def test_a_remote_that_never_answers_is_given_up(repo: Repo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        repo.git("remote", "set-url", "origin", f"http://name:secret@127.0.0.1:{server.getsockname()[1]}/x.git")
        with mock.patch.object(remotes, "NETWORK_SECONDS", 0.5):
            answer = repo.breach("42")
    assert answer.status == 3
    assert "git ls-remote failed: no answer within 0.5 seconds" in answer.err
    assert "secret" not in answer.text
