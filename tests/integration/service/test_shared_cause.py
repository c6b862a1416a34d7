"""Many rollouts that fail at once have a shared cause: no rollback merges by itself, whatever the posts' order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import forge_users
import pytest
import served
from repo import Repo, run

from rollout_spec.core.breach import Breach, Evidence
from rollout_spec.service.database import Database
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.records import NewBreach, StoredBreach
from rollout_spec.service.worker import Worker, WorkerOptions

pytestmark = pytest.mark.system

NAMES = ("churn", "fraud", "spam")
MONITORS = (
    "{alertmanager: {type: alertmanager, auth: {bearer: {env: ALERTMANAGER_TOKEN}}}, "
    "second: {type: alertmanager, auth: {bearer: {env: SECOND_TOKEN}}}}"
)
SECOND = "a-token-of-the-second-monitor"


@pytest.fixture
def three(repo: Repo) -> Repo:
    """Three rollouts; as many failures within ten minutes have a shared cause."""
    forge_users.serve_too(repo, "churn", "spam")
    set_up(repo)
    return repo


def set_up(repo: Repo, settle: str = "0s") -> None:
    limits = f"sharedCause: {{rollouts: 3, within: 10m, settle: {settle}}}"
    served.settings(repo, limits, "maxAutoMergesPerDay: 9", "maxRollbacksPerDay: 9", monitors=MONITORS)


def alert(rollout: str) -> dict[str, Any]:
    return served.alert(rollout=rollout, trigger="latency-sla")


def pulls(repo: Repo) -> dict[str, dict[str, Any]]:
    """Return the pull requests by their rollout. Each rollout has one."""
    found = repo.pull_requests()
    by_name = {each["head"].split("/")[2]: each for each in found}
    assert len(by_name) == len(found)
    return by_name


def is_held(pull: dict[str, Any]) -> bool:
    return bool(pull["draft"]) and not pull["autoMerge"]


def posted(service: served.Served, *alerts: dict[str, Any], monitor: str = "alertmanager") -> str:
    """Post alerts, and return the id of the first breach."""
    reply = service.post(*alerts, monitor=monitor)
    assert reply.status_code == 202, reply.text
    return str(reply.json()["breaches"][0]["id"])


def until(service: served.Served, id: str, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return a breach once its outcome fits."""
    found: dict[str, Any] = served.until(lambda: service.breach(id), lambda each: fits(each["outcome"]), seconds=60)
    return found


def answered_verdict(service: served.Served, id: str, verdict: str) -> dict[str, Any]:
    return until(service, id, lambda outcome: outcome.get("verdict") == verdict)


def summary(repo: Repo, pull: dict[str, Any]) -> str:
    name = pull["head"].split("/")[2]
    evidence = repo.data_at(forge_users.head_of(repo, pull["number"]), f"incidents/{name}-42.yaml")["spec"]["evidence"]
    return str(evidence["summary"])


def held_comments(pull: dict[str, Any]) -> list[str]:
    return [each for each in pull.get("comments", ()) if "This rollback is held: 3 rollouts failed" in each]


def test_armed_rollbacks_are_held_once_the_third_breach_comes(three: Repo) -> None:
    with served.service(three, environment={"SECOND_TOKEN": SECOND}) as service:
        alerts = [alert(name) for name in NAMES]
        first = [service.answered(each) for each in alerts[:2]]
        assert [each["outcome"]["verdict"] for each in first] == ["act", "act"]
        assert {name: each["autoMerge"] for name, each in pulls(three).items()} == {"churn": True, "fraud": True}
        answered_verdict(service, posted(service, alerts[2]), "draft")
        for each in first:
            answered_verdict(service, each["id"], "draft")
        found = pulls(three)
        assert all(is_held(found[name]) for name in NAMES)
        assert [len(held_comments(found[name])) for name in NAMES] == [1, 1, 0]
        assert all("draft for a person to review: 3 rollouts failed" in found[name]["body"] for name in NAMES)
        all_three = "shared cause, 3 rollouts at once: churn 42, fraud 42, spam 42"
        assert summary(three, found["churn"]).startswith(all_three)
        assert all("see incident churn-42. " in summary(three, found[name]) for name in ("fraud", "spam"))

        posted(service, *alerts)  # the same again, and the base moves: nothing changes
        three.write("NOTES.md", "Another matter\n")
        three.commit("Note")
        for id in (each["id"] for each in first):
            until(service, id, lambda outcome: outcome["base"] == three.tip())
        assert pulls(three) == found


def test_a_breach_of_another_monitor_counts_too(three: Repo) -> None:
    with served.service(three, environment={"SECOND_TOKEN": SECOND}) as service:
        first = [service.answered(alert(name)) for name in ("churn", "fraud")]
        service.headers["Authorization"] = f"Bearer {SECOND}"
        posted(service, alert("spam"), monitor="second")
        service.headers["Authorization"] = f"Bearer {served.TOKEN}"
        for each in first:
            answered_verdict(service, each["id"], "draft")
        assert all(is_held(each) for each in pulls(three).values())


def test_breaches_that_settle_together_are_never_armed(three: Repo) -> None:
    set_up(three, settle="2s")
    with served.service(three, environment={"SECOND_TOKEN": SECOND}) as service:
        for id in [posted(service, alert(name)) for name in NAMES]:
            assert answered_verdict(service, id, "draft")["state"] == "watching"
        for pull in pulls(three).values():
            assert is_held(pull) and "held" not in pull["labels"] and not held_comments(pull)
            assert pull["automation"]["armed"] is False


def test_a_rollback_that_merged_before_stays_merged(three: Repo) -> None:
    with served.service(three, environment={"SECOND_TOKEN": SECOND}) as service:
        churn, fraud = (service.answered(alert(name)) for name in ("churn", "fraud"))
        number = churn["outcome"]["pullRequest"]["number"]
        assert run("--repo", str(three.folder), "local", "merge", str(number)).status == 0
        answered_verdict(service, posted(service, alert("spam")), "draft")
        answered_verdict(service, fraud["id"], "draft")
        merged = service.settled(churn["id"], "done", seconds=60)
        assert merged["outcome"]["pullRequest"]["state"] == "merged"
        found = pulls(three)
        assert is_held(found["fraud"]) and is_held(found["spam"])
        assert found["churn"]["autoMerge"] and "held" not in found["churn"]["labels"]


class KilledError(BaseException):
    """The end of a worker at one moment."""


class KilledInbox(Inbox):
    """An inbox whose worker is killed once it stored a draft."""

    def finish(self, owner: str, id: str, state: Any, outcome: Any, *rest: Any, **options: Any) -> bool:
        is_stored = super().finish(owner, id, state, outcome, *rest, **options)
        if outcome.get("verdict") == "draft":
            raise KilledError
        return is_stored


def stored(inbox: Inbox) -> dict[str, StoredBreach]:
    return {each.breach.rollout: each for each in inbox.newest(["acme-models"], 100) if each.breach}


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database(f"sqlite:///{tmp_path}/inbox.sqlite")
    made.prepare()
    return made


def breach(rollout: str) -> NewBreach:
    made = Breach(
        id=f"test-{rollout}",
        source="test",
        rollout=rollout,
        version="42",
        observed_at=datetime.now(UTC),
        trigger="latency-sla",
        evidence=Evidence(f"{rollout} 42 is slow"),
    )
    return NewBreach("acme-models", "alertmanager", made)


def test_a_worker_that_is_killed_after_the_third_breach_leaves_none_armed(three: Repo, database: Database) -> None:
    options = WorkerOptions(served.mirror(three), lease=0.1)
    inbox = Inbox(database)
    for name in ("churn", "fraud"):
        inbox.add([breach(name)])
        assert Worker(inbox, options).work()
    assert {name: each.state for name, each in stored(inbox).items()} == {"churn": "watching", "fraud": "watching"}
    inbox.add([breach("spam")])
    with pytest.raises(KilledError):
        Worker(KilledInbox(database), options).work()

    def work() -> list[dict[str, Any]]:
        Worker(inbox, options).work()
        return list(pulls(three).values())

    served.until(work, lambda found: len(found) == 3 and all(map(is_held, found)))


def test_a_rollback_that_another_worker_answers_meanwhile_is_answered_again(three: Repo, database: Database) -> None:
    inbox, options = Inbox(database), WorkerOptions(served.mirror(three))
    inbox.add([breach("churn")])
    (churn,) = inbox.lease("another", 60, 20)
    inbox.add([breach("fraud"), breach("spam")])
    assert Worker(inbox, options).work()
    assert stored(inbox)["churn"].state == "waiting"
    assert inbox.finish("another", churn.id, "watching", {"verdict": "act"}, ())
    assert Worker(inbox, options).work()
    assert all(map(is_held, pulls(three).values())) and len(pulls(three)) == 3
    assert {each.outcome["verdict"] for each in stored(inbox).values()} == {"draft"}


def test_the_answer_to_a_merged_rollback_keeps_its_pull_request(three: Repo, database: Database) -> None:
    inbox, options = Inbox(database), WorkerOptions(served.mirror(three))
    inbox.add([breach("churn")])
    assert Worker(inbox, options).work()
    churn = stored(inbox)["churn"]
    assert run("--repo", str(three.folder), "local", "merge", "1").status == 0
    inbox.reopen([churn.id])
    assert Worker(inbox, options).work()
    churn = stored(inbox)["churn"]
    assert (churn.state, churn.outcome["verdict"], churn.outcome["pullRequest"]["state"]) == ("done", "act", "merged")
    assert churn.steps[-1].text.endswith("was merged before this answer, and stays merged")
