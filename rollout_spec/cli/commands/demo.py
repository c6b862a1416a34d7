"""Demonstrate the tool in a temporary repository with a bare remote.

It shows a good check, a bad edit, the rendered route, the advance of a stage, a breach, and the pull request that
restores the whole stack. Needs git and no network.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr
from datetime import UTC, datetime
from pathlib import Path

from rollout_spec import cli
from rollout_spec.cli import terminal
from rollout_spec.core import package_data as resources
from rollout_spec.core.errors import UserError
from rollout_spec.domain.transitions import advance, propose, withdraw
from rollout_spec.integrations.git.repository import Git
from rollout_spec.spec.rollout import Live
from rollout_spec.workspace.edits import with_live
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.working_tree import WorkingTree

_ROLLOUT = "fraud"
_FILE = f"rollouts/{_ROLLOUT}.yaml"
_ROUTE = f"manifests/{_ROLLOUT}/gateway-api.yaml"


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
    """The repository of the demonstration and its remote."""

    def __init__(self, folder: Path) -> None:
        self.remote = folder / "models.git"
        self.clone = folder / "models"
        self.failed = False

    def play(self) -> int:
        """Run all parts in order."""
        self.set_up()
        self.bad_edit()
        self.move(
            "The candidate enters its first stage with traffic: one commit", lambda live, stages: advance(live, stages)
        )
        self.breach()
        self.quarantine()
        self.title("That is all. `rollout-spec init` makes such a repository for you")
        return 1 if self.failed else 0

    def set_up(self) -> None:
        self.title("A rollout repository: specs, components, and the manifests that Argo CD or Flux applies")
        Git.create(self.remote, bare=True)
        self.command(0, "init", "models", folder=self.clone.parent)
        self.git = Git.create(self.clone)
        self.origin = self.git.add_remote("origin", str(self.remote))
        self.commit("Serve fraud 41", lambda live, stages: withdraw(live))
        self.commit(
            "Propose fraud 42, and copy traffic to it", lambda live, stages: advance(propose(live, "42"), stages)
        )
        self.command(0, "check")
        print(_bold(f"$ cat {_ROUTE}"))
        print((self.clone / _ROUTE).read_text(encoding="utf-8"))

    def bad_edit(self) -> None:
        self.title("A bad edit is caught at its line, before it is committed")
        path = self.clone / _FILE
        good = path.read_text(encoding="utf-8")
        bad = good.replace("weight: 5%", "wieght: 5%").replace('candidate: "42"', "candidate: 42")
        path.write_text(bad, encoding="utf-8")
        self.command(1, "check", _FILE)
        path.write_text(good, encoding="utf-8")

    def move(self, title: str, step: Callable[[Live, list[str]], Live]) -> None:
        self.title(title)
        before = self.git.commit("HEAD")
        commit = self.commit("Advance fraud 42 to canary-5", step)
        print(self.shown(self.git.diff(before, commit), (_FILE, _ROUTE)))
        self.command(0, "check", "--base", "HEAD~1")

    def breach(self) -> None:
        self.title("Prometheus sees errors, and Alertmanager posts them: the whole stack goes back by a pull request")
        payload = json.loads(resources.read("examples/alertmanager.json"))
        payload["alerts"][0]["startsAt"] = datetime.now(UTC).isoformat()
        path = self.clone.parent / "breach.json"
        path.write_text(json.dumps(payload, indent=2) + "\n", encoding="utf-8")
        self.command(0, "rollback", "--breach", "../breach.json")
        pull_request = json.loads(Path(f"{self.remote}.pulls", "1.json").read_text(encoding="utf-8"))
        print(f"\n{pull_request['title']}\n\n{pull_request['body']}")
        base = self.git.commit("HEAD")
        print(self.shown(self.git.diff(base, pull_request["headSha"]), (_FILE, _ROUTE)))
        self.title("The same breach again, from another replica: nothing is done twice")
        self.command(0, "rollback", "--breach", "../breach.json")

    def quarantine(self) -> None:
        self.title("Once it is merged, the version that failed cannot come back by accident")
        head = json.loads(Path(f"{self.remote}.pulls", "1.json").read_text(encoding="utf-8"))["headSha"]
        self.git.fast_forward(head)
        self.origin.push("main")
        self.command(0, "check")
        self.edit(lambda live, stages: propose(live, "42"))
        self.command(1, "check", _FILE)

    def edit(self, step: Callable[[Live, list[str]], Live]) -> None:
        """Apply a step to ``live`` in the working tree."""
        file = Repository(WorkingTree(self.clone)).rollout(_ROLLOUT)
        assert file is not None and file.model is not None
        stages = [stage.name for stage in file.model.spec.stages]
        (self.clone / _FILE).write_bytes(with_live(file.content, step(file.model.spec.live, stages)))

    def commit(self, message: str, step: Callable[[Live, list[str]], Live]) -> str:
        """Apply a step, render, commit and push; return the commit."""
        self.edit(step)
        with redirect_stderr(io.StringIO()):
            cli.main(["--repo", str(self.clone), "render"])
        commit = self.git.commit_all(message)
        self.origin.push("main")
        return commit

    def command(self, expected: int, *arguments: str, folder: Path | None = None) -> None:
        """Run a command, and record an unexpected exit status."""
        print(_bold(f"$ rollout-spec {' '.join(arguments)}"), flush=True)
        with redirect_stderr(sys.stdout):
            status = cli.main(["--repo", str(folder or self.clone), *arguments])
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
