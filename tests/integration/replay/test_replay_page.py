"""docs/replay.md shows a real run, and lists every option, failure and kind."""

from __future__ import annotations

import argparse
import re
from typing import get_args

import folders
import pytest
from replaying import Replaying
from repo import run

from rollout_spec.cli.commands import replay as command
from rollout_spec.core.divergence import OutputKind
from rollout_spec.core.replay import FAILURES
from rollout_spec.core.yaml.document import parse
from rollout_spec.domain.replay import output_forms
from rollout_spec.spec.incident import Reproduced
from rollout_spec.workflows.replay import sending

PAGE = (folders.CHECKOUT / "docs/replay.md").read_text("utf-8")
INCIDENT = """\
apiVersion: rollout-spec/v1
kind: Incident
metadata: {name: fraud-42}
spec:
  {rollout: fraud, failedVersion: "42", restoredVersion: "41", source: me, observedAt: 2026-11-20T10:15:00Z,
   status: open}
"""


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table after a heading."""
    table = PAGE.split(heading)[1].split("\n\n")[0]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table.splitlines()[2:]]


def test_every_option_is_listed() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    command.configure(parser)
    options = {option for action in parser._actions for option in action.option_strings}
    assert {option for row in rows("| option |") for option in re.findall(r"--[a-z-]+", row[0])} == options
    defaults = {row[0].split("`")[1].split()[0]: row[2] for row in rows("| option |")}
    for name in ("rate", "concurrency", "limit"):
        assert float(defaults[f"--{name}"]) == parser.get_default(name)


def test_every_failure_and_every_kind_is_listed() -> None:
    assert [(row[0].strip("`"), row[1]) for row in rows("| kind | meaning |")] == list(FAILURES.items())
    assert [row[0].strip("`") for row in rows("| kind | recognised by |")] == list(get_args(OutputKind))


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"The first {sending.WARMUP} requests" in PAGE and f"after {sending.MOST_SILENT} requests in a row" in PAGE
    assert f"first {output_forms.SAMPLE:,} requests" in PAGE and f"up to {output_forms.MOST_COLUMNS}." in PAGE
    assert f"up to {output_forms.MOST_CLASSES} different whole" in PAGE


def test_the_reproduction_is_one() -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert Reproduced.model_validate(parse(block.encode()).data["reproduced"]).environment == "staging"


@pytest.mark.system
@pytest.mark.xdist_group("replay")
def test_the_run_is_a_real_one(replaying: Replaying) -> None:
    (block,) = re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    first, *lines = block.splitlines()
    assert replaying.repo is not None
    replaying.repo.write("incidents/fraud-42.yaml", INCIDENT)
    words = first.removeprefix("$ rollout-spec ").split()
    words[words.index("--log") + 1] = str(replaying.log("digits"))
    words[words.index("--against") + 1] = replaying.address
    done = run("--repo", str(replaying.repo.workspace), *words)
    assert done.status == 0, done.text

    def settled(line: str) -> str:
        line = line.replace(f"{replaying.folder}/", "").replace(replaying.address, "http://127.0.0.1:8080")
        line = re.sub(r"requests in [0-9ms]+ and", "requests in 2s and", line)
        return re.sub(r"[0-9.e+]+( ms| times)", r"N\1", line)

    assert [settled(line) for line in done.out.splitlines()] == [settled(line) for line in lines]
