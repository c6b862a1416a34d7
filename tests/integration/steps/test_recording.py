"""A step changes what it must of a file: only ``live``, or one record more; every other byte of it stays."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from workspaces import BASE

from rollout_spec.core.errors import UserError
from rollout_spec.core.yaml.document import parse
from rollout_spec.core.yaml.format import Quoted, block, inline
from rollout_spec.lifecycle import Request, apply_step
from rollout_spec.spec.rollout import VersionRecord
from rollout_spec.workspace.edits import with_record
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay
from rollout_spec.workspace.working_tree import WorkingTree

pytestmark = pytest.mark.system

Draw = Callable[..., Any]

some = settings(max_examples=examples(120), deadline=None, database=None, derandomize=True)

FILE = "rollouts/fraud.yaml"
TEXT = (BASE / FILE).read_text("utf-8")
HEAD, REST = TEXT.split("  live:\n")
TAIL = "  stages:\n" + REST.split("  stages:\n")[1]
STAGES = ["shadow", "canary-5", "ab-50", "full"]
NEWLINES = st.sampled_from(["\n", "\r\n"])


@st.composite
def lives(draw: Draw) -> str:
    """Write ``live`` as a block or in braces, with quotes and comments of any kind."""
    mark = draw(st.sampled_from(["'", '"']))
    comment = draw(st.sampled_from(["", "  # é 漢 🙂", " # stable: 9", "\t#{"]))
    entries = {"stable": f"{mark}41{mark}"}
    if draw(st.booleans()):
        entries["candidate"] = f"{mark}42{mark}"
        stage = draw(st.sampled_from([None, *STAGES]))
        entries |= {"stage": stage} if stage else {}
    known = draw(st.sampled_from([["40"], ["40", "39"]]))
    entries["knownGood"] = f"[{', '.join(f'{mark}{each}{mark}' for each in known)}]"
    pairs = draw(st.permutations([f"{key}: {value}" for key, value in entries.items()]))
    if draw(st.booleans()):
        return f"  live: {{{', '.join(pairs)}}}{comment}\n"
    indent = " " * draw(st.sampled_from([4, 5, 8]))
    return f"  live:{comment}\n" + "".join(f"{indent}{pair}{comment}\n" for pair in pairs)


REQUESTS = [
    *(Request("propose", "fraud", "43", advance=each) for each in (False, True)),
    *(Request("advance", "fraud", to=each) for each in (None, *STAGES)),
    *(Request("retreat", "fraud", to=each) for each in (None, *STAGES)),
    *(Request(name, "fraud") for name in ("withdraw", "promote")),
    *(Request("retire", "fraud", version) for version in ("40", "39")),
]


@settings(some, max_examples=examples(300))
@given(lives(), st.sampled_from(REQUESTS), NEWLINES, st.booleans())
def test_a_step_changes_the_lines_of_live_alone(live: str, request: Request, newline: str, last: bool) -> None:
    head, tail = ((HEAD, TAIL) if not last else (HEAD + TAIL, "")) if live else ("", "")
    text = (head + live + tail).replace("\n", newline)
    text = text.removesuffix(newline) if last else text
    repository = Repository(Overlay(WorkingTree(BASE), {FILE: text.encode()}))
    try:
        taken = apply_step(repository, request)
    except UserError as error:
        assert error.status == 1  # it cannot be taken from here
        return
    after = (taken.edits[FILE] or b"").decode()
    assert set(taken.edits) == {FILE}
    assert after.startswith(head.replace("\n", newline))
    assert after.endswith(tail.replace("\n", newline))
    assert after.endswith(newline) == text.endswith(newline)
    assert set(re.findall(r"\r\n|\r|\n", after)) == {newline}
    assert after.count("#") <= text.count("#")  # comments go with their lines
    before, now = (parse(content.encode()).data for content in (text, after))
    assert {**now, "spec": {**now["spec"], "live": None}} == {**before, "spec": {**before["spec"], "live": None}}
    assert now["spec"]["live"] != before["spec"]["live"]


words = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp"), blacklist_characters="\ufeff"), min_size=1, max_size=20
)
texts = st.one_of(
    words, st.sampled_from(["s3://models/1/", "no", "1.10", "a: b", "x #y", "- z", "{}", "~", "12:30", "5%"])
)
texts = texts.filter(str.strip)
names = st.from_regex(r"[a-z][a-z0-9-]{0,10}[a-z0-9]", fullmatch=True)
pins = st.sampled_from(["12", "1.10", "v3", ">=1.4,<2", "latest", "1e3"])
numbers = st.decimals(-10, 10, allow_nan=False, places=4).map(lambda each: each + Decimal(0))
RECORDS = st.fixed_dictionaries(
    {"artifact": texts},
    optional={
        "model": texts,
        "digest": st.just("sha256:" + "4" * 64),
        "runId": texts,
        "metrics": st.dictionaries(st.sampled_from(["auc", "log_loss"]), numbers, min_size=1),
        "requires": st.dictionaries(names, pins, max_size=12),
        "serve": st.fixed_dictionaries({"env": st.dictionaries(st.sampled_from(["A", "B_C"]), texts, min_size=1)}),
        "parts": st.lists(st.fixed_dictionaries({"name": names, "artifact": texts}), min_size=1, max_size=3),
    },
)
VERSIONS = st.from_regex(r"[A-Za-z0-9._+-]{1,12}", fullmatch=True)


@st.composite
def rollouts(draw: Draw) -> str:
    """Write a rollout with a few versions, as blocks or in braces."""
    indent, deeper = " " * draw(st.integers(1, 4)), " " * draw(st.integers(1, 4))
    mark = draw(st.sampled_from(["'", '"']))
    end = draw(st.sampled_from(["", "", "  # é", "\n\n", f"\n{indent * 2}{deeper * 2} # of 42\n{indent}# of all"]))
    style = draw(st.integers(0, 2))
    if style == 0:
        body = f" {{{mark}41{mark}: {{artifact: x}}, {mark}42{mark}: {{artifact: y}}}}{end}"
    elif style == 1:
        body = f"\n{indent * 2}{mark}41{mark}: {{artifact: x}}\n{indent * 2}{mark}42{mark}: {{artifact: y}}{end}"
    else:
        lines = (f"\n{indent * 2}{mark}{v}{mark}:\n{indent * 2}{deeper}artifact: x" for v in ("41", "42"))
        body = "".join(lines) + end
    live = f"{indent}live: {{stable: '41'}}\n"
    if draw(st.booleans()):
        return f"spec:\n{live}{indent}versions:{body}"
    return f"spec:\n{indent}versions:{body}\n{live}"


@settings(some, max_examples=examples(300))
@given(rollouts(), VERSIONS.filter(lambda version: version not in ("41", "42")), RECORDS, NEWLINES)
def test_a_record_is_put_in_and_no_other_byte_moves(text: str, version: str, record: Any, newline: str) -> None:
    before = text.replace("\n", newline)
    after = with_record(before.encode(), version, record).decode()
    data = parse(after.encode()).data
    assert data["spec"]["versions"] == {**parse(before.encode()).data["spec"]["versions"], version: record}
    assert VersionRecord.model_validate(data["spec"]["versions"][version])
    start = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(before))
    length = len(after) - len(before)
    assert any(after[:at] + after[at + length :] == before for at in range(max(0, start - length), start + 1))
    assert set(re.findall(r"\r\n|\r|\n", after)) <= {newline}
    assert f'"{version}":' in after or f"'{version}':" in after


@some
@given(st.dictionaries(texts, st.one_of(texts, numbers, st.booleans(), st.lists(texts), RECORDS), min_size=1))
def test_what_is_spelled_is_read_back(fields: dict[str, Any]) -> None:
    document = parse("\n".join(block(fields)).encode())
    assert document.data == fields, document.problems
    assert parse(inline(fields).encode()).data == fields


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        ("models:/fraud/42", "models:/fraud/42"),
        ("5%", "5%"),
        ("15m", "15m"),
        ("1.10", '"1.10"'),
        ("1e3", '"1e3"'),
        ("no", '"no"'),
        ("a: b", '"a: b"'),
        ("a:", '"a:"'),
        ("12:30", '"12:30"'),
        (Quoted("v1"), '"v1"'),
        (Decimal("0.9200"), "0.9200"),
        (True, "true"),
        (None, "null"),
    ],
)
def test_quotes_are_written_where_they_are_needed(value: Any, spelled: str) -> None:
    assert inline(value, colons=True) == spelled


def test_in_braces_a_colon_needs_quotes() -> None:
    assert inline({"artifact": "s3://x"}) == '{artifact: "s3://x"}'


def test_a_file_without_versions_is_not_recorded_into() -> None:
    with pytest.raises(UserError, match="cannot be edited"):
        with_record(b"spec: {versions: {}}\n", "1", {"artifact": "x"})
