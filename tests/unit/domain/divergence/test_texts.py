"""Similarity of texts agrees with slow definitions, and is quick for the worst texts."""

from __future__ import annotations

import time
from difflib import SequenceMatcher

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout_spec.domain.divergence.texts import LONGEST, edit_ratio, exact, length_ratio, token_f1

some = settings(max_examples=examples(200), deadline=None, database=None, derandomize=True)
texts = st.text("abc é", max_size=14)


def common_length(first: str, second: str) -> int:
    """Return the length of the longest common subsequence, by the table of the textbook."""
    row = [0] * (len(second) + 1)
    for letter in first:
        before = row[:]
        for place, other in enumerate(second, start=1):
            row[place] = before[place - 1] + 1 if letter == other else max(before[place], row[place - 1])
    return row[-1]


@some
@given(texts, texts)
def test_the_edit_ratio_is_that_of_the_longest_common_subsequence(first: str, second: str) -> None:
    total = len(first) + len(second)
    assert edit_ratio(first, second) == (2 * common_length(first, second) / total if total else 1.0)
    assert edit_ratio(first, second) >= SequenceMatcher(None, first, second, autojunk=False).ratio() - 1e-12
    assert edit_ratio(first, second) == edit_ratio(second, first)


@some
@given(st.lists(st.sampled_from(["card", "fraud", "ok", "no"]), max_size=8), st.permutations(["card", "ok", "ok"]))
def test_words_count_as_often_as_they_occur_in_both(first: list[str], second: list[str]) -> None:
    common = sum(min(first.count(word), second.count(word)) for word in set(first))
    expected = 2 * common / (len(first) + 3)
    assert token_f1(" ".join(first), "  ".join(second).upper()) == expected


def test_empty_texts() -> None:
    assert (exact("", ""), edit_ratio("", ""), token_f1("", ""), length_ratio("", "a")) == (True, 1, 1, None)
    assert (edit_ratio("a", ""), token_f1("a", "…"), length_ratio("ab", "abc")) == (0, 0, 1.5)
    assert not exact("a", "A")


@pytest.mark.parametrize(
    ("first", "second"), [("a" * 10**7, "b" * 10**7), ("ab" * 10**6, "ba" * 10**6), ("a " * 10**6, "b")]
)
def test_hostile_texts_are_quick(first: str, second: str) -> None:
    start = time.process_time()
    edit_ratio(first, second)
    token_f1(first[: LONGEST * 100], second[: LONGEST * 100])
    assert time.process_time() - start < 2
