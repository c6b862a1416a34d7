"""Rendering gives the same bytes in every process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import folders
import pytest
from real_servers import CHECKOUT
from workspaces import files_in, laid_over

from rollout_spec.workspace.working_tree import WorkingTree

pytestmark = pytest.mark.system
CASES = folders.CASES / "render"
BASE = CASES / "_base"


def test_the_same_tree_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    for path, content in {
        **files_in(BASE),
        "rollouts/fraud.yaml": laid_over(WorkingTree(BASE), files_in(CASES / "serve")).read("rollouts/fraud.yaml"),
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / path).write_bytes(content or b"")
    command = [sys.executable, "-m", "rollout_spec", "--repo", str(tmp_path), "render", "--check", "--diff"]
    told = [
        subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        for seed in ("0", "1", "2")
    ]
    assert "kind: InferenceService" in told[0]
    assert len(set(told)) == 1
