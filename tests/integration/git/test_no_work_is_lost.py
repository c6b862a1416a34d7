"""Commands at once, commands that are killed, and people who edit meanwhile: real processes over real git."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from real_commands import FILE, MINE, contents, do, finished, made, record, repo, start, status
from repo import Repo, git

pytestmark = pytest.mark.system

__all__ = ["made", "repo"]

KILLS = int(os.environ.get("ROLLOUT_SPEC_KILLS", "6"))
"""How often a command is killed; thousands by hand."""
SEED = int(os.environ.get("ROLLOUT_SPEC_SEED", "7"))


# Many at once.


def test_of_many_writers_none_is_lost(repo: Repo) -> None:
    versions = [f"50.{number}" for number in range(17)]
    others = [["render"], ["render"], ["render"], ["withdraw", "fraud", "--commit"], ["render", "fraud"]]
    others += [["propose", "fraud", "40", "--commit"], ["advance", "fraud", "--commit"]]
    commands = [record(version, "--commit") for version in versions] + others
    random.Random(SEED).shuffle(commands)
    processes = [(words, start(repo.folder, words)) for words in commands]
    told = [(words, *finished(process)) for words, process in processes]
    history = repo.git("rev-list", "HEAD").split()
    for words, code, out, err in told:
        said = re.findall(r"^commit ([0-9a-f]{40})$", out, re.MULTILINE)
        assert len(said) == (code == 0 and "--commit" in words), (words, code, out, err)
        assert set(said) <= set(history)
        waited = code == 3 and "was locked by other rollout-spec commands for 60 seconds" in err  # a slow machine
        assert code == 0 or waited or (code == 1 and words[0] != "record"), (words, code, err)
    versions = [words[2] for words, code, _, _ in told if words[0] == "record" and code == 0]
    assert versions
    assert set(versions) <= set(repo.data_at(history[0], FILE)["spec"]["versions"])
    assert status(repo) == MINE
    assert set(versions) <= set(repo.model().spec.versions)
    assert not (repo.folder / ".git/rollout-spec").exists()
    assert do(repo.folder, "render", "--check")[0] == 0


def test_of_many_writers_outside_git_none_is_lost(made: Repo, tmp_path: Path) -> None:
    assert do(tmp_path, "init", "models")[0] == 0
    place = tmp_path / "models"
    before = {path.name for path in place.iterdir()}
    versions = [f"50.{number}" for number in range(8)]
    commands = [*map(record, versions), ["drill", "--record"], ["render"]]
    told = [finished(process) for process in [start(place, words) for words in commands]]
    assert [(code, err) for code, _, err in told if code != 0] == []
    assert set(versions) <= set(Repo(place, place).model().spec.versions)
    assert {path.name for path in place.iterdir()} == before


# Killed at any moment.


@dataclass(frozen=True)
class Killed:
    """A command that is killed, in a folder; ``more`` runs before it."""

    words: list[str]
    more: Callable[[Repo], object] = lambda repo: None
    folder: str = "clone"


def stale_manifests(repo: Repo) -> None:
    for path in (repo.workspace / "manifests").rglob("*.yaml"):
        path.write_text("# old\n")
    repo.write("manifests/gone/kserve.yaml", "# old\n")


def warm_mirror(repo: Repo) -> None:
    assert do(repo.folder, "mirror", "../models.git")[0] == 0
    repo.git("commit", "-q", "--allow-empty", "--only", "-m", "Move on")
    repo.git("push", "-q", "origin", "HEAD")


BREACH = ["rollback", "fraud", "--reason", "errors", "--at", "2026-11-20T09:05:00Z"]
COMMANDS = {
    "record, committed": Killed(record("43", "--commit")),
    "render": Killed(["render"], stale_manifests),
    "withdraw": Killed(["withdraw", "fraud"]),
    "warm mirror": Killed(["mirror"], warm_mirror, "models.git"),
    "rollback": Killed(BREACH),
    "withdraw, committed": Killed(["withdraw", "fraud", "--commit"]),
    "mirror": Killed(["mirror", "../models.git"]),
    "record, proposed": Killed(record("43", "--pull-request")),
    "drill": Killed(["drill", "--record"]),
}


def state(repo: Repo) -> dict[str, object]:
    """Return what a command leaves: files, index, trees of all branches, pull requests, what lies beside."""
    trees = "--format=%(refname) %(tree)"
    mirror = repo.remote.parent / "models.git"
    return {
        "files": contents(repo),
        "status": status(repo),
        "refs": repo.git("for-each-ref", trees, "refs/heads"),
        "remote": git(repo.remote, "for-each-ref", trees),
        "pulls": [(pull["head"], pull["state"]) for pull in repo.pull_requests()],
        "beside": sorted(path.name for path in repo.remote.parent.iterdir()),
        "mirror": git(mirror, "for-each-ref", trees) if mirror.exists() else "",
        "unfinished": [str(path) for path in repo.folder.rglob("*") if path.suffix in (".lock", ".part")],
        "journal": (repo.folder / ".git/rollout-spec").exists(),
    }


Twin = tuple[Repo, dict[str, object], float]


@pytest.fixture(scope="session")
def twin(made: Repo, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Twin]:
    """A command as it is if nobody kills it: where it starts, what it leaves, and how long it takes."""

    @cache
    def found(name: str) -> Twin:
        command, before = COMMANDS[name], made.copy(tmp_path_factory.mktemp("before"))
        command.more(before)
        after = _copied(before, tmp_path_factory.mktemp("after"))
        begun = time.monotonic()
        code, out, err = do(after.remote.parent / command.folder, *command.words)
        assert code == 0, (name, out, err)
        return before, state(after), time.monotonic() - begun

    return found


def _copied(repo: Repo, place: Path) -> Repo:
    """Copy a repository with what lies beside it."""
    mirror = repo.remote.parent / "models.git"
    copied = repo.copy(place)
    if mirror.exists():
        subprocess.run(["cp", "-r", str(mirror), str(place)], check=True)
        git(place / "models.git", "remote", "set-url", "origin", str(copied.remote))
    return copied


def kill(process: subprocess.Popen[str], draw: random.Random, took: float) -> str:
    """End a command at some moment, rather late, by some signal, alone or with all that it started."""
    number = draw.choice([signal.SIGKILL] * 6 + [signal.SIGTERM, signal.SIGINT])
    time.sleep(draw.uniform(*draw.choice([(0.1, 1.1), (0.7, 1.0)])) * took)
    alone = draw.random() < 0.5
    if process.poll() is None:
        (os.kill if alone else os.killpg)(process.pid, number)
    process.communicate(timeout=120)
    return f"{number.name} {'alone' if alone else 'with its group'}, status {process.returncode}"


@pytest.mark.parametrize("number", range(KILLS))
def test_what_is_killed_is_finished_by_the_next_run(number: int, twin: Callable[[str], Twin], tmp_path: Path) -> None:
    name, draw = list(COMMANDS)[number % len(COMMANDS)], random.Random(1000 * SEED + number)
    before, wanted, took = twin(name)
    command, repo = COMMANDS[name], _copied(before, tmp_path)
    known, expected = contents(repo), wanted["files"]
    assert isinstance(expected, dict)
    how = kill(start(repo.remote.parent / command.folder, command.words), draw, took)
    for path, content in contents(repo).items():
        assert content in (known.get(path), expected.get(path)), (name, how, path)
    code, out, err = do(repo.remote.parent / command.folder, *command.words)
    if code and name in ("record, proposed", "rollback"):
        code, out, err = do(repo.remote.parent / command.folder, *command.words)
    done = ("is recorded already", "there is no candidate", "nothing is proposed")
    assert code == 0 or any(words in err for words in done), (name, how, code, out, err)
    after = state(repo)
    assert {key: (after[key], wanted[key]) for key in wanted if after[key] != wanted[key]} == {}, (name, how, err)
