"""Files of an example, as the docstrings of rules and the cases of ``cases/rules/*.md`` write them.

``# FILE`` is the first line of a file; without it, the lines are about ``rollouts/fraud.yaml``. They are laid over the
file of that name in the base workspace (see ``overlays``), or are a whole file if that has none, or if one of them
begins with ``apiVersion``. Notes may follow: ``# FILE, on the base``.

- ``on the base``: this is about the branch that the change is compared with, and about nothing else
- ``in full``: the lines are the whole file in any case
- ``with escapes``: ``\\t``, ``\\r``, ``\\xff`` (a byte), ``\\u202e`` and ``\\\\`` are read; a line with
  ``\\`` at its end has no line end
- ``a link``, ``deleted``: there is a link, or no such file
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from overlays import Line, laid_over, lines_of, patched, text_of
from workspaces import BASE, Files, is_manifest, renamed

from rollout_spec.spec.kinds import WORKSPACE_FILE

ROLLOUT = "rollouts/fraud.yaml"
_NOTES = "on the base|in full|with escapes|a link|deleted"
HEADER = re.compile(rf"# (?=\S*[./_-]|\S+, )(\S*\w)((?:, (?:{_NOTES}))*)")
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|(t)|(r)|(\\))")


@dataclass(frozen=True)
class Part:
    """The lines about one file. ``patch``: they are a patch, not YAML. ``base``: the workspace that they go over."""

    path: str
    notes: frozenset[str]
    lines: tuple[Line, ...]
    patch: bool = False
    base: Path = BASE

    @property
    def is_on_the_base(self) -> bool:
        return "on the base" in self.notes

    @property
    def place(self) -> str:
        """Return the path as ``workspaces.specs`` has it: another workspace is below ``elsewhere/``."""
        return re.sub(r"^\.\./", "elsewhere/", self.path)

    @property
    def folder(self) -> str:
        """Return where lists of links and of deleted files are."""
        return "/".join((*self.place.split("/")[:2], "")) if self.place.startswith("elsewhere/") else ""

    @cached_property
    def resolved(self) -> list[Line] | None:
        """The lines of the whole file; None if only a workspace that is rendered has what they are laid over."""
        if self.patch and is_manifest(self.place):
            return None
        below = _below(self.place, self.base)
        if self.patch:
            return patched(below or lines_of(""), self.lines)
        is_whole = self.notes & {"in full", "with escapes"} or below is None
        if is_whole or any(line.text.startswith("apiVersion") for line in self.lines):
            return list(self.lines)
        return laid_over(below or lines_of(""), self.lines)

    def content(self) -> bytes:
        lines = self.resolved
        text = text_of(self.lines if lines is None else lines)
        return _unescaped(text) if "with escapes" in self.notes else text.encode()


def parts_of(lines: Sequence[Line], *, patch: bool = False, base: Path = BASE) -> Iterator[Part]:
    """Split lines into files: each begins with a header, and the first may be without."""
    starts = [index for index, line in enumerate(lines) if HEADER.fullmatch(line.text)]
    if not starts or starts[0]:
        starts.insert(0, -1)
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        match = HEADER.fullmatch(lines[start].text) if start >= 0 else None
        path, notes = (match[1], match[2]) if match else (ROLLOUT, "")
        yield Part(path, frozenset(notes.split(", ")[1:]), tuple(lines[start + 1 : end]), patch, base)


def files_of(parts: Sequence[Part], *, on_the_base: bool = False) -> Files:
    """Return the files, as ``workspaces.specs`` takes them."""
    files: Files = {}
    for part in parts:
        if part.is_on_the_base != on_the_base:
            continue
        names = "links.txt" if "a link" in part.notes else "deleted.txt" if "deleted" in part.notes else None
        if names:
            listed = f"{part.folder}{names}"
            files[listed] = files.get(listed, b"") + part.place.removeprefix(part.folder).encode() + b"\n"
        else:
            is_raw = part.patch and is_manifest(part.place)
            files[f"{part.place}.diff" if is_raw else part.place] = part.content()
    return files


@cache
def _below(place: str, base: Path) -> list[Line] | None:
    """Return the lines of a file of the base workspace, or of one beside it."""
    name = ""
    if place.startswith("elsewhere/"):
        _, name, place = place.split("/", 2)
    if not (base / place).is_file():
        return None
    content = (base / place).read_bytes()
    return lines_of((renamed(content, name) if name and place == WORKSPACE_FILE else content).decode())


def _unescaped(text: str) -> bytes:
    """Read escapes. A byte that is no UTF-8 is kept as Python keeps those of file names."""

    def read(match: re.Match[str]) -> str:
        if match[1]:
            return bytes([int(match[1], 16)]).decode("utf-8", "surrogateescape")
        return chr(int(match[2], 16)) if match[2] else "\t" if match[3] else "\r" if match[4] else "\\"

    return _ESCAPE.sub(read, re.sub(r"(?<!\\)\\\n", "", text)).encode("utf-8", "surrogateescape")
