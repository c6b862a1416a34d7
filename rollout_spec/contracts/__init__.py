"""A contract is the JSON Schema of what callers send; a version of it breaks them where it refuses what they may send.

``reading`` turns bytes into a schema, ``breaking`` compares two of them, and asks ``limits`` about bounds.
"""

from __future__ import annotations


def place_of(contract: str, version: str) -> str | None:
    """Return the path of a version's contract in its workspace; None where that would lead out of it."""
    path = contract.replace("{version}", version)
    return None if path.startswith("/") or "\\" in path or ".." in path.split("/") else path
