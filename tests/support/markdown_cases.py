"""Cases in Markdown: a heading for each, and below it fenced blocks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from overlays import Line

from rollout_spec.core.locks import locked

_FENCE = re.compile(r"(`{3,})(\w*)")
_HEADING = "## "


@dataclass(frozen=True)
class Block:
    """A fenced block. Each of its lines has its number in the Markdown."""

    language: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Section:
    """A heading, and what is below it: the lines ``start`` to ``end`` (exclusive, counted from 0)."""

    title: str
    start: int
    end: int
    blocks: tuple[Block, ...]

    @property
    def name(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


def lines_of_page(page: Path) -> list[str]:
    return page.read_bytes().decode().removesuffix("\n").split("\n")


def replace_section(page: Path, name: str, write: Callable[[Section, list[str]], list[str]]) -> Section:
    """Write a section anew, and return it as it is then. ``write`` gets it and the lines of the page."""
    with locked(page.parent, print):  # tests of the same page may run in other processes
        lines = lines_of_page(page)
        section = next(each for each in sections(lines) if each.name == name)
        lines[section.start : section.end] = write(section, lines)
        page.write_text("\n".join(lines).rstrip("\n") + "\n", "utf-8", newline="\n")
        return next(each for each in sections(lines_of_page(page)) if each.name == name)


def sections(lines: list[str]) -> Iterator[Section]:
    """Split the lines of a page at its headings; no heading is in a fenced block."""
    title, start, blocks = "", 0, list[Block]()
    index = 0
    while index < len(lines):
        line = lines[index]
        fence = _FENCE.fullmatch(line)
        if fence:
            assert fence[1] in lines[index + 1 :], f"line {index + 1}: this block has no end"
            end = lines.index(fence[1], index + 1)
            numbered = (Line(lines[number], number) for number in range(index + 1, end))
            blocks.append(Block(fence[2], tuple(numbered)))
            index = end
        elif line.startswith(_HEADING):
            if title:
                yield Section(title, start, index, tuple(blocks))
            title, start, blocks = line.removeprefix(_HEADING), index, []
        index += 1
    if title:
        yield Section(title, start, len(lines), tuple(blocks))
