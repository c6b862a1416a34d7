"""Rollbacks after histories with forgers, closed pull requests, pushed-back bases and files that do not load."""

from __future__ import annotations

import os
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import hostile_base
import hostile_forgers
import hostile_people
import hostile_stack
import pytest
from hostile_alerts import Call, draw
from hostile_expected import State
from hostile_oracle import Judge
from hostile_world import World
from repo import Result

pytestmark = pytest.mark.system

HISTORIES = int(os.environ.get("ROLLOUT_SPEC_HISTORIES", "6"))
"""How many: 2,000 take an hour."""
FIRST = int(os.environ.get("ROLLOUT_SPEC_SEED", "0"))

BREACHES = 5
EVENTS: dict[Callable[[World], str | None], float] = {
    hostile_people.merge: 8,
    hostile_people.close: 3,
    hostile_people.reopen: 0.5,
    hostile_people.draft: 1.5,
    hostile_people.disarm: 1.5,
    hostile_people.ready: 1,
    hostile_people.delete_branch: 1,
    hostile_people.add_commit: 1.5,
    hostile_people.force_push: 2.5,
    hostile_forgers.in_the_way: 0.7,
    hostile_forgers.incident_branch: 2,
    hostile_forgers.shared_cause: 0.7,
    hostile_base.push_back: 2,
    hostile_base.revert: 3,
    hostile_base.wrong_date: 1,
    hostile_base.pause: 0.8,
    hostile_base.break_file: 1.5,
    hostile_base.break_incident: 1.5,
    hostile_base.bar: 1,
    hostile_base.mend: 2,
    hostile_base.link: 1,
    hostile_stack.switch_together: 1.5,
}

ALWAYS = {
    "armed head rebuilt",
    "base pushed back",
    "closed",
    "forged incident branch",
    "hard, and merges itself",
    "merged, squash",
    "outcome: proposed",
}
OFTEN = {
    "answered again",
    "base pushed back behind a rollback",
    "branch in the way",
    "call: of several rollouts",
    "call: order",
    "closed, and not opened again",
    "commit added",
    "forged, workflow",
    "held by a person",
    "held: auto-merges-per-day",
    "held: component",
    "held: cooldown",
    "held: retaken",
    "held: rollback-of-rollback",
    "incident brought along",
    "incident does not load",
    "joint rollback",
    "left as a person has it",
    "link",
    "merged, merge",
    "merged, rebase",
    "next name: workflow",
    "old head on the next name",
    "outcome: paused",
    "outcome: stuck",
    "outcome: unreadable",
    "rollback reverted",
    "rollout does not load",
    "wrong date",
}
"""What must happen in some histories, and in many, or they try nothing."""


def between(world: World) -> None:
    """Let some hours or days pass, or nothing."""
    chance = world.random
    if world.calls and chance.random() < 0.15:
        return
    for _ in range(chance.randint(2, 7)):
        chance.choice(world.places).go_on()
    if chance.random() < 0.15:
        world.later(days=chance.choice([1, 2, 9]))
    for event in chance.choices(list(EVENTS), list(EVENTS.values()), k=chance.randint(1, 5)):
        kind = event(world)
        if kind is not None:
            world.counts[kind] += 1
        if chance.random() < 0.5:
            chance.choice(world.places).go_on()


def answer(world: World, call: Call) -> Result:
    return world.replica(call.place).run(*call.words)


def live_through(seed: int) -> tuple[Counter[str], list[str]]:
    """Let a history happen; return what happened, and what went wrong."""
    try:
        return _live_through(seed)
    except Exception:
        return Counter(), [f"history {seed}: {traceback.format_exc()}"]


def _live_through(seed: int) -> tuple[Counter[str], list[str]]:
    with TemporaryDirectory(prefix="hostile-", ignore_cleanup_errors=True) as folder:
        world, wrong = World(seed, Path(folder)), list[str]()
        for number in range(BREACHES):
            between(world)
            call = draw(world)
            if call is None:
                continue
            world.settle()
            world.calls.append(call)
            world.counts[f"call: {call.kind}"] += 1
            if world.random.random() < 0.15 and (kind := hostile_forgers.next_branch(world, call.place, call.words)):
                world.counts[kind] += 1
            wrong += [f"history {seed}, call {number} ({call.kind}): {each}" for each in judged(world, call)]
        counts = sum((place.counts for place in world.places), world.counts)
    return counts, wrong


def judged(world: World, call: Call) -> list[str]:
    before = State.of(world)
    try:
        result = answer(world, call)
    except Exception:
        return [traceback.format_exc()]
    found = Judge(world, call, before, State.of(world), result).judge()
    return [f"{each}\n  {' '.join(call.words)}\n{result.text}" for each in found]


def test_of_hostile_histories_none_goes_wrong() -> None:
    seeds = range(FIRST, FIRST + HISTORIES)
    counts, wrong = Counter[str](), list[str]()
    with ProcessPoolExecutor(2) if HISTORIES >= 50 else nullcontext() as pool:
        done = pool.map(live_through, seeds, chunksize=5) if pool is not None else map(live_through, seeds)
        for number, (happened, found) in enumerate(done, 1):
            counts += happened
            wrong += found
            if found or number % 100 == 0:
                print(f"{number} histories, {len(wrong)} wrong", *found, sep="\n", flush=True)
    print(f"{HISTORIES} histories: {dict(sorted(counts.items()))}")
    assert wrong == []
    missing = {*ALWAYS, *(OFTEN if HISTORIES >= 100 else ())} - counts.keys()
    assert not missing, f"these histories have none of {missing}"
