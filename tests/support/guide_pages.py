"""Pages that a reader follows: their commands are run in one shell, in order, and their files are written.

- A block of ``console`` has commands after ``$ ``. A backslash at the end of a line continues a command. Below a
  command is all that it prints. ``…`` stands for any text in a line, and alone for any lines. Every command succeeds.
- A block with ``title="FILE"`` is that file, in the folder in which the commands above it have arrived.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_END = "end of the command"


@dataclass(frozen=True)
class Step:
    """A command with the expected output, or a file to write."""

    command: str
    expected: tuple[str, ...] = ()

    def pattern(self) -> str:
        """Return the expected output as a regular expression."""
        lines = (
            r"(?:.*\n)*" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + r"\n"
            for line in self.expected
        )
        return "".join(lines)


def steps_of(page: str) -> Iterator[Step]:
    """Yield the commands and files of a page."""
    for language, title, text in _BLOCK.findall(page):
        if title:
            yield Step(f"mkdir -p \"$(dirname '{title}')\" && cat >'{title}' <<'END OF FILE'\n{text}END OF FILE")
        elif language == "console":
            yield from _commands(text)


def _commands(text: str) -> Iterator[Step]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *lines = part.replace("\\\n", "\0").splitlines()
        yield Step(command.replace("\0", "\\\n"), tuple(lines))


@contextmanager
def shell(folder: Path, environment: Mapping[str, str]) -> Iterator[Callable[[str], tuple[int, str]]]:
    """Run a shell, and give a function that runs a command in it: its status, and all that it printed."""
    process = subprocess.Popen(
        ["bash", "--noprofile", "--norc"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env=dict(environment),
    )
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None and stdout is not None

    def run(command: str) -> tuple[int, str]:
        stdin.write(f"{{ {command}\n}} </dev/null\nprintf '%s %d\\n' '{_END}' $?\n")
        stdin.flush()
        lines: list[str] = []
        for line in stdout:
            if line.startswith(_END):
                return int(line.split()[-1]), "".join(lines)
            lines.append(line)
        raise AssertionError(f"the shell ended after `{command}`: {''.join(lines)}")

    try:
        yield run
    finally:
        stdin.close()
        process.wait(timeout=10)
        stdout.close()
