"""Regular expressions that engines read alike: Python's, and that of the second validator."""

from __future__ import annotations

import re
from random import Random

import jsonschema_rs
import pytest

from rollout_spec.domain.contracts.patterns import PRINTABLE, is_portable
from rollout_spec.domain.contracts.texts import matching

PIECES = ["a", "b", "[a-c]", "[^a]", r"\d", r"\w", r"\S", ".", "(ab|c)", "(?:b)", "(?!a)", "(?=b)", "()", "^", "$", "|"]
COUNTS = ["", "", "", "*", "+", "?", "{2}", "{1,2}", "{0}", "*?", "+?"]


def test_a_portable_pattern_is_read_alike() -> None:
    random, seen = Random(7), 0
    texts = ["", *(chr(code) for code in range(32, 127)), *("".join(random.choices("abc1 ", k=3)) for _ in range(80))]
    for _ in range(300):
        pattern = "".join(random.choice(PIECES) + random.choice(COUNTS) for _ in range(random.randint(1, 4)))
        if not is_portable(pattern):
            continue
        seen += 1
        other = jsonschema_rs.Draft202012Validator({"pattern": pattern})
        assert [bool(re.search(pattern, text)) for text in texts] == [other.is_valid(text) for text in texts], pattern
    assert seen > 150


@pytest.mark.parametrize(
    "pattern",
    ["^[A-Z]{3}$", r"^\d{4}-\d\d$", "^(EUR|USD)?$", "a{2,}b", "()", "x*", "^[^a-z]+@b", "(?!foo)^b", r"^a\.b$", "[a-]"],
)
def test_texts_that_match_are_found(pattern: str) -> None:
    found = matching(pattern, (7, 8))
    assert is_portable(pattern) and found
    assert all(re.search(pattern, text) and set(text) <= PRINTABLE for text in found)


@pytest.mark.parametrize(
    "pattern",
    [
        r"\p{L}", r"\bfoo", r"a\Z", r"\Aa", "(?<n>a)", "(?P<n>a)", "(?i)a", r"(a)\1", "a**", "a*+", "a{,3}",
        "[]a]", "[^]", "[[a]]", "[a-", "(", ")", "{", "a{2,1}", "é", "(?<=a)b", "[b-a]", "[a&&b]", "a\nb", "x{9999}",
        "(" * 40 + ")" * 40, "a" * 2000,
    ],
)  # fmt: skip
def test_a_pattern_that_engines_may_read_differently_is_not_portable(pattern: str) -> None:
    assert not is_portable(pattern)
    assert matching(pattern) == []
