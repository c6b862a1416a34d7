"""Git is asked for what commits hold, and makes commits, without a worktree; nobody's words become its options."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from clones import commit, head, origin
from repo import git

from rollout_spec.core.errors import UserError
from rollout_spec.core.parallel import spread
from rollout_spec.integrations.git.command import GitError, Plumbing
from rollout_spec.integrations.git.repository import Git
from rollout_spec.integrations.git.signing import AUTHOR

pytestmark = pytest.mark.system

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOWHERE = "1" * 40


# What commits hold.


def test_a_commit_is_found_by_any_of_its_names(clone: Path) -> None:
    repo = Git(clone)
    git(clone, "tag", "v1")
    for name in (
        "HEAD",
        "main",
        "origin/main",
        "refs/heads/main",
        "v1",
        head(clone),
        head(clone)[:8],
        "HEAD~0",
        "HEAD^0",
    ):
        assert repo.commit(name) == head(clone)


def test_a_name_that_could_be_more_than_one_is_refused(clone: Path) -> None:
    options = ["", "-", f"--output={clone}/made", "--all", "-h"]
    places = ["main:a.yaml", "main@{1}", "main..HEAD", "^main", ":/First", "main^{/First}", "*", "ma?n"]
    for name in (*options, *places, "a b", "a\nb", "a\0b", "..", "a//b", "x.lock", "é", "x" * 256, "$(x)", "`x`"):
        with pytest.raises(UserError, match="is not a valid name of a commit or branch") as caught:
            Git(clone).commit(name)
        assert caught.value.status == 2
    assert not (clone / "made").exists()


def test_a_name_that_nothing_has_says_so(clone: Path) -> None:
    with pytest.raises(UserError, match="no commit or branch `nowhere` in this clone") as caught:
        Git(clone).commit("nowhere")
    assert caught.value.status == 2


@pytest.mark.parametrize(
    "ask",
    [
        lambda repo, evil: repo.read(evil, "a.yaml"),
        lambda repo, evil: repo.names(evil, ""),
        lambda repo, evil: list(repo.history(evil, "a.yaml")),
        lambda repo, evil: repo.message(evil),
        lambda repo, evil: repo.author(evil),
        lambda repo, evil: repo.diff(evil, NOWHERE),
        lambda repo, evil: repo.diff(NOWHERE, evil),
        lambda repo, evil: repo.commits_between(evil, NOWHERE),
        lambda repo, evil: repo.build(evil, {}, "m", NOON),
        lambda repo, evil: origin(repo).push_new("b", evil),
        lambda repo, evil: origin(repo).fetch_objects([evil]),
        lambda repo, evil: repo.fast_forward(evil),
    ],
)
def test_what_is_no_id_of_a_commit_is_refused(clone: Path, ask: Callable[[Git, str], object]) -> None:
    for evil in ("--output={file}", "-o{file}", "main", "HEAD", "", NOWHERE[:-1], f"{NOWHERE}^{{tree}}", "A" * 40):
        with pytest.raises(UserError, match="is not a valid git name or id here"):
            ask(Git(clone), evil.replace("{file}", str(clone / "made")))
    assert not (clone / "made").exists()


@pytest.mark.parametrize(
    "ask",
    [
        lambda repo, evil: repo.remote(evil),
        lambda repo, evil: origin(repo).branch(evil),
        lambda repo, evil: origin(repo).fetch(evil),
        lambda repo, evil: origin(repo).push_new(evil, NOWHERE),
        lambda repo, evil: origin(repo).push(evil),
        lambda repo, evil: repo.add_remote(evil, "x"),
    ],
)
def test_what_is_no_remote_or_branch_is_refused(clone: Path, ask: Callable[[Git, str], object]) -> None:
    for evil in ("--upload-pack=touch {file}", "-u", "ext::sh -c touch% {file}", "/x", "a b", "", "*", "a..b", "é"):
        with pytest.raises(UserError, match="is not a valid git name or id here"):
            ask(Git(clone), evil.replace("{file}", str(clone / "made")))
    assert not (clone / "made").exists()


def test_a_remote_that_would_run_a_program_runs_none(clone: Path) -> None:
    git(clone, "remote", "set-url", "origin", f"ext::sh -c 'touch {clone}/made'")
    with pytest.raises(GitError, match="transport 'ext' not allowed") as caught:
        origin(clone).head()
    assert caught.value.status == 3
    assert not (clone / "made").exists()


def test_files_and_folders_are_read_at_a_commit(clone: Path) -> None:
    repo, first = Git(clone), head(clone)
    (clone / "a.yaml").write_bytes(b"a: 2\r\n\xff")
    (clone / "deep/er/b.yaml").unlink()
    (clone / "c.yaml").write_text("")
    second = commit(clone, "Second")
    (clone / "a.yaml").write_text("not committed")

    assert repo.read(first, "a.yaml") == b"a: 1\n"
    assert repo.read(second, "a.yaml") == b"a: 2\r\n\xff"
    assert repo.read(second, "c.yaml") == b""
    assert repo.read(first, "deep/er/b.yaml") == b"b: 1\n"
    assert repo.names(first, "") == repo.names(first, ".") == ["a.yaml", "deep"]
    assert repo.names(first, "deep/er") == ["b.yaml"]
    assert repo.names(second, "deep/er") == []
    for path in ("", "nowhere", "deep", "a.yaml/x", "deep/er/b.yaml/", "../clone/a.yaml", "deep/../a.yaml"):
        assert repo.read(second, path) is None
    for path in ("*.yaml", ":(top)a.yaml", ":/a.yaml", "A.yaml", "a.yaml\0"):
        assert repo.read(first, path) is None


def test_links_and_submodules_are_named_and_not_read(clone: Path) -> None:
    (clone / "link.yaml").symlink_to("a.yaml")
    (clone / "out.yaml").symlink_to("/etc/passwd")
    (clone / "folder").symlink_to("deep")
    git(clone, "update-index", "--add", "--cacheinfo", f"160000,{NOWHERE},module")
    (clone / "module").mkdir()
    at = commit(clone, "Links")
    repo = Git(clone)
    assert repo.names(at, "") == ["a.yaml", "deep", "folder", "link.yaml", "module", "out.yaml"]
    for path in ("link.yaml", "out.yaml", "folder/er/b.yaml", "module", "module/x"):
        assert repo.read(at, path) is None
    assert repo.names(at, "folder") == repo.names(at, "module") == []


def test_names_of_any_letters_are_read_and_written(clone: Path) -> None:
    names = ["ünï", "漢 字", 'quo"te', "back\\slash", "new\nline", "-dash", "tab\t", "*", ":(top)x", "🙂"]
    (clone / "odd").mkdir()
    for name in names:
        (clone / "odd" / name).write_text(name)
    repo, at = Git(clone), commit(clone, "Odd")
    assert sorted(repo.names(at, "odd")) == sorted(names)
    assert [repo.read(at, f"odd/{name}") for name in names] == [name.encode() for name in names]

    built = repo.build(at, {f"odd/{name}": b"new" for name in names}, "m", NOON)
    assert [repo.read(built, f"odd/{name}") for name in names] == [b"new"] * len(names)
    assert sorted(repo.names(built, "odd")) == sorted(names)
    assert [found.sha for found in repo.history(at, "odd/*")] == [at], "a path is no pattern"
    assert list(repo.history(at, "odd/?")) == []


def test_a_history_is_that_of_the_first_parents(clone: Path) -> None:
    git(clone, "checkout", "-q", "-b", "side")
    (clone / "a.yaml").write_text("a: 2\n")
    commit(clone, "On the side")
    git(clone, "checkout", "-q", "main")
    (clone / "c.yaml").write_text("c: 1\n")
    commit(clone, "Beside")
    git(clone, "merge", "-q", "--no-ff", "-m", "Merge é\n\nBody", "side")
    repo, at = Git(clone), head(clone)
    found = list(repo.history(at, "a.yaml"))
    assert [each.subject for each in found] == ["Merge é", "First"]
    assert found[0].parent == git(clone, "rev-parse", "HEAD^1")
    assert found[1].parent is None
    assert all(each.date.utcoffset() == timedelta(0) for each in found)
    assert list(repo.history(at, "nowhere")) == []


def test_what_a_commit_says_of_itself(clone: Path) -> None:
    git(clone, "commit", "-q", "--allow-empty", "-m", "Subject é\n\nBody\n\nTrailer: x", "--author", "Ünal <u@x>")
    repo = Git(clone)
    assert repo.message(head(clone)).strip() == "Subject é\n\nBody\n\nTrailer: x"
    assert repo.author(head(clone)) == ("Ünal", "u@x")


def test_where_commits_stand_to_each_other(clone: Path) -> None:
    first = head(clone)
    second = commit(clone, "Second")
    repo = Git(clone)
    assert repo.holds(second, first)
    assert not repo.holds(first, second)
    for nothing in (NOWHERE, "", "main", "--all", "é"):
        assert not repo.holds(second, nothing)
    assert repo.commits_between(first, second) == [second]
    assert repo.commits_between(second, first) == []
    assert repo.merge_base("HEAD~1") == first
    git(clone, "checkout", "-q", "--orphan", "alone")
    git(clone, "commit", "-q", "-m", "Alone")
    assert repo.merge_base("main") is None


def test_a_shallow_clone_knows_that_it_is_one(clone: Path) -> None:
    commit(clone, "Second")
    git(clone.parent, "clone", "-q", "--depth", "1", (clone.parent / "remote.git").as_uri(), "shallow")
    assert Git(clone.parent / "shallow").is_shallow()
    assert not Git(clone).is_shallow()


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir, Path.touch], ids=["nothing", "a folder", "a file"])
def test_what_is_no_repository_is_refused(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "x")
    with pytest.raises(UserError, match="is not a git repository"):
        Git(tmp_path / "x")


# New commits.


def test_the_same_edits_make_the_same_commit_and_move_nothing(clone: Path) -> None:
    repo, parent = Git(clone), head(clone)
    before = (git(clone, "for-each-ref"), (clone / ".git/index").read_bytes(), git(clone, "status", "--porcelain"))
    edits = {"a.yaml": b"a: 2\n", "new/x.yaml": b"x", "deep/er/b.yaml": None}
    built = repo.build(parent, edits, "Subject\n\nBody é\n", NOON)
    assert repo.build(parent, dict(reversed(edits.items())), "Subject\n\nBody é\n", NOON.astimezone()) == built
    assert (
        git(clone, "for-each-ref"),
        (clone / ".git/index").read_bytes(),
        git(clone, "status", "--porcelain"),
    ) == before

    assert git(clone, "ls-tree", "-r", "--name-only", built).split() == ["a.yaml", "new/x.yaml"]
    assert git(clone, "rev-parse", f"{built}^@") == parent
    assert repo.message(built) == "Subject\n\nBody é\n\n"
    assert repo.author(built) == AUTHOR
    assert git(clone, "log", "-1", "--format=%ad %cd", "--date=raw", built) == "1795176000 +0000 1795176000 +0000"
    assert "+a: 2\n" in repo.diff(parent, built)


@pytest.mark.parametrize(
    ("date", "stamp"),
    [
        (datetime(1, 1, 1, tzinfo=UTC), 0),
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1970, 1, 2, tzinfo=UTC), 86400),
        (datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), 946684799),
        (datetime(9999, 12, 31, tzinfo=UTC), 253402214400),
    ],
)
def test_a_commit_bears_any_date(clone: Path, date: datetime, stamp: int) -> None:
    built = Git(clone).build(head(clone), {}, "m", date)
    assert git(clone, "log", "-1", "--format=%ad %cd", "--date=raw", built) == f"{stamp} +0000 {stamp} +0000"


def test_modes_are_kept_and_bytes_are_not_converted(clone: Path) -> None:
    (clone / "run.sh").write_text("#!/bin/sh\n")
    (clone / "run.sh").chmod(0o755)
    (clone / ".gitattributes").write_text("* text=auto eol=crlf ident filter=evil\n")
    (clone / "link").symlink_to("a.yaml")
    git(clone, "update-index", "--add", "--cacheinfo", f"160000,{NOWHERE},module")
    (clone / "module").mkdir()
    parent = commit(clone, "Modes")
    git(clone, "config", "filter.evil.clean", f"touch {clone}/made")
    git(clone, "config", "core.autocrlf", "true")
    repo = Git(clone)
    built = repo.build(parent, {"run.sh": b"#!/bin/sh\r\n$Id$\n", "a.yaml": b"\x00\r\n"}, "m", NOON)
    assert repo.read(built, "run.sh") == b"#!/bin/sh\r\n$Id$\n"
    assert repo.read(built, "a.yaml") == b"\x00\r\n"
    modes = dict(line.split()[::-3] for line in git(clone, "ls-tree", "-r", built).splitlines())
    assert (modes["run.sh"], modes["a.yaml"], modes["link"], modes["module"]) == (
        "100755",
        "100644",
        "120000",
        "160000",
    )
    assert not (clone / "made").exists()


def test_a_commit_with_a_lock_on_the_index_is_made_all_the_same(clone: Path) -> None:
    (clone / ".git/index.lock").touch()
    assert Git(clone).build(head(clone), {"a.yaml": b"2"}, "m", NOON)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="there is no /proc here")
def test_no_process_and_no_open_file_is_left_behind(clone: Path) -> None:
    def mine() -> tuple[int, int]:
        parents = [line for path in Path("/proc").glob("[0-9]*/status") for line in lines_of(path)]
        return parents.count(f"PPid:\t{os.getpid()}"), len(list(Path("/proc/self/fd").iterdir()))

    repo = Git(clone)
    repo.read(repo.commit("HEAD"), "a.yaml")
    gc.collect()  # an earlier test's git ends with its object
    before = mine()
    kept = [Git(clone) for _ in range(20)]
    for each in kept:
        each.read(each.commit("HEAD"), "a.yaml")
    with pytest.raises(UserError):
        repo.commit("nowhere")
    repo.build(head(clone), {"a.yaml": b"2"}, "m", NOON)
    assert mine()[0] == before[0] + len(kept)  # each asks one process for files, and keeps it
    del kept, each
    assert mine() == before


def test_one_process_gives_all_files_and_a_fork_has_its_own(clone: Path) -> None:
    repo = Git(clone)
    commit = repo.commit("HEAD")
    expected = repo.read(commit, "a.yaml")
    with patch.object(Plumbing, "start", side_effect=AssertionError("it is started already")):
        assert [repo.read(commit, "a.yaml") for _ in range(3)] == [expected] * 3
    with patch("rollout_spec.core.parallel.processors", return_value=2):
        assert list(spread(lambda path: repo.read(commit, path), ["a.yaml"] * 50)) == [expected] * 50
    assert repo.read(commit, "a.yaml") == expected


def lines_of(path: Path) -> list[str]:
    """Read what the system says of a process; nothing where that has ended."""
    try:
        return path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
