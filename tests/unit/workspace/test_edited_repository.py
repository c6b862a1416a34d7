"""Repositories after edits: the same files are the same repository, and each path reads as its last edit."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import given
from hypothesis import strategies as st
from workspaces import rendered

from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay, Tree

TREE = rendered({})
PATHS = (
    "rollouts/fraud.yaml",
    "rollouts/other.yaml",
    "incidents/fraud-42.yaml",
    "manifests/fraud/gateway-api.yaml",
    "alerts/fraud.yaml",
)
EDITS = st.dictionaries(st.sampled_from(PATHS), st.none() | st.sampled_from([b"kind: Incident\n", b"a: 1\n"]))


@contextmanager
def paused_collector() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@given(st.lists(EDITS, max_size=4))
def test_each_path_reads_as_its_last_edit(steps: list[dict[str, bytes | None]]) -> None:
    tree: Tree = TREE
    repository = Repository(tree)
    for edits in steps:
        tree, repository = Overlay(tree, edits), repository.edited(edits)
    for path in PATHS:
        assert repository.tree.read(path) == tree.read(path)
        file = repository.file(path)
        assert (file.content if file else None) == tree.read(path)
    fresh = Repository(tree)
    assert [repository.names(folder) for folder in ("rollouts", "incidents")] == [
        fresh.names(folder) for folder in ("rollouts", "incidents")
    ]


@given(EDITS, EDITS)
def test_edits_to_the_same_files_give_the_same_repository(
    first: dict[str, bytes | None], second: dict[str, bytes | None]
) -> None:
    repository = Repository(TREE)
    in_two_steps = repository.edited(first).edited(second)
    assert repository.edited({**first, **second}) is in_two_steps


def test_edited_repositories_are_freed_unless_they_are_kept() -> None:
    repository = Repository(TREE)
    edits = {"rollouts/fraud.yaml": b"a: 1\n", "alerts/fraud.yaml": b"b: 2\n"}
    computed: list[str] = []

    def compute(here: Repository) -> bool:
        computed.append("again")
        return True

    with paused_collector():
        for _ in range(2):
            repository.edited(edits).once("result", compute)
        assert len(computed) == 2
        with repository.keeping_edited():
            for _ in range(2):
                repository.edited(edits).once("result", compute)
        assert len(computed) == 3
        repository.edited(edits).once("result", compute)
    assert len(computed) == 4


def test_rendered_files_share_the_results_of_the_documents() -> None:
    repository = Repository(TREE)
    document = {"rollouts/fraud.yaml": b"a: 1\n"}
    after = repository.edited({**document, "manifests/fraud/kserve.yaml": b"b: 2\n"})
    assert after.unrendered is repository.edited(document)
    assert after.unrendered.unrendered is after.unrendered
    assert repository.unrendered is repository
