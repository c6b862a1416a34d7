"""A repository with two workspaces that the service answers for, and changes of their settings."""

from __future__ import annotations

import re

from repo import Repo, named_example

FILE = ".rollout-spec.yaml"


def add_workspaces(repo: Repo, *names: str) -> None:
    """Add workspaces in folders of these names."""
    for name in names:
        named_example(repo.folder / name)


def set_monitors(repo: Repo, folder: str, monitors: str, *automation: str) -> None:
    """Set the monitors of one workspace, without a commit."""
    path = repo.folder / folder / FILE
    start = re.split(r"^  (?:service|automation):", path.read_text("utf-8"), flags=re.MULTILINE)[0]
    lines = "".join(f"    {each}\n" for each in ("mode: auto-merge", "cooldown: 0s", *automation))
    path.write_text(f"{start}  service:\n    monitors: {monitors}\n  automation:\n{lines}", "utf-8")


def replace(repo: Repo, folder: str, old: str, new: str) -> None:
    """Replace a text of the settings of one workspace on the base."""
    path = repo.folder / folder / FILE
    text = path.read_text("utf-8")
    assert old in text, text
    path.write_text(text.replace(old, new, 1), "utf-8")
    repo.commit(f"Change the settings of {folder or 'the workspace'}")
