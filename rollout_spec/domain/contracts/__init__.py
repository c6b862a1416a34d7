"""Contracts: the JSON Schemas of requests.

A new version breaks callers if it refuses requests of the old one. A break is certain only if an instance shows it: the
old schema accepts it and the new one refuses it. Start with ``comparison``, which runs ``witnesses`` in a confined
process to find such instances. ``json_schema`` reads a schema. ``candidates`` makes instances (``branches``,
``shapes``, ``edges``, ``texts``), ``judging`` validates them with ``jsonschema`` and the guards of ``guarding``, and
``reasons`` explains a refusal. Only the confined process imports ``jsonschema``. Imports ``workspace`` and below.
"""

from __future__ import annotations


def place_of(contract: str, version: str) -> str | None:
    """Return the path of a version's contract in its workspace, or None if it leads out of the workspace."""
    path = contract.replace("{version}", version)
    return None if path.startswith("/") or "\\" in path or ".." in path.split("/") else path
