"""A megabyte may be meant to take a minute: what is checked costs time by its length, and every bomb is a finding.

The texts that bomb YAML readers are in `cases/yaml`. Here are files that load, or nearly, and are long where something
looks at each thing beside each other. A tenth of the time allowed is what they take; squared, it would be a minute.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from fuzz.entrances import BASE, PLACES

from rollout_spec.checks.runner import check
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import MOST_PROBLEMS, Problem, bounded
from rollout_spec.integrations.monitors import parse as parse_payload
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay
from rollout_spec.workspace.working_tree import WorkingTree

MOST_SECONDS = 5.0  # of CPU
ROLLOUT = (BASE / PLACES["ModelRollout"]).read_text("utf-8")
HEAD = "apiVersion: rollout-spec/v1\nkind: {}\nmetadata: {{name: {}}}\nspec:\n"


def lines(line: str, times: int) -> str:
    return "".join(line.format(number) for number in range(times))


def rollout(spec: str) -> dict[str, str]:
    return {PLACES["ModelRollout"]: HEAD.format("ModelRollout", "fraud") + spec}


def workspace(spec: str) -> dict[str, str]:
    return {PLACES["Workspace"]: HEAD.format("Workspace", "acme") + spec}


def component(spec: str) -> dict[str, str]:
    return {PLACES["Component"]: HEAD.format("Component", "tokenizer") + spec}


def incident(spec: str) -> dict[str, str]:
    return {PLACES["Incident"]: HEAD.format("Incident", "fraud-42") + spec}


def pack(spec: str) -> dict[str, str]:
    return {PLACES["PolicyPack"]: HEAD.format("PolicyPack", "own") + spec}


VERSIONS = lines("    v{}: {{artifact: s3://models}}\n", 4000)
STAGES = lines("    - {{name: st-{}, weight: 5%}}\n", 5000)
STEPS = lines("{:032b} ", 4000).replace("0", ".").replace("1", "-").split()
SELECTOR = "a{" + 'b="c",' * 60_000 + "}"
BLANKS = "{{ " * 300_000
CLAUSES = ",".join([">=1.4"] * 15)
BOMBS: dict[str, Callable[[], dict[str, str]]] = {
    "fields-that-are-unknown": lambda: rollout(lines("  stagez{}: 1\n", 12_000)),
    "fields-that-are-unknown-and-long": lambda: rollout(lines("  " + "versions" * 60 + "{}: 1\n", 2000)),
    "fields-that-are-misspelled": lambda: rollout(f"  stages: [{'{nam: x}, ' * 6000}]\n"),
    "fields-that-are-missing": lambda: rollout(f"  stages: [{'{}, ' * 6000}]\n"),
    "triggers-without-bounds": lambda: rollout(f"  triggers: [{'{type: threshold, abov: 5}, ' * 5000}]\n"),
    "triggers-without-a-metric": lambda: with_triggers(
        lines("    - {{name: t{0}, type: threshold, metric: error_rat{0}, above: 5%}}\n", 4000)
    ),
    "keys-that-are-ambiguous": lambda: rollout(lines("  0{}: no\n", 10_000)),
    "keys-that-are-duplicates": lambda: rollout("  a: 1\n" * 20_000),
    "keys-that-are-no-versions": lambda: rollout("  versions:\n" + lines('    "{}/": {{}}\n', 12_000)),
    "versions-that-are-numbers": lambda: component(f"  type: feature\n  serving: [{'1.10, ' * 20_000}]\n"),
    "versions-that-are-not-there": lambda: with_versions(VERSIONS, f"[{lines('w{}, ', 4000)}]"),
    "versions-of-one-label": lambda: with_versions(
        "".join(f'    "a{step}": {{artifact: s3://models}}\n' for step in STEPS), "[]"
    ),
    "versions-with-long-ranges": lambda: with_versions(
        lines(f'    r{{0}}: {{{{artifact: x, requires: {{{{tokenizer: "{CLAUSES},<{{0}}.0"}}}}}}}}\n', 3000),
        '["40", "40"]',
    ),
    "stages-that-are-not-there": lambda: {
        PLACES["ModelRollout"]: ROLLOUT.replace("  stages:\n", "  stages:\n" + STAGES).replace(
            "during: [canary-5]", f"during: [{lines('ts-{}, ', 4000)}]"
        )
    },
    "components-that-are-not-there": lambda: with_versions(
        f"    x: {{artifact: x, requires: {{{lines('c{}: x, ', 15_000)}}}}}\n", "[]"
    ),
    "options-that-are-unknown": lambda: {
        PLACES["ModelRollout"]: ROLLOUT.replace("{type: kserve}", f"{{type: kserve, {lines('o{}: x, ', 10_000)}}}")
    },
    "rules-that-are-unknown": lambda: workspace("  severity:\n" + lines("    rule-{}: error\n", 4000)),
    "packs-that-are-not-there": lambda: workspace("  policies:\n" + lines("  - policies/p{}.yaml\n", 4000)),
    "a-selector-of-a-megabyte": lambda: workspace(
        f"  metrics: {{m: {{kind: ratio, good: up, events: x-, total: '{SELECTOR}'}}}}\n"
    ),
    "a-query-of-a-megabyte": lambda: workspace(f"  metrics: {{m: {{kind: value, good: up, query: '{BLANKS}}}}}'}}}}\n"),
    "a-pin-of-a-megabyte": lambda: with_versions(
        f'    x: {{artifact: x, requires: {{tokenizer: "{">=1 ," * 16}{" " * 800_000}!"}}}}\n', "[]"
    ),
    "a-host-of-a-megabyte": lambda: {
        PLACES["ModelRollout"]: ROLLOUT.replace("host: fraud", f"host: {'a-.' * 250_000}fraud")
    },
    "a-range-of-a-megabyte": lambda: workspace(f'  requires: ">={"1." * 300_000}x"\n'),
    "a-number-of-a-billion-digits": lambda: incident("  evidence: {value: 1e999999999}\n"),
    "commits-that-are-numbers": lambda: incident(f"  reverts: [{'1234567, ' * 20_000}]\n"),
    "policies-that-are-empty": lambda: pack("  policies:\n" + "  - {}\n" * 6000),
}


def with_triggers(triggers: str) -> dict[str, str]:
    return {PLACES["ModelRollout"]: ROLLOUT.replace("  triggers:\n", "  triggers:\n" + triggers)}


def with_versions(versions: str, known_good: str) -> dict[str, str]:
    text = ROLLOUT.replace("  versions:\n", "  versions:\n" + versions)
    return {PLACES["ModelRollout"]: text.replace('["40", "39"]', known_good)}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_a_finding_in_no_time(name: str) -> None:
    files = {path: text.encode() for path, text in BOMBS[name]().items()}
    repository = Repository(Overlay(WorkingTree(BASE), dict(files)))
    start = time.process_time()
    report = check(repository, paths=list(files))
    assert time.process_time() - start < MOST_SECONDS
    assert report.findings
    assert len(report.findings) < 10 * MOST_PROBLEMS
    assert max(len(each.message + (each.hint or "")) for each in report.findings) < 5000


def test_a_payload_of_a_megabyte_is_read_in_no_time() -> None:
    alert = b'{"status": "firing", "labels": {"rollout": "x", "version": "1"}, "startsAt": "2026-11-20T10:15:00Z"},'
    start = time.process_time()
    for content in (
        b"[" * 2**20,
        b'{"a":' * 2**17,
        b'{"version": "4", "alerts": [' + alert * 5000 + b"{}]}",
        b"9" * 2**20,
    ):
        with suppress(UserError):
            parse_payload(content)
    assert time.process_time() - start < MOST_SECONDS


def test_of_many_problems_the_first_are_told_and_that_there_are_more() -> None:
    looked_at: list[int] = []

    def problems() -> Iterator[Problem]:
        for number in range(1000):
            looked_at.append(number)
            yield Problem(("a", number), "wrong", severity="warning" if number < 500 else "error")

    told = list(bounded(problems()))
    assert len(told) == 2 * (MOST_PROBLEMS + 1)
    assert [each.path[1] for each in told if each.message != "wrong"] == [MOST_PROBLEMS, 500 + MOST_PROBLEMS]
    assert [each.severity for each in told].count("error") == MOST_PROBLEMS + 1, "no warning stands before an error"
    assert len(looked_at) == 500 + MOST_PROBLEMS + 1


def test_as_many_problems_as_are_told_are_told() -> None:
    problems = [Problem(("a", number), "wrong") for number in range(MOST_PROBLEMS)]
    assert list(bounded(problems)) == problems
