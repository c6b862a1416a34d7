"""The command as others call it, by its name: hooks and CI templates run it in processes of their own."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from oracles import CHECKOUT, require

RELEASED = ("rollout_spec", "templates", "policies", "schemas", "examples")
RELEASED_FILES = ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml", "action.yml")


def script(place: Path, text: str) -> Path:
    """Write a shell script that can be run."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!/bin/sh\n{text}", "utf-8")
    place.chmod(0o755)
    return place


def command_here(folder: Path) -> dict[str, str]:
    """Put ``rollout-spec`` of this checkout into ``folder/bin``, and return the PATH on which it is found.

    Each call adds a line to ``folder/calls``.
    """
    python, calls, checkout = (shlex.quote(str(each)) for each in (sys.executable, folder / "calls", CHECKOUT))
    place = script(
        folder / "bin" / "rollout-spec",
        f'echo "$#" >> {calls}\nPYTHONPATH={checkout} PYTHONDONTWRITEBYTECODE=1 exec {python} -m rollout_spec "$@"\n',
    )
    return {"PATH": f"{place.parent}{os.pathsep}{os.environ['PATH']}"}


def python_here(folder: Path) -> Path:
    """Make a Python that makes environments in which pip has nothing to do: the command of this checkout is there."""
    command_here(folder)
    return script(
        folder / "bin" / "python3",
        'test "$1 $2" = "-m venv" || exit 1\n'
        'mkdir -p "$3/bin" && printf "#!/bin/sh\\n" > "$3/bin/python" && chmod +x "$3/bin/python"\n'
        f'ln -sf {shlex.quote(str(folder / "bin" / "rollout-spec"))} "$3/bin/"\n',
    )


def release(folder: Path) -> Path:
    """Copy what users get of this checkout, where pip can install it: that fetches what it needs."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    fetch = ["download", "--no-deps", "--retries", "0", "--dest", str(folder.parent / "fetched"), "hatchling"]
    fetched = subprocess.run([*pip, *fetch], capture_output=True, check=False)
    require(fetched.returncode == 0, "pip cannot fetch packages")
    for name in RELEASED:
        shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in RELEASED_FILES:
        shutil.copy(CHECKOUT / name, folder / name)
    return folder
