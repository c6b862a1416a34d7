"""Every command of the guide is run, and prints what its page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import folders
import pytest
from guide_pages import shell, steps_of

pytestmark = pytest.mark.system

ROOT = folders.CHECKOUT
FIRST_MODEL = ROOT / "docs" / "first-model.md"
HOW_TOS = sorted((ROOT / "docs" / "how-to").glob("*.md"))
PIP = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_QUIET": "1"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return folder


def environment(path: str, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.startswith("GIT_") or name in ("HOME", "TMPDIR")}
    return {**kept, "PATH": f"{path}:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1", **more}


def install(folder: Path, variables: dict[str, str], source: str) -> dict[str, str]:
    """Make an environment of Python with the tool, and return the variables in which it is active."""
    venv = folder / "venv"
    subprocess.run(["python3", "-m", "venv", str(venv)], env=variables, check=True)
    subprocess.run([venv / "bin/pip", "install", source], env=variables, check=True)
    borrow_dependencies(venv)
    return {**variables, "PATH": f"{venv / 'bin'}:{variables['PATH']}"}


def follow(page: Path, folder: Path, variables: dict[str, str]) -> int:
    """Run all commands of a page, and return their number."""
    steps, wrong = list(steps_of(page.read_text("utf-8"))), []
    with shell(folder, variables) as run:
        for step in steps:
            status, output = run(step.command)
            assert status == 0, f"{step.command}\n{output}"
            if not re.fullmatch(step.pattern(), output):
                wrong.append("\n".join([f"$ {step.command}", output, "--- but the page says", *step.expected]))
    assert wrong == [], "\n\n".join(wrong)
    return len(steps)


def borrow_dependencies(venv: Path) -> None:
    """Let an environment use the dependencies that are installed here; its own packages win."""
    [packages] = venv.glob("lib/python*/site-packages")
    assert (packages / "rollout_spec").is_dir(), "the command installed the package"
    borrowed = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (packages / "borrowed.pth").write_text("\n".join(borrowed) + "\n")


def test_the_guide_leads_from_nothing_to_a_rollback(tmp_path: Path, wheel: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").symlink_to(getattr(sys, "_base_executable"))  # noqa: B009
    start = tmp_path / "start"
    start.mkdir()
    began = time.monotonic()
    [built] = wheel.glob("*.whl")
    variables = install(start, environment(str(tmp_path / "bin"), **PIP), str(built))
    assert follow(FIRST_MODEL, start, variables) > 30
    assert time.monotonic() - began < 300
    assert (start / "models/incidents/churn-2.yaml").is_file()


@pytest.mark.parametrize("page", HOW_TOS, ids=lambda page: page.stem)
def test_a_how_to_works(page: Path, tmp_path: Path) -> None:
    assert follow(page, tmp_path, environment(str(Path(sys.executable).parent))) > 2
