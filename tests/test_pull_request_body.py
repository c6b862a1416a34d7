"""A pull request that is read at night: the verdict is never cut, and what strangers wrote stays where it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from repo import EXAMPLE

from rollout_spec.breach import Breach, Evidence
from rollout_spec.repository import Repository
from rollout_spec.rollback import Reason, Rollback, Step, Undone, Verdict, roll_back
from rollout_spec.rollback.body import LONGEST_BODY, Proof, body
from rollout_spec.rollback.markdown import bullets, code, fenced, table
from rollout_spec.tree import WorkingTree

MOMENT = datetime(2026, 11, 20, 9, tzinfo=UTC)
BREACH = Breach("test-1", "alertmanager", "fraud", "42", MOMENT, "latency-sla", evidence=Evidence("errors " * 2000))
READY = Verdict("act")
COMMIT = "a" * 40


@pytest.fixture(scope="module")
def repository() -> Repository:
    return Repository(WorkingTree(EXAMPLE))


@pytest.fixture(scope="module")
def rollback(repository: Repository) -> Rollback:
    steps = tuple(Step(f"{number:040x}", MOMENT, f"Step {number} `x` @all", None, None) for number in range(2000))
    found = roll_back(repository, BREACH, Undone(steps, MOMENT, kept=steps))
    assert isinstance(found, Rollback)
    return found


def test_the_diff_is_what_is_cut(rollback: Rollback, repository: Repository) -> None:
    diff = "".join(f"+line {number}\n" for number in range(100_000))
    text = body(rollback, repository, READY, proof=Proof(COMMIT, diff))
    assert LONGEST_BODY - 200 < len(text) <= LONGEST_BODY
    assert text.startswith(
        "**fraud 42 failed at canary-5; this takes the whole stack back to 41.** It is ready to merge.\n"
    )
    assert "\n```\n\nThe rest is left out.\n\n<!-- rollout-spec: rollback workspace=acme-models" in text
    assert "- and 1950 more\n" in text


def test_a_diff_of_one_long_line_is_left_out(rollback: Rollback, repository: Repository) -> None:
    text = body(rollback, repository, READY, proof=Proof(COMMIT, "+" + "x" * LONGEST_BODY))
    assert "```" not in text
    assert f"The manifests differ from those of {COMMIT[:12]}, where `live` was last the same" in text


def test_the_same_manifests_are_said_to_be(rollback: Rollback, repository: Repository) -> None:
    text = body(rollback, repository, READY, proof=Proof(COMMIT, ""))
    assert f"The manifests are byte for byte those of {COMMIT[:12]}, where `live` was last the same." in text


def test_whatever_else_is_long_the_verdict_stands(rollback: Rollback, repository: Repository) -> None:
    huge = replace(rollback, passed_over=tuple((str(number), "x" * 5000) for number in range(50)))
    verdict = Verdict("draft", (Reason("age", "the breach is old"),))
    text = body(huge, repository, verdict, proof=Proof(COMMIT, "+x\n"))
    assert len(text) <= LONGEST_BODY
    assert text.startswith("**fraud 42 failed at canary-5;")
    assert "It is a draft for a person, because the breach is old." in text[:300]
    assert text.endswith("breach=test-1 -->\n")


@given(st.text())
def test_code_is_one_line_that_nothing_leaves(text: str) -> None:
    shown = code(text)
    assert shown[0] == shown[-1] == "`"
    assert not set("`|\n\r") & set(shown[1:-1])
    assert shown.isprintable()
    assert len(shown) <= 302


@given(st.text(alphabet="`ab\n\x1b", max_size=200), st.integers(-10, 300))
def test_a_block_ends_where_it_should_and_has_room(text: str, room: int) -> None:
    shown = fenced(text, room)
    assert len(shown) <= max(room, 0)
    if shown:
        first, *lines = shown.removesuffix("\n\nThe rest is left out.").split("\n")
        fence = first.removesuffix("diff")
        assert set(fence) == {"`"}
        assert lines.pop() == fence
        assert not any(line.startswith(fence) for line in lines)
        assert all(line.isprintable() for line in lines)


def test_long_lists_say_how_much_there_is() -> None:
    assert bullets(["a", "b", "c"], most=2) == "- a\n- b\n- and 1 more"
    assert table([("a", "b")] * 101).endswith("| a | b |\n\nAnd 1 more rows.")
