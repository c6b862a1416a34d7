"""In an editor: yaml-language-server reads our schemas, and says what a person sees, completes and learns from them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from language_server import Editor, editing
from real_servers import CHECKOUT, npm_package, program
from schema_files import file_of

from rollout_spec.workspace.scaffold import files

pytestmark = [pytest.mark.real, pytest.mark.system]

GOOD = CHECKOUT / "tests" / "good"
SETTINGS = {"yaml": {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}}
ROLLOUT = (GOOD / "rollout.yaml").read_text("utf-8")
_numbers = count()


@pytest.fixture(scope="module")
def editor() -> Iterator[Editor]:
    """An editor that may not ask the network for schemas."""
    server = npm_package("yaml-language-server") / "bin" / "yaml-language-server"
    with editing([str(program("node")), str(server), "--stdio"], CHECKOUT, SETTINGS) as session:
        yield session


@dataclass(frozen=True)
class Opened:
    """What an editor shows of one text."""

    editor: Editor
    file: Path
    text: str
    diagnostics: list[dict[str, Any]]

    def told(self) -> list[tuple[str, str]]:
        """Return each diagnostic with the line that it is at, without indentation and comment."""
        lines = [re.sub(r"\s*#.*", "", line).strip() for line in self.text.splitlines()]
        return [(lines[each["range"]["start"]["line"]], each["message"]) for each in self.diagnostics]

    def ask(self, question: str, before: str) -> Any:
        """Ask about the place after a text that stands there once."""
        assert self.text.count(before) == 1, f"`{before}` stands {self.text.count(before)} times"
        lines = self.text[: self.text.index(before) + len(before)].split("\n")
        return self.editor.ask_at(question, self.file, len(lines) - 1, len(lines[-1]))

    def completions(self, before: str) -> dict[str, str]:
        """Return what is offered, with its documentation."""
        answer = self.ask("completion", before)
        offered = {}
        for item in answer["items"] if isinstance(answer, dict) else answer:
            words = item.get("documentation") or ""
            offered[item["label"]] = words["value"] if isinstance(words, dict) else words
        return offered

    def hover(self, before: str) -> str:
        """Return what is shown of the word that begins after a text."""
        answer = self.ask("hover", before)
        assert answer, f"nothing is shown after `{before}`"
        words: str = answer["contents"]["value"]
        return words


def opened(editor: Editor, text: str, folder: Path = GOOD) -> Opened:
    file = folder / f"opened-{next(_numbers)}.yaml"
    return Opened(editor, file, text, editor.open(file, text))


def edited(old: str, new: str) -> str:
    """Replace a text that stands once in the rollout."""
    assert ROLLOUT.count(old) == 1, f"`{old}` stands {ROLLOUT.count(old)} times"
    return ROLLOUT.replace(old, new)


@pytest.mark.parametrize("name", sorted(file.stem for file in GOOD.glob("*.yaml")))
def test_a_good_file_has_no_diagnostics(editor: Editor, name: str) -> None:
    text = (GOOD / f"{name}.yaml").read_text("utf-8")
    kind = re.findall(r"^kind: (\w+)", text, re.MULTILINE)[0]
    if "yaml-language-server" not in text:
        text = f"# yaml-language-server: $schema=../../schemas/{file_of(kind).name}\n{text}"
    assert opened(editor, text).told() == []
    assert opened(editor, f"{text}\nunknown: 1\n").told() == [("unknown: 1", "Property unknown is not allowed.")]


def test_what_init_writes_has_no_diagnostics(editor: Editor, tmp_path: Path) -> None:
    for name, content in files().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    specs = [path for path in tmp_path.rglob("*.yaml") if path.read_text("utf-8").startswith("# yaml-language-server:")]
    assert {path.parent.name for path in specs} == {tmp_path.name, "rollouts", "components"}
    for path in specs:
        text = path.read_text("utf-8")
        assert opened(editor, text, path.parent).told() == []
        assert opened(editor, f"{text}\nunknown: 1\n", path.parent).told() != []


NO_BOUND = "`above` or `below` is missing: a threshold needs one of them"
TYPES = ["threshold", "latency", "comparison", "offline", "manual"]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("weight: 5%,", "wieght: 5%,", "- {name: canary-5, wieght: 5%, hold: 15m}", "Property wieght is not allowed."),
        ("merge: auto  ", "merge: always", "merge: always", 'Value is not accepted. Valid values: "auto", "review".'),
        ("    host: fraud.ml.svc.cluster.local\n", "", "service:", 'Missing property "host".'),
        ("quantile: 99%", "quantile: 100%", "quantile: 100%", "strictly between 0% and 100%: `99%`"),
        ("drop: 5%  ", "drop: 5  ", "drop: 5", "a share has its sign, 0% to 100%: `5%`"),
        ("window: 7d", "window: 7", "window: 7", "a duration has units, the largest first"),
        ('stable: "41"', "stable: 41", "stable: 41", "write a number in quotes"),
        ("type: comparison", "type: comparsion", "type: comparsion", "`comparison`, `offline` or `manual`"),
        ("type: comparison  ", "typ: comparison  ", "- name: conversion", 'Missing property "type".'),
        ("alpha: 5%", "alhpa: 5%", "alhpa: 5%", "Property alhpa is not allowed."),
        ("tolerance: 0.002", "above: 5%", "above: 5%", "Property above is not allowed."),
        ("      above: 0.2\n", "", "- name: drift", NO_BOUND),
        (
            "above: 0.2",
            "above: 0.2\n      below: 0.1",
            "below: 0.1",
            "a threshold has `above` or `below`, not both",
        ),
        ('    candidate: "42"', "    #", "stage: canary-5", "`stage` needs a candidate, but there is none"),
    ],
)
def test_a_mistake_is_told_at_its_line(editor: Editor, old: str, new: str, line: str, words: str) -> None:
    told = opened(editor, edited(old, new)).told()
    assert [at for at, said in told if words in said] == [line], told


def test_a_mistake_in_a_trigger_is_held_against_its_type_alone(editor: Editor) -> None:
    text = edited("      metric: conversion_rate\n      drop: 5%  ", "      drop: 5  ")
    assert sorted(opened(editor, text).told()) == [
        ("- name: conversion", 'Missing property "metric".'),
        ("drop: 5", "a share has its sign, 0% to 100%: `5%`"),
    ]


LAST_TRIGGER = ROLLOUT[ROLLOUT.index("    - name: expert-spot-check") : ROLLOUT.index("\n  rollback:")]


@pytest.mark.parametrize("start", ["    - type: ", "    - name: mine\n      type: "])
def test_the_types_of_a_trigger_are_offered(editor: Editor, start: str) -> None:
    offered = opened(editor, edited(LAST_TRIGGER, f"{start}\n")).completions(f"a person decides\n{start}")
    assert sorted(offered) == sorted(TYPES)
    assert all(offered.values())


def test_a_trigger_is_offered_what_its_type_has(editor: Editor) -> None:
    start = "    - name: mine\n      type: latency\n      "
    offered = opened(editor, edited(LAST_TRIGGER, f"{start}\n")).completions(start)
    assert {"quantile", "above", "window", "for", "within", "during", "severity"} <= set(offered)
    assert not {"metric", "below", "drop", "tolerance", "reasons"} & set(offered)


def test_the_fields_of_a_stage_are_offered_with_what_they_mean(editor: Editor) -> None:
    last = "    - {name: full, weight: 100%, hold: 24h}\n"
    start = "    - name: full\n      "
    offered = opened(editor, edited(last, f"{start}\n")).completions(start)
    assert set(offered) == {"weight", "mirror", "match", "hold", "approval", "warmup"}
    assert offered["weight"] == "The share of requests that the candidate answers; 0% if absent."
    assert all(offered.values())


def test_values_are_offered(editor: Editor) -> None:
    approval = opened(editor, edited("approval: manual}", "approval: }")).completions("approval: ")
    assert "manual" in approval
    target = opened(editor, edited("{type: prometheus}", "{type: }")).completions("gateways}}\n    - {type: ")
    assert {"kserve", "gateway-api", "prometheus"} <= set(target)


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ("    kn", "#### Live\n\nEarlier stable versions, newest first: the rollback targets after promotion."),
        ("mirror: 20%, h", "#### Stage\n\nThe minimum duration of this stage."),
        ("weight: 50%, hold: 48h, app", "`manual`: a person must approve this stage."),
        ("merge: a", "auto: hard triggers enable auto-merge if every guard passes; review: a person merges."),
        ("      qua", "#### latency\n\nThe share of requests that must be fast; strictly between 0% and 100%."),
        ("latency-sla\n      type: lat", "Too many requests take too long."),
        ("  ro", "Settings of rollbacks: automation, reviewers and runbook."),
    ],
)
def test_what_a_word_means_is_shown(editor: Editor, before: str, words: str) -> None:
    assert words in opened(editor, ROLLOUT).hover(before)
