"""Text in messages is printable, of a bounded length, and names how much it leaves out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout_spec.core.text import escape, excerpt, join_some, one_line


@given(st.text())
def test_text_that_is_shown_is_printable(text: str) -> None:
    assert escape(text).isprintable()
    assert escape(text, keep="\n").replace("\n", "").isprintable()
    assert excerpt(text).isprintable()
    assert one_line(text).isprintable()


@given(st.text(), st.integers(1, 20))
def test_one_line_has_at_most_so_many_characters(text: str, longest: int) -> None:
    assert len(one_line(text, longest)) <= longest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fräud-42", "fräud-42"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\x1b[31m", r"\u001b[31m"),
        ("\u202e\ud800", r"\u202e\ud800"),
        ("\U000e0001", r"\U000e0001"),
    ],
)
def test_what_is_not_printable_is_an_escape(text: str, expected: str) -> None:
    assert escape(text) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, ""), (1, "0"), (3, "0, 1, 2"), (4, "0, 1, 2 and 1 more"), (1503, "0, 1, 2 and 1,500 more")],
)
def test_a_long_list_says_how_many_it_leaves_out(count: int, expected: str) -> None:
    assert join_some([str(number) for number in range(count)], 3) == expected
