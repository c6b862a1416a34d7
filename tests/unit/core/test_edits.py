"""An edit changes what it must: the data is what was asked for, and every other line stays."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from random_lives import STAGES, VERSIONS, lives, steps_from

from rollout_spec.core.errors import UserError
from rollout_spec.core.yaml.document import parse
from rollout_spec.domain import transitions
from rollout_spec.spec.rollout import Live
from rollout_spec.workspace import edits
from rollout_spec.workspace.edits import document_text, with_live, with_serving

Draw = Callable[..., Any]

some = settings(max_examples=examples(150), deadline=None, database=None, derandomize=True)

NULLS = ["null", "~", ""]


# Layouts: one rollout's file, or one component's, written in one of very many ways.


class Layout:
    """Writes one text; each comment in it is the only one with its number."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.newline = self.one_of("\n", "\n", "\r\n", "\r")
        self.comments: list[str] = []
        self.nulls = True

    def one_of(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def often(self) -> bool:
        return self.random.random() < 0.7

    def seldom(self) -> bool:
        return self.random.random() < 0.15

    def comment(self) -> str:
        """Write a comment; some look like what they stand beside."""
        words = self.one_of(
            "why", 'stable: "9"', "a, b]", "it's", '"', "{candidate: 1,", "é 漢 🙂", "#", "- 40", "x: ["
        )
        self.comments.append(f"c{len(self.comments)}.")
        return f"#{self.one_of(' ', '')}{self.comments[-1]} {words}"

    def behind(self) -> str:
        """Write what stands behind a value on its line."""
        gap = self.one_of("", "", "", " ", "\t")
        return f"{self.one_of(' ', '   ', chr(9))}{self.comment()}{gap}" if self.seldom() else gap

    def between(self, indent: int) -> str:
        """Write the lines between two entries: comments at any depth, and blank ones."""
        text = ""
        while self.seldom():
            depth = self.one_of(indent, indent, 0, indent + 3)
            text += (" " * depth + self.comment() if self.often() else self.one_of("", " ")) + self.newline
        return text

    def text_of(self, value: str) -> str:
        """Spell a text with quotes, or without where it stays a text then."""
        spellings = [f'"{value}"', f"'{value}'"]
        if parse(f"a: {value}".encode()).data == {"a": value}:
            spellings.append(value)
        return str(self.one_of(*spellings))

    def key(self, name: str) -> str:
        return f"{self.one_of(name, name, name, repr(name))}{' ' if self.seldom() else ''}:"

    def flow(self, entries: list[str], signs: str, indent: int) -> str:
        """Write entries between brackets, in one line or in several."""
        if self.often():
            return (
                signs[0]
                + self.one_of(",", ", ", " , ").join(entries)
                + self.one_of("", "", "," if entries else "")
                + signs[1]
            )
        text = signs[0]
        for number, entry in enumerate(entries):
            last = number + 1 == len(entries)
            text += self.one_of(self.wrap(indent), " ") + entry + self.one_of("", "", self.wrap(indent))
            text += ("" if last and self.often() else ",") + self.one_of("", " ")
        return text + self.wrap(indent) + signs[1]

    def wrap(self, indent: int) -> str:
        """Write a line's end within brackets, behind which the next line is indented."""
        return self.behind() + self.newline + self.between(indent) + " " * self.one_of(indent, indent + 2)

    def list_of(self, values: list[str], indent: int) -> str:
        """Write a list of texts as the value of a key whose children stand at ``indent``."""
        if not values or self.often():
            return self.one_of(" ", "  ") + self.flow([self.text_of(each) for each in values], "[]", indent)
        deeper = self.one_of(0, 2, 4) + indent - 2
        lines = [" " * deeper + self.dash(deeper) + self.text_of(value) for value in values]
        return (
            self.behind()
            + self.newline
            + (self.newline).join(self.between(deeper) + line + self.behind() for line in lines)
        )

    def dash(self, indent: int) -> str:
        """Write the dash before an item, which may stand on the line below it."""
        if self.often():
            return str(self.one_of("- ", "-   "))
        behind = f" {self.comment()}" if self.seldom() else self.one_of("", " ")  # no tab follows a dash
        return f"-{behind}{self.newline}{self.between(indent + 2)}{' ' * self.one_of(indent + 2, indent + 4)}"


@st.composite
def rollouts(draw: Draw, stages: list[str | None] | None = None) -> tuple[bytes, str, str, Live, list[str]]:
    """Write a rollout: its bytes, the text around ``live``, its ``live``, and the marks of its comments.

    If ``stages`` are given, a candidate is in one of them, or there is none if they are empty, and nothing is null.
    """
    layout = Layout(draw(st.randoms(use_true_random=True)))  # one draw for all of it
    layout.nulls = stages is None
    live = draw(lives(stages))
    head, indent = start_of(layout)
    block = " " * indent + layout.key("live") + live_block(layout, live, indent)
    tail = end_of(layout, indent)
    if not tail and layout.seldom():
        block = block.rstrip("\r\n")
    mark = layout.one_of("", "", "\ufeff")
    text = f"{mark}{head}{block}{tail}"
    return text.encode(), mark + head, tail, live, [comment for comment in layout.comments if comment in text]


def start_of(layout: Layout) -> tuple[str, int]:
    """Write what stands above ``live``, and say how deep that is."""
    indent = layout.one_of(1, 2, 2, 2, 4)
    head = layout.between(0) + "apiVersion: rollout-spec/v1" + layout.behind() + layout.newline
    head += "spec:" + layout.behind() + layout.newline
    if layout.often():
        head += " " * indent + 'about: "é 漢 # no comment"' + layout.behind() + layout.newline
        head += " " * indent + f"versions: {{'41': {{model: m}}}}{layout.newline}"
    return head, indent


def end_of(layout: Layout, indent: int) -> str:
    """Write what stands below ``live``: a key of ``spec``, one of the document, or nothing."""
    if layout.often():
        return " " * indent + "stages: [{name: full, weight: 100%}]" + layout.behind() + layout.newline
    if layout.often():
        return "metadata: {name: fraud}" + layout.behind() + layout.one_of(layout.newline, "")
    return ""


def live_block(layout: Layout, live: Live, indent: int) -> str:
    """Write the value of ``live``: its keys in any order, what is absent left out or written as null."""
    fields = live.model_dump(by_alias=True)
    names = [
        name
        for name in fields
        if fields[name] or (name == "knownGood" and layout.often()) or (layout.nulls and layout.seldom())
    ]
    layout.random.shuffle(names)
    deeper = indent + layout.one_of(1, 2, 2, 4)
    if layout.seldom():
        entries = [flow_entry(layout, name, fields[name], deeper) for name in names]
        return " " + layout.flow(entries, "{}", deeper) + layout.behind() + layout.newline
    lines = [
        layout.between(deeper)
        + " " * deeper
        + layout.key(name)
        + block_value(layout, fields[name], deeper)
        + layout.behind()
        for name in names
    ]
    return layout.behind() + layout.newline + layout.newline.join(lines) + layout.newline + layout.between(deeper)


def flow_entry(layout: Layout, name: str, value: Any, indent: int) -> str:
    """Write one entry of ``live`` in flow style: as people do, as JSON has it, or as a key alone where it is null."""
    if isinstance(value, list) and (value or not layout.nulls or layout.often()):
        spelled = layout.flow([layout.text_of(each) for each in value], "[]", indent)
    elif value:
        spelled = layout.text_of(value)
    else:
        return layout.one_of(f"{name}: null", f"{name}: ~", f"{name}: ", name)
    return layout.one_of(f"{layout.key(name)} {spelled}", f'"{name}":{spelled}')


def block_value(layout: Layout, value: Any, indent: int) -> str:
    if isinstance(value, list) and (value or not layout.nulls or layout.often()):
        return layout.list_of(value, indent + 2)
    return f" {layout.text_of(value) if value else layout.one_of(*NULLS)}"


@st.composite
def components(draw: Draw) -> tuple[bytes, str, str, list[str], list[str]]:
    """Write a component: its bytes, the text around ``serving``, what it serves, and the marks of its comments."""
    layout = Layout(draw(st.randoms(use_true_random=True)))
    serving = draw(st.permutations(VERSIONS))[: draw(st.integers(1, 4))]
    head, indent = start_of(layout)
    block = " " * indent + layout.key("serving") + layout.list_of(serving, indent + 2) + layout.behind()
    tail = layout.newline + end_of(layout, indent) if layout.often() else ""
    mark = layout.one_of("", "", "\ufeff")
    text = f"{mark}{head}{block}{tail}"
    return text.encode(), mark + head, tail, serving, [comment for comment in layout.comments if comment in text]


def data_of(content: bytes) -> Any:
    document = parse(content)
    assert document.data is not None, document.problems
    return document.data


def written(live: Live) -> dict[str, Any]:
    """Return ``live`` as data: what is absent is not there."""
    return {key: value for key, value in live.model_dump(by_alias=True).items() if value}


def assert_edited(before: bytes, after: bytes, head: str, tail: str, comments: list[str]) -> None:
    """All but the edited block is as it was; a comment stays, or goes with its entry."""
    text = after.decode()
    assert text.startswith(head)
    assert text.endswith(tail)
    found = re.findall(r"(?:^\ufeff?|\s)# ?(c[0-9]+\.)", text)
    assert len(set(found)) == len(found)
    assert set(found) <= set(comments)
    assert re.findall(r"\r\n|\r|\n", text)[:1] == re.findall(r"\r\n|\r|\n", before.decode())[:1]
    assert len(set(re.findall(r"\r\n|\r|\n", text))) == 1


@settings(some, max_examples=examples(300))
@given(st.data())
def test_live_is_replaced_and_nothing_else(data: st.DataObject) -> None:
    content, head, tail, live, comments = data.draw(rollouts())
    before = data_of(content)
    after = data.draw(st.sampled_from(steps_from(live)))
    edited = with_live(content, after)

    spec = data_of(edited)["spec"]
    now = {key: value for key, value in spec["live"].items() if value != []}
    assert now == written(after)
    assert {**data_of(edited), "spec": {**spec, "live": None}} == {**before, "spec": {**before["spec"], "live": None}}
    assert_edited(content, edited, head, tail, comments)
    with patch.object(edits, "cut", return_value=None):  # the block is edited as it would be within the whole file
        assert with_live(content, after) == edited


@some
@given(st.data())
def test_serving_is_replaced_and_nothing_else(data: st.DataObject) -> None:
    content, head, tail, serving, comments = data.draw(components())
    after = data.draw(st.one_of(st.sampled_from(serving), st.sampled_from(VERSIONS)))
    before = data_of(content)
    edited = with_serving(content, [after])

    assert data_of(edited) == {**before, "spec": {**before["spec"], "serving": [after]}}
    assert_edited(content, edited, head, tail, comments)


@some
@given(rollouts())
def test_a_live_that_stays_changes_no_byte(rollout: tuple[bytes, str, str, Live, list[str]]) -> None:
    content, _, _, live, _ = rollout
    if all(value is not None for value in data_of(content)["spec"]["live"].values()):
        assert with_live(content, live) == content


# What is written as null goes with the first edit, and does not come back.


@settings(some, max_examples=examples(300))
@given(rollouts([]))
def test_what_is_proposed_and_withdrawn_leaves_no_trace(rollout: tuple[bytes, str, str, Live, list[str]]) -> None:
    content, _, _, live, _ = rollout
    fresh = next(version for version in VERSIONS if version not in (live.stable, *live.known_good))
    proposed = transitions.propose(live, fresh)
    there = with_live(content, proposed)
    assert data_of(there)["spec"]["live"]["candidate"] == fresh
    assert with_live(there, transitions.withdraw(proposed)) == content
    moved = transitions.advance(proposed, STAGES)
    assert with_live(with_live(there, moved), transitions.withdraw(moved)) == content


@settings(some, max_examples=examples(300))
@given(rollouts([*STAGES[:-1]]))
def test_what_advances_and_retreats_leaves_no_trace(rollout: tuple[bytes, str, str, Live, list[str]]) -> None:
    content, _, _, live, _ = rollout
    assert live.stage is not None
    moved = transitions.advance(live, STAGES)
    assert with_live(with_live(content, moved), transitions.retreat(moved, STAGES, live.stage)) == content


# The same, one case at a time, for a reader.


BLOCK = """\
spec:
  # above
  live:                    # what takes traffic
    stable: "41"           # the control arm
    candidate: "42"        # coming in
    stage: full
    # earlier ones
    knownGood: ["40"]
  stages: []               # below
"""


def promoted(text: str) -> str:
    """Promote the candidate, which is in stage ``full``."""
    live = live_of(text)
    return with_live(text.encode(), transitions.promote(live, STAGES, ())).decode()


def rolled_back(text: str) -> str:
    """Roll stable back to the first known-good version."""
    live = live_of(text)
    return with_live(text.encode(), transitions.roll_back_stable(live, live.known_good[0])).decode()


def live_of(text: str) -> Live:
    data = data_of(text.encode())["spec"]["live"]
    return Live.model_validate({key: value for key, value in data.items() if value is not None})


def test_a_promotion_takes_the_comments_of_the_lines_that_go() -> None:
    assert (
        promoted(BLOCK)
        == """\
spec:
  # above
  live:                    # what takes traffic
    stable: "42"           # the control arm
    # earlier ones
    knownGood: ["41", "40"]
  stages: []               # below
"""
    )


def test_a_rollback_of_stable_empties_known_good() -> None:
    assert (
        rolled_back(BLOCK)
        == """\
spec:
  # above
  live:                    # what takes traffic
    stable: "40"           # the control arm
    # earlier ones
    knownGood: []
  stages: []               # below
"""
    )


def test_a_candidate_comes_behind_stable() -> None:
    content = b'spec:\n  live:\n    knownGood: []\n    stable: "41"  # arm\n'
    live = Live(stable="41", candidate="42", stage="full", fixes="fraud-41")
    assert with_live(content, live).decode() == (
        'spec:\n  live:\n    knownGood: []\n    stable: "41"  # arm\n'
        '    candidate: "42"\n    stage: full\n    fixes: fraud-41\n'
    )


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_breaks_and_the_byte_order_mark_stay(newline: str, mark: str) -> None:
    assert promoted(mark + BLOCK.replace("\n", newline)) == mark + promoted(BLOCK).replace("\n", newline)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_text_without_a_last_line_break_is_given_the_one_it_needs(newline: str) -> None:
    text = f'spec:{newline}  live:{newline}    stable: "41"'
    edited = with_live(text.encode(), Live(stable="41", candidate="42"))
    assert edited.decode() == f'{text}{newline}    candidate: "42"'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{stable: "41", candidate: "42", stage: full}', '{stable: "42", knownGood: ["41"]}'),
        ('{"stable":"41","candidate":"42","stage":"full"}', '{"stable":"42", knownGood: ["41"]}'),
        ('{stage: full, candidate: v42, stable: v41,}', '{stable: "v42", knownGood: ["v41"],}'),
        ('{knownGood: [ 9a ], stable: "41", candidate: "42", stage: full}', '{knownGood: [ "41", 9a ], stable: "42"}'),
        ('{fixes, stable: "41", candidate: "42", knownGood: [], stage: full}', '{stable: "42", knownGood: ["41"]}'),
        ('{stable: "41", candidate: "42"  # é\n   , stage: full}', '{stable: "42", knownGood: ["41"]  # é\n   }'),
        ('{ # one\n   stable: "41", # two\n   candidate: "42", stage: full # three\n  }',
         '{ # one\n   stable: "42", knownGood: ["41"] # two\n  }'),
    ],
)  # fmt: skip
def test_flow_style_stays_flow_style(before: str, after: str) -> None:
    assert promoted(f"spec:\n  live: {before}\n").split("live: ")[1] == f"{after}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'stable: "42"\n    knownGood: ["41"]'),
        ("knownGood:", 'stable: "42"\n    knownGood: ["41"]'),
        ("knownGood: # none", 'stable: "42"\n    knownGood: ["41"] # none'),
        ("knownGood: ~", 'stable: "42"\n    knownGood: ["41"]'),
        ("knownGood: []", 'stable: "42"\n    knownGood: ["41"]'),
        ("knownGood: [ # none\n      ]", 'stable: "42"\n    knownGood: ["41" # none\n      ]'),
        ("knownGood: [40-rc]", 'stable: "42"\n    knownGood: ["41", 40-rc]'),
        ('knownGood:\n    - "40"  # é', 'stable: "42"\n    knownGood:\n    - "41"\n    - "40"  # é'),
        ('knownGood:\n    -\n      "40"', 'stable: "42"\n    knownGood:\n    - "41"\n    -\n      "40"'),
        ('knownGood:\n     # é\n     -  "40"', 'stable: "42"\n    knownGood:\n     -  "41"\n     # é\n     -  "40"'),
    ],
)  # fmt: skip
def test_what_was_stable_is_known_good_however_the_list_is_written(before: str, after: str) -> None:
    text = f'spec:\n  live:\n    stable: "41"\n    {before}\n    candidate: "42"\n    stage: full\n'
    lines = [line for line in promoted(text).splitlines() if line.strip()]
    assert "\n".join(lines) == f"spec:\n  live:\n    {after}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('["40", "39"]', ' ["39"]'),
        ('["40"]', " []"),
        ('[ "40" ]', " [ ]"),
        ("[\n      '40', # é\n      '39'  # older\n      ]", " [\n      '39'  # older\n      ]"),
        ('["40"  # last\n      ]', " [ # last\n      ]"),
        ('\n      - "40"  # é\n      # older\n      - "39"', '\n      # older\n      - "39"'),
        ('\n    - "40"', " []"),
        ('\n    -\n      "40"\n    - # é\n      # older\n      "39" # x', '\n    - # é\n      # older\n      "39" # x'),
        (
            '\n    - # é\n      # old\n      "40" # x\n    -\n\n      "39"',
            '\n    -\n\n      "39"',
        ),
    ],
)
def test_what_is_restored_leaves_known_good_however_the_list_is_written(before: str, after: str) -> None:
    text = rolled_back(f'spec:\n  live:\n    stable: "41"\n    knownGood: {before.lstrip(" ")}\n')
    assert text.split("knownGood:")[1].replace(" \n", "\n") == f"{after}\n"


@pytest.mark.parametrize(
    "value",
    [
        '|\n    live:\n      stable: "41"\n      knownGood: ["40"]',
        '\'\n    live: {stable: "41", knownGood: ["40"]}\'',
    ],
)
def test_lines_of_another_text_that_look_like_live_stay(value: str) -> None:
    head = f"metadata:\n  description: {value}\n"
    assert rolled_back(f'{head}spec:\n  live: {{stable: "41", knownGood: ["40"]}}\n').startswith(head)


@pytest.mark.parametrize("nothing", ["null", "~", "", "null  # none", "# none"])
def test_a_candidate_that_is_null_is_replaced_or_goes(nothing: str) -> None:
    text = f'spec:\n  live:\n    candidate: {nothing}\n    stable: "41"\n'.encode()
    proposed = with_live(text, Live(stable="41", candidate="42")).decode()
    comment = "  # none" if nothing.startswith("null  #") else " # none" if "#" in nothing else ""
    assert proposed.splitlines()[2].replace(" ", "") == f'candidate:"42"{comment}'.replace(" ", "")
    there = with_live(text, Live.model_validate({"stable": "41", "knownGood": ["40"]})).decode()
    assert "# none" not in there
    assert "candidate" not in there


COMPLEX = """\
spec:
  live:
    ? stable       # a key with a question mark
    : "41"
    ? candidate
    : "42"
"""


def test_keys_with_question_marks_are_told_when_they_are_read_and_not_edited() -> None:
    flaws = parse(COMPLEX.encode()).problems
    assert [(flaw.span.line, flaw.span.column, flaw.severity) for flaw in flaws] == [(3, 5, "error"), (5, 5, "error")]
    assert {flaw.hint for flaw in flaws} == {"write `key: value`"}
    with pytest.raises(UserError, match="this file does not load"):
        with_live(COMPLEX.encode(), Live(stable="41"))


@pytest.mark.parametrize("content", [b"", b"spec: {live: ", b"spec: *a\n", b"\xff\xfe", b"- 1\n"])
def test_a_file_that_does_not_load_is_not_edited(content: bytes) -> None:
    with pytest.raises(UserError, match="this file does not load"):
        with_live(content, Live(stable="41"))


def test_a_new_document_is_read_back_as_it_was_meant() -> None:
    fields = {
        "kind": "Incident",
        "metadata": {"name": "fraud-42", "owner": "a: b"},
        "spec": {"summary": 'é "42"\n# no comment', "value": None, "reverts": [], "evidence": {"url": "http://x/#a"}},
    }
    text = document_text(fields, "incident")
    assert text.startswith("# yaml-language-server: $schema=../schemas/incident.schema.json\n")
    assert data_of(text.encode()) == fields
