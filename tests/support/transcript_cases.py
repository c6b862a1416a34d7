"""Cases of commands: sections of a page, each with files and with what commands answer.

A fenced block has a file (see ``example_files``) that is laid over the workspace in ``cases/rules/_base``. A block of
``console`` has the commands, behind ``$ rollout-spec``, and what they print.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from example_files import files_of, parts_of
from markdown_cases import Section, lines_of_page, replace_section, sections
from workspaces import Files

PROMPT = "$ rollout-spec "


@dataclass(frozen=True)
class TranscriptCase:
    """A section of a page."""

    page: Path
    section: Section

    def files(self) -> Files:
        blocks = (block for block in self.section.blocks if block.language != "console")
        return files_of([part for block in blocks for part in parts_of(block.lines, patch=block.language == "diff")])

    @property
    def transcript(self) -> str:
        (console,) = (block for block in self.section.blocks if block.language == "console")
        return "".join(f"{line.text}\n" for line in console.lines)

    @property
    def commands(self) -> list[str]:
        lines = self.transcript.split("\n")
        return [line.removeprefix(PROMPT) for line in lines if line.startswith(PROMPT)]


def transcript_cases(pages: Iterable[Path]) -> dict[str, TranscriptCase]:
    """Return the cases of pages by their names."""
    cases = [TranscriptCase(page, section) for page in pages for section in sections(lines_of_page(page))]
    by_name = {case.section.name: case for case in cases}
    assert len(by_name) == len(cases), "two cases have the same name"
    return by_name


def update(case: TranscriptCase, transcript: str) -> TranscriptCase:
    """Write into the page what the commands answer, and return the case as it is then."""

    def write(section: Section, lines: list[str]) -> list[str]:
        own = lines[section.start : section.end]
        start = own.index("```console")
        end = own.index("```", start)
        return [*own[: start + 1], *transcript.removesuffix("\n").split("\n"), *own[end:]]

    return TranscriptCase(case.page, replace_section(case.page, case.section.name, write))
