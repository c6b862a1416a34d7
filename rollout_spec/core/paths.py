"""Paths in a git repository."""

from __future__ import annotations


def under(prefix: str, path: str) -> str:
    """Return a workspace's path as a path from the git root. An empty ``prefix`` is the git root itself."""
    return f"{prefix}/{path}" if prefix else path
