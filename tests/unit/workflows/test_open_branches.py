"""The forge is asked about few pull requests, and not again after an error."""

from __future__ import annotations

from typing import cast

import pytest

from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import PullRequest
from rollout_spec.domain.rollout_status import OpenBranch
from rollout_spec.integrations.forges import Forge
from rollout_spec.workflows import open_branches
from rollout_spec.workflows.open_branches import with_pull_requests

BRANCHES = {"fraud": [OpenBranch(f"advance/acme/fraud/{number}", "advance", "fraud", "c") for number in range(5)]}


class StandIn:
    """A forge that knows the state of some branches."""

    def __init__(self, states: dict[str, str], fails_after: int = 100) -> None:
        self.states, self.fails_after, self.asked = states, fails_after, 0

    def find(self, head: str, base: str) -> PullRequest | None:
        self.asked += 1
        if self.asked > self.fails_after:
            raise UserError("no answer")
        state = self.states.get(head.rpartition("/")[2])
        return PullRequest(1, "https://forge/1", state, head, base, "c") if state else None


def names(forge: StandIn, told: list[str], rollout: str = "fraud") -> list[str]:
    found = with_pull_requests(BRANCHES, {rollout}, cast(Forge, forge), "main", told.append)
    return [each.name.rpartition("/")[2] for group in found.values() for each in group]


def test_pull_requests_that_have_ended_are_left_out() -> None:
    told: list[str] = []
    forge = StandIn({"0": "open", "1": "merged", "2": "closed"})
    assert names(forge, told) == ["0", "3", "4"]
    assert names(StandIn({}), told, "other") == []
    assert told == []


def test_after_an_error_the_branches_stay_and_nothing_is_asked() -> None:
    told: list[str] = []
    forge = StandIn({"0": "merged", "3": "merged"}, fails_after=1)
    assert names(forge, told) == ["1", "2", "3", "4"]
    assert forge.asked == 2
    assert told == ["the forge does not answer: no answer"]


def test_the_number_of_questions_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_branches, "MOST_ASKED", 2)
    told: list[str] = []
    forge = StandIn({str(number): "merged" for number in range(5)})
    assert names(forge, told) == ["2", "3", "4"]
    assert forge.asked == 2
    assert told == ["the forge was asked for 2 pull requests, and not for the others"]
