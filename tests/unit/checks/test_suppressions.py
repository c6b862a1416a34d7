"""A comment silences what it names where it stands, with a reason, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workspaces import rendered

from rollout_spec.checks.runner import check
from rollout_spec.checks.suppressions import by_line, suppressions
from rollout_spec.core.findings import Report
from rollout_spec.core.yaml.document import parse
from rollout_spec.workflows.check import review
from rollout_spec.workspace.repository import Repository

NOW = datetime(2026, 11, 20, tzinfo=UTC)
ROLLOUT = "rollouts/fraud.yaml"


def found(text: str) -> dict[int, list[str]]:
    """The names of the comments that reach each line."""
    comments = by_line(suppressions(parse(text.encode())))
    return {line: sorted(name for each in there for name in each.names) for line, there in sorted(comments.items())}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1 # rollout-spec: ignore[x] because\nb: 1\n", {1: ["x"], 2: ["x"]}),
        ("# rollout-spec: ignore[x] because\na: 1\nb: 1\n", {1: ["x"], 2: ["x"]}),
        ("#rollout-spec:ignore[x,y]because\na: 1\n", {1: ["x", "y"], 2: ["x", "y"]}),
        (
            "# rollout-spec: ignore[x] one\n# rollout-spec: ignore[y] two\na: 1\n",
            {1: ["x"], 2: ["y"], 3: ["x", "y"]},
        ),
        (
            "# rollout-spec: ignore[x] r\r\na: 1\r\n# rollout-spec: ignore[y] r\r\nb: 1\r\n",
            {1: ["x"], 2: ["x"], 3: ["y"], 4: ["y"]},
        ),
        ("# rollout-spec: ignore[x] r\ra: 1\r", {1: ["x"], 2: ["x"]}),
        ("\ufeff# rollout-spec: ignore[x] r\na: 1\n", {1: ["x"], 2: ["x"]}),
        ('a: "# rollout-spec: ignore[x] text"\n', {}),
        ("a: '# rollout-spec: ignore[x] text'\n", {}),
        ("a: |\n  # rollout-spec: ignore[x] text\n  more\nb: 1\n", {}),
        ("a: x#rollout-spec:ignore[x] text\n", {}),
        ("# rollout-spec: ignored[x] r\na: 1\n", {}),
        ("# see rollout-spec: ignore[x] r\na: 1\n", {}),
        ("a: [1, # rollout-spec: ignore[x] r\n  2]\n", {1: ["x"], 2: ["x"]}),
        ("a: x # rollout-spec: ignore[x] r\n# rollout-spec: ignore[y] r\nb: 1\n", {1: ["x"], 2: ["y"], 3: ["x", "y"]}),
    ],
)
def test_a_comment_reaches_its_line_and_the_next(text: str, expected: dict[int, list[str]]) -> None:
    assert found(text) == expected


@given(st.text(st.sampled_from("a#: -\n\"'|[]xé\U0001f600rollout-spec:ignore"), max_size=60))
def test_any_text_can_be_searched(text: str) -> None:
    document = parse(f"# rollout-spec: ignore[x] r\n{text}".encode())
    for each in suppressions(document):
        line = document.lines[each.span.line - 1]
        assert line[each.span.column - 1 : each.span.end_column - 1].startswith("#")


def test_where_it_stands_is_told() -> None:
    (comment,) = suppressions(parse("a: é # rollout-spec: ignore[x]  two words  \n".encode()))
    assert (comment.span.line, comment.span.column, comment.span.end_column) == (1, 6, 42)
    assert (comment.reason, comment.alone) == ("two words", False)


def report_of(patch: str, *, whole: bool = False) -> Report:
    repository = Repository(rendered({f"{ROLLOUT}.diff": patch.encode()}))
    return review(repository, now=NOW) if whole else check(repository, paths=[ROLLOUT], now=NOW)


NO_WAY_BACK = '-    stable: "41"\n+    stable: "41"COMMENT\n@@\n-    knownGood: ["40", "39"]\n+    knownGood: []\n'


def test_what_is_silenced_is_kept_with_its_reason() -> None:
    report = report_of(NO_WAY_BACK.replace("COMMENT", ""))
    (finding,) = (each for each in report.findings if each.name == "rollback-ready")
    comment = "   # rollout-spec: ignore[rollback-ready] it is new"
    silent = report_of(NO_WAY_BACK.replace("COMMENT", comment))
    assert [each for each in silent.findings if each.name == "rollback-ready"] == []
    assert [(each.by, each.reason, each.until) for each in silent.silenced] == [("comment", "it is new", None)]
    assert silent.silenced[0].finding == finding


def test_a_comment_for_a_rule_that_did_not_run_is_not_called_unused() -> None:
    comment = "   # rollout-spec: ignore[manifests-current] an old tool renders it"
    patch = f'-    stable: "41"\n+    stable: "41"{comment}\n'
    assert report_of(patch).findings == ()
    assert [each.name for each in report_of(patch, whole=True).findings] == ["suppressions-used"]
