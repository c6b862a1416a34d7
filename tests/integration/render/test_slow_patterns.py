"""A pattern of a workspace's own target runs in the bounded process, which stops it if it takes too long."""

from __future__ import annotations

import time
from functools import partial

import pytest

from rollout_spec.core import patterns
from rollout_spec.core.bounded_process.budget import SECONDS
from rollout_spec.domain.targets.options import option_problems
from rollout_spec.spec.option import Option

pytestmark = pytest.mark.system
ENDLESS = "(a+)+b"
TEXT = "a" * 60


def option(**fields: object) -> Option:
    return Option.model_validate({"type": "text", "description": "Some text.", **fields})


def test_a_pattern_of_a_workspace_that_is_none_is_told() -> None:
    fits = partial(patterns.matches_bounded, about="rollouts/fraud.yaml")
    [problem] = option_problems({"name": "a"}, {"name": option(pattern="[a")}, (), fits)
    assert "is not known: this is not a valid regular expression: unterminated character set" in problem.message


def test_a_pattern_of_a_workspace_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECONDS, "0.5")
    fits = partial(patterns.matches_bounded, about="rollouts/fraud.yaml")
    begin = time.monotonic()
    [problem] = option_problems({"name": TEXT}, {"name": option(pattern=ENDLESS)}, (), fits)
    assert time.monotonic() - begin < 20
    assert problem.path == ("name",)
    assert problem.message.startswith(f"whether `{TEXT}` matches `{ENDLESS}` is not known: this did not end within")


def test_a_pattern_of_a_workspace_is_tried() -> None:
    fits = partial(patterns.matches_bounded, about="rollouts/fraud.yaml")
    assert [fits("a+", "aa"), fits("a+", "ab")] == [True, False]
