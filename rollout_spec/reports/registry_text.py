"""The report of `registry verify`: how each artifact was examined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rollout_spec.core.registered import Examination
from rollout_spec.core.text import aligned, escape

VERSION = 1
_HEADS = ("rollout", "version", "role", "examined", "size")
_WAYS = {
    "hashed": "hashed",
    "remembered": "remembered",
    "manifest": "manifest read",
    "listed": "listed",
    "not-hashed": "not hashed",
    "missing": "missing",
    "refused": "refused",
    "unreadable": "not read",
}


@dataclass(frozen=True)
class ArtifactRow:
    """One artifact of a version."""

    rollout: str
    version: str
    role: str
    examination: Examination


def artifacts_table(rows: Sequence[ArtifactRow]) -> str:
    """Return a line for each artifact, with its address below."""
    if not rows:
        return "no artifact is examined\n"
    cells = [
        (row.rollout, row.version, row.role, _WAYS[row.examination.way], size_text(row.examination.size))
        for row in rows
    ]
    head, *lines_of_rows = aligned([_HEADS, *cells])
    lines = [head.rstrip()]
    for line, row in zip(lines_of_rows, rows, strict=True):
        lines += [line.rstrip(), f"    {escape(row.examination.address)}"]
    return "\n".join(lines) + "\n"


def artifacts_json(rows: Sequence[ArtifactRow]) -> list[dict[str, Any]]:
    """Return plain data for JSON."""
    return [
        {
            "rollout": row.rollout,
            "version": row.version,
            "role": row.role,
            "address": row.examination.address,
            "examined": row.examination.way,
            "digest": row.examination.digest,
            "size": row.examination.size,
            "files": row.examination.files,
            "reason": row.examination.reason,
        }
        for row in rows
    ]


def size_text(size: int) -> str:
    """Return a size in bytes, KiB, MiB or GiB."""
    amount, unit = float(size), "B"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f"{amount:,.0f} {unit}" if unit == "B" else f"{amount:,.1f} {unit}"
