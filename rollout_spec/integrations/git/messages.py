"""Messages of git, without the lines that it adds to any failure of a remote."""

from __future__ import annotations

import re

_ADDED = re.compile(
    r"(fatal: )?Could not read from remote repository"
    r"|Please make sure you have the correct access rights|and the repository exists"
)


def folded(reason: str) -> str:
    """Return a message of git in one line."""
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    return "; ".join([line for line in lines if not _ADDED.match(line)] or lines)
