"""A stage is held from when the forge merged its commit: the date in a commit is what its committer says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hosted_repositories import FAKES, Hosted, hosted, let_in, point_to
from repo import Repo

from rollout_spec.core.units import format_time

pytestmark = pytest.mark.system

LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.fixture(params=FAKES)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    """A forge that merged a moment ago what was committed long ago; ``clone`` is of its repository."""
    repo = Repo.create(tmp_path)
    repo.git("switch", "-q", "-c", "work")
    repo.edit("rollouts/fraud.yaml", "stage: canary-5", "stage: ab-50")
    repo.render()
    repo.git("add", "--all")
    dates = {"GIT_AUTHOR_DATE": LONG_AGO, "GIT_COMMITTER_DATE": LONG_AGO}
    repo.git("commit", "-q", "-m", "Advance fraud 42", **dates)
    repo.git("push", "-q", "origin", "work")
    let_in(monkeypatch)
    with hosted(request.param, repo.remote) as place:
        place.host.now = format_time(datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1))
        pull = place.host.open("work", "main", "Advance fraud 42", "", "ada")
        place.host.merge(pull, forward=True)
        repo.git("switch", "-q", "main")
        repo.git("pull", "-q", "--ff-only", "origin", "main")
        point_to(repo, place)
        yield place


@pytest.fixture
def repo(place: Hosted, tmp_path: Path) -> Repo:
    return Repo(tmp_path / "clone", tmp_path / "remote.git")


@pytest.mark.parametrize("where", [(), ("--commit",), ("--pull-request",), ("--pull-request", "--dry-run")])
def test_the_forge_knows_better_than_the_date_in_the_commit(repo: Repo, place: Hosted, where: tuple[str, ...]) -> None:
    assert repo.git("log", "-1", "--format=%cI", "--", "rollouts").startswith("2020-01-01")
    answer = repo.run("advance", "fraud", *where)
    assert answer.status == 1
    assert f"42 entered ab-50 at {place.host.now} (merge time on the forge of commit " in answer.err
    assert "), but the stage is held for 2d, until " in answer.err


def test_a_forge_that_does_not_say_leaves_the_date_in_the_commit(
    repo: Repo, place: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROLLOUT_SPEC_TOKEN")
    answer = repo.run("advance", "fraud")
    assert answer.status == 0, answer.text
    assert f"was merged: no token for {place.kind}" in answer.err
    assert "(committer date of commit " in answer.err


def test_a_stage_without_a_hold_asks_nobody(repo: Repo, place: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.edit("rollouts/fraud.yaml", "weight: 50%, hold: 48h", "weight: 50%")
    repo.git("commit", "-q", "-a", "-m", "Hold no longer")
    monkeypatch.setattr(place.host, "answer", lambda request, user: pytest.fail("it was asked"))
    assert repo.run("advance", "fraud").status == 0
