"""A workspace's own policy that takes too long ends within limits, and is a finding at its line.

The expressions that are meant to take long are in ``bombs`` (see ``test_confined.py``).
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from bomb_files import PACK, workspace
from repo import run

from rollout_spec.checks.policies import cel as engine
from rollout_spec.core.bounded_process import worker

pytestmark = pytest.mark.system
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


def test_an_example_that_does_not_end_is_a_finding_at_the_line_of_the_expression(slow: Path) -> None:
    done = run("--repo", str(slow), "policy", "test")
    told = [line for line in done.text.splitlines() if line.endswith("[slow]")]
    assert done.status == 1
    assert len(told) == 1
    assert told[0].startswith(f"{PACK}:{LINE}:19: error: this did not end within the 2 s")
    assert "(in example 2 of 4)" in told[0]


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
