"""`incident resolve` writes, commits or proposes a resolution that passes the check against the base, or nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from past_steps import stable
from repo import Repo, Result
from repo import run as main_run

pytestmark = pytest.mark.system

PATH = "incidents/fraud-42.yaml"
TEXTS = ("--root-cause", "A network policy.", "--resolution", "The policy was reverted.")
REPRODUCED = ("--reproduced", "staging=https://ci.example.com/runs/7?a=b")
ALARM = ("--not-reproduced", "The alert counted a restart.")
BRANCH = "resolve/acme-models/fraud/fraud-42"


@pytest.fixture
def rolled_back(repo: Repo) -> Repo:
    """Return the repository with a merged rollback of 42, whose incident has comments of a person."""
    assert repo.breach().status == 0
    repo.merge("rollback/acme-models/fraud/42")
    repo.edit(PATH, "  status: open\n", "  # Ada looks at it.\n  status: open   # since ten\n")
    repo.commit("Note who looks at it")
    return repo


def resolve(repo: Repo, *words: str) -> Result:
    return repo.run("incident", "resolve", "fraud-42", *words)


def text(repo: Repo) -> str:
    return (repo.workspace / PATH).read_text("utf-8")


def checked(repo: Repo, base: str = "origin/main") -> Result:
    return repo.run("check", "--base", base)


@pytest.mark.parametrize(
    "words",
    [
        ("--cleared", *REPRODUCED, *TEXTS),
        ("--cleared", *ALARM, *TEXTS),
        ("--bad", *REPRODUCED, *TEXTS),
        ("--cleared", *ALARM, "--root-cause", "Two\nlines: {a} #b", "--resolution", "null"),
    ],
)
def test_a_resolution_passes_the_check_and_keeps_all_else(rolled_back: Repo, words: tuple[str, ...]) -> None:
    before = text(rolled_back)
    done = resolve(rolled_back, *words)
    assert done.status == 0, done.err
    after = text(rolled_back)
    assert "  # Ada looks at it.\n  status: resolved   # since ten\n" in after
    keys = ("status", "verdict", "reproduced", "notReproduced", "rootCause", "resolution")
    kept = [line for line in after.splitlines() if line.strip().partition(":")[0] not in keys]
    assert kept == [line for line in before.splitlines() if line.strip().partition(":")[0] not in keys]
    assert checked(rolled_back).status == 0
    rolled_back.commit("Resolve")
    assert checked(rolled_back, "origin/main~1").status == 0
    is_free = rolled_back.run("propose", "fraud", "42", "--dry-run").status == 0
    assert is_free == (words[0] == "--cleared")


def test_a_commit_has_this_file_alone(rolled_back: Repo) -> None:
    rolled_back.write("notes.md", "mine\n")
    rolled_back.git("add", "notes.md")
    done = resolve(rolled_back, "--cleared", *ALARM, *TEXTS, "--commit")
    assert done.status == 0, done.err
    assert rolled_back.git("show", "--format=%s", "--name-only").splitlines() == [
        "Resolve fraud-42 as cleared",
        "",
        PATH,
    ]
    assert rolled_back.git("status", "--porcelain") == "A  notes.md"
    body = rolled_back.git("log", "-1", "--format=%b")
    assert "42 is not quarantined." in body
    assert "Not reproduced: The alert counted a restart." in body


def test_a_commit_never_turns_checks_off(rolled_back: Repo) -> None:
    cause = "A policy [skip ci]\n\nRollout-Step: promote fraud/42"
    assert resolve(rolled_back, "--bad", *REPRODUCED, *TEXTS[2:], "--root-cause", cause, "--commit").status == 0
    message = rolled_back.git("log", "-1", "--format=%B")
    assert "[skip ci]" not in message
    assert not re.search("^Rollout-Step", message, re.MULTILINE)


def test_edits_of_a_person_are_not_committed(rolled_back: Repo) -> None:
    rolled_back.edit(PATH, "# since ten", "# since nine")
    before = rolled_back.snapshot()
    done = resolve(rolled_back, "--cleared", *ALARM, *TEXTS, "--commit")
    assert done.status == 1
    assert PATH in done.err
    assert rolled_back.snapshot() == before


@pytest.mark.parametrize("where", [(), ("--commit",), ("--pull-request",)])
def test_a_dry_run_changes_nothing(rolled_back: Repo, where: tuple[str, ...]) -> None:
    rolled_back.git("fetch", "-q")
    before = rolled_back.snapshot()
    done = resolve(rolled_back, "--cleared", *ALARM, *TEXTS, *where, "--dry-run")
    assert done.status == 0, done.err
    assert "+  verdict: cleared\n" in done.out
    after = rolled_back.snapshot()
    assert {key: after[key] for key in after if key != "leftovers"} == {
        key: before[key] for key in before if key != "leftovers"
    }


def test_a_pull_request_is_opened_once_and_merged(rolled_back: Repo) -> None:
    before = text(rolled_back)
    first = resolve(rolled_back, "--cleared", *ALARM, *TEXTS, "--pull-request")
    assert first.status == 0, first.err
    assert "opened pull request 2: " in first.out
    assert text(rolled_back) == before, "the working tree is not touched"
    again = resolve(rolled_back, "--cleared", *ALARM, *TEXTS, "--pull-request")
    assert "adopted pull request 2: " in again.out
    _, pull = rolled_back.pull_requests()
    assert (pull["title"], pull["head"], pull["draft"]) == ("Resolve fraud-42 as cleared", BRANCH, False)
    assert pull["reviewers"] == ["team-risk"]
    assert "`The alert counted a restart.`" in pull["body"]
    assert rolled_back.files_at(BRANCH) == rolled_back.files_at("main")
    spec = rolled_back.data_at(BRANCH, PATH)["spec"]
    assert (spec["verdict"], spec["reproduced"], spec["notReproduced"]) == ("cleared", None, ALARM[1])
    assert rolled_back.run("local", "merge", "2").status == 0
    rolled_back.git("pull", "-q", "origin", "main")
    assert checked(rolled_back, "HEAD~1").status == 0
    done = resolve(rolled_back, "--cleared", *ALARM, *TEXTS, "--pull-request")
    assert done.status == 1
    assert "fraud-42 is already resolved as cleared" in done.err


def test_manifests_that_change_with_a_rollback_target_are_rendered(repo: Repo) -> None:
    assert repo.run("withdraw", "fraud", "--commit").status == 0
    repo.git("push", "-q", "origin", "main")
    assert repo.breach("41").status == 0
    repo.merge("rollback/acme-models/fraud/41")
    repo.take(stable("40", "41"), "Keep 41 for a rollback")
    assert 'name: "fraud-v41"' not in (repo.workspace / "manifests/fraud/kserve.yaml").read_text("utf-8")
    words = ("incident", "resolve", "fraud-41", "--cleared", *ALARM, *TEXTS)
    assert "+++ b/manifests/fraud/kserve.yaml" in repo.run(*words, "--dry-run").out
    for _ in range(2):
        assert repo.run(*words, "--pull-request").status == 0
    assert len(repo.pull_requests()) == 2
    head = repo.tip("resolve/acme-models/fraud/fraud-41")
    done = repo.run(*words, "--commit")
    assert done.status == 0, done.err
    paths = ["incidents/fraud-41.yaml", "manifests/fraud/kserve.yaml"]
    assert repo.git("show", "--format=", "--name-only").splitlines() == paths
    assert checked(repo).status == 0
    own = repo.git("rev-parse", "HEAD")
    assert [repo.at(head, path) for path in paths] == [repo.at(own, path) for path in paths]


def test_another_resolution_waits_for_the_open_pull_request(rolled_back: Repo) -> None:
    assert resolve(rolled_back, "--cleared", *ALARM, *TEXTS, "--pull-request").status == 0
    head = rolled_back.tip(BRANCH)
    done = resolve(rolled_back, "--bad", *REPRODUCED, *TEXTS, "--pull-request")
    assert done.status == 1
    assert f"(2.json) is open for this incident, but it differs in {PATH}" in done.err.replace(
        f"{rolled_back.remote}.pulls/", ""
    )
    assert rolled_back.tip(BRANCH) == head, "the first one is left alone"
    assert len(rolled_back.pull_requests()) == 2


def test_markup_in_a_text_has_no_effect_in_the_pull_request(rolled_back: Repo) -> None:
    cause = "`x` | <img src=y> @ada [a](https://b) <!-- rollout-spec: rollback -->"
    assert resolve(rolled_back, "--cleared", *ALARM, *TEXTS[2:], "--root-cause", cause, "--pull-request").status == 0
    body = rolled_back.pull_requests()[1]["body"]
    row = "| Root cause | `'x' ¦ <img src=y> @ada [a](https://b) <!-- rollout-spec: rollback -->` |"
    assert row in body.splitlines()


def test_an_incident_that_is_not_merged_waits(repo: Repo) -> None:
    assert repo.breach().status == 0
    done = resolve(repo, "--cleared", *ALARM, *TEXTS, "--pull-request")
    assert done.status == 2
    assert "is on the branch rollback/acme-models/fraud/42-" in done.err
    assert "merge its pull request first" in done.err
    done = resolve(repo, "--cleared", *ALARM, *TEXTS)
    assert "update the checkout, or use --pull-request" in done.err
    repo.git("fetch", "-q")
    repo.git("checkout", "-q", "-b", "mine", f"origin/{repo.whole('rollback/acme-models/fraud/42')}")
    before = text(repo)
    done = resolve(repo, "--cleared", *ALARM, *TEXTS)
    assert done.status == 1
    assert "`status: open`" in done.err, "a rollback and its clearing are two changes"
    assert text(repo) == before


def test_a_checkout_that_is_behind_is_refused(rolled_back: Repo) -> None:
    other = rolled_back.clone("other")
    assert resolve(other, "--bad", *REPRODUCED, *TEXTS, "--commit").status == 0
    other.git("push", "-q", "origin", "HEAD")
    rolled_back.git("fetch", "-q")
    done = resolve(rolled_back, "--cleared", *ALARM, *TEXTS)
    assert (done.status, done.out) == (1, "")
    assert "fraud-42 is already resolved as bad on origin/main" in done.err
    rolled_back.git("checkout", "-q", "-b", "old", "origin/main~3")
    done = resolve(rolled_back, "--cleared", *ALARM, *TEXTS)
    assert done.status == 2
    assert "incident fraud-42 is on origin/main, but not in this checkout" in done.err


def test_a_bad_verdict_takes_two_changes(rolled_back: Repo) -> None:
    assert resolve(rolled_back, "--bad", *REPRODUCED, *TEXTS).status == 0
    rolled_back.commit("Resolve as bad")
    assert resolve(rolled_back, "--cleared", *ALARM, *TEXTS).status == 1
    rolled_back.edit(PATH, "status: resolved", "status: open")
    done = resolve(rolled_back, "--cleared", *ALARM, *TEXTS)
    assert done.status == 1, "it is not open on the base yet"
    assert "incidents-kept" in done.err
    rolled_back.commit("Reopen it")
    assert resolve(rolled_back, "--cleared", *ALARM, *TEXTS).status == 0
    assert checked(rolled_back).status == 0


def test_a_workspace_in_a_folder(tmp_path: Path) -> None:
    repo = Repo.create(tmp_path, prefix="environments/prod")
    assert repo.breach().status == 0
    repo.merge("rollback/acme-models/fraud/42")
    done = resolve(repo, "--cleared", *ALARM, *TEXTS, "--pull-request")
    assert done.status == 0, done.err
    assert repo.data_at(BRANCH, PATH)["spec"]["verdict"] == "cleared"
    assert resolve(repo, "--cleared", *ALARM, *TEXTS, "--commit").status == 0
    assert repo.git("show", "--format=", "--name-only") == f"environments/prod/{PATH}"


def test_an_incident_that_is_a_link_is_not_written_through(rolled_back: Repo, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.yaml"
    (rolled_back.workspace / PATH).rename(target)
    (rolled_back.workspace / PATH).symlink_to(target)
    before = target.read_bytes()
    done = resolve(rolled_back, "--cleared", *ALARM, *TEXTS)
    assert done.status == 2
    assert "cannot be resolved: it is not read" in done.err
    assert target.read_bytes() == before


@pytest.mark.parametrize("flag", ["--root-cause", "--resolution", "--not-reproduced", "--reproduced"])
@pytest.mark.parametrize("hidden", ["\x1b[31m", "\u202e", "\u200b", "\udcff"])
def test_a_text_with_hidden_characters_is_refused(rolled_back: Repo, flag: str, hidden: str) -> None:
    before = text(rolled_back)
    done = resolve(rolled_back, "--cleared", flag, f"a{hidden}b")
    assert done.status == 2
    assert f"{flag} has the unprintable character `\\u" in done.err
    assert text(rolled_back) == before


def test_a_reason_is_one_line(rolled_back: Repo) -> None:
    done = resolve(rolled_back, "--cleared", "--not-reproduced", "One\ntwo", *TEXTS)
    assert (done.status, "--not-reproduced has more than one line" in done.err) == (2, True)


def test_a_workspace_that_only_rehearses_pushes_nothing(rolled_back: Repo) -> None:
    rolled_back.edit(".rollout-spec.yaml", "mode: pull-request", "mode: dry-run")
    rolled_back.commit("Rehearse")
    done = resolve(rolled_back, "--cleared", *ALARM, *TEXTS, "--pull-request")
    assert done.status == 0
    assert "nothing was pushed" in done.err
    assert BRANCH not in rolled_back.whole_names()
    assert (
        json.loads(rolled_back.run("incident", "show", "fraud-42", "--format", "json").out)["incident"]["state"]
        == "open"
    )


def test_a_bare_repository_takes_pull_requests_alone(rolled_back: Repo) -> None:
    mirror = rolled_back.remote.parent / "mirror.git"
    assert rolled_back.run("mirror", str(mirror)).status == 0
    words = ("--repo", str(mirror), "incident", "resolve", "fraud-42", "--cleared", *ALARM, *TEXTS)
    assert main_run(*words).status == 2
    done = main_run(*words, "--pull-request")
    assert done.status == 0, done.err
    assert rolled_back.data_at(BRANCH, PATH)["spec"]["verdict"] == "cleared"
