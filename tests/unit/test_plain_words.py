"""Docstrings, messages and pages are in plain words, with one term for each concept (docs/glossary.md)."""

from __future__ import annotations

import plain_words
import pytest
from banned_words import ALLOWED

CEILINGS = {"where": 4.5, "what/who/whose": 3.0}
"""The most of a clause in 1,000 words of docstrings: "if" and a noun are plainer."""

LONGEST_SUMMARY = 100
"""The most characters of a docstring's first line; 80 are better."""

PACKAGES = plain_words.packages()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_avoids_words_that_must_be_decoded(package: str) -> None:
    modules = plain_words.modules_of(package)
    texts = [text for module in modules for text in (*module.docstrings, *module.messages)]
    assert plain_words.banned(texts) == []


def test_pages_avoid_words_that_must_be_decoded() -> None:
    assert plain_words.banned(plain_words.pages()) == []


@pytest.mark.parametrize("folder", plain_words.DATA)
def test_descriptions_in_data_avoid_words_that_must_be_decoded(folder: str) -> None:
    assert plain_words.banned(plain_words.data(folder)) == []


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("clause", CEILINGS)
def test_docstrings_name_things_instead_of_pointing_at_them(package: str, clause: str) -> None:
    texts = [text for module in plain_words.modules_of(package) for text in module.docstrings]
    assert plain_words.per_thousand(texts, clause) <= CEILINGS[clause]


@pytest.mark.parametrize("clause", CEILINGS)
def test_pages_name_things_instead_of_pointing_at_them(clause: str) -> None:
    assert plain_words.per_thousand(plain_words.pages(), clause) <= CEILINGS[clause]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_docstring_asks_a_question(package: str) -> None:
    functions = plain_words.functions_of(package)
    assert [function.place for function in functions if function.is_question] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_predicates_say_when_they_are_true(package: str) -> None:
    functions = plain_words.functions_of(package)
    assert [function.place for function in functions if function.is_unclear_predicate] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_first_lines_are_short(package: str) -> None:
    functions = plain_words.functions_of(package)
    assert [function.place for function in functions if len(function.summary) > LONGEST_SUMMARY] == []


def test_every_exception_is_used() -> None:
    prose = {text.file: text.prose for text in plain_words.pages()}
    for file, module in plain_words.modules().items():
        prose[file] = "\n".join(text.prose for text in (*module.docstrings, *module.messages))
    assert [(file, word) for file, word in ALLOWED if word not in " ".join(prose[file].lower().split())] == []


def test_the_reader_finds_banned_words_and_leaves_code_out() -> None:
    page = plain_words.Text(
        "page.md", 1, plain_words.prose_of_page("One\n```\nproof\n```\n`proof`, and a way\nback.\n")
    )
    assert plain_words.banned([page]) == ["page.md:5: 'way back'; write instead: rollback target, or rollback"]
    docstring = plain_words.Text(
        "a.py", 7, plain_words.prose_of_docstring("Fails::\n\n    proof\n\nArmed, but for one.\n")
    )
    found = [line.partition(";")[0] for line in plain_words.banned([docstring])]
    assert found == ["a.py:11: 'but for'", "a.py:11: 'armed'"]
