"""Demonstrate the tool in a temporary repository with a bare remote.

It shows a good check, a bad edit, the rendered route, the advance of a stage, a breach, and the pull request that
restores the whole stack. Needs git and no network.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import redirect_stderr
from datetime import UTC, datetime
from pathlib import Path

from rollout_spec import cli
from rollout_spec.cli import terminal
from rollout_spec.core.errors import UserError
from rollout_spec.workflows.demo import FILE, ROLLOUT, DemoRepository

_ROUTE = f"manifests/{ROLLOUT}/gateway-api.yaml"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--keep", metavar="DIR", help="keep the repository and its remote in DIR")


def run(arguments: argparse.Namespace) -> int:
    """Run the demonstration; return 1 if a step had an unexpected status."""
    if arguments.keep is None:
        with tempfile.TemporaryDirectory(prefix="rollout-spec-demo-") as folder:
            return _Demo(Path(folder)).play()
    kept = Path(arguments.keep).absolute()
    if kept.exists() and (not kept.is_dir() or any(kept.iterdir())):
        raise UserError(f"{arguments.keep} already exists and is not empty", hint="choose a new directory")
    kept.mkdir(parents=True, exist_ok=True)
    status = _Demo(kept).play()
    terminal.say(f"the files are in {arguments.keep}: the clone is models/, its remote models.git/")
    return status


class _Demo:
    """The demonstration in a folder."""

    def __init__(self, folder: Path) -> None:
        self.repository = DemoRepository(folder)
        self.failed = False

    def play(self) -> int:
        """Run all parts in order."""
        self.set_up()
        self.bad_edit()
        self.advance()
        self.breach()
        self.quarantine()
        self.title("That is all. `rollout-spec init` makes such a repository for you")
        return 1 if self.failed else 0

    def set_up(self) -> None:
        self.title("A rollout repository: specs, components, and the manifests that Argo CD or Flux applies")
        clone = self.repository.clone
        self.repository.create_remote()
        self.command(0, "init", clone.name, "--name", "acme-models", "--ci", "none", folder=clone.parent)
        self.repository.create_clone()
        self.command(0, "check")
        print(_bold(f"$ cat {_ROUTE}"))
        print((clone / _ROUTE).read_text(encoding="utf-8"))

    def bad_edit(self) -> None:
        self.title("A bad edit is caught at its line, before it is committed")
        with self.repository.bad_edit():
            self.command(1, "check", FILE)

    def advance(self) -> None:
        self.title("The candidate enters its first stage with traffic: one commit")
        print(self.shown(self.repository.advance(), (FILE, _ROUTE)))
        self.command(0, "check", "--base", "HEAD~1")

    def breach(self) -> None:
        self.title("Prometheus sees errors, and Alertmanager posts them: the whole stack goes back by a pull request")
        breach = f"../{self.repository.write_breach(datetime.now(UTC)).name}"
        self.command(0, "rollback", "--breach", breach)
        pull_request = self.repository.pull_request()
        print(f"\n{pull_request['title']}\n\n{pull_request['body']}")
        print(self.shown(self.repository.pull_request_diff(), (FILE, _ROUTE)))
        self.title("The same breach again, from another replica: nothing is done twice")
        self.command(0, "rollback", "--breach", breach)

    def quarantine(self) -> None:
        self.title("Once it is merged, the version that failed cannot come back by accident")
        self.repository.merge_pull_request()
        self.command(0, "check")
        self.repository.propose_again()
        self.command(1, "check", FILE)

    def command(self, expected: int, *arguments: str, folder: Path | None = None) -> None:
        """Run a command, and record an unexpected exit status."""
        print(_bold(f"$ rollout-spec {' '.join(arguments)}"), flush=True)
        with redirect_stderr(sys.stdout):
            status = cli.main(["--repo", str(folder or self.repository.clone), *arguments])
        print(_bold(f"exit status {status}") + "\n", flush=True)
        if status != expected:
            self.failed = True
            print(f"expected exit status {expected}", flush=True)

    def shown(self, patch: str, files: tuple[str, ...]) -> str:
        """Return the parts of a patch for some files."""
        parts = patch.split("diff --git ")[1:]
        chosen = [part for part in parts if any(part.startswith(f"a/{file} ") for file in files)]
        left = len(parts) - len(chosen)
        more = f"… and {left} more file{'' if left == 1 else 's'}\n" if left else ""
        return "".join(_colored(part) for part in chosen) + more

    def title(self, text: str) -> None:
        print("\n" + _bold(f"=== {text}"), flush=True)


def _bold(text: str) -> str:
    return f"\x1b[1m{text}\x1b[0m" if terminal.colors(sys.stdout) else text


def _colored(patch: str) -> str:
    """Return a patch without git's headers, in git's colors."""
    lines = patch.splitlines()[2:]
    body = [line for line in lines if not line.startswith(("index ", "--- ", "new file"))]
    if not terminal.colors(sys.stdout):
        return "\n".join(body) + "\n"
    codes = {"+": "32", "-": "31", "@": "36"}
    return "\n".join(f"\x1b[{codes[line[0]]}m{line}\x1b[0m" if line[:1] in codes else line for line in body) + "\n"
