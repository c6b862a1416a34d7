"""The resolution of an incident is spliced into its file; every other byte stays."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout_spec.core.yaml.document import parse
from rollout_spec.workspace.edits import with_resolution

HEAD = """\
# The night of the 20th.
apiVersion: rollout-spec/v1
kind: Incident
metadata: {name: fraud-42}
spec:
  rollout: fraud   # the only one
  failedVersion: "42"
  restoredVersion: "41"
  source: manual
  observedAt: 2026-11-20T10:15:00Z
"""
OPEN = """\
  # Ada looks at it.
  status: open   # since 10:15
  verdict: null
  reproduced: null  # in staging?

  rootCause: null
  resolution: null # ask Bea
"""
FIELDS: dict[str, Any] = {
    "status": "resolved",
    "verdict": "cleared",
    "reproduced": {"environment": "staging", "link": "https://ci.example.com/7"},
    "rootCause": "A policy",
    "resolution": "Undone",
}
DONE = """\
  # Ada looks at it.
  status: resolved   # since 10:15
  verdict: cleared
  reproduced: {environment: staging, link: "https://ci.example.com/7"}  # in staging?

  rootCause: "A policy"
  resolution: Undone # ask Bea
"""


def edited(tail: str, fields: dict[str, Any] = FIELDS, head: str = HEAD) -> str:
    return with_resolution(f"{head}{tail}".encode(), fields).decode()


def test_comments_and_layout_stay() -> None:
    assert edited(OPEN) == HEAD + DONE


def test_an_edit_with_the_present_values_changes_nothing() -> None:
    assert edited(DONE) == HEAD + DONE


def test_carriage_returns_stay() -> None:
    crlf = (HEAD + OPEN).replace("\n", "\r\n").encode()
    assert with_resolution(crlf, FIELDS).decode() == (HEAD + DONE).replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  status: open\n", "  status: resolved\n  verdict: cleared\n  notReproduced: Nobody\n  rootCause: x\n"),
        ("  status: open", "  status: resolved\n  verdict: cleared\n  notReproduced: Nobody\n  rootCause: x"),
        (
            "  status: 'open'\n  rootCause:\n  verdict:   # later\n",
            "  status: 'resolved'\n  rootCause: x\n  verdict: cleared   # later\n  notReproduced: Nobody\n",
        ),
        (
            "  status: open\n  verdict: bad\n  reproduced: null\n  rootCause: |\n    Two\n    lines.\n  # the end\n",
            "  status: resolved\n  verdict: cleared\n  reproduced: null\n  notReproduced: Nobody\n  rootCause: x\n"
            "  # the end\n",
        ),
    ],
)
def test_a_missing_key_gets_its_usual_place(before: str, after: str) -> None:
    fields = {"status": "resolved", "verdict": "cleared", "notReproduced": "Nobody", "rootCause": "x"}
    assert edited(before, fields) == HEAD + after


def test_a_reproduction_of_several_lines_is_replaced() -> None:
    before = "  status: open\n  reproduced:\n    environment: prod   # not here\n    link: null\n  rootCause: null\n"
    data = parse(edited(before).encode()).data["spec"]
    assert {key: data[key] for key in FIELDS} == FIELDS
    undone = parse(edited(before, {"reproduced": None, "notReproduced": "Nobody could"}).encode()).data["spec"]
    assert (undone["reproduced"], undone["notReproduced"]) == (None, "Nobody could")


def test_a_spec_in_one_line_stays_in_one_line() -> None:
    head = 'spec: {rollout: fraud, failedVersion: "42", status: open}  # short\n'
    text = edited("", {"status": "resolved", "verdict": "bad"}, head)
    assert text == 'spec: {rollout: fraud, failedVersion: "42", status: resolved, verdict: bad}  # short\n'


@given(
    st.text(st.characters(codec="utf-8").filter(lambda letter: letter.isprintable() or letter in "\n\t"), max_size=40)
)
def test_any_printable_text_is_read_back(text: str) -> None:
    data = parse(edited(OPEN, FIELDS | {"rootCause": text}).encode()).data
    assert data["spec"]["rootCause"] == text
