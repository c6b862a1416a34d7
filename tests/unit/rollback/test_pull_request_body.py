"""A pull request that is read at night: the verdict is never cut, and what strangers wrote stays where it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from repo import EXAMPLE

from rollout_spec.core.breach import Breach, Evidence
from rollout_spec.core.findings import Finding
from rollout_spec.core.markdown import bullets, code, fenced, quoted, table
from rollout_spec.rollback import GuardVerdict, NoRollbackTarget, Reason, Rollback, Step, UndoneCommits, roll_back
from rollout_spec.rollback.commit import incident_change, rollback_change
from rollout_spec.rollback.pull_request import LONGEST_BODY, body, repeat_comment
from rollout_spec.rollback.pull_request_sections import ManifestComparison, checks_section
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.working_tree import WorkingTree

MOMENT = datetime(2026, 11, 20, 9, tzinfo=UTC)
BREACH = Breach("test-1", "alertmanager", "fraud", "42", MOMENT, "latency-sla", evidence=Evidence("errors " * 2000))
READY = GuardVerdict("act")
COMMIT = "a" * 40


@pytest.fixture(scope="module")
def repository() -> Repository:
    return Repository(WorkingTree(EXAMPLE))


@pytest.fixture(scope="module")
def rollback(repository: Repository) -> Rollback:
    steps = tuple(Step(f"{number:040x}", MOMENT, f"Step {number} `x` @all", None, None) for number in range(2000))
    found = roll_back(repository, BREACH, UndoneCommits(steps, MOMENT, kept_edits=steps))
    assert isinstance(found, Rollback)
    return found


def test_the_diff_is_what_is_cut(rollback: Rollback, repository: Repository) -> None:
    diff = "".join(f"+line {number}\n" for number in range(100_000))
    text = body(rollback, repository, READY, comparison=ManifestComparison(COMMIT, diff))
    assert LONGEST_BODY - 200 < len(text) <= LONGEST_BODY
    assert text.startswith(
        "**fraud 42 failed in canary-5. This restores fraud 41 with its components.** It is ready to merge.\n"
    )
    assert "\n```\n\nThe rest is left out.\n\n<!-- rollout-spec: rollback workspace=acme-models" in text
    assert "- and 1950 more\n" in text


def test_a_diff_of_one_long_line_is_left_out(rollback: Rollback, repository: Repository) -> None:
    text = body(rollback, repository, READY, comparison=ManifestComparison(COMMIT, "+" + "x" * LONGEST_BODY))
    assert "```" not in text
    assert f"The manifests differ from those of {COMMIT[:12]}, the last commit with the same `live`" in text


def test_the_same_manifests_are_said_to_be(rollback: Rollback, repository: Repository) -> None:
    text = body(rollback, repository, READY, comparison=ManifestComparison(COMMIT, ""))
    assert f"All manifests are byte for byte those of {COMMIT[:12]}, the last commit with the same `live`." in text


def test_findings_that_are_left_out_are_counted(rollback: Rollback, repository: Repository) -> None:
    findings = [Finding("a.yaml", number, 1, "stages-ascend", f"message {number}") for number in range(1, 1013)]
    text = checks_section(rollback, findings, findings[:10], None)
    assert text.count("- New finding: ") == text.count("- Older finding: ") == 10
    assert text.endswith("\n- Older findings: 1,002 more. `rollout-spec check` lists all.")
    assert "New findings:" not in text


def test_whatever_else_is_long_the_verdict_stands(rollback: Rollback, repository: Repository) -> None:
    huge = replace(rollback, skipped=tuple((str(number), "x" * 5000) for number in range(50)))
    verdict = GuardVerdict("draft", (Reason("age", "the breach is old"),))
    text = body(huge, repository, verdict, comparison=ManifestComparison(COMMIT, "+x\n"))
    assert len(text) == LONGEST_BODY
    assert text.startswith("**fraud 42 failed in canary-5.")
    assert "It is a draft for a person to review: the breach is old." in text[:300]
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
    assert bullets(["a", "b"], most=2) == "- a\n- b"
    assert table([("a", "b")] * 101).endswith("| a | b |\n\nAnd 1 more rows.")
    assert table([("a", "b")] * 100).endswith("| a | b |")


@pytest.mark.parametrize(("text", "shown"), [(None, ""), ("", "` `"), ("\n", "` `"), ("a`|\n b", "`a'¦ b`")])
def test_what_is_empty_is_code_too_unless_it_is_absent(text: str | None, shown: str) -> None:
    assert code(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\n", "```diff\na\n```"),
        ("a b\n\n c\n", "```diff\na b\n\n c\n```"),
        ("+X \t\n\n", "```diff\n+X \t\n```"),
        ("+X\n", "```diff\n+X\n```"),
        ("\ta\x1b[1m\u202e\n", "```diff\n\ta�[1m�\n```"),
        ("``\n", "```diff\n``\n```"),
        ("+```\n", "````diff\n+```\n````"),
        ("`a`` ``````b\n", "```````diff\n`a`` ``````b\n```````"),
        ("", ""),
    ],
)
def test_a_block_holds_whole_lines_behind_a_fence_that_is_longer_than_any_in_it(text: str, shown: str) -> None:
    assert fenced(text, 1000) == shown
    assert fenced(text, 1000, "text") == shown.replace("diff", "text")


def test_a_block_has_all_its_lines_or_says_that_the_rest_is_left_out() -> None:
    reserve = 2 * len("```") + len("diff") + 40
    assert fenced("a\nb", reserve + 4) == "```diff\na\nb\n```"
    assert fenced("a\nb", reserve + 3) == "```diff\na\n```\n\nThe rest is left out."
    assert fenced("a\nb", reserve + 2) == "```diff\na\n```\n\nThe rest is left out."
    assert fenced("a\nb", reserve + 1) == ""


@pytest.mark.parametrize("text", ["Ünï", "a (b)", "<b>", "@all", "`a b`", "a\nb", "[x]", "*x*"])
def test_what_could_be_markup_is_quoted_as_code(text: str) -> None:
    assert quoted(text) == code(text)


@pytest.mark.parametrize("text", ["", "it lacks `format`, which: a-b; c_d. 1", "x"])
def test_what_could_be_no_markup_is_quoted_as_it_is(text: str) -> None:
    assert quoted(text) == text


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("draft", "its rollback would be a draft"),
        ("act", "its rollback needs no reviewer"),
        ("notify", "notify"),
        ("ignore", "ignore"),
    ],
)
def test_another_breach_is_told_with_how_far_it_would_go(rollback: Rollback, action: Any, told: str) -> None:
    text = repeat_comment(rollback, GuardVerdict(action, (Reason("age", "the breach is old"),)))
    assert text.startswith(f"**fraud 42 failed again. For this breach alone, {told}: the breach is old.**\n\n|  |  |\n")


def test_a_change_has_the_paths_of_the_workspace_unless_it_lies_in_a_folder(
    rollback: Rollback, repository: Repository
) -> None:
    assert rollback_change(rollback, repository, READY).edits == rollback.edits
    stuck = NoRollbackTarget("acme", "fraud", "42", BREACH, (), "fraud-42", "b", {"incidents/fraud-42.yaml": b"x"})
    assert incident_change(stuck, repository, READY).edits == stuck.edits
    assert list(incident_change(stuck, repository, READY, prefix="eu").edits) == ["eu/incidents/fraud-42.yaml"]
