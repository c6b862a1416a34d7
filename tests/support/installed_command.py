"""The command as others call it, by its name: hooks and CI templates run it in processes of their own."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

from real_servers import CHECKOUT, require

RELEASED = ("rollout_spec", "templates", "policies", "schemas", "examples", "ci")
RELEASED_FILES = ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml", "action.yml")


INSTALLED = {"REQUIREMENT": "rollout-spec==0.1.0", "ROLLOUT_SPEC_REQUIREMENT": "rollout-spec==0.1.0"}
"""The variables by which a person tells jobs of GitHub and GitLab what pip installs."""


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
    tool = shlex.quote(str(folder / "bin" / "rollout-spec"))
    made = script(
        folder / "made",
        'case "$1 $2 $3" in "-I -m pip") exit 0 ;; "-I -m rollout_spec") shift 3 ;; *) exit 1 ;; esac\n'
        f'exec {tool} "$@"\n',
    )
    python = script(
        folder / "bin" / "python3",
        'test "$1 $2 $3" = "-I -m venv" || exit 1\n'
        f'mkdir -p "$4/bin" && ln -sf {shlex.quote(str(made))} "$4/bin/python"\n',
    )
    shutil.copy(python, python.with_name("python"))
    return python


def index_here(folder: Path) -> str:
    """Make a package index that has a rollout-spec alone, and return its URL; what it installs is this checkout."""
    name = "rollout_spec-0.1.0-py3-none-any.whl"
    info = "rollout_spec-0.1.0.dist-info"
    files = {
        "this_checkout.pth": f"{CHECKOUT}\n{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: rollout-spec\nVersion: 0.1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    place = folder / "index" / "rollout-spec"
    place.mkdir(parents=True)
    with zipfile.ZipFile(place / name, "w") as wheel:
        for path, text in {**files, f"{info}/RECORD": "".join(f"{each},,\n" for each in files)}.items():
            wheel.writestr(path, text)
    (place / "index.html").write_text(f'<a href="{name}">{name}</a>', "utf-8")
    return place.parent.as_uri()


def release(folder: Path) -> Path:
    """Copy what users get of this checkout, where pip can install it: that fetches what it needs."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    fetch = ["download", "--no-deps", "--retries", "0", "--dest", str(folder.parent / "fetched"), "hatchling"]
    fetched = subprocess.run([*pip, *fetch], capture_output=True, check=False)
    require(fetched.returncode == 0, "pip cannot fetch packages")
    return published(folder)


def published(folder: Path) -> Path:
    """Copy what users get of this checkout."""
    for name in RELEASED:
        shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in RELEASED_FILES:
        shutil.copy(CHECKOUT / name, folder / name)
    return folder
