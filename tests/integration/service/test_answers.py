"""What a breach gets for an answer: refused only if no later try can answer it."""

from __future__ import annotations

import pytest
import served
from repo import Repo

pytestmark = pytest.mark.system

HARD = {"trigger": "latency-sla"}


def test_a_rollout_that_does_not_load_keeps_its_breach_until_it_is_mended(repo: Repo) -> None:
    served.settings(repo)
    good = repo.at("HEAD", "rollouts/fraud.yaml")
    with served.service(repo) as service:
        repo.write("rollouts/fraud.yaml", good.replace("kind: ModelRollout", "kind: ModelRollout\nkind: ModelRollout"))
        repo.commit("Break the rollout")
        reply = service.post(served.alert(**HARD)).json()["breaches"][0]
        tried = served.until(lambda: service.breach(reply["id"]), lambda each: each["attempts"] >= 2)
        assert tried["state"] in ("waiting", "working") and "does not load" in tried["outcome"]["error"]
        repo.write("rollouts/fraud.yaml", good)
        repo.commit("Mend the rollout")
        answered = service.settled(reply["id"], "watching")  # a draft: the mend may have changed the traffic split
        assert answered["outcome"]["verdict"] == "draft" and len(repo.pull_requests()) == 1


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ({"rollout": "absent"}, "there is no rollout `absent`"),
        ({"version": "4711"}, "fraud has no version 4711"),
        ({"version": None, **HARD}, "the alert names no version, but 41, 42 receive requests"),
        ({"workspace": "elsewhere"}, "no workspace elsewhere trusts the monitor"),
    ],
    ids=["rollout", "version", "no version", "workspace"],
)
def test_a_breach_of_nothing_known_is_refused_with_the_reason(repo: Repo, labels: dict[str, str], why: str) -> None:
    served.settings(repo)
    with served.service(repo) as service:
        refused = service.answered(served.alert(**labels))
        assert refused["state"] == "refused" and why in refused["outcome"]["refused"]
        assert repo.pull_requests() == []


def test_a_breach_of_a_version_without_traffic_needs_no_action(repo: Repo) -> None:
    served.settings(repo)
    with served.service(repo) as service:
        done = service.answered(served.alert("40", **HARD))
        assert (done["state"], done["outcome"]["verdict"]) == ("done", "ignore")


def test_a_pause_holds_a_breach_and_does_not_lose_it(repo: Repo) -> None:
    served.settings(repo)
    repo.write(".rollout-spec-pause", "reason: maintenance\nexpires: 2099-01-01\n")
    repo.commit("Pause")
    with served.service(repo) as service:
        reply = service.post(served.alert(**HARD)).json()["breaches"][0]
        held = served.until(lambda: service.breach(reply["id"]), lambda each: "verdict" in each["outcome"])
        assert (held["state"], held["outcome"]["verdict"]) == ("waiting", "notify") and repo.pull_requests() == []
        (repo.folder / ".rollout-spec-pause").unlink()
        repo.commit("Go on")
        answered = service.settled(reply["id"], "watching", seconds=90)
        assert answered["outcome"]["verdict"] == "act" and len(repo.pull_requests()) == 1
