"""A contract is the JSON Schema of what callers send; a version of it breaks them where it refuses what they may send.

A break is certain only if an instance proves it: the old schema accepts it, and the new one refuses it. ``reading``
turns bytes into a schema. ``comparison`` asks ``witnesses``, in a confined process, for such instances. ``candidates``
makes instances (``branches``, ``shapes``, ``edges``, ``texts``), ``judging`` has ``jsonschema`` judge them, with the
guards of ``guarding``, and ``reasons`` says why one is refused. Only what runs there imports ``jsonschema``.
"""

from __future__ import annotations


def place_of(contract: str, version: str) -> str | None:
    """Return the path of a version's contract in its workspace; None where that would lead out of it."""
    path = contract.replace("{version}", version)
    return None if path.startswith("/") or "\\" in path or ".." in path.split("/") else path
