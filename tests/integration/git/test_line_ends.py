"""A checkout may have CRLF where the commit has LF: git says that these are the same files, and so do we."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from repo import Repo
from workspaces import files_in

from rollout_spec.integrations.git.repository import Git
from rollout_spec.render.drift import find_drift
from rollout_spec.workspace.commit_tree import CommitTree
from rollout_spec.workspace.repository import Repository

pytestmark = pytest.mark.system

FILE = "rollouts/fraud.yaml"
ROUTE = "manifests/fraud/gateway-api.yaml"


def by_attributes(repo: Repo) -> Repo:
    """Clone a repository whose .gitattributes want CRLF."""
    repo.write(".gitattributes", "*.yaml text eol=crlf\n")
    repo.commit("Give lines other ends")
    return repo.clone("turned")


def by_configuration(repo: Repo) -> Repo:
    """Clone a repository as git for Windows does."""
    return repo.clone("turned", "--config", "core.autocrlf=true")


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    return Repo.create(tmp_path_factory.mktemp("origin"))


@pytest.fixture(params=[by_attributes, by_configuration])
def turned(request: pytest.FixtureRequest, origin: Repo, tmp_path: Path) -> Repo:
    turn: Callable[[Repo], Repo] = request.param
    clone = turn(origin.copy(tmp_path))
    assert all(has_crlf(clone, path) for path in (FILE, ROUTE, "components/tokenizer.yaml"))
    clone.git("config", "core.safecrlf", "true")  # what git would turn on the way back is refused
    return clone


def has_crlf(repo: Repo, path: str) -> bool:
    content = (repo.workspace / path).read_bytes()
    return content.count(b"\r\n") == content.count(b"\n") > 0


def test_manifests_that_differ_in_line_ends_are_current(turned: Repo) -> None:
    before = files_in(turned.workspace / "manifests")
    assert turned.run("check").status == 0
    assert turned.run("check", "--base", "HEAD").status == 0
    assert turned.run("render", "--check").status == 0
    rendered = turned.run("render")
    assert (rendered.status, rendered.err) == (0, "the manifests are up to date\n")
    assert files_in(turned.workspace / "manifests") == before
    assert turned.git("status", "--porcelain") == ""


def test_a_manifest_that_says_something_else_is_stale(turned: Repo) -> None:
    there = turned.workspace / ROUTE
    before = there.read_bytes()
    there.write_bytes(before.replace(b"weight: 95", b"weight: 99"))
    line = before[: before.index(b"weight: 95")].count(b"\n") + 1
    found = turned.run("check")
    assert (found.status, f"it differs from line {line} on" in found.out) == (1, True)
    shown = turned.run("render", "--check", "--diff")
    assert shown.status == 1
    changed = [each for each in shown.out.split("\n")[2:] if each[:1] in ("+", "-")]
    assert changed == ["-          weight: 99\r", "+          weight: 95\r"]
    assert turned.run("render").status == 0
    assert there.read_bytes() == before
    assert turned.git("status", "--porcelain") == ""


def test_mixed_line_ends_are_none_that_matter(turned: Repo) -> None:
    there = turned.workspace / ROUTE
    mixed = there.read_bytes().replace(b"\r\n", b"\n", 3)
    there.write_bytes(mixed)
    assert turned.run("render").status == 0
    assert there.read_bytes() == mixed
    there.write_bytes(mixed.replace(b"weight: 95", b"weight: 99"))
    assert turned.run("render").status == 0
    assert there.read_bytes() == mixed.replace(b"\r\n", b"\n")


@pytest.mark.parametrize(
    "words",
    [("advance", "fraud", "--force", "--reason", "tests do not wait"), ("withdraw", "fraud")],
    ids=["advance", "withdraw"],
)
def test_a_step_keeps_the_line_ends(words: tuple[str, ...], turned: Repo) -> None:
    plain = turned.clone("plain", "--no-checkout")
    (plain.folder / ".git/info/attributes").write_text("*.yaml text eol=lf\n", "utf-8")
    plain.git("checkout", "-q")
    assert b"\r" not in (plain.workspace / FILE).read_bytes()
    for repo in (turned, plain):
        done = repo.run(*words, "--commit")
        assert done.status == 0, done.text
        assert repo.git("status", "--porcelain") == ""
    assert turned.git("rev-parse", "HEAD^{tree}") == plain.git("rev-parse", "HEAD^{tree}")
    assert has_crlf(turned, FILE)
    assert has_crlf(turned, ROUTE)
    assert turned.run("check", "--base", "HEAD~1").status == 0


def test_ways_back_are_as_well_proven(turned: Repo) -> None:
    shown = turned.run("drill", "fraud", "--format", "json")
    for path in [*(turned.workspace / "manifests").rglob("*.yaml"), *turned.workspace.glob("*/*.yaml")]:
        path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n"))
    assert shown.out == turned.run("drill", "fraud", "--format", "json").out
    assert '"draft"' not in shown.out


@pytest.mark.parametrize("prefix", ["", "environments/prod"], ids=["at the root", "in a folder"])
def test_in_a_commit_bytes_are_bytes(prefix: str, tmp_path: Path) -> None:
    repo = Repo.create(tmp_path, prefix=prefix)
    there = repo.workspace / ROUTE
    there.write_bytes(there.read_bytes().replace(b"\n", b"\r\n"))
    repo.commit("Give a route other line ends")
    repository = Repository(CommitTree(Git(repo.folder), repo.git("rev-parse", "HEAD"), prefix))
    file = repository.rollout("fraud")
    assert file is not None
    assert [each.path for each in find_drift(file, repository)] == [ROUTE]
    found = repo.run("check")
    assert (found.status, f"{repo.path(ROUTE)}:1:1: error: " in found.out) == (1, True)
    assert repo.run("render", "--check").status == 1
    assert repo.run("render").status == 0
    assert not has_crlf(repo, ROUTE)
