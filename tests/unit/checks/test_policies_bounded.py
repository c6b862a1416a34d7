"""No policy takes long: one of a workspace's own ends within limits, at its line, and a shipped one takes no time.

The expressions that are meant to take long are in ``bombs`` (see ``test_confined.py``). Here is where each is asked,
and what shipped ones cost for a rollout that is as long as a file may be.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bomb_files import PACK, workspace
from fuzz.entrances import BASE, PLACES
from repo import run

from rollout_spec.checks import policies
from rollout_spec.checks.policies import cel as engine
from rollout_spec.checks.policies.cel_ast import Call
from rollout_spec.checks.policies.type_check import _nodes as nodes
from rollout_spec.core import package_data as resources
from rollout_spec.core.bounded_process import worker
from rollout_spec.core.yaml.document import parse
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay
from rollout_spec.workspace.working_tree import WorkingTree

MOST_SECONDS = 1.0  # of CPU, for all policies of all shipped packs; they take a tenth of it
LETTERS = "".join(random.Random(1).choices("ab", k=16_000))
SLOW = "!rollout.metadata.description.matches('(a|b)*a(a|b){30}c')"
LIST = str(list(range(30)))
OURS = f"""apiVersion: rollout-spec/v1
kind: PolicyPack
metadata: {{name: ours}}
spec:
  policies:
    - {{name: fine, expression: rollout.metadata.name != "", message: no, why: why}}
    - name: slow
      expression: >-
        rollout.metadata.description == null ||
          {LIST}.all(a, {LIST}.all(b, {SLOW}))
      message: no
      why: why
      passes: [{{}}, {{metadata: {{description: {LETTERS}}}}}, {{}}]
      fails: [{{}}]
    - {{name: last, expression: "true", message: no, why: why}}
"""
LINE = 8


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a pack that loads and is sound, and does not end when asked about its rollout."""
    monkeypatch.setenv("ROLLOUT_SPEC_SANDBOX_SECONDS", "2")
    return workspace(tmp_path, policies=OURS, said={"description": LETTERS})


@pytest.mark.system
@pytest.mark.parametrize("words", [("check",), ("check", "rollouts/fraud.yaml")])
def test_a_policy_that_does_not_end_is_a_finding_at_its_line_and_at_the_rollout(
    words: tuple[str, ...], slow: Path
) -> None:
    done = run("--repo", str(slow), *words)
    lines = done.text.splitlines()
    assert done.status == 1
    why = "this did not end within the 2 s that a workspace's templates, policies and contracts share"
    [at_the_pack] = [line for line in lines if line.startswith(f"{PACK}:{LINE}:19: error: evaluated for ")]
    assert at_the_pack.startswith(f"{PACK}:{LINE}:19: error: evaluated for rollouts/fraud.yaml, {why}")
    assert at_the_pack.endswith("[slow]")
    [at_the_rollout] = [line for line in lines if line.startswith("rollouts/fraud.yaml") and line.endswith("[slow]")]
    assert f"the policy at {PACK}:{LINE}:19 cannot be evaluated here, and counts as violated: {why}" in at_the_rollout
    assert not any(line.endswith("[fine]") for line in lines), "it was asked before"
    assert any(line.endswith("[last]") and "this was not run" in line for line in lines), "what is not asked is not met"


@pytest.mark.system
def test_an_example_that_does_not_end_is_a_finding_at_the_line_of_the_expression(slow: Path) -> None:
    done = run("--repo", str(slow), "policy", "test")
    told = [line for line in done.text.splitlines() if line.endswith("[slow]")]
    assert done.status == 1
    assert len(told) == 1
    assert told[0].startswith(f"{PACK}:{LINE}:19: error: this did not end within the 2 s")
    assert "(in example 2 of 4)" in told[0]


@pytest.mark.system
def test_a_pack_of_ones_own_is_asked_in_no_process_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLOUT_SPEC_SANDBOX_SECONDS", "0.5")
    workspace(tmp_path, policies=OURS)
    here: list[str] = []
    worker.stop()

    def loaded() -> Any:
        here.append("loaded")
        raise AssertionError

    monkeypatch.setattr(engine, "_environment", loaded)
    monkeypatch.setattr("rollout_spec.core.bounded_process.process._may_fork", lambda: False)
    for words in ("check", f"check {PACK}", "policy test", "explain slow", "render", "drill", "check"):
        assert "Traceback" not in run("--repo", str(tmp_path), *words.split()).text
    step = ["retreat", "fraud", "--to", "shadow"]
    assert run("--repo", str(tmp_path), *step).status == 0
    assert here == []


# What is shipped.


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
    assert all(policies.program_of(each.policy.expression, True) for each in asked)
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
            assert policies.unsound(policy.expression) == (), policy.name
