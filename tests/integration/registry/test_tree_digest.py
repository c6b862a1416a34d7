"""The digest of a folder is the one that a shell computes with sha256sum."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import folders
import pytest

from rollout_spec.integrations.registries import Artifacts

pytestmark = pytest.mark.system

PAGE = folders.CHECKOUT / "docs" / "registry.md"
NAMES = (
    "MLmodel",
    "data/model.pkl",
    "data.bin",
    "Z",
    "a b",
    "é",
    "日本",
    "-n",
    "data-2/x",
    "deep/er/file",
    "'q'",
    "$HOME",
)


def test_the_command_of_the_page_prints_the_digest_of_a_folder(tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "empty").mkdir()
    (command,) = re.findall(r"^cd DIR && (.*sha256sum)$", PAGE.read_text("utf-8"), re.MULTILINE)
    printed = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    seen = Artifacts().examine(str(tmp_path))
    assert (seen.files, seen.digest) == (len(NAMES), f"sha256:{printed.split()[0]}")
