"""A small workspace with edits, and the terminal of a person who checks it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import folders
from workspaces import BASE, Files


def base(path: str) -> str:
    return (BASE / path).read_text("utf-8")


def edit(path: str, old: str, new: str) -> Files:
    text = base(path)
    assert text.count(old) == 1
    return {path: text.replace(old, new).encode()}


def write(folder: Path, files: Files) -> None:
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def on_a_terminal(folder: Path, *words: str, **environment: str) -> str:
    """Return what a person sees who runs a command."""
    own = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "rollout_spec", *words],
        cwd=folder,
        env={**own, "TERM": "xterm", "PYTHONPATH": str(folders.CHECKOUT), **environment},
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=subprocess.DEVNULL,
    ):
        os.close(follower)
        shown = b"".join(chunks(leader))
    os.close(leader)
    return shown.decode().replace("\r\n", "\n")


def chunks(leader: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # how Linux says that the other end is closed
            return
        if not chunk:
            return
        yield chunk


HOSTILE = "\x1b[31m\x07\r\n\x9b\u202e\u2066\u200b\U000e0001"
