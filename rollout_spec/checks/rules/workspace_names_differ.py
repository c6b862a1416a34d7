"""Workspaces of one git repository have different names.

Breaches, alerts and the branches of rollbacks name their workspace. If two workspaces had one name, a rollback of one
could be taken for a rollback of the other.

Other workspaces are the files `.rollout-spec.yaml` that git knows: tracked ones, and new ones that it does not ignore.
A file that does not load has no name to compare.

Fails::

    # .rollout-spec.yaml
    metadata: {name: prod}
    # ../staging/.rollout-spec.yaml
    metadata: {name: prod}

Passes::

    # .rollout-spec.yaml
    metadata: {name: prod}
    # ../staging/.rollout-spec.yaml
    metadata: {name: staging}
"""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import Problem
from rollout_spec.workspace.namesakes import namesakes

KINDS = frozenset({"Workspace"})
NEEDS = "whole"
UNCONDITIONAL = True


def check(subject: Subject) -> Iterator[Problem]:
    """Compare the name with those of the other workspaces."""
    if "workspaces" in subject.settled:
        return
    for folder in namesakes(subject.repository):
        message = f"the workspace in {folder} has the same name, `{subject.model.metadata.name}`"
        yield Problem(("metadata", "name"), message, "rename one of them")
