"""Workspaces of one git repository have different names.

A breach, an alert, and the branch of a rollback say by name which workspace they are about. If two workspaces have one
name, a rollback of the one may be taken for a rollback of the other.

Other workspaces are the files `.rollout-spec.yaml` that git knows: tracked ones, and new ones that it does not ignore.
One that does not load has no name to compare.

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

KINDS = frozenset({"Workspace"})
NEEDS = "whole"
UNCONDITIONAL = True


def check(subject: Subject) -> Iterator[Problem]:
    """Compare the name with those of the other workspaces."""
    for folder in subject.repository.namesakes():
        words = f"the workspace in {folder} is named `{subject.model.metadata.name}` too"
        yield Problem(("metadata", "name"), words, "rename one of them")
