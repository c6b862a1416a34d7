"""The reports of a replay show logged values as texts, whatever is in them."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from replay_reports import report_with

from rollout_spec.core.text import escape
from rollout_spec.domain.divergence.report import DivergenceReport
from rollout_spec.domain.replay.observations import ArmFigures
from rollout_spec.domain.replay.report import summary_line
from rollout_spec.reports.replay_html import replay_html
from rollout_spec.reports.replay_json import replay_json
from rollout_spec.reports.replay_text import replay_text

HOSTILE = (
    "<script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "'><img src=x onerror=alert(1)>",
    "</style></title></table>",
    "<!--",
    "{0} {name} {{",
    "&lt;b&gt;",
    "%s %(x)s",
    "\u202egnp.exe\u2066",
    "\x1b[2J\x00\r\n",
    "\ud800",
    "x" * 3000,
    "",
)
VOID = {"meta", "link", "br", "rect", "path"}


class Shape(HTMLParser):
    """The tags and attributes of a page, without their texts, and the tags that are open at its end."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attributes)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        pytest.fail("a comment")


PLAIN = Shape(replay_html(report_with("plain")))


@given(st.text(max_size=30))
@example(HOSTILE[0])
@example(HOSTILE[1])
@example(HOSTILE[2])
@example(HOSTILE[3])
@example(HOSTILE[4])
@example(HOSTILE[5])
@example(HOSTILE[6])
@example(HOSTILE[7])
@example(HOSTILE[8])
@example(HOSTILE[9])
@example(HOSTILE[10])
@example(HOSTILE[11])
@example(HOSTILE[12])
def test_no_value_changes_the_page(text: str) -> None:
    page = replay_html(report_with(text))
    shape = Shape(page)
    assert shape.tags == PLAIN.tags and shape.open == []
    assert page.replace("\n", "").isprintable()
    page.encode()


def test_the_page_loads_and_runs_nothing() -> None:
    page = replay_html(report_with("plain"))
    tags = {tag for tag, _ in PLAIN.tags}
    assert not tags & {"script", "img", "iframe", "object", "embed", "form", "base"}
    assert "default-src 'none'" in html.unescape(page) and re.findall(r"(?:src|href)=\"([^\"]*)\"", page) == ["data:,"]
    assert not re.search(r"@import|url\(|\bon\w+=", page)
    assert page.index("Content-Security-Policy") < page.index("<style>")


def test_the_page_shows_the_figures() -> None:
    text = " ".join(" ".join(PLAIN.texts).split())
    for figure in (
        "50.00%",
        "25.00% to 75.00%",
        "equal versions: below 0.1",
        "plain2",
        "1.5 ×",
        "server-error",
        "plain:7",
    ):
        assert figure in text, figure


def test_inputs_are_shown_only_if_they_are_asked_for() -> None:
    with_inputs, without = report_with("plain"), report_with("plain", inputs={})
    assert "inputs" in replay_html(with_inputs) and "inputs" not in replay_html(without)
    assert [row.get("inputs") for row in replay_json(with_inputs)["moved"]] == ["plain"] * 3
    assert all("inputs" not in row for row in replay_json(without)["moved"])


@pytest.mark.parametrize("text", HOSTILE)
def test_the_other_reports_hold_any_value(text: str) -> None:
    report = report_with(text)
    lines = replay_text(report)
    assert lines.replace("\n", "").isprintable()
    assert len(lines.splitlines()) == len(replay_text(report_with("plain")).splitlines())
    assert escape(summary_line(report)).isprintable()
    assert json.loads(json.dumps(replay_json(report), allow_nan=False))["moved"][0]["distance"] == 0.5


def test_a_replay_without_any_answer_has_a_report() -> None:
    arms = {"failed": ArmFigures(), "floor": ArmFigures()}
    report = report_with("plain", divergence=DivergenceReport(()), arms=arms, moved=(), histograms=(), forms=())
    assert not report.is_compared
    assert "0 of 0 compared" in replay_html(report) and "0 compared (0 rows), 0 failed" in replay_text(report)
    assert replay_json(report)["outputs"] == []
