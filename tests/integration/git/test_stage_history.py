"""The kept stages of candidates are those of a fresh walk through the history, whatever happened to the base."""

from __future__ import annotations

from functools import partial
from unittest import mock

import pytest
from repo import Repo

from rollout_spec.integrations.git.repository import Git
from rollout_spec.spec.rollout import Live
from rollout_spec.workflows import stage_entries, stage_history
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.stage_history import StageHistory

pytestmark = pytest.mark.system


def base_of(repo: Repo) -> Base:
    """Return the base at the commit that is checked out."""
    return Base(Git(repo.folder), None, "main", repo.git("rev-parse", "HEAD"), repo.prefix)


def walks(kept: StageHistory, repo: Repo) -> int:
    """Check the kept stages on the present base, and return how often the history was walked for that."""
    base = base_of(repo)
    with mock.patch.object(Base, "history", autospec=True, side_effect=Base.history) as history:
        periods = kept.periods(repo.model(), base)
    assert periods == StageHistory().periods(repo.model(), base)
    return history.call_count


def move(repo: Repo, stage: str) -> None:
    repo.take(lambda live: live.model_copy(update={"stage": stage}), f"To {stage}")


def test_only_a_change_of_the_file_leads_to_a_walk(repo: Repo) -> None:
    kept = StageHistory()
    assert walks(kept, repo) == 1
    assert walks(kept, repo) == 0
    repo.write("docs/note ü.md", "Another file.\n")
    repo.commit("Note")
    assert walks(kept, repo) == 0
    move(repo, "ab-50")
    assert walks(kept, repo) == 1
    move(repo, "canary-5")
    move(repo, "ab-50")
    assert walks(kept, repo) == 1, "the file is as it was, but the stage began anew"


def test_no_name_of_a_file_hides_a_change(repo: Repo) -> None:
    kept = StageHistory()
    assert walks(kept, repo) == 1
    before = repo.git("rev-parse", "HEAD")
    repo.write(f"a\x01b {before} c", "This name looks like the end of one commit and the begin of another.\n")
    repo.write("\nd", "x\n")
    move(repo, "ab-50")
    assert walks(kept, repo) == 1


def test_a_change_that_a_merge_brings_is_seen(repo: Repo) -> None:
    kept = StageHistory()
    walks(kept, repo)
    repo.git("checkout", "-q", "-b", "topic")
    repo.take(lambda live: live.model_copy(update={"stage": "ab-50"}), "To ab-50", push=False)
    repo.git("checkout", "-q", "main")
    repo.write("docs/note.md", "Another file.\n")
    repo.commit("Note", push=False)
    repo.git("merge", "-q", "--no-ff", "-m", "Merge topic", "topic")
    assert walks(kept, repo) == 1


def test_a_base_that_was_rewritten_is_walked_again(repo: Repo) -> None:
    kept = StageHistory()
    move(repo, "ab-50")
    walks(kept, repo)
    repo.git("reset", "-q", "--hard", "HEAD~1")
    assert walks(kept, repo) == 1
    repo.git("checkout", "-q", "--orphan", "other")
    repo.commit("All anew", push=False)
    assert walks(kept, repo) == 1


def test_a_base_that_was_only_merged_is_not_behind_the_new_one(repo: Repo) -> None:
    """The old base is the second parent of a merge, so the first-parent history is another one."""
    kept = StageHistory()
    move(repo, "ab-50")
    walks(kept, repo)
    repo.git("checkout", "-q", "-b", "side", "HEAD~1")
    repo.write("docs/note.md", "Another file.\n")
    repo.commit("Note", push=False)
    repo.git("merge", "-q", "--no-ff", "-m", "Merge main", "main")
    assert walks(kept, repo) == 1


def test_one_walk_for_many_rollouts_tells_the_same(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_history, "_MANY", 1)
    monkeypatch.setattr(stage_entries, "_FIRST_COMMITS", 2)
    repo.write("rollouts/cards.yaml", repo.at("HEAD", "rollouts/fraud.yaml").replace("name: fraud", "name: cards"))
    repo.commit("Bootstrap cards")
    for number, stage in enumerate(("ab-50", "shadow", "ab-50", "canary-5")):
        repo.git("checkout", "-q", "-b", f"topic-{number}")
        repo.take(partial(Live.model_copy, update={"stage": stage}), f"To {stage}", push=False)
        repo.git("checkout", "-q", "main")
        repo.write("docs/note.md", f"Before {stage}.\n")
        repo.commit("Note", push=False)
        repo.git("merge", "-q", "--no-ff", "-m", f"Merge {stage}", "@{-1}")
        base, kept = base_of(repo), StageHistory()
        rollouts = [repo.model(), repo.model("cards")]
        kept.read(base, rollouts)
        for rollout in rollouts:
            path = base.path(f"rollouts/{rollout.metadata.name}.yaml")
            assert kept.by_path[path] == StageHistory().periods(rollout, base)
