"""The page with all commands is what the commands accept."""

from __future__ import annotations

import argparse
import os
import re

import command_page
import folders
import pytest

from rollout_spec.cli import COMMANDS, main, parser_of

PAGE = folders.CHECKOUT / "docs" / "commands.md"


def test_the_page_about_commands_is_not_stale() -> None:
    text = command_page.page()
    if os.environ.get("ROLLOUT_SPEC_UPDATE") == "1":
        PAGE.write_text(text, "utf-8")
    assert PAGE.read_text("utf-8") == text, "ROLLOUT_SPEC_UPDATE=1 writes it anew"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_has_every_argument_of_a_command(name: str) -> None:
    section = command_page.page().split(f"\n## {name}\n")[1].split("\n## ")[0]
    options = [each for action in parser_of(name)._actions for each in action.option_strings]
    assert {each for each in options if f"`{each}" not in section} <= {"-h", "--help", "--repo"}
    assert not re.search(r"\| +\|$", section, re.MULTILINE), "each argument has a text"


def test_repo_may_stand_on_both_sides_of_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--repo", "/nowhere", "check"], ["check", "--repo", "/nowhere"]):
        assert main(words) == 2
        assert "/nowhere" in capsys.readouterr().err


def test_a_subcommand_has_a_section_of_its_own() -> None:
    parser = argparse.ArgumentParser(prog="rollout-spec jobs", description="Work with jobs.")
    commands = parser.add_subparsers(dest="action", required=True)
    commands.add_parser("stop", aliases=["end"], description="Stop a job.").add_argument("--now", action="store_true")
    text = command_page.section("jobs", parser)
    assert re.findall("^#+ .*$", text, re.MULTILINE) == ["## jobs", "### jobs stop"]
    assert "rollout-spec jobs COMMAND …\n" in text
    assert "rollout-spec jobs stop [OPTION …]\n" in text
