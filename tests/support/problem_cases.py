"""Cases of problems: sections of ``cases/problems/<group>.md``, each with a file laid over ``cases/problems/_base``.

``# error:12-18: [PATH] MESSAGE; HINT`` expects a problem from column 12 to 18 at the keys of PATH, joined by dots
(``MESSAGE | HINT`` if the message has a semicolon). An index is a number, and a key is in quotes if it could be taken
for something else. The folder of a file says which kind it should hold.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import folders
from example_files import Part, parts_of
from expected_findings import Comment, Expected, commented, placed, split
from markdown_cases import Section, lines_of_page, replace_section, sections
from overlays import Line

from rollout_spec.core.findings import KeyPath
from rollout_spec.spec.kinds import FOLDERS
from rollout_spec.workspace.loader import File, read_file

CASES = folders.CASES / "problems"
BASE = CASES / "_base"
_PLAIN = re.compile(r"[A-Za-z_][\w-]*")


@dataclass(frozen=True)
class ProblemCase:
    """A section of a page."""

    group: str
    section: Section

    @property
    def id(self) -> str:
        return f"{self.group}/{self.section.name}"

    @cached_property
    def _file(self) -> tuple[Part, list[Comment]]:
        (block,) = self.section.blocks
        lines, comments = split(block.lines)
        (part,) = parts_of(lines, base=BASE)
        return part, comments

    @property
    def part(self) -> Part:
        return self._file[0]

    def read(self) -> File[object]:
        return read_file(self.part.path, FOLDERS.get(self.part.path.partition("/")[0]), self.part.content())

    def expected(self) -> list[Expected]:
        """Return the problems that are expected, by line and column."""
        numbers = {line.source: number for (_, number), line in self._sources().items()}
        found = (comment.at(self.part.path, numbers[comment.source]) for comment in self._file[1])
        return sorted(found, key=_by_place)

    def _sources(self) -> dict[tuple[str, int], Line]:
        lines = enumerate(self.part.resolved or (), 1)
        return {(self.part.path, number): line for number, line in lines if line.source is not None}

    def lines_with(self, lines: Sequence[str], problems: Sequence[Expected]) -> list[str]:
        """Return the lines of the section with these problems in place of those that it expects."""
        comments, rest = placed(problems, self._sources())
        assert not rest, f"{self.id}: line {rest[0].line} has a problem; repeat the line in the case"
        return commented(self.section, lines, comments)


def problem_cases() -> dict[str, ProblemCase]:
    """Return the cases of all groups by their ids."""
    pages = sorted(CASES.glob("*.md"))
    cases = [ProblemCase(page.stem, section) for page in pages for section in sections(lines_of_page(page))]
    by_id = {case.id: case for case in cases}
    assert len(by_id) == len(cases), "two cases of one group have the same name"
    return by_id


def update(case: ProblemCase, problems: Sequence[Expected]) -> ProblemCase:
    """Write the problems into the page of a case, and return the case as it is then."""

    def write(section: Section, lines: list[str]) -> list[str]:
        return ProblemCase(case.group, section).lines_with(lines, problems)

    return ProblemCase(case.group, replace_section(CASES / f"{case.group}.md", case.section.name, write))


def problems_of(file: File[object]) -> list[Expected]:
    """Return the problems of a file, by line and column."""
    found = []
    for problem in file.problems:
        span = file.document.span(problem.path, on_key=problem.on_key)
        separator = " | " if "; " in problem.message else "; "
        message = separator.join(filter(None, (problem.message, problem.hint)))
        place = (file.path, span.line, span.column)
        found.append(Expected(*place, path_text(problem.path), message, problem.severity, span.end_column))
    return sorted(found, key=_by_place)


def _by_place(problem: Expected) -> tuple[int, int]:
    return problem.line, problem.column


def path_text(path: KeyPath) -> str:
    """Join the keys of a path."""
    return ".".join(str(key) if isinstance(key, int) or _PLAIN.fullmatch(key) else f'"{key}"' for key in path)
