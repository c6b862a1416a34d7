"""Patches of files that git can apply."""

from __future__ import annotations

import difflib
import re


def patch(path: str, old: bytes | None, new: bytes | None) -> str:
    """Return the change of a file as a patch, empty if nothing changed. None stands for an absent file."""
    before = "/dev/null" if old is None else f"a/{path}"
    after = "/dev/null" if new is None else f"b/{path}"
    lines = difflib.unified_diff(_lines(old or b""), _lines(new or b""), before, after)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _lines(text: bytes) -> list[str]:
    """Split a text at line feeds only, as git does; each line keeps its own."""
    return re.findall(r"[^\n]*\n|[^\n]+", text.decode("utf-8", "replace"))
