"""What works in a checkout may fail in a wheel: shipped files lie elsewhere there. So the wheel is built, and used."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import folders
import pytest

from rollout_spec.core import package_data as resources

pytestmark = pytest.mark.system

CHECKOUT = folders.CHECKOUT


def test_the_checkout_finds_its_own_files() -> None:
    assert resources.find("templates") == CHECKOUT / "templates"
    assert resources.find("templates").is_dir()


def test_the_wheel_works_where_there_is_no_checkout(tmp_path: Path) -> None:
    wheel = build(tmp_path / "dist")
    assert_complete(wheel)
    programs = install(wheel, tmp_path / "venv")
    empty = tmp_path / "empty"
    empty.mkdir()

    where = run(empty, programs / "python", "-c", "import rollout_spec; print(rollout_spec.__file__)")
    assert Path(where.strip()).is_relative_to(tmp_path / "venv")

    command = programs / "rollout-spec"
    run(empty, command, "init", "repo")
    run(empty, command, "--repo", "repo", "check")
    run(empty, command, "--repo", "repo", "render", "--check")


def build(folder: Path) -> Path:
    """Build the source distribution, and the wheel from that, with what is installed: nothing is fetched."""
    run(CHECKOUT, sys.executable, "-m", "build", "--no-isolation", "--outdir", folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def assert_complete(wheel: Path) -> None:
    """All that is shipped is inside, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        files = [Path(name).parts for name in archive.namelist()]
    assert {parts[0] for parts in files if not parts[0].endswith(".dist-info")} == {"rollout_spec"}
    shipped = {parts[2] for parts in files if parts[1] == "_data"}
    assert shipped == {"ci", "examples", "policies", "schemas", "templates"}


def install(wheel: Path, venv: Path) -> Path:
    """Install the wheel by itself in a new environment that borrows the dependencies of this one."""
    run(venv.parent, sys.executable, "-m", "venv", "--without-pip", venv)
    paths = sysconfig.get_paths("venv", vars={"base": str(venv), "platbase": str(venv)})
    programs = Path(paths["scripts"])
    run(
        venv.parent,
        *(sys.executable, "-m", "pip", "--python", programs / "python", "--disable-pip-version-check"),
        *("install", "--no-index", "--no-deps", wheel),
    )
    # A folder that a .pth file names comes last, and the .pth file of the editable install in it is not followed.
    borrowed = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    Path(paths["purelib"], "borrowed.pth").write_text("\n".join(borrowed) + "\n")
    return programs


def run(folder: Path, *command: str | Path) -> str:
    """Run a program in a folder, without what points Python at this checkout, and return what it printed."""
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def environment() -> dict[str, str]:
    """Return the environment without Python's own variables."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
