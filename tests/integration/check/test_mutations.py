"""A good spec that goes wrong still means what it meant, or is told: nothing that is written is passed over.

Two kinds of going wrong are tried on every good file.

*Respelled*: one value or key is spelled in another way, such as quotes that come or go, a lost unit, `yes` for `true`,
a letter that is missing in a field's name, a field that is there twice. The claim: the file loads to an equal model, or
there is a finding. (A mutation to another value that is as good, such as 6% for 5%, is an edit and no mistake; and what
the user alone names, such as the keys of `labels`, can be misspelled by nobody.)

*Mutated*: lines and letters are dropped, doubled, moved, indented, cut, and replaced. The claim: nothing is raised; and
where there is no finding, the data is what PyYAML's own parser, which shares no code with libyaml, reads, and every key
and entry of it is in the model. ROLLOUT_SPEC_FUZZ says how many times as many examples are tried.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from functools import cache
from random import Random
from typing import Any

import folders
import pytest
import yaml
from amounts import examples
from fuzz import entrances
from fuzz.mutations import mutated
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nested_data import alike, at, paths_of

from rollout_spec.checks.runner import check
from rollout_spec.core.findings import KeyPath
from rollout_spec.core.yaml.document import Document, parse
from rollout_spec.spec.kinds import FOLDERS, WORKSPACE_FILE
from rollout_spec.workspace.loader import File, read_file
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay
from rollout_spec.workspace.working_tree import WorkingTree

HERE = folders.TESTS
EXAMPLE = HERE.parent / "examples" / "acme-models"
GOOD = sorted(
    [
        *(path for path in (HERE / "good").glob("*.yaml") if path.stem != "rollout"),  # the example is the same
        EXAMPLE / ".rollout-spec.yaml",
        *(path for folder in FOLDERS for path in (EXAMPLE / folder).glob("*.yaml")),
    ]
)
TEXTS = {str(path.relative_to(HERE.parent)): path.read_text("utf-8") for path in GOOD}
TIMES = int(os.environ.get("ROLLOUT_SPEC_FUZZ", "1"))

CHOSEN = {"versions", "metrics", "requires", "env", "labels", "severity", "monitors", "oci"}
"""The fields whose keys a user chooses."""
ELSEWHERE = {"passes", "fails"}
"""Examples are what CEL makes of them."""
SHARE = re.compile(r"[0-9.]+%")
DURATION = re.compile(r"([0-9]+(ms|[dhms]))+")

METRICS = """
    clicks: {kind: ratio, good: up, events: clicks_total, total: views_total}
    quality: {kind: value, good: up, query: quality}
"""
WORKSPACE = (EXAMPLE / WORKSPACE_FILE).read_text("utf-8").replace("\n  metrics:\n", f"\n  metrics:{METRICS}")
"""It declares the metrics of all good rollouts."""

Respelling = Callable[[Document, KeyPath], Iterator[str]]


def read(text: str, kind: str | None = None) -> File[Any]:
    return read_file("some.yaml", kind, text.encode())


def is_told(file: File[Any]) -> bool:
    return bool(file.problems or file.document.problems)


def is_told_among_others(text: str, good: File[Any]) -> bool:
    """Does check find more than in the good file, in a workspace? Others judge bounds and options."""
    folder = {kind: folder for folder, kind in FOLDERS.items()}.get(good.kind)
    assert good.model is not None
    place = f"{folder}/{good.model.metadata.name}.yaml" if folder else WORKSPACE_FILE
    return bool(found_in_workspace(place, text.encode()) - found_in_workspace(place, good.content))


@cache
def found_in_workspace(place: str, content: bytes) -> frozenset[tuple[KeyPath, str]]:
    tree = Overlay(WorkingTree(EXAMPLE), {WORKSPACE_FILE: WORKSPACE.encode(), place: content})
    report = check(Repository(tree), paths=[place])
    return frozenset((each.path, each.message) for each in report.findings)


def written(document: Document, path: KeyPath, new: str, *, on_key: bool = False) -> str:
    """Return the text with something else where a key or a one-line value stands."""
    span = document.span(path, on_key=on_key)
    line = document.lines[span.line - 1]
    lines = [*document.lines]
    lines[span.line - 1] = line[: span.column - 1] + new + line[span.end_column - 1 :]
    return "\n".join(lines)


def in_other_quotes(document: Document, path: KeyPath) -> Iterator[str]:
    value = document.scalar(path)
    if value is not None and at(document.data, path) is not None and "\n" not in value.value:  # "null" is a word
        double = value.value.replace("\\", "\\\\").replace('"', '\\"')
        yield written(document, path, f'"{double}"')
        yield written(document, path, "'" + value.value.replace("'", "''") + "'")
        if " #" not in value.value:  # a comment begins there
            yield written(document, path, value.value)


def of_other_type(document: Document, path: KeyPath) -> Iterator[str]:
    value = document.scalar(path)
    if value is not None and "\n" not in value.value:
        span = document.span(path)
        now = document.lines[span.line - 1][span.column - 1 : span.end_column - 1]
        yield from (written(document, path, new) for new in (f"[{now}]", f"{{x: {now}}}", f"!!str {now}", f"&x {now}"))


def without_unit(document: Document, path: KeyPath) -> Iterator[str]:
    value = document.bare(path) or ""
    if SHARE.fullmatch(value) or DURATION.fullmatch(value):
        yield written(document, path, value.rstrip("%dhms"))
        yield written(document, path, re.sub(r"([%dhms]+)$", r" \1", value))
        yield written(document, path, value.upper() if value.endswith("s") else value + "x")


def as_another_boolean(document: Document, path: KeyPath) -> Iterator[str]:
    if document.bare(path) in ("true", "false"):
        yield from (written(document, path, word) for word in ("yes", "no", "on", "Off", "True", "FALSE", "1", "y"))


def with_a_misspelled_key(document: Document, path: KeyPath) -> Iterator[str]:
    key = str(path[-1])
    swapped = key[1] + key[0] + key[2:]
    for wrong in (key[:-1], key + "s", swapped, key.upper(), key.replace("i", "ı"), f"{key} ", f"{key}.x"):
        if wrong.strip() != key:
            yield written(document, path, wrong, on_key=True)


def with_a_key_twice(document: Document, path: KeyPath) -> Iterator[str]:
    yield written(document, path, f"{path[-1]}: x, {path[-1]}", on_key=True)
    span = document.span(path, on_key=True)
    lines = [*document.lines]
    lines.insert(span.line - 1, f"{' ' * (span.column - 1)}{path[-1]}: x")
    yield "\n".join(lines)


def with_an_unknown_key(document: Document, path: KeyPath) -> Iterator[str]:
    span = document.span(path, on_key=True)
    for unknown in ("x", "labels2", "<<", '""', "null", "apiVersion "):
        alone = re.match(r" *(- )?$", document.lines[span.line - 1][: span.column - 1])
        between = "\n" + " " * (span.column - 1) if alone else ", "
        yield written(document, path, f"{unknown}: x{between}{path[-1]}", on_key=True)


OF_VALUES: tuple[Respelling, ...] = (in_other_quotes, of_other_type, without_unit, as_another_boolean)
OF_KEYS: tuple[Respelling, ...] = (with_a_misspelled_key, with_a_key_twice, with_an_unknown_key)


def is_field(path: KeyPath) -> bool:
    """Is the last step of a path the name of a field, which only the format chooses?"""
    parents = [str(step) for step in path[:-1]]
    return bool(path) and isinstance(path[-1], str) and not (CHOSEN & set(parents[-1:]) or ELSEWHERE & set(parents))


@pytest.mark.parametrize("respelling", [*OF_VALUES, *OF_KEYS], ids=lambda each: each.__name__.replace("_", "-"))
@pytest.mark.parametrize("name", TEXTS)
def test_a_respelled_file_is_told_or_means_the_same(name: str, respelling: Respelling) -> None:
    good = read(TEXTS[name])
    assert good.model is not None and not is_told(good)
    for path in paths_of(good.document.data):
        if ELSEWHERE & set(map(str, path)) or (respelling in OF_KEYS and not is_field(path)):
            continue
        for text in respelling(good.document, path):
            if text != TEXTS[name]:
                file = read(text, good.kind)
                same = is_told(file) or file.model == good.model
                assert same or is_told_among_others(text, good), f"{path}:\n{text}"


NAMES = (
    *(("spec", "live", field) for field in ("stable", "candidate", "stage")),
    ("spec", "live", "knownGood", 0),
    ("spec", "service", "metrics"),
    *(("spec", "targets", index, "type") for index in range(3)),
    *(("spec", "triggers", index, "metric") for index in (0, 2, 3)),
    ("spec", "triggers", 0, "during", 0),
)


@pytest.mark.parametrize("path", NAMES, ids=lambda path: ".".join(map(str, path)))
def test_a_name_that_nobody_declares_is_told(path: KeyPath) -> None:
    document = parse((EXAMPLE / "rollouts" / "fraud.yaml").read_bytes())
    name = at(document.data, path)
    for wrong in (f"{name}x", f"x{name}", name[::-1] + "0", "promoted-"):
        text = written(document, path, f'"{wrong}"')
        repository = Repository(Overlay(WorkingTree(EXAMPLE), {"rollouts/fraud.yaml": text.encode()}))
        report = check(repository, paths=["rollouts/fraud.yaml"])
        assert [(each.severity, each.path) for each in report.findings] == [("error", path)]


def several(text: str, seed: int) -> str:
    random = Random(seed)
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        text = mutated(text, random)
    return text


@settings(max_examples=examples(150 * TIMES), deadline=None, database=None, derandomize=TIMES == 1)
@given(st.sampled_from(sorted(TEXTS)), st.integers(0, 2**32))
@example("tests/good/rollout-with-every-field.yaml", 15)
def test_a_mutated_file_is_told_or_read_as_others_read_it(name: str, seed: int) -> None:
    text = several(TEXTS[name], seed)
    entrances.try_all(text.encode("utf-8", "surrogatepass"))
    file = read(text.encode("utf-8", "replace").decode(), read(TEXTS[name]).kind)
    if not file.document.problems:
        assert alike(file.document.data, others_read(file.document.text)), text
    if file.model is not None:
        assert missing(file.document.data, file.model.model_dump(by_alias=True, warnings=False)) == [], text


class Others(yaml.SafeLoader):
    """PyYAML's own parser; a date stays text: there are some that no calendar has, and then it raises."""


Others.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: str(node.value))


def others_read(text: str) -> Any:
    """Read a text with a YAML parser that is not ours; it refuses tabs and `?` where YAML 1.2 and others take them."""
    try:
        return yaml.load(text, Others)
    except yaml.YAMLError:
        if "\t" in text or "?" in text:
            return yaml.load(text, yaml.CSafeLoader)
        raise


def missing(data: Any, dumped: Any, path: KeyPath = ()) -> list[KeyPath]:
    """Return the places of the data that did not arrive in the model."""
    if isinstance(data, dict) and isinstance(dumped, list | tuple):  # one secret, where several are allowed
        return missing([data], dumped, path)
    if isinstance(data, dict):
        there = dumped if isinstance(dumped, dict) else {}
        places = ((key, (*path, key)) for key in data)
        return [lost for key, at in places for lost in (missing(data[key], there[key], at) if key in there else [at])]
    if isinstance(data, list):
        if not isinstance(dumped, list | tuple) or len(dumped) != len(data):
            return [path]
        pairs = enumerate(zip(data, dumped, strict=True))
        return [lost for index, (value, there) in pairs for lost in missing(value, there, (*path, index))]
    return [path] if data is not None and dumped is None else []
