"""Comments of an edited ``live``: they stay with their entry, go with it, and stay in their column."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from random_lives import lives, steps_from

from rollout_spec.core.yaml.alignment import realigned
from rollout_spec.core.yaml.document import parse
from rollout_spec.spec.rollout import Live
from rollout_spec.workspace.edits import with_live, with_serving

Draw = Callable[..., Any]

FREE = "free"


@dataclass
class Sheet:
    """The lines of a rollout. A comment says to which entry it belongs, and how: ``# candidate above 3``."""

    random: Random
    lines: list[str] = field(default_factory=list)
    count: int = 0
    column: int = 0

    def __post_init__(self) -> None:
        self.column = self.random.choice([18, 24, 56])

    def seldom(self) -> bool:
        return self.random.random() < 0.35

    def comment(self, owner: str, how: str) -> str:
        self.count += 1
        return f"# {owner} {how} {self.count}"

    def entry(self, owner: str, text: str, indent: int) -> None:
        """Write a line with its comments: above it, behind it, and below it."""
        margin = " " * indent
        if self.seldom():
            self.lines += ["", margin + self.comment(FREE, "apart"), ""]
        while self.seldom():
            self.lines.append(margin + self.comment(owner, "above"))
        line = margin + text
        if self.random.random() < 0.6:
            column = self.column if self.random.random() < 0.7 else len(line) + self.random.choice([1, 2, 3])
            column = max(column, len(line) + 1)
            line = line.ljust(column) + self.comment(owner, "behind")
            self.lines.append(line)
            while self.seldom():
                self.lines.append(" " * column + self.comment(owner, "below"))
        else:
            self.lines.append(line)
        while self.seldom():
            self.lines.append(margin + "  " + self.comment(owner, "below"))

    def known_good(self, versions: list[str]) -> None:
        """Write the list of rollback targets in a line, as a block, or in brackets with an entry in each line."""
        form = self.random.choice(["line", "block", "brackets"]) if versions else "line"
        if form == "line":
            quoted = ", ".join(f'"{version}"' for version in versions)
            self.entry("knownGood", f"knownGood: [{quoted}]", 4)
            return
        self.entry("knownGood", "knownGood:" + (" [" if form == "brackets" else ""), 4)
        for number, version in enumerate(versions):
            comma = "," if form == "brackets" and (number + 1 < len(versions) or self.seldom()) else ""
            self.entry(version, f'"{version}"{comma}' if form == "brackets" else f'- "{version}"', 8)
        if form == "brackets":
            self.lines.append("    ]")


@st.composite
def rollouts(draw: Draw) -> tuple[str, Live]:
    """Write a rollout with comments at its ``live``."""
    live = draw(lives())
    sheet = Sheet(draw(st.randoms(use_true_random=True)), ["spec:", "  live:"])
    fields = live.model_dump(by_alias=True)
    names = [name for name in fields if fields[name]]
    sheet.random.shuffle(names)
    for name in names:
        if name == "knownGood":
            sheet.known_good(fields[name])
        else:
            sheet.entry(name, f'{name}: "{fields[name]}"', 4)
    sheet.lines += ["", "  # the stages", "  stages: []"]
    return "\n".join(sheet.lines) + "\n", live


def comments(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the line, the owner and the place of each comment."""
    for number, line in enumerate(text.splitlines()):
        words = line.partition("#")[2].split()
        if len(words) == 3 and words[2].isdigit():
            yield number, words[0], words[1]


def entries(text: str) -> set[str]:
    """Return the keys of ``live``, and the versions in its list."""
    live = parse(text.encode()).data["spec"]["live"]
    return {*live, *live.get("knownGood", ())}


def begins(line: str, owner: str) -> bool:
    """Return whether a line is that of an entry: of a key, or of a version in the list."""
    code = line.strip().removeprefix("- ")
    return code.startswith((f"{owner}:", f'"{owner}"'))


@settings(max_examples=examples(400), deadline=None, database=None, derandomize=True)
@given(st.data())
def test_comments_stay_with_their_entry_and_go_with_it(data: st.DataObject) -> None:
    before, live = data.draw(rollouts())
    after = with_live(before.encode(), data.draw(st.sampled_from(steps_from(live)))).decode()
    removed = entries(before) - entries(after)
    lines = after.splitlines()
    texts = [lines[number].partition("#")[2] for number, _, _ in comments(after)]
    old = before.splitlines()
    assert texts == [old[number].partition("#")[2] for number, owner, _ in comments(before) if owner not in removed]
    for number, owner, how in comments(after):
        if how == "behind":
            assert begins(lines[number], owner), after
        elif how in ("above", "below"):
            step = 1 if how == "above" else -1
            while lines[number].lstrip().startswith("#"):
                number += step
            assert begins(lines[number], owner), after


@settings(max_examples=examples(400), deadline=None, database=None, derandomize=True)
@given(st.data())
def test_lines_with_comments_stay_byte_for_byte_or_in_their_column(data: st.DataObject) -> None:
    before, live = data.draw(rollouts())
    after = with_live(before.encode(), data.draw(st.sampled_from(steps_from(live)))).decode()
    old = {line.partition("#")[2]: line for line in before.splitlines() if "#" in line}
    lines = before.splitlines()
    for line in after.splitlines():
        code, mark, comment = line.partition("#")
        if not mark or old[comment] == line:
            continue
        position = lines.index(old[comment])
        around = [lines[index].find("#") for index in (position - 1, position + 1)]
        column = old[comment].index("#")
        assert code.split() != old[comment].partition("#")[0].split(), "only its blanks changed"
        if column in around and len(code.rstrip()) + 2 <= column:
            assert len(code) == column


BLOCK = """\
spec:
  live:                # moves traffic
    stable: "41"       # the control arm
    # in canary
    # since Monday
    candidate: "42"    # retrained on the
                       # data of May
    stage: canary-5    # reviewed
    knownGood: ["40"]  # older
  stages: []
"""


def edited(text: str, **live: Any) -> list[str]:
    return with_live(text.encode(), Live.model_validate(live)).decode().splitlines()


def test_a_withdrawal_takes_the_comments_of_the_candidate_along() -> None:
    assert edited(BLOCK, stable="41", knownGood=["40"]) == [
        line for line in BLOCK.splitlines() if not any(word in line for word in ("Monday", "canary", "42", "May"))
    ]


def test_a_longer_value_keeps_the_column_while_it_fits() -> None:
    lines = edited(BLOCK, stable="2026.11", candidate="42", stage="canary-5", knownGood=["40"])
    assert lines[2] == '    stable: "2026.11"  # the control arm'
    lines = edited(BLOCK, stable="2026.11.1", candidate="42", stage="canary-5", knownGood=["40"])
    assert lines[2] == '    stable: "2026.11.1"  # the control arm'
    assert (
        edited("\n".join(lines) + "\n", stable="41", candidate="42", stage="canary-5", knownGood=["40"])[2]
        == (BLOCK.splitlines()[2])
    )


def test_a_list_that_grows_or_shrinks_keeps_the_column() -> None:
    text = 'spec:\n  live:\n    stable: "41"                 # arm\n    knownGood: ["40", "39"]      # older\n'
    assert edited(text, stable="40", knownGood=["39"])[3] == '    knownGood: ["39"]            # older'


def test_a_comment_without_neighbors_keeps_its_distance() -> None:
    text = 'spec:\n  live:\n    stable: "9"  # arm\n'
    assert edited(text, stable="10", candidate=None)[2] == '    stable: "10"  # arm'


def test_a_new_version_is_not_served_under_the_comment_of_another() -> None:
    text = 'spec:\n  serving:\n    # since May\n    - "11"  # the old one\n    - "12"\n'
    assert with_serving(text.encode(), ["13", "11", "12"]).decode() == (
        'spec:\n  serving:\n    - "13"\n    # since May\n    - "11"  # the old one\n    - "12"\n'
    )
    assert with_serving(text.encode(), ["12"]).decode() == 'spec:\n  serving:\n    - "12"\n'


@pytest.mark.parametrize("value", ['"a # b"', "it's", "'it''s'", "a#b", '"a \\" # b"'])
def test_a_mark_within_a_value_is_no_comment(value: str) -> None:
    before, after = f"a: {value}   # x\nb: 1{' ' * (len(value) + 2)}# y\n", f"a: {value}   # x\nb: 10{' ' * 4}# y\n"
    wanted = f"a: {value}   # x\nb: 10{' ' * (len(value) + 1)}# y\n"
    assert realigned(before.encode(), after.encode()).decode() == wanted


@pytest.mark.parametrize("blanks", [" " * 300_000, "\t" * 300_000, ' "' * 150_000, " '" * 150_001, " \\" * 150_000])
def test_long_lines_take_no_long_time(blanks: str) -> None:
    before = f"a: 1{blanks}x # y\nb: 2  # z\n".encode()
    started = time.process_time()
    realigned(before, before.replace(b"a: 1", b"a: 10"))
    assert time.process_time() - started < 5
