"""Cases of rules: sections of ``cases/rules/<rule>.md``, each with the files that differ from ``cases/rules/_base``.

A fenced block has a file (see ``example_files``), and comments with the findings that are expected in it (see
``expected_findings``). In a block of ``diff`` is a patch that has no line numbers, its hunks parted by ``@@``.
``../NAME/FILE`` is a file of another workspace of the same git repository. Manifests are rendered anew; a case may lay
its own over them.

A block of ``console`` has the arguments of ``check``, if there are any, and the findings that no comment can hold, as
they are not in a line of the case. ``--base main`` compares with the base branch; that is done in any case if a file is
``on the base``, and for rules that need it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

from example_files import Part, files_of, parts_of
from expected_findings import Comment, Expected, commented, parsed, placed, split
from markdown_cases import Section, lines_of_page, replace_section, sections
from overlays import Line
from workspaces import BASE, Files

from rollout_spec.checks.rules import RULES

CASES = BASE.parent
COMMAND = "$ rollout-spec check"


@dataclass(frozen=True)
class Case:
    """What is checked. ``before`` is None if nothing is compared with a base."""

    rule: str
    after: Files
    before: Files | None
    paths: list[str] | None


@dataclass(frozen=True)
class RuleCase:
    """A section of a page."""

    rule: str
    section: Section

    @property
    def id(self) -> str:
        return f"{self.rule}/{self.section.name}"

    @cached_property
    def arguments(self) -> argparse.Namespace:
        return _arguments(self._console()[0])

    @cached_property
    def _files(self) -> tuple[list[Part], list[Comment]]:
        parts: list[Part] = []
        comments: list[Comment] = []
        for block in self.section.blocks:
            if block.language == "console":
                continue
            patch = block.language == "diff"
            lines, found = split(block.lines, patch=patch)
            parts += parts_of(lines, patch=patch)
            comments += found
        return parts, comments

    def case(self) -> Case:
        parts, _ = self._files
        before = files_of(parts, on_the_base=True)
        is_compared = bool(before) or self.arguments.base is not None or RULES[self.rule].NEEDS == "base"
        return Case(self.rule, files_of(parts), before if is_compared else None, self.arguments.paths or None)

    def sources(self) -> dict[tuple[str, int], Line]:
        """Return the lines of the example by the lines of the files that they are in."""
        return {
            (part.path, number): line
            for part in self._files[0]
            if not part.is_on_the_base
            for number, line in enumerate(part.resolved or (), 1)
            if line.source is not None
        }

    def expected(self) -> list[Expected]:
        """Return the findings that are expected, in the order of a report."""
        _, comments = self._files
        places = {line.source: place for place, line in self.sources().items()} if comments else {}
        unplaced = [comment for comment in comments if comment.source not in places]
        assert not unplaced, f"{self.rule}.md:{unplaced[0].source + 1}: this line is in no file that is checked"
        found = [comment.at(*places[comment.source]) for comment in comments]
        return sorted([*found, *parsed(self._console()[1:])])

    def _console(self) -> list[str]:
        blocks = [block for block in self.section.blocks if block.language == "console"]
        return [line.text for block in blocks for line in block.lines] or [COMMAND]

    def lines_with(self, lines: Sequence[str], findings: Sequence[Expected]) -> list[str]:
        """Return the lines of the section with these findings in place of those that it expects."""
        comments, rest = placed(findings, self.sources())
        return _with_console(commented(self.section, lines, comments), self._console()[0], rest)


def cases_of(page: Path) -> list[RuleCase]:
    """Read the cases of a rule."""
    return [RuleCase(page.stem, section) for section in sections(lines_of_page(page))]


@lru_cache(maxsize=1)
def rule_cases() -> dict[str, RuleCase]:
    """Return the cases of all rules by their ids, and read them once."""
    return read_cases()


def read_cases() -> dict[str, RuleCase]:
    """Read the cases of all rules."""
    cases = [case for page in sorted(CASES.glob("*.md")) for case in cases_of(page)]
    by_id = {case.id: case for case in cases}
    assert len(by_id) == len(cases), "two cases of one rule have the same name"
    assert not [name for name in by_id if len(name) > 100], "pytest gives a test of a longer name another id"
    return by_id


def update(case: RuleCase, findings: Sequence[Expected]) -> RuleCase:
    """Write the findings into the page of a case, and return the case as it is then."""

    def write(section: Section, lines: list[str]) -> list[str]:
        return RuleCase(case.rule, section).lines_with(lines, findings)

    return RuleCase(case.rule, replace_section(CASES / f"{case.rule}.md", case.section.name, write))


@cache
def _arguments(command: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--base")
    return parser.parse_args(command.removeprefix(COMMAND).split())


def _with_console(lines: list[str], command: str, findings: Sequence[Expected]) -> list[str]:
    """Write the block of what ``check`` prints behind the others, unless there is nothing in it."""
    if "```console" in lines:
        start = lines.index("```console")
        del lines[start - 1 : lines.index("```", start) + 1]
    if command == COMMAND and not findings:
        return lines
    while lines[-1:] == [""]:
        lines.pop()
    return [*lines, "", "```console", command, *(finding.printed() for finding in findings), "```", ""]
