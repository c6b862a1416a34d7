"""What is wrong with a value is told once, at its place, in words that name it.

A case is a section of ``cases/problems/<group>.md``, whose form ``problem_cases`` has. ``ROLLOUT_SPEC_UPDATE=1`` writes
the problems into the page.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import folders
import pytest
import yaml
from nested_data import accepts, at, paths_of, plain, removed, replaced
from problem_cases import BASE, problem_cases, problems_of, update

from rollout_spec.core.findings import KeyPath, Problem, Span
from rollout_spec.core.text import did_you_mean, nearest
from rollout_spec.workspace.loader import File, read_file

HERE = folders.TESTS
CASES = problem_cases()
UPDATE = os.environ.get("ROLLOUT_SPEC_UPDATE") == "1"
GOOD = sorted((HERE / "good").glob("*.yaml"))
EXAMPLE = (HERE / "good" / "rollout.yaml").read_text("utf-8")
DATA = read_file("rollout.yaml", None, EXAMPLE.encode()).document.data
CHOSEN = {"versions", "metrics", "requires", "env", "monitors"}
"""The fields whose keys a user chooses."""
JARGON = re.compile(r"Input|valid|Decimal|NoneType|\bNone\b|\bdict|str\b|instance|extra|forbidden|\[key\]|['\"]\{")


def read(text: str, kind: str | None = None) -> File[Any]:
    return read_file("some.yaml", kind, text.encode())


def place(file: File[Any], problem: Problem) -> Span:
    return file.document.span(problem.path, on_key=problem.on_key)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_document_has_no_problem(path: Path) -> None:
    file = read_file(path.name, None, path.read_bytes())
    assert file.problems == ()
    assert file.document.problems == ()
    assert file.model is not None


@pytest.mark.parametrize("name", CASES)
def test_a_problem_is_told_once_at_its_place(name: str) -> None:
    case = CASES[name]
    file = case.read()
    assert file.model is None
    if UPDATE:
        case = update(case, problems_of(file))
    assert problems_of(file) == case.expected()
    for problem in file.problems:
        assert problem.severity == "error"
        assert not JARGON.search(problem.message + (problem.hint or ""))


@pytest.mark.parametrize("path", sorted(path for path in BASE.rglob("*") if path.is_file()), ids=lambda path: path.name)
def test_the_files_below_the_cases_have_no_problem(path: Path) -> None:
    assert read(path.read_text("utf-8")).model is not None


PATHS = [
    path for path in paths_of(DATA) if not {"40", "41"}.intersection(path)
]  # the record of 42 has all their fields
SCALARS = [path for path in PATHS if not isinstance(at(DATA, path), dict | list)]
KEYS = [
    path
    for path in PATHS
    if path and isinstance(path[-1], str)
    if not CHOSEN.intersection(map(str, path[-2:-1])) and ("targets" not in path or path[-1] == "type")
]
WRONG = {
    "{x: y}": ({"x": "y"}, "a mapping"),
    "[x]": (["x"], "a list"),
    "1.5": (1.5, "1.5"),
    "-1": (-1, "-1"),
    "0": (0, "0"),
    "true": (True, "true"),
    "null": (None, "nothing"),
    '""': ("", "empty"),
    "§": ("§", "§"),
    "101%": ("101%", "101%"),
    "1h1d": ("1h1d", "1h1d"),
}
"""What is written in place of a value, what that is, and how a message calls it."""


def spell(path: KeyPath) -> str:
    return ".".join(map(str, path))


@pytest.mark.parametrize("path", SCALARS, ids=spell)
def test_a_wrong_value_is_one_problem_at_its_line(path: KeyPath) -> None:
    span = read(EXAMPLE).document.span(path)
    lines = EXAMPLE.split("\n")
    line = lines[span.line - 1]
    for written, (value, seen) in WRONG.items():
        lines[span.line - 1] = line[: span.column - 1] + written + line[span.end_column - 1 :]
        file = read("\n".join(lines), "ModelRollout")
        refused = not accepts("ModelRollout", replaced(DATA, path, value), path)
        assert len(file.problems) == refused, f"{written}: {file.problems}"
        for problem in file.problems:
            assert place(file, problem).line == span.line or value is None
            assert not JARGON.search(problem.message) or path == ("kind",)
            if value is not None and len(path) > 1:
                assert problem.path == path
                assert seen in problem.message, "what stands there is named"


@pytest.mark.parametrize("path", KEYS, ids=spell)
def test_a_misspelled_key_is_one_problem_with_the_right_name(path: KeyPath) -> None:
    span = read(EXAMPLE).document.span(path, on_key=True)
    lines = EXAMPLE.split("\n")
    line = lines[span.line - 1]
    right = str(path[-1])
    for wrong in (right[1] + right[0] + right[2:], right[:-1] + "q" if len(right) > 3 else right + "q"):
        lines[span.line - 1] = line[: span.column - 1] + wrong + line[span.end_column - 1 :]
        file = read("\n".join(lines), "ModelRollout")
        (problem,) = file.problems
        assert problem.path == (*path[:-1], wrong)
        assert (place(file, problem).line, place(file, problem).column) == (span.line, span.column)
        assert problem.message == f"there is no field `{wrong}` here"
        assert problem.hint == f"did you mean `{right}`?"


@pytest.mark.parametrize("good", [path for path in GOOD if path.stem != "rollout"], ids=lambda path: path.stem)
def test_a_missing_field_is_one_problem_at_its_parent(good: Path) -> None:
    data = read(good.read_text("utf-8")).document.data
    kind = data["kind"]
    for path in paths_of(data):
        if not path or not isinstance(path[-1], str):
            continue
        without = plain(removed(data, path))
        file = read(yaml.dump(without, Dumper=yaml.CSafeDumper, sort_keys=False), kind)
        assert len(file.problems) == (not accepts(kind, without, path)), f"{spell(path)}: {file.problems}"
        for problem in file.problems:
            assert problem.path[: len(path) - 1] == path[:-1]
            assert len(problem.path) <= len(path)
            if not CHOSEN.intersection(map(str, path[-2:-1])):
                assert path[-1] in problem.message, "what is missing is named"


def test_an_unknown_key_swallows_the_missing_field_that_it_misspells() -> None:
    text = CASES["keys/two-misspelled"].part.content().decode()
    assert len(read(text).problems) == 2
    assert len(read(text.replace("servign", "zzz")).problems) == 3


def test_letters_that_changed_places_are_the_nearest_name() -> None:
    assert nearest("pcu", ["cpu", "gpu"]) == nearest("pcu", ["gpu", "cpu"]) == "cpu"
    assert nearest("weigth", ["height", "weight"]) == "weight"
    assert nearest("zzz", ["cpu", "gpu"]) is None


def test_a_few_names_are_listed_where_none_is_near() -> None:
    assert did_you_mean("zzz", ["b", "a"]) == "known: `a`, `b`"
    assert did_you_mean("zzz", map(str, range(9))) is None
    assert did_you_mean("zzz", []) is None
