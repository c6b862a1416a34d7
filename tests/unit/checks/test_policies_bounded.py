"""Shipped policies take no time, even for a rollout that is as long as a file may be."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from fuzz.entrances import BASE, PLACES

from rollout_spec.checks import policies
from rollout_spec.checks.policies import cel as engine
from rollout_spec.checks.policies import programs
from rollout_spec.checks.policies.cel_ast import Call
from rollout_spec.checks.policies.type_check import _nodes as nodes
from rollout_spec.core import package_data as resources
from rollout_spec.core.yaml.document import parse
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay
from rollout_spec.workspace.working_tree import WorkingTree

MOST_SECONDS = 1.0  # of CPU, for all policies of all shipped packs; they take a tenth of it


def lines(line: str, times: int) -> str:
    return "".join(line.format(number) for number in range(times))


ROLLOUT = (BASE / PLACES["ModelRollout"]).read_text("utf-8")
STAGE = "    - {{name: s{:050}, mirror: 1%, hold: 1h}}\n"
DURING = f"[{'ab-50, ' * 2400}]"


def longer(**parts: str) -> Callable[[], str]:
    """Make a rollout with more in its lists."""

    def make() -> str:
        text = ROLLOUT
        for head, more in parts.items():
            text = text.replace(f"  {head}:\n", f"  {head}:\n{more}")
        return text

    return make


PINS = "{" + lines("c{}: '>=1', ", 2400) + "}"
HOSTILE: dict[str, Callable[[], str]] = {
    "versions": longer(versions=lines("    v{}: {{artifact: s3://m}}\n", 2400)),
    "versions-with-pins": longer(versions=lines(f"    v{{}}: {{{{artifact: s3://m, requires: {{{PINS}}}}}}}\n", 15)),
    "versions-with-long-texts": longer(versions=lines("    v{}: {{artifact: " + "x" * 16_000 + "}}\n", 60)),
    "versions-with-parts": longer(
        versions=lines("    v{}: {{parts: [" + "{{name: a, artifact: b}}, " * 2000 + "]}}\n", 8)
    ),
    "stages": longer(stages=lines(STAGE, 2400)),
    "triggers": longer(
        triggers=lines("    - {{name: t{}, type: threshold, metric: m, above: 5%, window: 5m}}\n", 2400)
    ),
    "stages-and-triggers": longer(
        stages=lines(STAGE, 550),
        triggers=lines(
            f"    - {{{{name: t{{}}, type: threshold, metric: m, above: 5%, window: 5m, during: {DURING}}}}}\n", 14
        ),
    ),
    "more-stages-than-triggers": longer(
        stages=lines(STAGE, 2400),
        triggers=lines(
            f"    - {{{{name: t{{}}, type: threshold, metric: m, above: 5%, window: 5m, during: {DURING}}}}}\n", 2
        ),
    ),
    "offline-triggers": longer(triggers=lines("    - {{name: t{}, type: offline, metric: auc, tolerance: 1}}\n", 2400)),
    "a-text-of-a-megabyte": lambda: ROLLOUT.replace("{name: fraud,", f"{{name: fraud, description: {'x' * 10**6},"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_shipped_takes_no_time_whatever_the_rollout(name: str) -> None:
    text = HOSTILE[name]()
    assert text != ROLLOUT
    assert parse(text.encode()).readable
    packs = f"[{', '.join(each.removesuffix('.yaml') for each in resources.names('policies'))}]"
    settings = (BASE / ".rollout-spec.yaml").read_text("utf-8").replace("spec:", f"spec:\n  policies: {packs}", 1)
    edits: dict[str, bytes | None] = {PLACES["ModelRollout"]: text.encode(), ".rollout-spec.yaml": settings.encode()}
    repository = Repository(Overlay(WorkingTree(BASE), edits))
    rollout = repository.rollout("fraud")
    assert rollout is not None
    assert rollout.model is not None
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    asked = policies.policies_of(repository)
    assert len(asked) > 10
    assert all(programs.program_of(each.policy.expression, True) for each in asked)
    start = time.process_time()
    list(policies.check(rollout, repository, repository, now))
    assert time.process_time() - start < MOST_SECONDS


def test_what_is_shipped_takes_no_pattern_and_makes_no_text() -> None:
    """Turns and lengths are bounded: so is what is computed, unless a pattern is searched or a text grows."""
    repository = Repository(WorkingTree(BASE))
    for name in resources.names("policies"):
        pack = repository.pack(name.removesuffix(".yaml"))
        assert pack is not None
        assert pack.model is not None
        for policy in pack.model.spec.policies:
            tree = engine.compile(policy.expression).tree()
            calls = {node.function for node in nodes(tree) if isinstance(node, Call)}
            assert not calls & {"matches", "string", "bytes"}, policy.name
            assert programs.unsound(policy.expression) == (), policy.name
