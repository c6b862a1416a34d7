"""Steps of a rollout over real git: how long a stage was held, what is committed, and the life of a rollout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from repo import NINE, Repo, Result, git, run

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.git.repository import Git
from rollout_spec.lifecycle import Request
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.checkout import open_checkout
from rollout_spec.workflows.step import PreparedStep, decide

pytestmark = pytest.mark.system

FILE = "rollouts/fraud.yaml"
ADVANCE = Request("advance", "fraud")
LATE = NINE + timedelta(days=30)
LONG_AGO = datetime(2020, 1, 1, 9, tzinfo=UTC)
DIGEST = "sha256:" + "4" * 64


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """The example at canary-5, committed a minute after nine."""
    return Repo.create(tmp_path_factory.mktemp("made"))


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """The same, of long ago: all holds have passed. What is committed by a command is of then, too."""
    monkeypatch.setattr("repo.NINE", LONG_AGO)
    monkeypatch.setenv("GIT_AUTHOR_DATE", LONG_AGO.isoformat())
    monkeypatch.setenv("GIT_COMMITTER_DATE", LONG_AGO.isoformat())
    repo = Repo.create(tmp_path)
    repo.clock[0] = LONG_AGO
    return repo


def decided(
    repo: Repo, now: datetime, request: Request = ADVANCE, forced: str | None = None, **more: object
) -> PreparedStep:
    """Decide on what is checked out, at a moment."""
    reader = Git(repo.folder)
    base = Base(reader, None, "HEAD", reader.commit("HEAD"), repo.prefix)
    return decide(request, base.repository, base, now=now, prefix=repo.prefix, forced=forced, **more)  # type: ignore[arg-type]


def told(repo: Repo, now: datetime, request: Request = ADVANCE) -> str:
    """Return what is said of the stage that is left, or why it may not be left yet."""
    try:
        held = decided(repo, now, request).held
    except UserError as error:
        assert error.status == 1
        return error.message
    assert held is not None
    return held.message


# How long a stage was held.


def test_a_stage_is_left_once_it_was_held_and_no_second_earlier(repo: Repo) -> None:
    entered = repo.clock[0]
    assert "but the stage is held for 15m, until 2026-11-20T09:16:00Z" in told(
        repo, entered + timedelta(seconds=15 * 60 - 1)
    )
    assert told(repo, entered + timedelta(minutes=15)).endswith("and its hold of 15m is over")


def test_a_stage_without_a_hold_is_left_at_once(repo: Repo) -> None:
    repo.edit(FILE, "{name: canary-5, weight: 5%, hold: 15m}", "{name: canary-5, weight: 5%}")
    repo.commit("Hold it no longer")
    assert decided(repo, repo.clock[0]).held is None


def test_edits_beside_live_are_no_new_beginning(repo: Repo) -> None:
    entered = repo.git("rev-parse", "HEAD")[:12]
    for owner in ("team-a", "team-b"):
        repo.edit(FILE, f"owner: {repo.model().metadata.owner}", f"owner: {owner}")
        repo.commit(f"Give it to {owner}")
    assert f"at 2026-11-20T09:01:00Z (committer date of commit {entered})" in told(repo, LATE)


def advance_on(repo: Repo, branch: str) -> str:
    """Advance to ab-50 on a branch, beside a commit on main; return the commit. Main is checked out then."""
    repo.git("checkout", "-q", "-b", branch)
    commit = repo.take(lambda live: live.model_copy(update={"stage": "ab-50"}), "Advance", push=False)
    repo.git("checkout", "-q", "main")
    repo.write("README.md", "about\n")
    repo.commit("Say what it is about")
    return commit


def dated(moment: datetime) -> dict[str, str]:
    return {"GIT_AUTHOR_DATE": moment.isoformat(), "GIT_COMMITTER_DATE": moment.isoformat()}


def merge_commit(repo: Repo, moment: datetime) -> None:
    repo.git("merge", "-q", "--no-ff", "-m", "Merge it", "topic", **dated(moment))


def squash(repo: Repo, moment: datetime) -> None:
    repo.git("merge", "-q", "--squash", "topic")
    repo.git("commit", "-q", "-m", "Advance (#7)", **dated(moment))


def rebase(repo: Repo, moment: datetime) -> None:
    repo.git("cherry-pick", "topic", GIT_COMMITTER_DATE=moment.isoformat())


def octopus(repo: Repo, moment: datetime) -> None:
    repo.git("branch", "other", "main~1")
    repo.git("checkout", "-q", "other")
    repo.write("other.md", "other\n")
    repo.commit("Do something else", push=False)
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--no-ff", "-m", "Merge both", "topic", "other", **dated(moment))


@pytest.mark.parametrize("way", [merge_commit, squash, rebase, octopus], ids=lambda way: way.__name__)
def test_a_stage_begins_when_its_commit_is_merged(way: Callable[[Repo, datetime], None], repo: Repo) -> None:
    advance_on(repo, "topic")
    merged = NINE + timedelta(hours=3)
    way(repo, merged)
    assert told(repo, LATE).startswith("42 entered ab-50 at 2026-11-20T12:00:00Z (committer date of commit ")
    assert repo.git("rev-parse", "HEAD")[:12] in told(repo, LATE)
    assert "until 2026-11-22T12:00:00Z" in told(repo, merged + timedelta(hours=47))


def test_a_fast_forward_leaves_the_date_of_the_commit(repo: Repo) -> None:
    repo.git("checkout", "-q", "-b", "topic")
    commit = repo.take(lambda live: live.model_copy(update={"stage": "ab-50"}), "Advance", push=False)
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--ff-only", "topic")
    assert f"at 2026-11-20T09:02:00Z (committer date of commit {commit[:12]}" in told(repo, LATE)


def test_an_amended_commit_begins_anew(repo: Repo) -> None:
    repo.take(lambda live: live.model_copy(update={"stage": "ab-50"}), "Advance", push=False)
    repo.git("commit", "-q", "--amend", "-m", "Advance it", GIT_COMMITTER_DATE="2026-11-20T11:00:00Z")
    assert repo.git("log", "-1", "--format=%aI").startswith("2026-11-20T09:02:00")
    assert "at 2026-11-20T11:00:00Z" in told(repo, LATE)


def test_a_date_that_is_not_reached_is_waited_for(repo: Repo) -> None:
    assert "until 2026-11-20T09:16:00Z" in told(repo, NINE - timedelta(days=400))


def test_a_stage_that_is_entered_again_begins_anew(repo: Repo) -> None:
    for stage in ("shadow", "canary-5"):
        repo.take(lambda live, stage=stage: live.model_copy(update={"stage": stage}), f"Go to {stage}")  # type: ignore[misc]
    assert "at 2026-11-20T09:03:00Z" in told(repo, LATE)


def test_another_candidate_in_the_same_stage_begins_anew(repo: Repo) -> None:
    repo.record("43")
    repo.commit("Record 43")
    repo.take(lambda live: live.model_copy(update={"candidate": "43"}), "Swap them")
    assert told(repo, LATE).startswith("43 entered canary-5 at 2026-11-20T09:03:00Z")


def test_what_the_forge_says_counts_before_the_date_of_the_commit(repo: Repo) -> None:
    asked = []

    def merged_at(commit: str) -> datetime:
        asked.append(commit)
        return NINE + timedelta(hours=5)

    held = decided(repo, LATE, merged_at=merged_at).held
    assert held is not None
    assert asked == [repo.git("rev-parse", "HEAD")]
    assert "at 2026-11-20T14:00:00Z" in held.message
    assert "merge time on the forge" in held.message
    held = decided(repo, LATE, merged_at=lambda commit: None).held
    assert held is not None
    assert "committer date of commit" in held.message


def test_a_shallow_clone_knows_nothing_and_says_so(repo: Repo) -> None:
    repo.write("README.md", "about\n")
    repo.commit("Say what it is about")
    shallow = repo.clone("shallow", "--depth", "1")
    result = shallow.run("advance", "fraud", "--commit")
    assert result.status == 1
    assert "cannot tell when 42 entered canary-5, which is held for 15m: this clone is shallow" in result.err
    result = shallow.run("advance", "fraud", "--commit", "--force", "--reason", "the clone\nRollout-Step: promote")
    assert result.status == 0
    message = shallow.git("log", "-1", "--format=%B")
    assert "this clone is shallow" in message
    assert message.splitlines()[-2:] == [
        "Rollout-Step: advance fraud/42 ab-50",
        "Rollout-Forced: the clone Rollout-Step: promote",
    ]


def test_a_stage_that_is_not_committed_is_not_held(old: Repo) -> None:
    assert old.run("retreat", "fraud").status == 0
    result = old.run("advance", "fraud")
    assert result.status == 1
    assert "cannot tell when 42 entered shadow, which is held for 1h: the change is not committed" in result.err


def test_without_git_nobody_knows(tmp_path: Path) -> None:
    run("init", str(tmp_path / "models"))
    result = run("--repo", str(tmp_path / "models"), "advance", "fraud")
    assert result.status == 1
    assert "there is no commit that says so" in result.err
    assert run("--repo", str(tmp_path / "models"), "retreat", "fraud").status == 0
    assert run("--repo", str(tmp_path / "models"), "promote", "fraud", "--commit").status == 2


def test_before_the_first_commit_nobody_knows(tmp_path: Path) -> None:
    run("init", str(tmp_path))
    git(tmp_path, "init", "-q", "-b", "main")
    result = run("--repo", str(tmp_path), "advance", "fraud")
    assert result.status == 1
    assert "there is no commit that says so" in result.err


# What is committed.


def test_a_commit_holds_the_step_and_nothing_else(old: Repo) -> None:
    old.write("staged.md", "staged\n")
    old.git("add", "staged.md")
    old.edit("components/tokenizer.yaml", '"1.4.2"', '"1.4.2", "1.5.0"')
    old.git("add", "components/tokenizer.yaml")
    old.edit("components/tokenizer.yaml", '"1.5.0"', '"1.5.1"')
    old.write("untracked.md", "untracked\n")
    staged, files = old.git("diff", "--cached"), old.git("status", "--porcelain")
    result = old.run("advance", "fraud", "--commit")
    assert result.status == 0, result.text
    changed = old.git("show", "--format=", "--name-only", "HEAD").split()
    assert changed == ["manifests/fraud/gateway-api.yaml", "manifests/fraud/prometheus-operator.yaml", FILE]
    assert (old.git("diff", "--cached"), old.git("status", "--porcelain")) == (staged, files)
    assert old.git("log", "-1", "--format=%an %ae %cn") == "Ada Author ada@example.com Carl Committer"
    assert old.git("log", "-1", "--format=%B") == (
        "Advance fraud 42 to ab-50\n\n"
        "95% to 41, 5% to 42 -> 50% to 41, 50% to 42.\n"
        "42 entered canary-5 at 2020-01-01T09:01:00Z (committer date of commit "
        f"{old.git('rev-parse', 'HEAD~1')[:12]}), and its hold of 15m is over.\n"
        "ab-50 has `approval: manual`: a person must approve 42.\n\n"
        "Rollout-Step: advance fraud/42 ab-50"
    )


def test_files_that_come_and_go_are_committed(old: Repo) -> None:
    words = ("--namespace", "ml", "--artifact", "s3://m/1/", "--digest", DIGEST, "--dataset-digest", DIGEST)
    result = old.run("bootstrap", "scam", "--version", "1", "--format", "onnx", "--run-id", "r1", *words, "--commit")
    assert result.status == 0, result.text
    changed = old.git("show", "--format=", "--name-status", "HEAD").splitlines()
    names = [
        "manifests/scam/gateway-api.yaml",
        "manifests/scam/kserve.yaml",
        "manifests/scam/kustomization.yaml",
        "manifests/scam/prometheus-operator.yaml",
        "rollouts/scam.yaml",
    ]
    assert changed == [f"A\t{name}" for name in names]
    head = (old.workspace / "manifests/scam/kserve.yaml").read_text("utf-8").partition("\n")[0]
    (old.workspace / "manifests/scam/old.yaml").write_text(f"{head}\n---\n", "utf-8")
    old.commit("Leave something over")
    more = ("--artifact", "s3://m/2/", "--digest", f"sha256:{'5' * 64}", "--format", "onnx")
    assert old.run("record", "scam", "2", *more, "--commit").status == 0
    assert old.git("show", "--format=", "--name-status", "HEAD").splitlines() == [
        "D\tmanifests/scam/old.yaml",
        "M\trollouts/scam.yaml",
    ]
    assert old.git("status", "--porcelain") == ""


@pytest.mark.parametrize("path", [FILE, "manifests/fraud/gateway-api.yaml"])
@pytest.mark.parametrize("staged", [False, True], ids=["", "staged"])
def test_edits_of_somebody_are_not_taken_along(path: str, staged: bool, old: Repo) -> None:
    with (old.workspace / path).open("a") as file:
        file.write("# mine\n")
    if staged:
        old.git("add", path)
    before = old.snapshot()
    result = old.run("withdraw", "fraud", "--commit")
    assert result.status == 1
    assert f"{path} has uncommitted changes" in result.err
    assert old.snapshot() == before


def test_somebody_commits(old: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    old.git("config", "user.useConfigOnly", "true")
    before = old.snapshot()
    result = old.run("withdraw", "fraud", "--commit")
    assert result.status == 2
    assert "user.name or user.email of git is not set" in result.err
    assert old.snapshot() == before


def test_what_git_refuses_to_commit_is_not_written(old: Repo) -> None:
    old.git("checkout", "-q", "-b", "topic")
    old.write("a.md", "a\n")
    old.commit("Write a", push=False)
    old.git("checkout", "-q", "main")
    old.write("b.md", "b\n")
    old.commit("Write b", push=False)
    old.git("merge", "-q", "--no-ff", "--no-commit", "topic")
    before, files = old.snapshot(), old.git("status", "--porcelain")
    first = ("--version", "1", "--inference-log", "s3://logs/", "--runbook", "https://runs/", *record_words("1"))
    for words in (("withdraw", "fraud"), ("bootstrap", "scam", "--like", "fraud", *first)):
        result = old.run(*words, "--commit")
        assert result.status == 3, result.text
        assert "git commit failed: fatal: cannot do a partial commit during a merge" in result.err
        after = old.snapshot()
        assert {**after, "index": None} == {**before, "index": None}
        assert "MERGE_HEAD" in after["leftovers"]
        assert old.git("status", "--porcelain") == files


def test_hooks_of_the_repository_do_not_run(old: Repo) -> None:
    hook = old.folder / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert old.run("withdraw", "fraud", "--commit").status == 0


def test_a_dry_run_writes_nothing(old: Repo) -> None:
    before = old.snapshot()
    for words in ((), ("--commit",)):
        assert old.run("advance", "fraud", "--dry-run", *words).status == 0
        assert old.snapshot() == before


def test_a_patch_of_a_dry_run_is_what_the_step_does(old: Repo) -> None:
    patch = old.run("withdraw", "fraud", "--dry-run").out.split("\n", 1)[1]
    subprocess.run(["git", "apply", "--index"], cwd=old.folder, input=patch.encode(), check=True)
    applied = old.git("write-tree")
    old.git("reset", "-q", "--hard")
    assert old.run("withdraw", "fraud", "--commit").status == 0
    assert old.git("rev-parse", "HEAD^{tree}") == applied


def test_a_workspace_in_a_folder_is_committed_from_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_COMMITTER_DATE", LONG_AGO.isoformat())
    repo = Repo.create(tmp_path, prefix="environments/prod")
    assert repo.run("withdraw", "fraud", "--commit").status == 0
    changed = repo.git("show", "--format=", "--name-only", "HEAD").split()
    assert f"environments/prod/{FILE}" in changed
    assert all(path.startswith("environments/prod/") for path in changed)
    assert repo.live.candidate is None


def test_of_several_files_all_are_written_or_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "gone").write_bytes(b"gone")
    (tmp_path / "folder").mkdir()
    edits = {"a": b"b", "new": b"new", "gone": None, "folder": b"no"}
    with pytest.raises(UserError, match="folder cannot be written"), open_checkout(tmp_path, None, print) as checkout:
        checkout.apply(edits, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "folder", "gone"]
    assert (tmp_path / "a").read_bytes() == b"a"
    assert (tmp_path / "gone").read_bytes() == b"gone"


def test_the_first_commit_of_all_may_be_a_bootstrap(tmp_path: Path) -> None:
    (tmp_path / ".rollout-spec.yaml").write_text("apiVersion: rollout-spec/v1\nkind: Workspace\nmetadata: {name: w}\n")
    git(tmp_path, "init", "-q", "-b", "main")
    words = ("bootstrap", "scam", "--version", "1", "--artifact", "s3://m/1/", "--format", "onnx", "--commit")
    refused = run("--repo", str(tmp_path), *words)
    assert (refused.status, (tmp_path / "rollouts").exists()) == (2, False)
    assert "--target  what renders the manifests; no default: there is no other rollout here" in refused.err
    targets = ("--target", "kserve", "--target", "{type: gateway-api, gateway: {name: edge}}")
    done = run("--repo", str(tmp_path), *words, *targets)
    profile = (
        "its triggers read `http_requests_total` of your server; --profile istio, envoy, nginx reads a proxy instead"
    )
    assert (done.status, profile in done.err) == (0, True), done.text
    assert git(tmp_path, "status", "--porcelain") == "?? .rollout-spec.yaml"
    assert run("--repo", str(tmp_path), "check").status == 0
    other = ("bootstrap", "spam", *words[2:-1], *targets, "--profile", "envoy")
    assert "its triggers read" not in run("--repo", str(tmp_path), *other).err


def test_line_breaks_that_git_turns_over_are_committed_as_git_has_them(old: Repo) -> None:
    old.git("config", "core.autocrlf", "true")
    for path in old.workspace.rglob("*.yaml"):
        path.unlink()
    old.git("checkout", "-q", "--", ".")
    assert b"\r\n" in (old.workspace / FILE).read_bytes()
    assert old.run("advance", "fraud", "--commit").status == 0
    assert old.git("status", "--porcelain") == ""
    assert b"stage: ab-50 " in (old.workspace / FILE).read_bytes()
    assert old.git("diff", "--stat", "HEAD~1", "--", FILE).endswith("1 file changed, 1 insertion(+), 1 deletion(-)")


def test_a_step_that_would_bring_findings_writes_nothing(old: Repo) -> None:
    old.run("withdraw", "fraud", "--commit")
    old.edit("components/user-profile.yaml", '["11", "12"]', '["11"]')
    before = old.snapshot()
    result = old.run("propose", "fraud", "42", "--advance")
    assert result.status == 1
    assert "needs user-profile 12; only 11 is served" in result.err
    assert old.snapshot() == before


def test_a_way_back_that_is_lost_is_seen(old: Repo) -> None:
    """Stable's options changed since it was rendered: what a rollback would bring back is checked too."""
    old.edit(FILE, "serving-errors", "errors")
    old.edit(
        FILE, "      during: [ab-50]\n", "      during: [ab-50]\n    - {name: errors, type: manual, reasons: [seen]}\n"
    )
    result = old.run("withdraw", "fraud")
    assert result.status == 1
    assert "was not done" in result.err


# Pull requests.


def test_a_pull_request_is_built_on_the_base_and_touches_nothing_here(old: Repo) -> None:
    old.git("checkout", "-q", "-b", "work")
    old.edit(FILE, "owner: team-risk", "owner: team-work")
    before = old.snapshot()
    result = old.run("retreat", "fraud", "--pull-request")
    assert result.status == 0, result.text
    assert "opened pull request 1: " in result.out
    after = old.snapshot()
    assert {key: before[key] for key in ("head", "index", "files")} == {
        key: after[key] for key in ("head", "index", "files")
    }
    assert set(before["refs"].splitlines()) < set(after["refs"].splitlines())  # where the remote is now
    (pull,) = old.pull_requests()
    assert pull["head"] == "retreat/acme-models/fraud/42"
    assert pull["title"] == "Take fraud 42 back to shadow"
    assert pull["labels"] == ["retreat", "rollout:fraud"]
    assert pull["reviewers"] == ["team-risk"]
    assert (pull["draft"], pull["autoMerge"]) == (False, False)
    assert "| after this merges | `100% to 41, 20% mirrored to 42` |" in pull["body"]
    assert old.live_at(pull["headSha"])["stage"] == "shadow"
    assert "team-work" not in old.at(pull["headSha"], FILE)
    assert git(old.remote, "rev-parse", f"{pull['headSha']}~1") == old.tip()
    adopted = old.run("retreat", "fraud", "--pull-request")
    assert adopted.status == 0
    assert "adopted pull request 1: " in adopted.out
    assert len(old.pull_requests()) == 1


def test_a_stage_that_asks_a_person_is_a_draft(old: Repo) -> None:
    result = old.run("advance", "fraud", "--pull-request")
    assert result.status == 0
    assert "opened draft pull request 1: " in result.out
    assert "ab-50 has `approval: manual`: a person must approve 42" in result.err
    (pull,) = old.pull_requests()
    assert (pull["draft"], pull["autoMerge"]) == (True, False)
    assert "To approve 42, mark it ready" in pull["body"]


def test_why_a_hold_was_cut_short_is_in_the_pull_request(old: Repo) -> None:
    old.edit(FILE, "hold: 15m", "hold: 36500d")
    old.commit("Hold it for long")
    assert old.run("advance", "fraud", "--pull-request").status == 1
    assert old.pull_requests() == []
    assert old.branches() == []
    reason = "see [OPS-7](https://evil.example.com) | `now` @everyone"
    assert old.run("advance", "fraud", "--pull-request", "--force", "--reason", reason).status == 0
    (pull,) = old.pull_requests()
    assert "The reason: `see [OPS-7](https://evil.example.com) ¦ 'now' @everyone`" in pull["body"]
    assert f"Rollout-Forced: {reason}" in git(old.remote, "log", "-1", "--format=%B", pull["headSha"])


def test_a_step_that_was_merged_is_taken_again_on_a_branch_of_its_own(old: Repo) -> None:
    for number, expected in enumerate(("retreat/acme-models/fraud/42", "retreat/acme-models/fraud/42-2"), 1):
        result = old.run("retreat", "fraud", "--pull-request")
        assert f"opened pull request {number}: " in result.out, result.text
        assert old.pull_requests()[-1]["head"] == expected
        old.merge(expected)
        assert old.live.stage == "shadow"
        assert old.run("advance", "fraud", "--commit").status == 0
        old.git("push", "-q", "origin", "main")


def test_what_a_person_closed_is_opened_anew_if_a_person_asks_again(old: Repo) -> None:
    old.run("withdraw", "fraud", "--pull-request")
    path = Path(f"{old.remote}.pulls/1.json")
    path.write_text(path.read_text("utf-8").replace('"state": "open"', '"state": "closed"'), "utf-8")
    result = old.run("withdraw", "fraud", "--pull-request")
    assert (result.status, "opened pull request 2: " in result.out) == (0, True), result.text
    assert [(each["head"], each["state"]) for each in old.pull_requests()] == [
        ("withdraw/acme-models/fraud/42", "closed"),
        ("withdraw/acme-models/fraud/42-2", "open"),
    ]


def test_a_branch_that_holds_something_else_is_left_alone(old: Repo) -> None:
    old.git("checkout", "-q", "-b", "withdraw/acme-models/fraud/42")
    old.write("mine.md", "mine\n")
    mine = old.commit("Write something")
    old.git("checkout", "-q", "main")
    result = old.run("withdraw", "fraud", "--pull-request")
    assert result.status == 0
    assert f"has an unexpected commit ({mine[:12]}) and was left unchanged" in result.err
    assert old.tip("withdraw/acme-models/fraud/42") == mine
    (pull,) = old.pull_requests()
    assert (pull["head"], pull["headSha"]) == ("withdraw/acme-models/fraud/42-2", old.tip(pull["head"]))
    assert "candidate" not in old.live_at(pull["headSha"])


def test_of_many_at_once_one_opens_it(old: Repo) -> None:
    def once(number: int) -> subprocess.CompletedProcess[str]:
        words = ["-m", "rollout_spec", "--repo", str(old.folder), "withdraw", "fraud", "--pull-request"]
        return subprocess.run(
            [sys.executable, *words], capture_output=True, text=True, env=os.environ.copy(), check=False
        )

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(once, range(4)))
    assert [each.returncode for each in done] == [0] * 4, [each.stderr for each in done]
    words = [each.stdout.splitlines()[1].split()[0] for each in done]
    assert set(words) <= {"adopted", "opened"}  # those who begin within one second push one commit, and all open it
    assert "opened" in words
    assert len(old.pull_requests()) == 1
    assert old.branches() == ["withdraw/acme-models/fraud/42"]


def test_a_workspace_in_dry_run_pushes_nothing(old: Repo) -> None:
    old.edit(".rollout-spec.yaml", "mode: pull-request ", "mode: dry-run ")
    old.commit("Only look")
    result = old.run("withdraw", "fraud", "--pull-request")
    assert result.status == 0
    assert "nothing was pushed: the workspace's `automation.mode` is dry-run" in result.err
    assert old.branches() == []
    assert "branch withdraw/acme-models/fraud/42" in result.out


def test_without_a_forge_there_is_no_pull_request(old: Repo) -> None:
    line = next(line for line in (old.workspace / ".rollout-spec.yaml").read_text().splitlines() if "forge:" in line)
    old.edit(".rollout-spec.yaml", line + "\n", "")
    old.commit("Name no forge")
    result = old.run("withdraw", "fraud", "--pull-request")
    assert result.status == 2
    assert "the workspace names no forge" in result.err
    assert old.run("withdraw", "fraud", "--pull-request", "--dry-run").status == 0
    both = [
        sys.executable,
        "-m",
        "rollout_spec",
        "--repo",
        str(old.folder),
        "withdraw",
        "fraud",
        "--commit",
        "--pull-request",
    ]
    assert subprocess.run(both, capture_output=True).returncode == 2


# A life.


@pytest.fixture
def days(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Each call makes it three days later for who commits, beginning long ago: every hold has passed by then."""
    now = LONG_AGO

    def later() -> None:
        nonlocal now
        now += timedelta(days=3)
        for role in ("AUTHOR", "COMMITTER"):
            monkeypatch.setenv(f"GIT_{role}_DATE", now.isoformat())

    later()
    return later


def record_words(version: str) -> list[str]:
    digest = f"sha256:{version.zfill(64)}"
    return [
        *("--model", f"models:/scam/{version}", "--artifact", f"s3://models/scam/{version}/", "--digest", digest),
        *("--format", "sklearn", "--run-id", f"run-{version}", "--dataset-digest", digest),
        *("--metric", f"auc=0.9{version}", "--requires", "user-profile=12"),
    ]


def test_a_pin_that_is_not_served_yet_is_told_when_it_is_recorded(tmp_path: Path) -> None:
    repo = Repo.create(tmp_path)
    assert "not served" not in repo.run("record", "fraud", "50", *record_words("50"), "--commit").text
    ahead = [word.replace("user-profile=12", "user-profile=99") for word in record_words("51")]
    result = repo.run("record", "fraud", "51", *ahead, "--commit")
    wanted = (
        "user-profile 99 is not served yet: "
        "add it to `serving` in components/user-profile.yaml before 51 receives traffic"
    )
    assert (result.status, wanted in result.text) == (0, True)
    assert repo.run("withdraw", "fraud", "--commit").status == 0
    refused = repo.run("propose", "fraud", "51", "--advance")
    assert (refused.status, "user-profile 99" in refused.text) == (1, True)


def test_a_rollout_lives_by_commands_alone(tmp_path: Path, days: Callable[[], None]) -> None:
    """From its first version to a rollback of its third, each commit passes the whole check against the one before."""
    repo = Repo.create(tmp_path)

    def step(*words: str) -> Result:
        days()
        result = repo.run(*words, "--commit")
        assert result.status == 0, result.text
        checked = repo.run("check", "--base", "HEAD~1")
        assert checked.status == 0, checked.text
        assert repo.git("status", "--porcelain") == ""
        return result

    like = ("--like", "fraud", "--inference-log", "s3://inference-logs/scam/", "--runbook", "https://runs/scam")
    step("bootstrap", "scam", "--version", "1", *like, *record_words("1"))
    for version in ("2", "3"):
        step("record", "scam", version, *record_words(version))
        step("propose", "scam", version, *(("--advance",) if version == "3" else ()))
        for _ in range(4 if version == "2" else 3):
            step("advance", "scam")
        step("promote", "scam")
    step("record", "scam", "4", *record_words("4"))
    step("propose", "scam", "4", "--advance")
    step("advance", "scam")
    step("retreat", "scam", "--to", "shadow")
    step("withdraw", "scam")
    live = repo.model("scam").spec.live
    assert (live.stable, live.candidate, live.known_good) == ("3", None, ["2", "1"])
    step("retire", "scam", "1")
    repo.git("push", "-q", "origin", "main")

    result = repo.run("rollback", "scam", "--reason", "it answers nonsense")
    assert result.status == 0, result.text
    days()
    repo.merge(repo.pull_requests()[-1]["head"])
    assert repo.run("check", "--base", "HEAD~1").status == 0
    assert repo.model("scam").spec.live.stable == "2"
    assert repo.run("propose", "scam", "3", "--commit").status == 1

    step("record", "scam", "5", *record_words("5"))
    step("propose", "scam", "5")
    step("advance", "scam", "--to", "full", "--fixes", "scam-3")
    assert repo.model("scam").spec.live.fixes == "scam-3"
    step("promote", "scam")
    assert repo.model("scam").spec.live.known_good == ["2"]
    told = repo.git("log", "--first-parent", "--reverse", "--format=%(trailers:key=Rollout-Step,valueonly)").split("\n")
    assert [line for line in told if line] == [
        "bootstrap scam/1", "record scam/2", "propose scam/2", "advance scam/2 shadow", "advance scam/2 canary-5",
        "advance scam/2 ab-50", "advance scam/2 full", "promote scam/2", "record scam/3", "propose scam/3 shadow",
        "advance scam/3 canary-5", "advance scam/3 ab-50", "advance scam/3 full", "promote scam/3", "record scam/4",
        "propose scam/4 shadow", "advance scam/4 canary-5", "retreat scam/4 shadow", "withdraw scam/4", "retire scam/1",
        "record scam/5", "propose scam/5", "advance scam/5 full", "promote scam/5",
    ]  # fmt: skip
