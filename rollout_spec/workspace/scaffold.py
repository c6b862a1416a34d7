"""A new rollout repository is a copy of the shipped example, with the schemas that editors complete from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rollout_spec.core import package_data as resources

EXAMPLE = "examples/acme-models"


def files() -> dict[str, bytes]:
    """Return the files of a new repository by path: workspace, rollout, components, manifests, hooks, a workflow."""
    found = dict(_below(resources.find(EXAMPLE), ""))
    for name in resources.names("schemas"):
        if name.endswith(".json"):
            found[f"schemas/{name}"] = resources.read(f"schemas/{name}")
    return dict(sorted(found.items()))


def _below(folder: Path, start: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _below(entry, f"{start}{entry.name}/")
        else:
            yield start + entry.name, entry.read_bytes()
