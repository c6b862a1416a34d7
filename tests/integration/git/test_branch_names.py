"""Git can make each branch name that a rollback chooses."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
from repo import git

from rollout_spec.workflows.branch_names import branch_names

pytestmark = pytest.mark.system
BRANCH = "rollback/acme/fraud/42-0123abcd"


@pytest.mark.parametrize(
    "taken",
    [
        ["rollback"],
        ["rollback", "rollback.2/acme", "rollback.3"],
        ["rollback/acme/fraud", "rollback/acme/fraud.2/42-0123abcd"],
        [f"{BRANCH}/a", f"{BRANCH}-2/b/c", f"{BRANCH}-3"],
        [],
    ],
)
def test_git_makes_each_name_that_is_free(tmp_path: Path, taken: list[str]) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "One")
    for name in taken:
        git(tmp_path, "branch", name)
    for name in islice(branch_names(BRANCH, dict.fromkeys(taken, "0" * 40), instead="0" * 12), 4):
        if name not in taken:
            git(tmp_path, "branch", name)
        assert git(tmp_path, "rev-parse", f"refs/heads/{name}") == git(tmp_path, "rev-parse", "main")
