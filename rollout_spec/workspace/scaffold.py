"""The files of a new rollout repository: the shipped example, with the JSON Schemas for editors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rollout_spec.core import package_data as resources

EXAMPLE = "examples/acme-models"


def files() -> dict[str, bytes]:
    """Return the files of a new repository by path."""
    contents = dict(_below(resources.find(EXAMPLE), ""))
    for name in resources.names("schemas"):
        if name.endswith(".json"):
            contents[f"schemas/{name}"] = resources.read(f"schemas/{name}")
    return dict(sorted(contents.items()))


def _below(folder: Path, start: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _below(entry, f"{start}{entry.name}/")
        else:
            yield start + entry.name, entry.read_bytes()
