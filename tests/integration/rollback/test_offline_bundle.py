"""When git is down the restored manifests are written from any clone, and the later rollback finds the same."""

from __future__ import annotations

import re
import shlex
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from repo import STAGES, Repo, run

from rollout_spec.domain import transitions

pytestmark = pytest.mark.system

BRANCH = "rollback/acme-models/fraud/42"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    return with_rule_files(Repo.create(tmp_path_factory.mktemp("made")))


def with_rule_files(repo: Repo) -> Repo:
    """Render the alerts to a file for Prometheus, which is no Kubernetes object."""
    repo.edit("rollouts/fraud.yaml", "{type: prometheus-operator}", "{type: prometheus}")
    repo.render()
    repo.commit("Read rules from files")
    return repo


def emitted(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def manifests_at(repo: Repo, commit: str) -> dict[str, bytes]:
    """Return the rendered files that are applied by hand. The kustomization lists them for others."""
    folders = [f"{repo.path(folder)}/" for folder in ("manifests/fraud", "alerts")]
    names = repo.git("ls-tree", "--name-only", commit, *folders).split()
    start = repo.path("")
    files = {name.removeprefix(start): repo.git("show", f"{commit}:{name}").encode() + b"\n" for name in names}
    assert files.pop("manifests/fraud/kustomization.yaml")
    return files


def commands(folder: Path) -> list[list[str]]:
    """Return the commands of ours that the README says."""
    lines = re.findall(r"^rollout-spec (.*)$", (folder / "README.md").read_text("utf-8"), re.MULTILINE)
    return [shlex.split(line) for line in lines]


@pytest.mark.parametrize("state", ["as it is", "no remote", "remote gone", "shallow", "blobless", "detached", "no git"])
def test_any_clone_writes_the_restored_manifests(repo: Repo, tmp_path: Path, state: str) -> None:
    expected = repo.run("rollback", "fraud", "--reason", "r", "--dry-run").out.split()[1]
    wanted = manifests_at(repo, expected)
    if state in ("shallow", "blobless"):
        repo.git("config", "--file", str(repo.remote / "config"), "uploadpack.allowFilter", "true")
        repo = repo.clone("other", *(("--depth", "1") if state == "shallow" else ("--filter=blob:none",)))
    if state == "no remote":
        repo.git("remote", "remove", "origin")
    if state == "detached":
        repo.git("checkout", "-q", "--detach")
        repo.git("branch", "-q", "-D", "main")
        repo.git("update-ref", "-d", "refs/remotes/origin/main")
    if state == "no git":
        shutil.rmtree(repo.folder / ".git")
    if state != "as it is":
        repo.remote.rename(repo.remote.parent / "gone.git")

    answer = repo.run("rollback", "fraud", "--reason", "git is down", "--emit", str(tmp_path / "out"))
    assert answer.status == 0, answer.text
    assert answer.out == f"fraud 42 -> 41: {tmp_path}/out\n"
    found = emitted(tmp_path / "out")
    assert "the files on this disk" in answer.err if state == "no git" else "in this clone: " in answer.err
    assert {path for path in found if path not in wanted} == {"README.md"}
    assert {path: found[path] for path in wanted} == wanted


def test_nothing_is_pushed_and_the_clone_stays_as_it_is(repo: Repo, tmp_path: Path) -> None:
    before = repo.snapshot()
    assert repo.run("rollback", "--breach", repo.payload(repo.alert()), "--emit", str(tmp_path / "out")).status == 0
    assert repo.snapshot() == before


def test_a_stale_clone_on_another_branch_goes_by_the_base_and_says_how_old_it_is(repo: Repo, tmp_path: Path) -> None:
    stale = repo.clone("stale")
    base = stale.git("rev-parse", "HEAD")
    repo.take(transitions.withdraw, "Withdraw fraud 42")
    stale.git("checkout", "-q", "-b", "mine")
    stale.edit("rollouts/fraud.yaml", "stage: canary-5  ", "stage: full  ")
    stale.commit("Not merged", push=False)
    answer = stale.run("rollback", "fraud", "--reason", "r", "--emit", str(tmp_path / "out"))
    assert answer.status == 0
    told = f"refs/remotes/origin/HEAD in this clone: {base[:12]} of 2026-11-20T09:02:00Z"
    assert told in answer.err
    text = (tmp_path / "out/README.md").read_text("utf-8")
    assert told in text
    assert "Now: 95% to 41, 5% to 42. After this: 100% to 41." in text


def test_the_later_rollback_records_what_was_done(repo: Repo, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert repo.run("rollback", "fraud", "--reason", "it's `odd`; $(rm)", "--emit", str(out)).status == 0
    repo.clock[0] += timedelta(hours=3)
    (command,) = commands(out)
    assert repo.run(*command).status == 0
    found = emitted(out)
    del found["README.md"]
    repo.git("fetch", "-q", "origin", repo.whole(BRANCH))
    assert manifests_at(repo, "FETCH_HEAD") == found
    spec = repo.data_at(repo.tip(BRANCH), "incidents/fraud-42.yaml")["spec"]
    assert (spec["source"], spec["observedAt"]) == ("manual", "2026-11-20T09:04:00Z")
    assert spec["evidence"] == {"summary": "it's `odd`; $(rm)"}

    other = repo.clone("other")
    assert other.run(*command).out.startswith("adopted pull request 1: ")
    assert "comments" not in repo.pull_requests()[0], "told twice it is the same breach"


def test_the_steps_name_what_is_applied_and_what_is_not(repo: Repo, tmp_path: Path) -> None:
    assert repo.run("rollback", "fraud", "--reason", "r", "--emit", str(tmp_path / "out")).status == 0
    text = (tmp_path / "out/README.md").read_text("utf-8")
    steps = [
        "argocd app set APP --sync-policy none",
        "flux suspend kustomization NAME",
        "kubectl diff -f manifests/fraud/kserve.yaml -f manifests/fraud/gateway-api.yaml",
        "kubectl apply -f manifests/fraud/kserve.yaml ",
        "kubectl apply -f manifests/fraud/gateway-api.yaml",
        "`alerts/fraud.yaml` is not a Kubernetes object",
        "rollout-spec rollback fraud --version 42 --at 2026-11-20T09:04:00Z --reason r",
        "argocd app set APP --sync-policy automated",
        "flux resume kustomization NAME",
    ]
    assert [text.index(step) for step in steps] == sorted(text.index(step) for step in steps)


def test_a_workspace_in_a_folder_of_a_larger_repository(tmp_path: Path) -> None:
    repo = with_rule_files(Repo.create(tmp_path, prefix="environments/prod"))
    assert repo.run("rollback", "fraud", "--reason", "r", "--emit", "out").status == 0
    assert sorted(emitted(repo.workspace / "out")) == [
        "README.md",
        "alerts/fraud.yaml",
        *(f"manifests/fraud/{name}.yaml" for name in ("gateway-api", "kserve")),
    ]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_there_is_not_written_over(repo: Repo, tmp_path: Path, kind: str) -> None:
    place = tmp_path / "out"
    if kind == "folder":
        place.mkdir()
    (place / "notes" if kind == "folder" else place).write_text("mine")
    answer = repo.run("rollback", "fraud", "--reason", "r", "--emit", str(place))
    assert (answer.status, f"{place} already exists and is not empty" in answer.err) == (2, True)
    assert (place / "notes" if kind == "folder" else place).read_text() == "mine"


def test_an_empty_folder_is_taken(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert repo.run("rollback", "fraud", "--reason", "r", "--emit", str(tmp_path / "out")).status == 0


def test_what_changes_nothing_or_has_no_way_back_writes_nothing(repo: Repo, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    idle = repo.run("rollback", "fraud", "--version", "40", "--reason", "r", "--emit", out)
    assert (idle.status, "fraud 40 receives neither requests nor mirrored ones" in idle.err) == (0, True)
    repo.edit("rollouts/fraud.yaml", 'knownGood: ["40"]', "knownGood: []")
    repo.render()
    repo.commit("Forget 40")
    stuck = repo.run("rollback", "fraud", "--version", "41", "--reason", "r", "--emit", out)
    assert (stuck.status, "has no rollback target" in stuck.err) == (1, True)
    repo.take(lambda live: live.model_copy(update={"stage": "full"}), "Advance fraud 42 to full")
    repo.edit("components/user-profile.yaml", '["11", "12"]', '["12"]')
    repo.commit("Take away what 41 needs")
    broken = repo.run("rollback", "fraud", "--reason", "r", "--emit", out)
    assert (broken.status, "41 receives traffic but needs user-profile 11" in broken.err) == (1, True)
    assert not Path(out).exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("fraud", "--reason", "r", "--at", "yesterday"), "--at: a time is RFC 3339 with a zone"),
        (
            ("--breach", "x.json", "--at", "2026-11-20T10:15:00Z"),
            "--at and --auto-merge need ROLLOUT",
        ),
        (("nowhere", "--reason", "r", "--emit", "x"), "there is no rollout `nowhere` here"),
    ],
)
def test_what_makes_no_sense_is_refused(repo: Repo, words: tuple[str, ...], told: str) -> None:
    answer = repo.run("rollback", *words)
    assert (answer.status, told in answer.err) == (2, True), answer.text


def test_it_is_written_or_shown(repo: Repo) -> None:
    answer = repo.run("rollback", "fraud", "--reason", "r", "--emit", "x", "--dry-run")
    assert (answer.status, "not allowed with" in answer.err) == (2, True), answer.text


def test_two_versions_of_one_rollout_are_not_written_at_once(repo: Repo) -> None:
    both = repo.payload(repo.alert("42"), repo.alert("41"))
    answer = repo.run("rollback", "--breach", both, "--emit", "out")
    assert (answer.status, "two versions of fraud failed" in answer.err) == (2, True)


def test_several_rollouts_are_written_side_by_side(repo: Repo, tmp_path: Path) -> None:
    text = repo.at("HEAD", "rollouts/fraud.yaml").replace("name: fraud", "name: churn")
    repo.write("rollouts/churn.yaml", text.replace("host: fraud.", "host: churn."))
    repo.render()
    repo.commit("Serve churn")
    repo.take(lambda live: transitions.advance(live, STAGES), "Advance fraud 42")
    alerts = [repo.alert("42"), repo.alert("42", rollout="churn"), repo.alert("42", workspace="elsewhere")]
    answer = repo.run("rollback", "--breach", repo.payload(*alerts), "--emit", str(tmp_path / "out"))
    assert answer.status == 1, "nobody answers the breach of elsewhere"
    assert "fraud 42: this breach is of the workspace elsewhere" in answer.err
    folders = sorted(path.name for path in (tmp_path / "out/manifests").iterdir())
    assert folders == ["churn", "fraud"]
    assert [command[1] for command in commands(tmp_path / "out")] == ["fraud", "churn"]


def test_the_command_works_without_a_forge_and_without_git(made: Repo, tmp_path: Path) -> None:
    place = tmp_path / "copy"
    shutil.copytree(made.workspace, place, ignore=shutil.ignore_patterns(".git"))
    answer = run("--repo", str(place), "rollback", "fraud", "--reason", "r", "--emit", "out")
    assert answer.status == 0, answer.text
    assert (place / "out/README.md").is_file()
