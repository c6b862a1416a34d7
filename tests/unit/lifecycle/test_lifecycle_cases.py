"""What each step of a rollout writes, says and refuses: a case is a section of ``cases/lifecycle/*.md``.

``transcript_cases`` has the form of a case. All of its workspace was committed on the first day of 2020. The last
command reads ``input.txt``. Behind the answers are patches of the rollouts and incidents that differ from that commit
at the end, and the names of other files that do. ``ROLLOUT_SPEC_UPDATE=1`` writes the transcript anew.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import folders
import pytest
from repo import git, run
from transcript_cases import transcript_cases, update
from workspaces import Files, rendered, write

from rollout_spec.core.diff import patch
from rollout_spec.integrations.git.repository import Git
from rollout_spec.lifecycle import STEPS
from rollout_spec.workflows.check import review
from rollout_spec.workspace.commit_tree import CommitTree
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.working_tree import WorkingTree

CASES = transcript_cases(sorted((folders.CASES / "lifecycle").glob("*.md")))
UPDATE = os.environ.get("ROLLOUT_SPEC_UPDATE") == "1"
INPUT = "input.txt"
DAY_ONE = "2020-01-01T09:00:00Z"


def committed(files: Files, root: Path) -> Path:
    """Make a repository of a case's workspace."""
    git(root.parent, "init", "-q", "--template=", "-b", "main", str(root))
    write(rendered({path: content for path, content in files.items() if path != INPUT}), root)
    git(root, "add", "--all")
    git(root, "-c", "maintenance.auto=false", "commit", "-q", "-m", "Set up")
    return root


@pytest.fixture(autouse=True)
def _day_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_AUTHOR_DATE", DAY_ONE)
    monkeypatch.setenv("GIT_COMMITTER_DATE", DAY_ONE)


def answered(root: Path, commands: list[str]) -> str:
    """Run commands, and return what they answer, without the ids of commits and the names of files in patches."""
    told = ""
    for line in commands:
        result = run("--repo", str(root), *shlex.split(line))
        told += f"$ rollout-spec {line}\n{result.out}{result.err}exit status {result.status}\n\n"
    return re.sub(r"\b[0-9a-f]{40}\b", "<commit>", re.sub(r"\b[0-9a-f]{12}\b", "<id>", told))


def edited_in(root: Path) -> Files:
    paths = sorted([*root.glob("rollouts/*.yaml"), *root.glob("incidents/*.yaml")])
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths if not path.is_symlink()}


def difference(root: Path, before: Files) -> str:
    """Return how rollouts and incidents differ from what they were, and which other files changed."""
    patches = [patch(path, before.get(path), content) for path, content in edited_in(root).items()]
    names = git(root, "status", "--porcelain", "--no-renames", "--untracked-files=all").splitlines()
    changed = [f"changed {name.split()[-1]}\n" for name in names]
    return "".join([*patches, *changed]).replace("\r", "␍")


@pytest.mark.parametrize("name", CASES)
def test_a_case_answers_as_it_did(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[name]
    files = case.files()
    root = committed(files, tmp_path / "models")
    before = edited_in(root)
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(files.get(INPUT, b""))))
    told = answered(root, case.commands) + difference(root, before)
    if UPDATE:
        case = update(case, told)
    assert told == case.transcript
    assert_checks(root)


def assert_checks(root: Path) -> None:
    """What a step leaves passes the check of the whole workspace, unless that failed before it did anything."""
    reader = Git(root)
    base = Repository(CommitTree(reader, reader.commit("HEAD")))
    report = review(Repository(WorkingTree(root)), base=base)
    errors = [each for each in report.findings if each.severity == "error"]
    stood = {(each.name, each.message) for each in review(base).findings} if errors else set()
    assert [each for each in errors if (each.name, each.message) not in stood] == []


@pytest.mark.parametrize("step", ["bootstrap", "record", *STEPS])
def test_a_step_has_cases_that_are_done_and_cases_that_are_refused(step: str) -> None:
    answers = [
        part
        for case in CASES.values()
        for part in case.transcript.split("$ rollout-spec ")
        if part.startswith(f"{step} ")
    ]
    statuses = {int(found[1]) for part in answers if (found := re.search(r"^exit status ([0-9])$", part, re.MULTILINE))}
    assert statuses >= {0, 1, 2}
