"""docs/status.md shows real runs of status and history, and every field of their JSON."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from unittest import mock

import folders
import pytest
from page_runs import BLOCK, keys
from repo import Repo

pytestmark = pytest.mark.system

PAGE = folders.CHECKOUT / "docs/status.md"
ADVANCE = "Advance fraud 42 to ab-50\n\nRollout-Step: advance fraud/42 ab-50\n"


@pytest.fixture(scope="module")
def told(made: Repo, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Return the repository of the page: a merged advance, a merged rollback, and a new candidate in shadow."""
    repo = made.copy(tmp_path_factory.mktemp("page"))
    repo.clock[0] += timedelta(hours=3)
    repo.git("checkout", "-q", "-b", "topic")
    repo.take(lambda live: live.model_copy(update={"stage": "ab-50"}), ADVANCE, push=False)
    repo.git("checkout", "-q", "main")
    repo.git("fetch", "-q")
    repo.clock[0] += timedelta(minutes=20)
    date = {"GIT_COMMITTER_DATE": repo.clock[0].isoformat(), "GIT_AUTHOR_NAME": "Bea Base"}
    repo.git("merge", "-q", "--no-ff", "-m", "Merge pull request #7 from acme/topic", "topic", **date)
    repo.git("push", "-q", "origin", "main")
    repo.clock[0] += timedelta(hours=5)
    assert repo.breach().status == 0
    repo.merge("rollback/acme-models/fraud/42")
    repo.clock[0] += timedelta(days=1, hours=2)
    repo.record("43")
    repo.take(lambda live: live.model_copy(update={"candidate": "43", "stage": "shadow"}), "Propose fraud 43")
    text = (repo.workspace / "rollouts/fraud.yaml").read_text("utf-8")
    live = re.sub(r'    candidate: "43"\n    stage: shadow\n', "", text)
    repo.write("rollouts/card-limits.yaml", live.replace("name: fraud", "name: card-limits"))
    repo.commit("Add card-limits")
    commit = repo.git("commit-tree", "-p", "HEAD", "-m", "Propose", "HEAD^{tree}")
    repo.git("push", "-q", "origin", f"{commit}:refs/heads/propose/acme-models/card-limits/42")
    return repo


def shown(repo: Repo, words: str) -> str:
    """Return the output of a command, 25 minutes after the last commit."""
    now = repo.clock[0] + timedelta(minutes=25)
    name = f"rollout_spec.cli.commands.{words.split()[0]}.clock"
    with mock.patch(name, lambda: now):
        done = repo.run(*words.split())
    assert done.status == 0, done.err
    return done.out


def settled(text: str) -> str:
    return re.sub(r"\b[0-9a-f]{12}\b", "<commit>", text)


def blocks() -> Iterator[tuple[str, str]]:
    return ((each[1], each[2]) for each in BLOCK.finditer(PAGE.read_text("utf-8")))


def test_the_runs_on_the_page_happen(told: Repo) -> None:
    page = PAGE.read_text("utf-8")
    assert len(list(blocks())) == page.count("```console")
    if os.environ.get("ROLLOUT_SPEC_UPDATE") == "1":
        page = BLOCK.sub(lambda match: f"$ rollout-spec {match[1]}\n{shown(told, match[1])}", page)
        Path(PAGE).write_text(page, "utf-8")
    for words, text in blocks():
        assert settled(text) == settled(shown(told, words)), words


@pytest.mark.parametrize("words", ["status", "history fraud", "history fraud --at 2026-11-20T12:30:00Z"])
def test_every_field_is_described(told: Repo, words: str) -> None:
    page = PAGE.read_text("utf-8")
    fields = set(keys(json.loads(shown(told, f"{words} --format json"))))
    assert {field for field in fields if f"`{field}`" not in page} == set()
