"""Commands in processes of their own, and a repository in which somebody works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from repo import Repo

FILE = "rollouts/fraud.yaml"


LONG_AGO = "2020-01-01T09:00:00+00:00"

_TIME = re.compile(rb"drilled: \S+")


def record(version: str, *options: str) -> list[str]:
    """Return the words that record a version like 42."""
    words = ["record", "fraud", version, "--artifact", f"s3://models/fraud/{version}/", "--format", "sklearn"]
    words += ["--model", f"models:/fraud/{version}", "--run-id", "r1", "--dataset-digest", "sha256:" + "4" * 64]
    words += ["--digest", "sha256:" + format(abs(hash(version)) % 16**12, "064x"), "--metric", "auc=0.92"]
    for pin in ("user-profile=12", "payment-event=3.1", "tokenizer=1.4.2"):
        words += ["--requires", pin]
    return [*words, *options]


def start(place: Path, words: Sequence[str], **environment: str) -> subprocess.Popen[str]:
    """Start a command in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "rollout_spec", "--repo", str(place), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        start_new_session=True,
    )


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Return the status of a command and what it wrote; a traceback is no answer."""
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in err, err
    return process.returncode, out, err


def do(place: Path, *words: str, **environment: str) -> tuple[int, str, str]:
    """Run a command to its end."""
    return finished(start(place, words, **environment))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """The example, committed long ago, with edits of somebody: staged, not staged, and of a new file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_AUTHOR_DATE", LONG_AGO)
        patch.setenv("GIT_COMMITTER_DATE", LONG_AGO)
        repo = Repo.create(tmp_path_factory.mktemp("made"))
        repo.write("notes.md", "first\n")
        repo.write("more.md", "first\n")
        repo.commit("Take notes")
    repo.write("notes.md", "staged\n")
    repo.git("add", "notes.md")
    repo.write("more.md", "mine\n")
    repo.write("new.md", "new\n")
    return repo


@pytest.fixture
def repo(made: Repo, tmp_path: Path) -> Repo:
    return made.copy(tmp_path)


MINE = " M more.md\nM  notes.md\n?? new.md"


def status(repo: Repo) -> str:
    return subprocess.run(
        ["git", "status", "--porcelain"], cwd=repo.folder, capture_output=True, text=True, check=True
    ).stdout.rstrip("\n")


def contents(repo: Repo) -> dict[str, bytes]:
    """Return the files of the working tree; when a drill was is not compared."""
    found = (path for path in repo.folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {str(path.relative_to(repo.folder)): _TIME.sub(b"drilled: ", path.read_bytes()) for path in found}
