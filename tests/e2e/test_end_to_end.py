"""A candidate starts to fail while users ask for predictions, and the whole stack rolls it back.

All parts are real: scikit-learn models behind Envoy, Prometheus with the rendered rules, Alertmanager, the service, git
over HTTP, and a sync loop. The forge is one for tests, over a real repository, which merges by a required status.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
import yaml
from envoys import Edge
from fakes.forge import Pull
from repo import Repo, run
from served import Served, service
from stack import workspace
from stack.delivery import edge_following, hosted_on_forge
from stack.forge import TimedGitHub
from stack.models import RunningModel, models_running, train
from stack.monitoring import ENVOY, Prometheus, alertmanager_running, prometheus_running
from stack.programs import wait_until
from stack.sync import Sync
from stack.users import Users

pytestmark = [pytest.mark.system, pytest.mark.real]

USERS, PAUSE = 4, 0.02
STABLE, CANDIDATE = "41", "42"


@dataclass
class World:
    """The running stack."""

    repo: Repo
    models: dict[str, RunningModel]
    edge: Edge
    users: Users
    prometheus: Prometheus
    host: TimedGitHub
    served: Served
    sync: Sync

    @property
    def pull(self) -> Pull:
        """The only pull request."""
        (pull,) = self.host.pulls
        return pull

    def breach(self) -> dict[str, Any]:
        """Return the only breach that the service has received."""
        (breach,) = self.served.get("/v1/breaches").json()["breaches"]
        return dict(breach)

    def routes(self) -> Any:
        """Return the routes that Envoy read last."""
        return yaml.safe_load((self.sync.routes / "fraud.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The stack, with users who ask for predictions. All of its programs end with it."""
    place = tmp_path_factory.mktemp("stack")
    with ExitStack() as stack:
        models = stack.enter_context(models_running(train(place)))
        repo = workspace.create(place, {version: model.digest for version, model in models.items()})
        host = stack.enter_context(hosted_on_forge(repo))
        synced, edge = stack.enter_context(edge_following(place, host, models))
        served = stack.enter_context(service(repo))
        wait_until(served.works, f"the service does not work\n{served.lines[-3000:]}")
        manifest = repo.at("main", workspace.OPERATOR)
        alertmanager = stack.enter_context(alertmanager_running(place, served.address, manifest))
        scraped = {ENVOY: edge.admin}
        prometheus = stack.enter_context(prometheus_running(place, synced.rules, scraped, alertmanager=alertmanager))
        synced.reload = prometheus.reload
        stack.enter_context(synced.following())
        users = Users(edge.listener, PAUSE)
        stack.enter_context(users.asking(USERS))
        yield World(repo, models, edge, users, prometheus, host, served, synced)


@pytest.fixture(scope="module")
def failed_at(world: World) -> float:
    """The time at which the candidate started to fail. Its rollback is applied by now."""
    wait_until(lambda: world.users.count(CANDIDATE) > 50, "the candidate gets no requests")
    assert all(each.is_answered for each in list(world.users.seen)), "nothing fails yet"
    assert world.host.pulls == []
    at = time.time()
    world.models[CANDIDATE].fail()
    wait_until(lambda: bool(world.host.merged_times), f"nothing is merged\n{world.served.lines[-3000:]}", 120)
    stable = yaml.safe_load(world.repo.at("main", "manifests/fraud/envoy.yaml"))["version_info"]
    followed = wait_until(lambda: world.edge.routes_version() == stable, "Envoy does not follow")
    wait_until(lambda: world.users.count(STABLE, followed) > 200, "stable gets no requests")
    report(world, at, followed)
    return at


def report(world: World, failed: float, followed: float) -> None:
    """Print the seconds of each leg, and the failures that users saw."""
    breach = world.breach()
    number = world.pull.number
    times = {
        "the candidate starts to fail": failed,
        "the alert fires": datetime.fromisoformat(breach["observedAt"]).timestamp(),
        "the service receives it": datetime.fromisoformat(breach["receivedAt"]).timestamp(),
        "the pull request opens": world.host.opened_at[number],
        "it is merged": world.host.merged_times[number],
        "the manifests are synced": world.sync.applied[world.host.merged_sha(number)],
        "Envoy follows": followed,
    }
    print("\n  after    leg   in seconds")
    last = failed
    for name, at in times.items():
        print(f"{at - failed:7.2f} {at - last:6.2f}   {name}")
        last = at
    seen = [each for each in world.users.seen if failed <= each.at <= followed]
    failures = [each for each in seen if not each.is_answered]
    by_candidate = sum(each.version == CANDIDATE for each in failures)
    dropped = sum(each.status == 0 for each in seen)
    print(
        f"users sent {len(seen)} requests: the candidate failed {by_candidate}, others {len(failures) - by_candidate}"
    )
    print(f"{dropped} connections failed")


def test_one_pull_request_opens_and_is_merged(world: World, failed_at: float) -> None:
    assert (world.pull.state, world.pull.draft, world.pull.base) == ("merged", False, "main")
    assert world.pull.title.startswith("Revert fraud 42 to 41: ")
    assert [each.context for each in world.host.statuses] == list(world.host.required)
    breach = world.served.settled(world.breach()["id"])
    assert (breach["state"], breach["outcome"]["verdict"]) == ("done", "act")
    assert datetime.fromisoformat(breach["observedAt"]).timestamp() >= int(failed_at)


def test_the_base_sends_everything_to_stable(world: World, failed_at: float) -> None:
    live = world.repo.live_at("main")
    assert (live["stable"], live.get("candidate"), live.get("stage")) == (STABLE, None, None)
    (routes,) = world.routes()["resources"]
    (route,) = routes["virtual_hosts"][0]["routes"]
    assert route["route"]["weighted_clusters"]["clusters"] == [{"name": "fraud-v41", "weight": 100}]


def test_no_request_is_dropped_and_only_the_candidate_fails(world: World, failed_at: float) -> None:
    seen = list(world.users.seen)
    assert sum(each.status == 0 for each in seen) == 0, "connection errors"
    failed = [each for each in seen if not each.is_answered]
    assert {(each.status, each.version) for each in failed} == {(500, CANDIDATE)}
    assert all(each.at >= failed_at - 1 for each in failed)
    assert {each.version for each in seen} == {STABLE, CANDIDATE}


def test_the_candidate_gets_nothing_any_more(world: World, failed_at: float) -> None:
    start = time.time()
    wait_until(lambda: world.users.count(STABLE, start) > 200, "stable gets no requests")
    assert world.users.count(CANDIDATE, start) == 0


def test_the_rules_watch_stable_now(world: World, failed_at: float) -> None:
    loaded = yaml.safe_load((world.sync.rules / "fraud.yaml").read_text("utf-8"))
    rules = [rule for group in loaded["groups"] for rule in group["rules"]]
    assert {rule["labels"]["version"] for rule in rules} == {"41"}
    wait_until(lambda: world.prometheus.firing() == [], "the alert does not end", 60)
    assert world.sync.errors == []


def test_a_pull_request_that_proposes_it_again_fails_its_check(world: World, failed_at: float) -> None:
    (incident,) = [path for path in world.repo.files_at("main") if path.startswith("incidents/")]
    spec = world.repo.data_at("main", incident)["spec"]
    assert (spec["rollout"], spec["failedVersion"], spec["restoredVersion"]) == ("fraud", CANDIDATE, STABLE)
    assert spec["status"] == "open"
    again = world.repo.clone("again")
    again.take(lambda live: live.model_copy(update={"candidate": CANDIDATE, "stage": "canary"}), "Again", push=False)
    checked = run("--repo", str(again.folder), "check", "--base", "origin/main")
    assert checked.status == 1, checked.text
    assert "[not-quarantined]" in checked.out
