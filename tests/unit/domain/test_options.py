"""Patterns of targets: the shipped ones can be used, and one that cannot be used has a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from rollout_spec.core import patterns
from rollout_spec.core.package_data import names
from rollout_spec.domain.targets import definitions as catalog
from rollout_spec.domain.targets.options import default_problems, misfit
from rollout_spec.spec.option import Form, Option
from rollout_spec.workspace.working_tree import WorkingTree

ENDLESS = "(a+)+b"


def option(**fields: object) -> Option:
    return Option.model_validate({"type": "text", "description": "Some text.", **fields})


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("[a", "unterminated character set"),
        ("a{99999999999}", "not a valid regular expression"),
        ("[[a]", "nested set"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_told(pattern: str, words: str) -> None:
    assert words in (patterns.invalid_reason(pattern) or "")


def test_a_pattern_is_not_compiled_where_a_target_is_read() -> None:
    assert option(pattern="[a").pattern == "[a"  # else it would be told here; one that takes a second would take it
    with pytest.raises(ValidationError, match="more than 500 characters"):
        option(pattern="a" * 501)


def test_the_shipped_patterns_can_be_used() -> None:
    found = set()
    for name in names("templates"):
        definition = catalog.find(name, WorkingTree(Path("nowhere")))
        assert definition
        forms: list[Form] = [*definition.limits]
        for each in definition.options.values():
            forms += [each, *(each.fields or {}).values()]
        found |= {form.pattern for form in forms if form.pattern is not None}
        assert list(default_problems(definition.options, (), patterns.matches)) == []
    assert len(found) > 3
    assert {pattern: flaw for pattern in found if (flaw := patterns.invalid_reason(pattern))} == {}


@pytest.mark.parametrize("pattern", ["a" * 500, "^[a-z]+$", r"\d{2}", ""])
def test_a_pattern_that_can_be_used_has_no_flaw(pattern: str) -> None:
    assert patterns.invalid_reason(pattern) is None


@pytest.mark.parametrize("text", ["ab\n", "xab", "abx", "a\nb", ""])
def test_a_pattern_is_about_the_whole_text(text: str) -> None:
    assert patterns.matches("ab", "ab")
    assert patterns.matches("^ab$", "ab")
    assert not patterns.matches("ab", text)
    assert not patterns.matches("^ab$", text)


def test_a_text_that_is_too_long_is_not_tried() -> None:
    def never(pattern: str, text: str) -> bool:
        raise AssertionError

    assert misfit("abcd", option(pattern=ENDLESS, maxLength=3), never)
