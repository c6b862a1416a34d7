"""The page about starting shows what happens."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import folders
import pytest
from repo import run

from rollout_spec.cli.commands.init import _DEFAULTS
from rollout_spec.workflows.init.choices import CIS, FORGES, NONE, gateways, monitors, servings

pytestmark = pytest.mark.system
PAGE = (folders.CHECKOUT / "docs/init.md").read_text("utf-8")


def test_the_runs_on_the_page_are_real(tmp_path: Path) -> None:
    commands = [
        part
        for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
        for part in re.split(r"^\$ rollout-spec ", block, flags=re.MULTILINE)
        if part
    ]
    assert len(commands) == 3
    for part in commands:
        command, _, shown = part.rstrip().partition("\n")
        words = [str(tmp_path / "models") if word == "models" else word for word in shlex.split(command)]
        told = run(*words).err.replace(f"{tmp_path}/", "")
        told = "".join(line for line in told.splitlines(keepends=True) if not line.startswith("skipped "))
        assert told.strip() == shown


def test_the_page_has_every_choice() -> None:
    table = PAGE.split("| flag |")[1].split("\n## ")[0]
    values = {*FORGES, *servings(), *gateways(), *monitors(), *CIS, NONE}
    assert {value for value in values if f"`{value}`" not in table} == set()
    assert (_DEFAULTS.forge, _DEFAULTS.serving, _DEFAULTS.gateway, _DEFAULTS.monitor) == (
        "local",
        "kserve",
        "gateway-api",
        "prometheus-operator",
    )


def test_the_example_can_be_removed_as_the_page_says(tmp_path: Path) -> None:
    run("--repo", str(tmp_path), "init")
    (paths,) = re.findall(r"`git rm -r ([^`]+)`", PAGE)
    words = re.findall(r"for example: rollout-spec (.*)", run("--repo", str(tmp_path), "bootstrap", "churn").err)[0]
    assert run("--repo", str(tmp_path), *shlex.split(words.replace("…", "4" * 64))).status == 0
    for path in paths.split():
        for file in sorted((tmp_path / path).rglob("*"), reverse=True):
            file.unlink() if file.is_file() else file.rmdir()
        (tmp_path / path).unlink() if (tmp_path / path).is_file() else (tmp_path / path).rmdir()
    done = run("--repo", str(tmp_path), "check")
    assert done.status == 0, done.text
