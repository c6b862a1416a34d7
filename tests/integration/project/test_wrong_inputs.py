"""Mistakes of a new user: each answer names the file, the mistake, and the way to correct it.

A case is a section of ``cases/wrong_inputs/*.md``: files as in ``example_files``, laid over a clone of the workspace in
``cases/rules/_base``, and the commands. All answers together are in ``cases/wrong_inputs/answers.txt``, for a person to
read; ``ROLLOUT_SPEC_UPDATE=1`` writes it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import folders
import pytest
from repo import git, run
from transcript_cases import TranscriptCase, transcript_cases
from workspaces import rendered, write

from rollout_spec.core.locks import locked

pytestmark = pytest.mark.system

FOLDER = folders.CASES / "wrong_inputs"
ANSWERS = FOLDER / "answers.txt"
CASES = transcript_cases(sorted(FOLDER.glob("*.md")))
UPDATE = os.environ.get("ROLLOUT_SPEC_UPDATE") == "1"
LEAST = 40
DAY_ONE = "2020-01-01T09:00:00Z"
GITHUB = b"{type: github, repository: acme/models}"


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clone of the workspace, and its remote."""
    folder = tmp_path_factory.mktemp("pushed")
    clone = folder / "models"
    git(folder, "init", "-q", "--bare", "-b", "main", "models.git")
    git(folder, "init", "-q", "-b", "main", "models")
    write(rendered({}), clone)
    edit(clone / ".rollout-spec.yaml", GITHUB, b"{type: local}")
    git(clone, "remote", "add", "origin", "../models.git")
    git(clone, "add", "--all")
    git(clone, "commit", "-q", "-m", "Set up", GIT_AUTHOR_DATE=DAY_ONE, GIT_COMMITTER_DATE=DAY_ONE)
    git(clone, "push", "-q", "-u", "origin", "main")
    return folder


@pytest.fixture
def models(pushed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of its own, which is the current folder."""
    shutil.copytree(pushed, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path / "models")
    monkeypatch.setenv("GIT_AUTHOR_DATE", DAY_ONE)
    monkeypatch.setenv("GIT_COMMITTER_DATE", DAY_ONE)
    monkeypatch.setenv("COLUMNS", "80")
    hide(monkeypatch, "github", "fastapi", "s3fs")
    return tmp_path / "models"


def hide(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Let the packages of some extras be absent, as for a new user."""
    for name in [*modules, *(name for name in sys.modules if name.startswith(tuple(f"{each}." for each in modules)))]:
        monkeypatch.setitem(sys.modules, name, None)


def edit(path: Path, old: bytes, new: bytes) -> None:
    path.write_bytes(path.read_bytes().replace(old, new))


def answer(case: TranscriptCase, folder: Path) -> str:
    """Run the commands of a case, and return what a person sees; the last command has a mistake."""
    for path, content in case.files().items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content.replace(GITHUB, b"{type: local}"))
    lines = case.transcript.splitlines()
    for line in lines[:-1]:
        program, *words = shlex.split(line.removeprefix("$ "))
        if program == "git":
            git(folder, *words)
        else:
            assert run(*words).status == 0, line
    result = run(*shlex.split(lines[-1])[2:])
    assert result.status in (1, 2, 3), result.text
    text = f"{lines[-1]}\n{result.text.rstrip()}\nexit status {result.status}"
    text = re.sub(r"\b[0-9a-f]{40}\b", "<commit>", re.sub(r"\b[0-9a-f]{12}\b", "<id>", text))
    text = re.sub(r"\b[0-9-]{10}T[0-9:]{8}Z", hide_now, text)
    text = re.sub(r"\bgit [0-9]+[0-9.]+", "git <version>", text)
    return text.replace(str(folder.parent), "/home/ada")


def hide_now(match: re.Match[str]) -> str:
    """Return a time as it is, unless the command took it from the clock."""
    age = datetime.now(UTC) - datetime.fromisoformat(match[0])
    return "<now>" if abs(age) < timedelta(minutes=10) else match[0]


def expected() -> dict[str, str]:
    """Return the answers by the titles of their cases."""
    parts = re.split(r"^## (.*)\n\n", ANSWERS.read_text("utf-8"), flags=re.MULTILINE)[1:] if ANSWERS.exists() else []
    return {title: text.rstrip("\n") for title, text in zip(parts[::2], parts[1::2], strict=True)}


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_answered_as_expected(name: str, models: Path) -> None:
    case = CASES[name]
    told = answer(case, models)
    if UPDATE:
        with locked(FOLDER, print):
            answers = {**expected(), case.section.title: told}
            titles = [each.section.title for each in CASES.values()]
            text = "\n".join(f"## {title}\n\n{answers[title]}\n" for title in titles if title in answers)
            ANSWERS.write_text(text, "utf-8")
    assert told == expected()[case.section.title]


def test_there_are_enough_cases_and_no_other_answers() -> None:
    assert len(CASES) >= LEAST
    assert list(expected()) == [case.section.title for case in CASES.values()]
