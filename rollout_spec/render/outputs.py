"""The rendered files of a workspace: their paths, and the first line of each."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from rollout_spec.spec.kinds import ALERTS, MANIFESTS

if TYPE_CHECKING:
    from rollout_spec.spec.target import TargetDefinition
    from rollout_spec.workspace.repository import Repository

_HEAD = re.compile(rb"# Rendered by rollout-spec from rollouts/[^/\s]+\.yaml\b")
"""The start of the first line of each rendered file."""


def output_path(target: str, definition: TargetDefinition | None, rollout: str) -> str:
    """Return the path of a target's file. An unknown target has the default one."""
    output = definition.output if definition is not None else None
    return (output or f"{MANIFESTS}/{{rollout}}/{target}.yaml").replace("{rollout}", rollout)


def head(rollout: str) -> str:
    """Return the first line of each rendered file of a rollout."""
    edit = f"edit that file, then run `rollout-spec render {rollout}`"
    return f"# Rendered by rollout-spec from rollouts/{rollout}.yaml: {edit}.\n"


def is_rendered(content: bytes) -> bool:
    """Return whether this tool rendered a file, by its first line."""
    return _HEAD.match(content) is not None


def output_files(rollout: str, repository: Repository, known: Collection[str] = ()) -> Iterator[tuple[str, bytes]]:
    """Yield the files among which a rollout's rendered ones are, except ``known`` ones.

    Subfolders are ignored.
    """
    for path in output_paths(rollout, repository):
        content = repository.content(path) if path not in known else None
        if content is not None:
            yield path, content


def output_paths(rollout: str, repository: Repository) -> list[str]:
    """Return the paths in a rollout's folder of manifests, and of its alerts."""
    folder = f"{MANIFESTS}/{rollout}"
    alerts = (name for name in repository.names_from(ALERTS, rollout) if alerts_of(name) == rollout)
    return [
        *(f"{folder}/{name}" for name in repository.entries(folder)),
        *(f"{ALERTS}/{name}.yaml" for name in alerts),
    ]


def alerts_of(name: str) -> str:
    """Return the rollout of a file of alerts, such as ``fraud.paging``."""
    return name.partition(".")[0]
