"""YAML gives the same bytes many readings; each trap in ``cases/yaml`` is a text and what the reader says of it.

A case is a folder with ``expected.json`` beside ``input.yaml``, or beside ``generate.json`` where bytes are awkward or
many: a list of texts, ``{"repeat": [text, times]}``, ``{"count": [text with {}, times]}``, ``{"hex": bytes}`` and
``{"encode": [text, encoding]}``.
"""

from __future__ import annotations

import json
import sys
import time
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import folders
import pytest
import yaml
from amounts import examples
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from nested_data import alike

from rollout_spec.core.findings import MOST_PROBLEMS, WHOLE_FILE, KeyPath, Span
from rollout_spec.core.yaml.decoding import line_start
from rollout_spec.core.yaml.document import Document, parse
from rollout_spec.core.yaml.reader import MAX_BYTES, MAX_DEPTH
from rollout_spec.core.yaml.scalars import is_ambiguous, quote, resolve

CASES = folders.CASES / "yaml"
NAMES = sorted(str(file.parent.relative_to(CASES)) for file in CASES.rglob("expected.json"))
BOMBS = [name for name in NAMES if "bomb" in name or name.startswith("deep-nesting") or name == "size/1-mib-of-text"]
MOST_SECONDS = 1.0 if sys.gettrace() is None else 5.0
"""Of CPU; each case takes less than a fifth of it on a slow machine, or more where coverage traces it."""
MOST_MEMORY = 64 * 1024 * 1024

some = settings(
    max_examples=examples(100),
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def content_of(name: str) -> bytes:
    folder = CASES / name
    if (folder / "input.yaml").exists():
        return (folder / "input.yaml").read_bytes()
    return b"".join(map(generated, json.loads((folder / "generate.json").read_text("utf-8"))))


def generated(part: str | dict[str, Any]) -> bytes:
    match part:
        case str(text):
            return text.encode()
        case {"repeat": [text, times]}:
            return str(text).encode() * int(times)
        case {"count": [text, times]}:
            return "".join(str(text).format(number) for number in range(times)).encode()
        case {"encode": [text, encoding]}:
            return str(text).encode(encoding)
        case {"hex": text}:
            return bytes.fromhex(text)
    raise AssertionError(f"generate.json does not know {part}")


@pytest.mark.parametrize("name", NAMES)
def test_a_trap_has_one_reading(name: str) -> None:
    expected = json.loads((CASES / name / "expected.json").read_text("utf-8"), parse_float=Decimal)
    content = content_of(name)
    start = time.process_time()
    document = parse(content)
    assert time.process_time() - start < MOST_SECONDS
    told = [(flaw.span.line, flaw.span.column, flaw.span.end_column, flaw.severity) for flaw in document.problems]
    assert told == [(row["line"], row["column"], row["endColumn"], row["severity"]) for row in expected["flaws"]]
    for flaw, row in zip(document.problems, expected["flaws"], strict=True):
        assert row["message"] in flaw.message
        assert (flaw.hint is None) == (row["hint"] is None)
        assert (row["hint"] or "") in (flaw.hint or "")
    assert document.readable == all(row["severity"] != "error" for row in expected["flaws"])
    if "data" in expected:
        assert repr(document.data) == repr(expected["data"])  # `1` is not `true`, and 1.10 is not 1.1
    for key, text in expected.get("bare", {}).items():
        assert document.bare((key,)) == text
    for row in expected.get("places", ()):
        span = Span(row["line"], row["column"], row["endLine"], row["endColumn"])
        assert document.span(tuple(row["path"])) == span


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_takes_no_memory(name: str) -> None:
    content = content_of(name)
    tracemalloc.start()
    parse(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MOST_MEMORY


def test_every_case_has_one_input() -> None:
    for name in NAMES:
        assert (CASES / name / "input.yaml").exists() != (CASES / name / "generate.json").exists(), name


def test_events_come_from_libyaml() -> None:
    assert yaml.__with_libyaml__
    assert parse(b"{\ta: 1}").data == {"a": 1}, "PyYAML's own scanner refuses this tab"


def test_a_later_key_never_wins() -> None:
    document = parse(b"weight: 5%\nweight: 100%\n")
    assert document.data is None
    assert [flaw.path for flaw in document.problems] == [("weight",)]


def test_all_ambiguous_words_are_told_at_once() -> None:
    document = parse(b"a: no\nb: [0755, 12:30]\n")
    assert [flaw.path for flaw in document.problems] == [("a",), ("b", 0), ("b", 1)]
    assert document.data == {"a": "no", "b": ["0755", "12:30"]}


def test_a_file_with_many_ambiguous_words_hides_no_ambiguous_key_of_another() -> None:
    words = ", ".join(["yes"] * (MOST_PROBLEMS + 2))
    parse(f"words: [{words}]\nOff: x".encode())
    assert [problem.path for problem in parse(b"Off: x").problems] == [("Off",)]


def test_a_place_that_is_missing_is_its_parents_key() -> None:
    document = parse(b"spec:\n  live:\n    stable: '1'\n")
    assert document.span(("spec", "live", "stage")) == Span(2, 3, 2, 7)
    assert document.span(("spec", "live", "stable"), on_key=True) == Span(3, 5, 3, 11)
    assert document.span(("spec", "live", "stable", "deeper")) == Span(3, 13, 3, 16)


def test_a_place_in_nothing_is_the_whole_file() -> None:
    assert parse(b"").span(("spec",)) == WHOLE_FILE
    assert parse(b"a: [").span(("a", 0)) == WHOLE_FILE


def test_only_what_has_no_quotes_is_bare() -> None:
    document = parse(b"a: 1.10\nb: '1.10'\nc: |\n  1.10\nd: [x]\n")
    assert [document.bare((key,)) for key in "abcdz"] == ["1.10", None, None, None, None]


def test_a_quoted_word_costs_no_time() -> None:
    start = time.process_time()
    assert quote("a" + "." * 10_000 + "!") == '"a' + "." * 10_000 + '!"'
    assert time.process_time() - start < MOST_SECONDS


MANY = {
    "comments-above-lines-that-go-on": "# x\n" * 250_000 + "a: [\n" + "b,\n" * 5000 + "c]\n",
    "lines-that-go-on-in-quotes": "a:\n b: '" + "x\n" * 500_000 + "'\n",
    "blank-lines-in-quotes": 'a: "x' + "\n" * 700_000 + '   x"\n',
    "lines-of-brackets": "a: [" + "b,\n" * 40_000 + "]\n",
    "backslashes": 'a: "' + "\\\\" * 300_000 + ' \\\n b"\n',
    "blank-lines-that-begin-a-text": "a: |\n" + " \n" * 400_000 + "b: c\n",
    "texts-of-many-lines": "- |\n  x\n" * 40_000,
    "marks-of-texts": "a: '" + "|000" * 200_000 + "'\nb: |\n \n c\n",
    "question-marks": "a: [" + "?b, " * 20_000 + "]\n",
    "comments-behind-brackets": "- []#\n" * 40_000,
}


@pytest.mark.parametrize("name", MANY)
def test_what_others_read_otherwise_is_found_in_no_time(name: str) -> None:
    content = MANY[name].encode()
    assert len(content) < MAX_BYTES
    start = time.process_time()
    document = parse(content)
    assert time.process_time() - start < 2 * MOST_SECONDS
    assert len(document.problems) <= MOST_PROBLEMS + 1


def test_what_has_no_spelling_is_an_error() -> None:
    with pytest.raises(TypeError, match="a float cannot be written as YAML"):
        quote([1.5])


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
scalars = st.none() | st.booleans() | st.integers(-(10**38), 10**38) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=10
)


@some
@given(values)
@example({"no": "no", "~": "", "1.10": "1.10", "a: b": "c # d", "<<": "=", "é\u2028": "\ufeff\x7f\x01\U0001fffe"})
@example(["y", "null", "0755", "12:30", "1e3", ".nan", "-", "?", "---", "%YAML", "it's", 'say "no"', "'\"", " "])
def test_every_reader_reads_what_is_quoted_as_it_was(value: object) -> None:
    text = quote(value)
    document = parse(text.encode())
    assert not document.problems
    assert repr(document.data) == repr(value)
    assert repr(yaml.load(text, yaml.CSafeLoader)) == repr(value)
    assert repr(yaml.load(text, yaml.SafeLoader)) == repr(value)


@some
@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-1000, max_value=1000, places=6))
def test_a_quoted_number_is_exact(value: Decimal) -> None:
    assert parse(quote(value).encode()).data == value


TOKENS = (
    *("a", "b", ": ", ":", "- ", "-", "? ", ", ", "[", "]", "{", "}", "\n", "\n  ", "\n    ", " ", "\t", "#", " # "),
    *("'", '"', "|", ">", "\\", "&a ", "*a", "!", "!!str ", "%", "%YAML 1.1", "---", "...", "@", "`", "<<", "=", "~"),
    *("1", "0", ".5", "1.10", "12:30", "0x1", "no", "true", "null", ".inf", "2026-01-02", "{{ x }}", "\r", "\r\n"),
    *("é", "\u2028", "\ufeff", "\x00", "😀"),
)
tokens = st.lists(st.sampled_from(TOKENS), max_size=25).map(lambda parts: "".join(parts).encode())
sources = st.binary(max_size=60) | tokens


@settings(some, max_examples=examples(400))
@given(sources)
def test_any_bytes_are_data_or_a_flaw(content: bytes) -> None:
    document = parse(content)
    errors = [flaw for flaw in document.problems if flaw.severity == "error"]
    assert document.readable == (not errors)
    if errors:
        assert document.data is None
    assert {each.__class__ for each in parts_of(document.data)} <= {dict, list, str, int, Decimal, bool, type(None)}
    for flaw in document.problems:
        assert flaw.message
        assert within(flaw.span, document) or not document.text, "what is no text has no lines"
    for path in paths_of(document.data):
        assert within(document.span(path), document)
        assert within(document.span(path, on_key=True), document)


def within(span: Span, document: Document) -> bool:
    lines = document.lines
    return (
        1 <= span.line <= span.end_line <= len(lines)
        and 1 <= span.column <= len(lines[span.line - 1]) + 1
        and (span.line, span.column) <= (span.end_line, span.end_column)
    )


@settings(some, max_examples=examples(400))
@given(sources)
def test_what_is_read_without_a_flaw_is_no_surprise_to_others(content: bytes) -> None:
    document = parse(content)
    if document.problems:
        return
    theirs = yaml.load(document.text, yaml.CSafeLoader)
    assert alike(document.data, theirs)


def test_every_short_bare_word_is_read_as_others_read_it_or_told() -> None:
    loader = yaml.SafeLoader("")
    letters = ["", *"018_.:eE+-xobn=<~"]
    words = ("".join((a, b, c, d)) for a in letters for b in letters for c in letters for d in letters)
    surprises = []
    for word in words:
        tag = str(loader.resolve(yaml.ScalarNode, word, (True, False))).rpartition(":")[2]
        ours = resolve(word)
        known = {int: "int", Decimal: "float", bool: "bool", type(None): "null"}.get(ours.__class__, "str")
        if known != tag and not is_ambiguous(word):
            surprises.append(word)
    assert surprises == []


trees = st.recursive(
    texts,
    lambda inner: st.lists(inner, min_size=1, max_size=4) | st.dictionaries(texts, inner, min_size=1, max_size=4),
    max_leaves=12,
)


@some
@given(trees, st.booleans(), st.booleans())
def test_every_key_and_text_is_found_where_it_stands(tree: object, flow: bool, unicode: bool) -> None:
    text = yaml.safe_dump(
        tree, default_style='"', default_flow_style=flow, allow_unicode=unicode, width=10**6, sort_keys=False
    )
    document = parse(text.encode())
    assume(not any("a key with a question mark" in flaw.message for flaw in document.problems))  # as PyYAML writes `""`
    assert not document.problems
    assert document.data == tree
    for path in paths_of(tree):
        if path and isinstance(path[-1], str):
            assert yaml.safe_load(written_at(document, document.span(path, on_key=True))) == path[-1]
        value = at(tree, path)
        if isinstance(value, str):
            assert yaml.safe_load(written_at(document, document.span(path))) == value


def written_at(document: Document, span: Span) -> str:
    assert span.line == span.end_line
    return document.lines[span.line - 1][span.column - 1 : span.end_column - 1]


def at(tree: Any, path: KeyPath) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def paths_of(tree: object, path: KeyPath = ()) -> Iterator[KeyPath]:
    yield path
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in children:
        yield from paths_of(child, (*path, key))


def parts_of(tree: object) -> Iterator[object]:
    yield tree
    children = [*tree, *tree.values()] if isinstance(tree, dict) else tree if isinstance(tree, list) else []
    for child in children:
        yield from parts_of(child)


@pytest.mark.parametrize("depth", [1, MAX_DEPTH - 1, MAX_DEPTH])
def test_levels_up_to_the_limit_are_read(depth: int) -> None:
    assert parse(b"[" * depth + b"]" * depth).readable
    assert not parse(b"[" * (MAX_DEPTH + depth) + b"]" * (MAX_DEPTH + depth)).readable


def test_a_file_may_have_as_many_bytes_as_the_limit() -> None:
    assert parse(b"a" * MAX_BYTES).readable
    assert not parse(b"a" * (MAX_BYTES + 1)).readable


@given(st.text(alphabet="ab\r\n", max_size=600), st.integers(0, 600))
def test_a_line_begins_behind_the_last_line_break(text: str, index: int) -> None:
    index = min(index, len(text))
    assert line_start(text, index) == max(text.rfind("\n", 0, index), text.rfind("\r", 0, index)) + 1
