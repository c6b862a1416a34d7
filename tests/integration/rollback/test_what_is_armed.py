"""Only a head that this process would build now is adopted or armed; names, authors and trailers prove nothing."""

from __future__ import annotations

import re
from pathlib import Path

import forge_users
import pytest
from forge_users import edit_pull, head_of, is_armed, newest, open_incident, pull, push_tree
from repo import Repo, git

from rollout_spec.domain import transitions

pytestmark = pytest.mark.system

FRAUD = "rollouts/fraud.yaml"


@pytest.fixture(scope="module")
def made(automated: Repo) -> Repo:
    return automated


def would_build(repo: Repo, *words: str) -> str:
    """Return the tree that a dry run builds."""
    commit = repo.run("rollback", *words, "--dry-run").out.split()[1]
    return repo.git("rev-parse", f"{commit}^{{tree}}")


# The branch names what is taken back.


def test_the_branch_holds_a_digest_of_what_is_taken_back(repo: Repo) -> None:
    repo.breach("42", "latency-sla")
    (first,) = repo.whole_names()
    assert re.fullmatch(r"rollback/acme-models/fraud/42-[0-9a-f]{8}", first)
    forge_users.advance(repo)
    repo.breach("42", "latency-sla")
    assert len({re.sub(r".*-", "", name) for name in repo.whole_names()}) == 2, "another stage is another rollback"


def test_a_draft_that_restores_another_version_is_not_armed(promoted: Repo) -> None:
    """A soft breach goes back to 41; an incident of 41 is merged; a hard breach goes back to 40."""
    assert promoted.breach("42", "drift").status == 0
    old = head_of(promoted, 1)
    assert promoted.live_at(old)["stable"] == "41"
    open_incident(promoted, "41")

    answer = promoted.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert not is_armed(promoted, 1)
    assert is_armed(promoted, 2)
    assert promoted.live_at(head_of(promoted, 2))["stable"] == "40"
    assert pull(promoted, 1)["state"] == "closed", "it is out of date, and ours"
    assert "superseded" in pull(promoted, 1)["labels"]
    assert "2.json takes fraud 42 back to 40 now." in str(pull(promoted, 1)["comments"])


def test_what_we_closed_ourselves_stops_nothing_later(promoted: Repo) -> None:
    """41 is cleared again: the rollback to 41, which was closed as out of date, is opened anew."""
    alert = promoted.payload(promoted.alert("42", "drift"), name="soft.json")
    promoted.run("rollback", "--breach", alert)
    open_incident(promoted, "41")
    promoted.breach("42", "latency-sla")
    text = promoted.at("HEAD", "incidents/fraud-41.yaml").replace("status: open", "status: resolved")
    more = "\n  verdict: cleared\n  reproduced: {environment: staging}\n  rootCause: a\n  resolution: b\n"
    promoted.write("incidents/fraud-41.yaml", text + more)
    promoted.render()
    promoted.commit("Clear 41")
    answer = promoted.run("rollback", "--breach", alert)
    assert answer.out.startswith("opened pull request 3: "), answer.text
    assert promoted.live_at(head_of(promoted, 3))["stable"] == "41"


def test_a_rollback_of_the_stage_is_not_adopted_after_the_promotion(repo: Repo) -> None:
    while repo.live.stage != "full":
        forge_users.advance(repo)
    repo.breach("42", "latency-sla")
    repo.take(lambda live: transitions.promote(live, forge_users.STAGES, ()), "Promote fraud 42")
    answer = repo.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert pull(repo, 1)["head"] != pull(repo, 2)["head"]
    commit = head_of(repo, 2)
    assert repo.live_at(commit) == {"stable": "41", "knownGood": ["40"]}
    git(repo.remote, "merge-tree", "--write-tree", "main", commit)  # it applies


def test_a_component_that_is_free_by_now_goes_back_too(repo: Repo) -> None:
    """What left it as it was, for another rollout needed it, is out of date once that one does not."""
    forge_users.serve_too(repo, "churn")
    for name in ("fraud", "churn"):
        path = f"rollouts/{name}.yaml"
        text = repo.at("HEAD", path).replace("weight: 50%, hold: 48h, approval: manual", "mirror: 50%, hold: 48h")
        text = text.replace("weight: 5%, hold: 15m", "mirror: 5%, hold: 15m")
        repo.write(path, text.replace("stage: canary-5  ", "stage: full  "))
    repo.edit("components/user-profile.yaml", '["11", "12"]  ', '["12"]\n  exclusive: true\n  ')
    repo.render()
    repo.commit("Switch at once")
    assert "needs user-profile 12" in repo.breach("42", "latency-sla").out
    assert pull(repo, 1)["draft"]
    repo.take(transitions.withdraw, "Withdraw churn 42", rollout="churn")

    answer = repo.breach("42", "latency-sla")
    assert answer.out.startswith("superseded pull request 1: "), answer.text
    commit = head_of(repo, 1)
    assert repo.data_at(commit, "components/user-profile.yaml")["spec"]["serving"] == ["11"]
    assert pull(repo, 1)["headSha"] == commit
    assert "was rebuilt" in str(pull(repo, 1)["comments"])


# Workspaces of one name.


def test_two_workspaces_of_one_name_are_each_rolled_back(tmp_path: Path) -> None:
    prod = Repo.create(tmp_path, prefix="prod")
    staging = Repo(prod.folder, prod.remote, "staging", prod.clock)
    for path in prod.workspace.rglob("*"):
        if path.is_file():
            staging.write(str(path.relative_to(prod.workspace)), path.read_text("utf-8"))
    staging.commit("Copy prod")
    for number, workspace in enumerate((staging, prod), 1):
        answer = workspace.breach("42", "latency-sla")
        assert answer.out.startswith(f"opened pull request {number}: "), answer.text
        commit = head_of(prod, number)
        changed = git(prod.remote, "diff", "--name-only", f"{commit}~1", commit).split()
        assert {path.partition("/")[0] for path in changed} == {workspace.prefix}
    staging.merge(pull(prod, 1)["head"])
    assert prod.breach("42", "latency-sla").out.startswith("adopted pull request 2: ")


# What is not ours.


def forged(repo: Repo, edits: dict[str, str | None]) -> str:
    """Put a commit that bears our author and trailers on the very branch that the next rollback would take."""
    words = ("--breach", repo.payload(repo.alert("42", "latency-sla")))
    shown = repo.run("rollback", *words, "--dry-run").out
    branch = next(line.split()[1] for line in shown.splitlines() if line.startswith("branch "))
    message = repo.git("log", "-1", "--format=%B", shown.split()[1])
    base = repo.git("rev-parse", "origin/main")
    real = {path: repo.at(shown.split()[1], path) for path in (FRAUD, "incidents/fraud-42.yaml")}
    push_tree(repo, branch, base, {**real, **edits}, message)
    return branch


@pytest.mark.parametrize(
    "edits",
    [
        {".github/workflows/x.yml": "on: push\n"},
        {FRAUD: None},
        {"incidents/fraud-42.yaml": None},
        {"incidents/fraud-40.yaml": forge_users.incident_text("40")},
        {},
    ],
    ids=["a workflow besides", "no rollout", "no incident", "an incident more", "no manifests"],
)
def test_a_forged_branch_is_left_alone_and_the_breach_is_answered_on_another(
    repo: Repo, edits: dict[str, str | None]
) -> None:
    branch = forged(repo, edits)
    head = git(repo.remote, "rev-parse", branch)
    answer = repo.run("rollback", "--breach", str(repo.remote.parent / "payload.json"))
    assert answer.status == 0, answer.text
    assert git(repo.remote, "rev-parse", branch) == head
    assert f"the branch {branch} on origin has an unexpected commit ({head[:12]}) and was left unchanged" in answer.err
    assert pull(repo, 1)["head"] == f"{branch}-2"
    assert is_armed(repo, 1)
    again = repo.run("rollback", "--breach", str(repo.remote.parent / "payload.json"))
    assert again.out.startswith("adopted pull request 1: "), again.text


def test_a_head_of_ours_for_another_rollout_is_not_armed(repo: Repo) -> None:
    """Whoever may push takes the draft of churn, and puts it where the rollback of fraud would be."""
    forge_users.serve_too(repo, "churn")
    assert repo.breach("42", "drift", rollout="churn").status == 0
    head = head_of(repo, 1)
    payload = repo.payload(repo.alert("42", "latency-sla"))
    shown = repo.run("rollback", "--breach", payload, "--dry-run").out
    branch = next(line.split()[1] for line in shown.splitlines() if line.startswith("branch "))
    repo.git("fetch", "-q", "origin")
    repo.git("push", "-q", "origin", f"{head}:refs/heads/{branch}")
    answer = repo.run("rollback", "--breach", payload)
    assert "has an unexpected commit" in answer.err, answer.text
    assert pull(repo, 2)["head"] == f"{branch}-2"
    assert repo.live_at(head_of(repo, 2))["stable"] == "41"
    assert is_armed(repo, 2)
    assert git(repo.remote, "rev-parse", branch) == head


def test_a_forged_pull_request_is_not_armed(repo: Repo) -> None:
    branch = forged(repo, {".github/workflows/x.yml": "on: push\n"})
    people_pull = Path(f"{repo.remote}.pulls")
    people_pull.mkdir()
    (people_pull / "1.json").write_text(
        '{"number": 1, "state": "open", "draft": false, "title": "Revert", "body": "", "base": "main", '
        f'"head": "{branch}", "headSha": "{git(repo.remote, "rev-parse", branch)}", "labels": [], "autoMerge": false}}'
    )
    assert repo.run("rollback", "--breach", str(repo.remote.parent / "payload.json")).status == 0
    assert not is_armed(repo, 1)
    assert is_armed(repo, 2)


def test_a_commit_that_somebody_adds_makes_it_theirs(repo: Repo) -> None:
    repo.breach("42", "latency-sla")
    branch = pull(repo, 1)["head"]
    repo.git("fetch", "-q", "origin")
    added = push_tree(repo, branch, f"origin/{branch}", {"notes.md": "hello\n"}, "Add notes")
    answer = repo.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert git(repo.remote, "rev-parse", branch) == added
    assert pull(repo, 2)["head"] == f"{branch}-2"
    assert is_armed(repo, 2)


def test_a_merge_of_the_base_into_it_is_still_ours(repo: Repo) -> None:
    """Forges offer to bring a branch up to date: the tree of that merge is what this process builds there."""
    repo.breach("42", "latency-sla")
    branch = pull(repo, 1)["head"]
    repo.write("docs/a.md", "a\n")
    repo.commit("Write")
    repo.git("fetch", "-q", "origin")
    repo.git("checkout", "-q", "-b", "work", f"origin/{branch}")
    repo.git("merge", "-q", "--no-ff", "-m", "Merge main", "main")
    repo.git("push", "-q", "origin", f"HEAD:{branch}")
    repo.git("checkout", "-q", "main")
    answer = repo.breach("42", "latency-sla")
    assert answer.out.startswith("adopted pull request 1: "), answer.text


def test_an_evil_merge_of_the_base_into_it_is_not(repo: Repo) -> None:
    repo.breach("42", "latency-sla")
    branch = pull(repo, 1)["head"]
    repo.write("docs/a.md", "a\n")
    repo.commit("Write")
    repo.git("fetch", "-q", "origin")
    repo.git("checkout", "-q", "-b", "work", f"origin/{branch}")
    repo.git("merge", "-q", "--no-commit", "--no-ff", "main")
    (repo.folder / "evil.md").write_text("evil\n")
    repo.git("add", "--all")
    repo.git("commit", "-q", "-m", "Merge main")
    repo.git("push", "-q", "origin", f"HEAD:{branch}")
    repo.git("checkout", "-q", "main")
    answer = repo.breach("42", "latency-sla")
    assert "has an unexpected commit" in answer.err
    assert pull(repo, 2)["head"] == f"{branch}-2"


@pytest.mark.parametrize("way", ["rollback", "rollback/acme-models", "rollback/acme-models/fraud"])
def test_a_branch_that_is_in_the_way_is_got_round(repo: Repo, way: str) -> None:
    repo.git("push", "-q", "origin", f"HEAD:refs/heads/{way}")
    answer = repo.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    assert pull(repo, 1)["head"].startswith(f"{way}.2")
    assert "blocks the name" in answer.err
    told = repo.run("doctor")
    assert f"the branch `{way}` on origin blocks all branches" in " ".join(told.out.split()), told.text
    assert repo.breach("42", "latency-sla").out.startswith("adopted pull request 1: ")


# What a person did stays.


def test_a_draft_that_a_person_made_stays_one(repo: Repo) -> None:
    payload = repo.payload(repo.alert("42", "latency-sla"))
    repo.run("rollback", "--breach", payload)
    assert is_armed(repo, 1)
    edit_pull(repo, 1, draft=True, autoMerge=False)
    for words in (payload, repo.payload(repo.alert("42", "serving-errors"), name="other.json")):
        answer = repo.run("rollback", "--breach", words)
        assert answer.status == 0, answer.text
        assert "it stays a draft because a person made it one" in answer.err
        assert pull(repo, 1)["draft"]
        assert not is_armed(repo, 1)
    assert len(repo.pull_requests()) == 1


def test_a_merge_that_a_person_took_back_is_not_armed_again(repo: Repo) -> None:
    payload = repo.payload(repo.alert("42", "latency-sla"))
    repo.run("rollback", "--breach", payload)
    edit_pull(repo, 1, autoMerge=False)
    answer = repo.run("rollback", "--breach", payload)
    assert "auto-merge is not enabled: a person cancelled it" in answer.err
    assert not is_armed(repo, 1)


def test_a_draft_that_we_made_is_made_ready_by_a_hard_breach(repo: Repo) -> None:
    repo.breach("42", "drift")
    assert pull(repo, 1)["draft"]
    assert repo.breach("42", "latency-sla").status == 0
    assert not pull(repo, 1)["draft"]
    assert is_armed(repo, 1)


def test_one_that_is_out_of_date_and_that_a_person_holds_is_left(repo: Repo) -> None:
    payload = repo.payload(repo.alert("42", "latency-sla"))
    repo.run("rollback", "--breach", payload)
    edit_pull(repo, 1, draft=True)
    head = head_of(repo, 1)
    repo.edit(FRAUD, 'stable: "41"   ', 'stable: "41" # ours  ')
    repo.commit("Comment beside live")
    answer = repo.run("rollback", "--breach", payload)
    assert "is out of date, but was not updated because a person changed it" in answer.err
    assert head_of(repo, 1) == head
    answer = repo.run("rollback", "fraud", "--reason", "now")
    assert answer.out.startswith("superseded pull request 1: "), answer.text
    assert newest(repo)["number"] == 1


def test_one_that_conflicts_by_now_is_built_anew(repo: Repo) -> None:
    payload = repo.payload(repo.alert("42", "latency-sla"))
    repo.run("rollback", "--breach", payload)
    old = head_of(repo, 1)
    repo.edit(FRAUD, "stage: canary-5  ", "stage: canary-5 # look")
    repo.commit("Comment on the stage")
    answer = repo.run("rollback", "--breach", payload)
    assert answer.out.startswith("superseded pull request 1: "), answer.text
    new = head_of(repo, 1)
    assert new != old
    assert git(repo.remote, "rev-parse", f"{new}^") == repo.tip()
    assert git(repo.remote, "rev-parse", f"{new}^{{tree}}") == would_build(repo, "--breach", payload)
    assert is_armed(repo, 1)


def test_one_that_needs_a_person_by_now_is_not_armed(repo: Repo) -> None:
    """The base conflicts with it, and 41 would start from other bytes: the rebuilt one is not what was armed."""
    payload = repo.payload(repo.alert("42", "latency-sla"))
    repo.run("rollback", "--breach", payload)
    assert is_armed(repo, 1)
    repo.edit(FRAUD, "stage: canary-5  ", "stage: canary-5 # look")
    repo.edit(FRAUD, "artifact: s3://models/fraud/41/", "artifact: s3://elsewhere/41/")
    repo.commit("Move 41, and render nothing")
    answer = repo.run("rollback", "--breach", payload)
    assert answer.status == 0, answer.text
    assert "[workload]" in answer.out
    assert not [each for each in repo.pull_requests() if each["state"] == "open" and each["autoMerge"]], answer.text
    assert newest(repo)["draft"]
    assert "superseded" in pull(repo, 1)["labels"]
    assert repo.run("rollback", "--breach", payload).out.startswith("adopted pull request 2: ")


def test_a_step_that_somebody_else_pushed_is_not_adopted(repo: Repo) -> None:
    push_tree(
        repo,
        "withdraw/acme-models/fraud/42",
        "origin/main",
        {"evil.md": "evil\n"},
        "Withdraw fraud 42\n\nRollout-Step: withdraw fraud/42\n",
    )
    answer = repo.run("withdraw", "fraud", "--pull-request")
    assert answer.status == 0, answer.text
    assert newest(repo)["head"] == "withdraw/acme-models/fraud/42-2"
    again = repo.run("withdraw", "fraud", "--pull-request")
    assert again.out.splitlines()[1].startswith("adopted"), again.text
