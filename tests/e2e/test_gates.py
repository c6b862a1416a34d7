"""A rollout that moves by itself: the service asks Prometheus, opens each step, and takes a bad candidate back.

All parts are real: scikit-learn models behind Envoy, users, a shop that counts their orders, Prometheus, the service,
git over HTTP, and a sync loop. No alert leads to anything: there is no Alertmanager. The forge merges at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from envoys import Edge
from fakes.forge import Pull
from real_servers import free_port
from repo import Repo, git
from served import Served, service
from stack import gated
from stack.delivery import edge_following, hosted_on_forge
from stack.forge import TimedGitHub
from stack.models import RunningModel, models_running, train
from stack.monitoring import ENVOY, prometheus_running
from stack.programs import wait_until
from stack.shop import Shop, shop_running
from stack.sync import Sync
from stack.users import Users

pytestmark = [pytest.mark.system, pytest.mark.real]

USERS, PAUSE = 4, 0.02
STABLE, HEALTHY, BAD = "41", "42", "43"
STEPS = ["advance 42 canary", "advance 42 ab", "advance 42 full", "promote 42"]


@dataclass
class World:
    """The running stack. ``port`` is that of Prometheus, which is stopped and started in ``monitoring``."""

    place: Path
    repo: Repo
    models: dict[str, RunningModel]
    edge: Edge
    shop: Shop
    users: Users
    host: TimedGitHub
    served: Served
    sync: Sync
    port: int
    monitoring: ExitStack = field(default_factory=ExitStack)
    started: list[float] = field(default_factory=list)
    followed: dict[int, float] = field(default_factory=dict)

    def watch(self) -> None:
        """Start Prometheus. It goes on with its samples."""
        scraped = {ENVOY: self.edge.admin, "/metrics": self.shop.port}
        prometheus = prometheus_running(self.place, self.sync.rules, scraped, port=self.port)
        self.sync.reload = self.monitoring.enter_context(prometheus).reload

    def stop_watching(self) -> None:
        """End Prometheus."""
        self.sync.reload = lambda: None
        self.monitoring.close()

    def enter(self, candidate: str, stage: str) -> None:
        """Move a candidate to a stage, as a person does."""
        self.repo.git("pull", "-q", "origin", "main")
        now = datetime.now(UTC).replace(microsecond=0)
        self.repo.clock[0] = now - timedelta(minutes=1)
        change = {"candidate": candidate, "stage": stage}
        commit = self.repo.take(lambda live: live.model_copy(update=change), f"Try {candidate} in {stage}")
        self.started.append(now.timestamp())
        self.follow(commit)

    def follow(self, commit: str) -> float:
        """Wait until Envoy has the routes of a commit, and return the time."""
        version = yaml.safe_load(self.repo.at(commit, "manifests/fraud/envoy.yaml"))["version_info"]
        return wait_until(lambda: self.edge.routes_version() == version, f"Envoy does not follow {commit}")

    def merged(self, number: int) -> Pull:
        """Wait for the merge of a pull request, and for Envoy."""
        wait_until(lambda: number in self.host.merged_times, f"{number} is not merged\n{self.served.lines[-6000:]}", 90)
        commit = self.host.merged_sha(number)
        wait_until(lambda: commit in self.sync.applied, f"{commit} is not synced")
        self.followed[number] = self.follow(commit)
        pull = self.host.pull(number)
        assert pull is not None
        return pull

    def has_said(self, text: str) -> bool:
        """Return whether the log of the service has a text."""
        return text in self.served.lines


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The stack without users. All of its programs end with it."""
    place, port = tmp_path_factory.mktemp("stack"), free_port()
    with ExitStack() as stack:
        models = stack.enter_context(models_running(train(place, (STABLE, HEALTHY, BAD))))
        digests = {version: model.digest for version, model in models.items()}
        repo = gated.create(place, digests, f"http://127.0.0.1:{port}")
        host = stack.enter_context(hosted_on_forge(repo))
        host.required = ()  # it merges at once
        synced, edge = stack.enter_context(edge_following(place, host, models))
        shop = stack.enter_context(shop_running())
        users = Users(edge.listener, PAUSE, shop.visit)
        served = stack.enter_context(service(repo))
        wait_until(served.works, f"the service does not work\n{served.lines[-3000:]}")
        world = World(place, repo, models, edge, shop, users, host, served, synced, port)
        stack.callback(world.stop_watching)
        world.watch()
        stack.enter_context(synced.following())
        yield world


@pytest.fixture(scope="module")
def waiting(world: World) -> World:
    """The candidate is in its first stage for longer than its hold, but nobody asks for predictions."""
    world.enter(HEALTHY, "shadow")
    wait_until(lambda: world.has_said("serving-errors is no-data"), f"it says nothing\n{world.served.lines[-3000:]}")
    time.sleep(max(world.started[0] + gated.HOLDS["shadow"] + 2 - time.time(), 2))
    return world


@pytest.fixture(scope="module")
def promoted(waiting: World) -> Iterator[World]:
    """Users came, and the candidate is stable now. Prometheus was away in the second stage for its whole hold."""
    world = waiting
    with world.users.asking(USERS):
        world.merged(1)
        world.stop_watching()
        wait_until(lambda: world.has_said("cannot read Prometheus"), f"nothing is said\n{world.served.lines[-3000:]}")
        time.sleep(max(world.host.merged_times[1] + gated.HOLDS["canary"] + 3 - time.time(), 0))
        assert len(world.host.pulls) == 1, "it moves without Prometheus"
        world.watch()
        for number in range(2, len(STEPS) + 1):
            world.merged(number)
        report(world)
        yield world


def report(world: World) -> None:
    """Print the seconds of each step since its stage began."""
    print("\n  after its stage began, in seconds")
    print("   hold  opened  merged  synced  Envoy follows")
    begun = world.started[0]
    for number, (name, hold) in enumerate(zip(STEPS, gated.HOLDS.values(), strict=True), start=1):
        merged = world.host.merged_times[number]
        times = [world.host.opened_at[number], merged, world.sync.applied[world.host.merged_sha(number)]]
        cells = "".join(f"{at - begun:8.2f}" for at in [*times, world.followed[number]])
        print(f"{hold:7.2f}{cells}   {name}")
        begun = merged


def test_a_candidate_without_traffic_waits_and_says_so(waiting: World) -> None:
    lines = [line for line in waiting.served.lines.splitlines() if "fraud 42: waiting" in line]
    assert "serving-errors is no-data: " in lines[-1] and "has no samples" in lines[-1], lines
    assert time.time() - waiting.started[0] > gated.HOLDS["shadow"]
    assert waiting.host.pulls == []


def test_a_healthy_candidate_is_promoted_step_by_step(promoted: World) -> None:
    host, repo = promoted.host, promoted.repo
    assert [(each.state, each.draft, each.base) for each in host.pulls] == [("merged", False, "main")] * len(STEPS)
    live = repo.live_at("main")
    assert (live["stable"], live.get("candidate"), live.get("stage")) == (HEALTHY, None, None)
    assert live["knownGood"][0] == STABLE
    begun = promoted.started[0]
    for number, hold in enumerate(gated.HOLDS.values(), start=1):
        assert host.opened_at[number] >= int(begun) + hold, f"step {number} came before its hold was over"
        begun = float(git(repo.remote, "log", "-1", "--format=%ct", host.merged_sha(number)))


def test_each_step_is_one_commit_with_its_evidence(promoted: World) -> None:
    for pull, step in zip(promoted.host.pulls, STEPS, strict=True):
        base = f"{pull.merge_sha}^1"
        assert git(promoted.repo.remote, "rev-list", "--count", f"{base}..{pull.sha}") == "1"
        message = git(promoted.repo.remote, "log", "-1", "--format=%B", pull.sha)
        assert "The gate judged since " in message
        assert "- serving-errors: ok. error_rate of 42: " in message
        assert ("- conversion: ok. conversion_rate of 42: " in message) == (step == "advance 42 full")
        action, version, *stage = step.split()
        assert message.rstrip().endswith(" ".join([f"Rollout-Step: {action} fraud/{version}", *stage]))
        assert "**The gate: fraud 42 in " in pull.body


def test_no_user_sees_a_failed_request(promoted: World) -> None:
    users, at = promoted.users, promoted.followed[4]
    wait_until(lambda: users.count(HEALTHY, at) > 50, "the promoted version gets no requests")
    seen = list(users.seen)
    assert [each for each in seen if not each.is_answered] == []
    assert {each.version for each in seen if each.at < at} == {STABLE, HEALTHY}


def test_a_bad_candidate_is_taken_back_by_the_gate_alone(promoted: World) -> None:
    world = promoted
    world.enter(BAD, "canary")
    wait_until(lambda: world.users.count(BAD) > 30, "the candidate gets no requests")
    time.sleep(max(world.started[-1] + gated.WARM_UP + 1 - time.time(), 0))
    failed = time.time()
    world.models[BAD].fail()
    pull = world.merged(5)
    (breach,) = world.served.get("/v1/breaches").json()["breaches"]
    times = {
        "the breach is stored": datetime.fromisoformat(breach["receivedAt"]).timestamp(),
        "the pull request opens": world.host.opened_at[5],
        "it is merged": world.host.merged_times[5],
        "Envoy follows": world.followed[5],
    }
    print("\n  seconds after the candidate starts to fail")
    for name, at in times.items():
        print(f"{at - failed:7.2f}   {name}")
    assert pull.head.startswith("rollback/acme-models/fraud/43-")
    assert (breach["monitor"], breach["trigger"], breach["version"]) == ("gate", "serving-errors", BAD)
    (incident,) = [path for path in world.repo.files_at("main") if path.startswith("incidents/")]
    spec = world.repo.data_at("main", incident)["spec"]
    assert (spec["source"], spec["failedVersion"], spec["restoredVersion"]) == ("gate", BAD, HEALTHY)
    time.sleep(1)
    start = time.time()
    wait_until(lambda: world.users.count(HEALTHY, start) > 100, "stable gets no requests")
    assert world.users.count(BAD, start) == 0
    bad = [each for each in world.users.seen if not each.is_answered]
    assert {(each.status, each.version) for each in bad} == {(500, BAD)}
    assert len(world.host.pulls) == len(STEPS) + 1
    assert world.sync.errors == []
