"""docs/incidents.md shows real runs of incident, and every field of its JSON and every flag."""

from __future__ import annotations

import json
import os
import re
import shlex
from datetime import timedelta
from pathlib import Path
from unittest import mock

import folders
import pytest
from page_runs import BLOCK, keys
from repo import Repo

from rollout_spec.domain.incident_resolution import FLAGS

pytestmark = pytest.mark.system

PAGE = folders.CHECKOUT / "docs/incidents.md"


@pytest.fixture
def told(made: Repo, tmp_path: Path) -> Repo:
    """Return the repository of the page: a merged rollback of 42."""
    repo = made.copy(tmp_path)
    repo.clock[0] += timedelta(hours=3)
    assert repo.breach().status == 0
    repo.merge("rollback/acme-models/fraud/42")
    return repo


def shown(repo: Repo, words: str) -> str:
    """Return the output of a command, five minutes after the breach."""
    now = repo.clock[0] + timedelta(minutes=5)
    with mock.patch("rollout_spec.cli.commands.incident.clock", lambda: now):
        done = repo.run(*shlex.split(words))
    assert done.status == 0, done.err
    return done.out


def settled(text: str) -> str:
    return re.sub(r"\b([0-9a-f]{40}|[0-9a-f]{12})\b", "<commit>", text)


def test_the_runs_on_the_page_happen(told: Repo) -> None:
    page = PAGE.read_text("utf-8")
    matches = list(BLOCK.finditer(page))
    assert len(matches) == page.count("```console") == 4
    outputs = {match[1]: shown(told, match[1]).replace(str(told.remote.parent), "/srv") for match in matches}
    if os.environ.get("ROLLOUT_SPEC_UPDATE") == "1":
        page = BLOCK.sub(lambda match: f"$ rollout-spec {match[1]}\n{outputs[match[1]]}", page)
        PAGE.write_text(page, "utf-8")
    for match in BLOCK.finditer(page):
        assert settled(match[2]) == settled(outputs[match[1]]), match[1]


@pytest.mark.parametrize("words", ["list --all", "show fraud-42"])
def test_every_field_is_described(told: Repo, words: str) -> None:
    page = PAGE.read_text("utf-8")
    fields = set(keys(json.loads(shown(told, f"incident {words} --format json")))) - {"cleared", "bad"}
    assert {field for field in fields if f"`{field}`" not in page} == set()


def test_every_flag_is_described() -> None:
    page = PAGE.read_text("utf-8")
    assert [flag for key, flag in FLAGS.items() if f"| `{flag}` | `{key}` |" not in page] == []
