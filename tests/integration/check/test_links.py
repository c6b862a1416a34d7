"""A link in a workspace is a finding, and neither a check nor a render, a step, a drill or a rollback follows it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from real_servers import CHECKOUT
from repo import Repo, Result, git, run

from rollout_spec.checks.runner import check
from rollout_spec.cli.report_view import for_program
from rollout_spec.core.links import Links
from rollout_spec.integrations.git.repository import Git
from rollout_spec.spec.kinds import PAUSE_FILE, WORKSPACE_FILE
from rollout_spec.workspace.commit_tree import CommitTree
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay
from rollout_spec.workspace.working_tree import WorkingTree

pytestmark = pytest.mark.system

FRAUD = "rollouts/fraud.yaml"
FOLDERS = ("rollouts", "components", "incidents", "policies", "templates", "contracts", "manifests")
FILES = (FRAUD, "components/user-profile.yaml", "incidents/fraud-42.yaml", "templates/own/a.j2", "manifests/fraud")
UNRELATED = (
    "components/other.yaml",
    "rollouts/other.yaml",
    "templates/other",
    "incidents/other-1.yaml",
    "policies/x.yaml",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    return Repo.create(tmp_path_factory.mktemp("made"), prefix="environments/prod")


@pytest.fixture
def repo(made: Repo, tmp_path: Path) -> Repo:
    """The example in a folder of its git repository, with 42 in canary-5, and a folder outside of that."""
    (tmp_path / "outside").mkdir()
    return made.copy(tmp_path)


def link(repo: Repo, path: str, *, inside: bool = False) -> Path:
    """Move what is at a path of the workspace to another place, link it from there, and return that place."""
    place = repo.workspace / path
    other = (repo.folder / "shared" if inside else repo.folder.parent / "outside") / Path(path).name
    other.parent.mkdir(exist_ok=True)
    if place.exists():
        shutil.move(place, other)
    elif "." in place.name:
        other.write_text("old: true\n", "utf-8")
    else:
        other.mkdir()
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(other)
    return other


def contents(folder: Path) -> dict[str, bytes]:
    files = [folder] if folder.is_file() else [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in files}


def told(repo: Repo, *words: str, folder: Path | None = None) -> list[str]:
    """Check, and return the files that `no-links` points at."""
    done = run("--repo", str(folder or repo.workspace), "check", *words, "--format", "json")
    assert "Traceback" not in done.text
    found = [each for each in json.loads(done.out)["findings"] if each["name"] == "no-links"]
    assert all((each["line"], each["column"], each["severity"]) == (1, 1, "error") for each in found)
    assert done.status == 1 or not found
    return [each["file"] for each in found]


def in_commit(repo: Repo) -> Repository:
    return Repository(CommitTree(Git(repo.folder), repo.git("rev-parse", "HEAD"), repo.prefix))


# What a check finds.


@pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])
@pytest.mark.parametrize("path", [*FOLDERS, *FILES, PAUSE_FILE])
def test_a_link_is_found_on_disk_and_in_a_commit(repo: Repo, path: str, inside: bool) -> None:
    link(repo, path, inside=inside)
    assert told(repo) == [repo.path(path)]
    assert told(repo, "--all") == [repo.path(path)]
    repo.commit("Link it")
    assert told(repo, "--base", "HEAD~1") == [repo.path(path)]
    for tree in (in_commit(repo).tree, Overlay(in_commit(repo).tree, {"README.md": b""})):
        found = [each for each in check(Repository(tree), prefix=repo.prefix).findings if each.name == "no-links"]
        assert [each.file for each in found] == [repo.path(path)]
        assert path in found[0].message


@pytest.mark.parametrize("target", ["nowhere", "fraud.yaml", "link.yaml", "/dev/zero", "/etc/passwd"])
def test_a_link_to_anything_is_found(repo: Repo, target: str) -> None:
    (repo.workspace / "rollouts/link.yaml").symlink_to(target)
    for words in ((), ("rollouts/link.yaml",), ("rollouts",), (".",)):
        assert told(repo, *words) == [repo.path("rollouts/link.yaml")]


def test_a_link_deep_in_a_folder_is_found(repo: Repo) -> None:
    deep = repo.workspace / "templates/own/parts/more"
    deep.mkdir(parents=True)
    (deep / "a.j2").symlink_to("b.j2")
    assert told(repo) == [repo.path("templates/own/parts/more/a.j2")]


@pytest.mark.parametrize("path", ["components/lib", "templates/own", "manifests/fraud"])
def test_a_submodule_is_found_on_disk_and_in_a_commit(repo: Repo, path: str) -> None:
    place = repo.workspace / path
    shutil.rmtree(place, ignore_errors=True)
    git(repo.folder, "clone", "-q", str(repo.remote), str(place))
    assert told(repo) == [repo.path(path)]
    head = repo.git("rev-parse", "HEAD")
    shutil.rmtree(place)
    repo.git("rm", "-rq", "--cached", "--ignore-unmatch", repo.path(path))
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{head},{repo.path(path)}")
    repo.git("commit", "-q", "-m", "Add a submodule")
    found = check(in_commit(repo), prefix=repo.prefix).findings
    assert [each.file for each in found if each.name == "no-links"] == [repo.path(path)]


def test_a_pack_that_is_named_by_its_path_is_no_link(repo: Repo) -> None:
    (repo.workspace / "shared").symlink_to("../../elsewhere")
    repo.edit(WORKSPACE_FILE, "policies: [baseline]", "policies: [baseline, shared/own.yaml]")
    for words in ((), (FRAUD,), (WORKSPACE_FILE,)):
        assert told(repo, *words) == [repo.path("shared")]


def test_a_contract_is_no_link(repo: Repo) -> None:
    text = (repo.workspace / "components/payment-event.yaml").read_text("utf-8")
    repo.write("components/payment-event.yaml", text.rstrip() + "\n  contract: api/{version}.json\n")
    (repo.workspace / "api").symlink_to("nowhere")
    done = repo.run("check")
    assert done.out.count("[no-links]") == 1 and "[contracts-compatible]" not in done.out
    assert told(repo, "components/payment-event.yaml") == [repo.path("api")]


def test_a_link_of_nobody_is_none_of_ours(repo: Repo) -> None:
    (repo.workspace / "README.md").symlink_to("docs/README.md")
    (repo.workspace / "docs").mkdir()
    (repo.workspace / "docs/rollouts").symlink_to("../rollouts")
    done = repo.run("check")
    assert (done.status, done.out) == (0, "")


def test_a_finding_quotes_nothing_of_what_is_behind_a_link(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("password: hunter2\n")
    (repo.workspace / "components/geo.yaml").symlink_to(tmp_path / "secret")
    for words in (("--format", "sarif"), ("--format", "gitlab"), ("--format", "text")):
        assert "hunter2" not in repo.run("check", *words).text
    from rollout_spec.workflows.locate import find_from

    view = for_program([find_from(repo.workspace)])
    assert view.data_of is not None
    assert view.data_of(repo.path("components/geo.yaml")) is None


# Paths.


@pytest.mark.parametrize(
    ("linked", "path"),
    [
        ("rollouts", FRAUD),
        ("rollouts", "rollouts"),
        ("components", "components/user-profile.yaml"),
        (FRAUD, FRAUD),
        ("incidents", FRAUD),
        ("components/user-profile.yaml", FRAUD),
        ("more", "more/fraud.yaml"),
        ("policies", WORKSPACE_FILE),
        ("manifests", "."),
        ("templates/own", "templates"),
        (PAUSE_FILE, PAUSE_FILE),
    ],
)
def test_a_path_that_is_or_needs_a_link_is_found(repo: Repo, linked: str, path: str) -> None:
    other = link(repo, linked)
    if linked == "more":
        shutil.copy(repo.workspace / FRAUD, other)
    assert told(repo, path) == [repo.path(linked)]
    assert told(repo, str(repo.workspace / path)) == [repo.path(linked)]
    if linked != "more":
        assert told(repo, "--skip-outside", path) == [repo.path(linked)]


def test_a_file_that_needs_no_link_passes(repo: Repo) -> None:
    for path in ("components/other.yaml", "rollouts/other.yaml", "templates/other"):
        link(repo, path)
    assert told(repo, FRAUD, "components/user-profile.yaml") == []


def test_a_dangling_path_is_found_and_what_is_not_there_is_a_mistake(repo: Repo) -> None:
    (repo.workspace / "rollouts/gone.yaml").symlink_to("nowhere")
    assert told(repo, "rollouts/gone.yaml") == [repo.path("rollouts/gone.yaml")]
    assert repo.run("check", "rollouts/none.yaml").status == 2


def test_a_link_between_workspaces_is_found_where_it_is(repo: Repo) -> None:
    (repo.workspace / "other").symlink_to(repo.folder.parent / "second")
    shutil.copytree(repo.workspace, repo.folder.parent / "second", symlinks=True)
    assert told(repo, f"other/{FRAUD}") == [repo.path("other")]
    (repo.folder / "prod").symlink_to("environments/prod")
    assert told(repo, f"prod/{FRAUD}", folder=repo.folder) == ["prod"]
    assert told(repo, "prod", folder=repo.folder) == ["prod"]


# The workspace itself.


def reached(repo: Repo, place: str) -> Path:
    """Return the workspace by a path through a link that is above it."""
    at = repo.folder.parent / "link"
    at.symlink_to({"git root": repo.folder, "workspace": repo.workspace, "between": repo.workspace.parent}[place])
    return at / {"git root": repo.prefix, "workspace": "", "between": "prod"}[place]


@pytest.mark.parametrize("place", ["git root", "workspace", "between"])
def test_a_workspace_may_be_reached_through_a_link(repo: Repo, place: str) -> None:
    folder = reached(repo, place)
    repo.edit("components/user-profile.yaml", "type: feature", "type: feat")
    for words in (("--repo", str(folder), "check"), ("--repo", str(folder), "check", "components/user-profile.yaml")):
        done = run(*words)
        assert done.status == 1 and done.out.startswith(repo.path("components/user-profile.yaml:")), done.text
    done = run("--repo", str(repo.remote.parent), "check", str(folder / "components/user-profile.yaml"))
    assert (done.status, "[schema]" in done.out, "no-links" in done.out) == (1, True, False)
    repo.edit("components/user-profile.yaml", "type: feat", "type: feature")
    (repo.workspace / "manifests/fraud/kserve.yaml").unlink()
    assert run("--repo", str(folder), "render").status == 0
    assert run("--repo", str(folder), "check").text.count("error") == 0


@pytest.mark.parametrize("place", ["git root", "workspace", "between"])
def test_a_step_and_a_rollback_work_through_a_link_above(repo: Repo, place: str) -> None:
    folder = reached(repo, place)
    done = run("--repo", str(folder), "advance", "fraud", "--force", "--reason", "a trial", "--commit")
    assert done.status == 0, done.text
    assert repo.git("show", "--name-only", "--format=", "HEAD").splitlines()[-1].startswith(repo.prefix)
    repo.git("push", "-q", "origin", "HEAD")
    done = run("--repo", str(folder), "rollback", "fraud", "--reason", "wrong")
    assert done.status == 0, done.text


@pytest.mark.parametrize("words", [("check",), ("check", FRAUD), ("render",), ("drill",), ("explain",), ("check", ".")])
def test_a_workspace_file_that_is_a_link_is_no_other_workspace(repo: Repo, words: tuple[str, ...]) -> None:
    shutil.copytree(repo.workspace, repo.folder, dirs_exist_ok=True)  # a command might walk up to this one
    link(repo, WORKSPACE_FILE)
    done = repo.run(*words)
    assert (done.status, done.out) == (2, ""), done.text
    assert f"{repo.workspace / WORKSPACE_FILE} is a link" in done.err
    (repo.workspace / WORKSPACE_FILE).unlink()
    (repo.workspace / WORKSPACE_FILE).symlink_to("nowhere")
    assert repo.run(*words).status == 2


def test_all_workspaces_are_not_checked_if_one_is_a_link(repo: Repo) -> None:
    shutil.copytree(repo.workspace, repo.folder / "environments/staging")
    link(repo, WORKSPACE_FILE)
    done = run("--repo", str(repo.folder), "check", "--all")
    assert (done.status, "is a link" in done.err) == (2, True)


def test_a_rollback_says_that_the_workspace_on_the_base_is_a_link(repo: Repo) -> None:
    link(repo, WORKSPACE_FILE)
    repo.commit("Link it")
    (repo.workspace / WORKSPACE_FILE).unlink()
    shutil.copy(repo.folder.parent / "outside" / WORKSPACE_FILE, repo.workspace)
    done = repo.run("rollback", "fraud", "--reason", "wrong")
    assert (done.status, repo.branches()) == (2, [])
    assert f"{repo.path(WORKSPACE_FILE)} is a link" in done.err


# What is written.


@pytest.mark.parametrize("path", [*FOLDERS, *FILES])
@pytest.mark.parametrize(
    "words",
    [
        ("render",),
        ("render", "fraud"),
        ("advance", "fraud", "--force", "--reason", "a trial"),
        ("advance", "fraud", "--force", "--reason", "a trial", "--commit"),
        ("withdraw", "fraud"),
        ("drill", "--record"),
    ],
    ids=" ".join,
)
def test_nothing_is_written_or_removed_through_a_link(repo: Repo, path: str, words: tuple[str, ...]) -> None:
    repo.write("manifests/old/kserve.yaml", "# Rendered by rollout-spec from rollouts/old.yaml: edit that file.\n")
    repo.commit("Leave a manifest")
    other = link(repo, path)
    if other.is_dir():
        (other / "mine.txt").write_text("mine\n")
    repo.commit("Link it")
    before, target = contents(other), (repo.workspace / path).readlink()
    manifests = contents(repo.workspace / "manifests")
    done = repo.run(*words)
    assert "Traceback" not in done.text
    assert contents(other) == before
    assert (repo.workspace / path).is_symlink() and (repo.workspace / path).readlink() == target
    if path in ("rollouts", FRAUD):  # the rollouts are not seen, and are not gone
        assert done.status in (1, 2)
        assert contents(repo.workspace / "manifests") == manifests


@pytest.mark.parametrize("path", ["manifests", "manifests/fraud", "manifests/fraud/kserve.yaml"])
@pytest.mark.parametrize("words", [("render",), ("advance", "fraud", "--force", "--reason", "a trial")], ids=" ".join)
def test_what_would_be_written_is_refused_before_anything_is_written(
    repo: Repo, path: str, words: tuple[str, ...]
) -> None:
    link(repo, path)
    repo.edit(FRAUD, "requestsPerSecond: 120", "requestsPerSecond: 150")
    before = contents(repo.workspace)
    done = repo.run(*words)
    assert done.status in (1, 2)
    assert f"{path} is a link" in done.text
    assert contents(repo.workspace) == before


def test_a_first_rollout_is_not_written_through_a_link(repo: Repo, tmp_path: Path) -> None:
    (repo.workspace / "rollouts/new.yaml").symlink_to(tmp_path / "outside/new.yaml")
    done = repo.run("bootstrap", "new", "--version", "1", "--like", "fraud", "--artifact", "s3://m/1/")
    assert done.status in (1, 2), done.text
    assert not (tmp_path / "outside/new.yaml").exists()


@pytest.mark.parametrize("path", ["rollouts", "manifests", "components/user-profile.yaml", "schemas"])
def test_a_scaffold_is_not_written_through_a_link(tmp_path: Path, path: str) -> None:
    (tmp_path / "outside").mkdir()
    place = tmp_path / "new" / path
    place.parent.mkdir(parents=True)
    place.symlink_to(tmp_path / "outside" / ("x.yaml" if "." in path else ""))
    done = run("--repo", str(tmp_path), "init", "new")
    assert (done.status, f"{place} is a link" in done.err) == (2, True)
    assert contents(tmp_path / "outside") == {}
    assert contents(tmp_path / "new") == {}


def test_a_scaffold_may_be_reached_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "new").symlink_to("real")
    assert run("--repo", str(tmp_path), "init", "new").status == 0
    assert (tmp_path / "real" / FRAUD).is_file()


@pytest.mark.parametrize("folder", ["manifests/out", "out", "out/more"])
def test_an_emergency_is_not_written_through_a_link(repo: Repo, tmp_path: Path, folder: str) -> None:
    if folder.startswith("out"):
        (repo.workspace / "out").symlink_to(tmp_path / "outside")
    else:
        link(repo, "manifests")
    before = contents(tmp_path / "outside")
    done = repo.run("rollback", "fraud", "--reason", "wrong", "--emit", folder)
    assert (done.status, "is a link" in done.err) == (2, True), done.text
    assert contents(tmp_path / "outside") == before
    assert repo.run("rollback", "fraud", "--reason", "wrong", "--emit", str(tmp_path / "by-hand")).status == 0


# What is rolled back.


@pytest.mark.parametrize("path", UNRELATED)
@pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])
def test_a_link_that_a_rollback_does_not_need_stops_none(repo: Repo, path: str, inside: bool) -> None:
    link(repo, path, inside=inside)
    repo.commit("Link it")
    done = repo.breach()
    assert done.status == 0, done.text
    (branch,) = repo.branches()
    changed = repo.git("diff", "--name-only", f"origin/main...{fetched(repo, branch)}").splitlines()
    assert repo.path("incidents/fraud-42.yaml") in changed and repo.path(path) not in changed
    assert "candidate" not in repo.live_at(branch)
    assert repo.run("drill", "fraud").status == 0


def fetched(repo: Repo, branch: str) -> str:
    repo.git("fetch", "-q", "origin")
    return f"origin/{repo.whole(branch)}"


@pytest.mark.parametrize("path", ["contracts", "policies", "templates", "components"])
def test_a_folder_that_a_rollback_does_not_need_stops_none(repo: Repo, path: str) -> None:
    link(repo, path)
    repo.commit("Link it")
    assert repo.breach().status == 0
    assert len(repo.branches()) == 1


@pytest.mark.parametrize("path", ["rollouts", FRAUD, "incidents", "manifests", "manifests/fraud", "templates/kserve"])
@pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])
def test_a_link_that_a_rollback_needs_is_refused(repo: Repo, path: str, inside: bool) -> None:
    """A commit would put a folder in the place of the link: all that is behind it would be gone with it."""
    link(repo, path, inside=inside)
    repo.commit("Link it")
    done = repo.run("rollback", "fraud", "--reason", "wrong")
    assert done.status in (1, 2), done.text
    assert "Traceback" not in done.text
    assert (repo.branches(), repo.pull_requests()) == ([], [])
    if path not in ("rollouts", FRAUD):
        assert f"{path} is a link" in done.text
    steps = repo.run("advance", "fraud", "--force", "--reason", "a trial", "--pull-request")
    assert (steps.status in (1, 2), repo.branches()) == (True, [])


def test_a_manifest_that_is_a_link_is_replaced_by_a_rollback(repo: Repo) -> None:
    other = link(repo, "manifests/fraud/gateway-api.yaml", inside=True)
    before = other.read_bytes()
    repo.commit("Link it")
    assert repo.breach().status == 0
    (branch,) = repo.branches()
    lines = repo.git("ls-tree", "-r", fetched(repo, branch)).splitlines()
    assert next(line for line in lines if line.endswith(repo.path("manifests/fraud/gateway-api.yaml")))[:6] == "100644"
    assert repo.git("show", f"origin/{repo.whole(branch)}:shared/gateway-api.yaml").encode() == before.rstrip(b"\n")


def test_a_target_of_ones_own_is_not_replaced_by_a_shipped_one(repo: Repo) -> None:
    """Behind the link may be any template: what is rendered without it is not what is applied."""
    link(repo, "templates/gateway-api", inside=True)
    repo.commit("Link it")
    done = repo.run("rollback", "fraud", "--reason", "wrong")
    assert done.status != 0
    assert "templates/gateway-api is a link" in done.text
    assert repo.branches() == []


# Pauses.


@pytest.mark.parametrize("at_root", [False, True], ids=["in the workspace", "at the git root"])
@pytest.mark.parametrize("target", ["pauses/today", "nowhere"])
def test_a_pause_that_is_a_link_pauses(repo: Repo, at_root: bool, target: str) -> None:
    folder = repo.folder if at_root else repo.workspace
    (folder / "pauses").mkdir()
    (folder / "pauses/today").write_text("reason: a move\nexpires: 2999-12-31\n")
    (folder / PAUSE_FILE).symlink_to(target)
    path = PAUSE_FILE if at_root else repo.path(PAUSE_FILE)
    assert told(repo) == [path]
    assert told(repo, "--all", folder=repo.folder) == [path]
    assert told(repo, str(folder / PAUSE_FILE)) == [path]
    repo.commit("Pause")
    found = check(in_commit(repo), prefix=repo.prefix).findings
    assert [(each.file, each.name) for each in found] == [(path, "no-links")]
    done = repo.breach()
    assert repo.branches() == [], done.text
    assert f"verdict: notify: {path} pauses the automation: it is a link" in done.text
    assert "it is a link" in repo.run("doctor").out


# Trees.


def test_the_disk_and_a_commit_read_the_same(repo: Repo) -> None:
    for path in ("rollouts", "components/user-profile.yaml", "templates/own", "incidents"):
        link(repo, path, inside=True)
    repo.commit("Link it")
    for tree in (WorkingTree(repo.workspace, repo.folder), in_commit(repo).tree):
        assert tree.read(FRAUD) is tree.read("components/user-profile.yaml") is None
        assert tree.read("components/tokenizer.yaml") is not None
        assert tree.names("rollouts") == tree.names("templates/own") == tree.names("rollouts/deeper") == []
        assert "user-profile.yaml" in tree.names("components")
        assert tree.link(FRAUD) == tree.link("rollouts") == "rollouts"
        assert tree.link("components/tokenizer.yaml") is tree.link("nowhere/x") is tree.link("") is None
        assert tree.links("components") == ["components/user-profile.yaml"]
        assert tree.links("rollouts") == ["rollouts"]
        assert tree.links("nowhere") == []
        assert tree.links("templates") == ["templates/own"]


def test_an_edit_is_laid_over_a_link(repo: Repo) -> None:
    link(repo, "components/user-profile.yaml")
    tree = Overlay(WorkingTree(repo.workspace), {"components/user-profile.yaml": b"x"})
    assert (tree.link("components/user-profile.yaml"), tree.links("components")) == (None, [])


def test_a_folder_of_a_commit_that_lies_behind_a_link_is_said(repo: Repo) -> None:
    """As when a folder between the git root and the workspace became a link."""
    shutil.move(repo.folder / "environments", repo.folder / "real")
    (repo.folder / "environments").symlink_to("real")
    repo.commit("Link it")
    assert in_commit(repo).link(WORKSPACE_FILE) == ".."
    found = check(in_commit(repo), prefix=repo.prefix).findings
    assert {each.file for each in found if each.name == "no-links"} == {"environments"}


def test_names_of_any_letters_are_no_links(tmp_path: Path) -> None:
    links = Links(tmp_path)
    for path in ("", "a\0b", "\udcff", "a" * 300, "/".join(["a"] * 3000)):
        assert links.of_file(path) is links.of_folder(path) is None
        assert WorkingTree(tmp_path).link(path) is None
        assert links.below(path) == [] or not path


def test_a_file_is_not_asked_where_it_leads(tmp_path: Path) -> None:
    """The program, as a hook starts it."""
    (tmp_path / "acme").mkdir()
    assert run("--repo", str(tmp_path), "init", "acme").status == 0
    place = tmp_path / "acme" / FRAUD
    shutil.move(place, tmp_path / "fraud.yaml")
    place.symlink_to(tmp_path / "fraud.yaml")
    command = [sys.executable, "-m", "rollout_spec", "check", FRAUD]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, cwd=tmp_path / "acme", env=environment, capture_output=True, text=True, check=False)
    answer = Result(done.returncode, done.stdout, done.stderr)
    assert (answer.status, answer.out.startswith(f"{FRAUD}:1:1: error: {FRAUD} is a link")) == (1, True), answer.text
