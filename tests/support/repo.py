"""A throw-away rollout repository: a clone of a bare remote, made of the example, and what people do in it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from rollout_spec.cli import main
from rollout_spec.core import package_data as resources
from rollout_spec.core.yaml.document import parse
from rollout_spec.render.drift import find_drift
from rollout_spec.spec.kinds import WORKSPACE_FILE
from rollout_spec.spec.rollout import Live, ModelRollout
from rollout_spec.workspace.edits import with_live
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.working_tree import WorkingTree

EXAMPLE = Path(str(resources.find("examples/acme-models")))
STAGES = ["shadow", "canary-5", "ab-50", "full"]
NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
"""When the first commit is made; each further one is made a minute later."""


@dataclass(frozen=True)
class Result:
    """What a command answered."""

    status: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


def run(*words: str) -> Result:
    """Run a command of ours in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main(list(words))
    return Result(status, out.getvalue(), err.getvalue())


def git(folder: Path, *words: str, **environment: str) -> str:
    """Run git as a person would, and return what it says."""
    done = subprocess.run(
        ["git", *words], cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
    return done.stdout.strip()


def plain(branch: str) -> str:
    """Return the name of a branch of a rollback or incident without its digest."""
    return re.sub(r"^((?:rollback|incident)[^/]*/.*)-[0-9a-f]{8}((?:-[0-9]+)?)$", r"\1\2", branch)


def named_example(place: Path) -> None:
    """Copy the example, and name it after its folder: two workspaces of one repository have different names."""
    shutil.copytree(EXAMPLE, place)
    file = place / WORKSPACE_FILE
    file.write_text(file.read_text("utf-8").replace("name: acme-models", f"name: {place.name}"), "utf-8")
    assert run("--repo", str(place), "render").status == 0


@dataclass
class Repo:
    """A clone. ``folder`` is its root, ``remote`` the bare repository, ``prefix`` the workspace's folder in it."""

    folder: Path
    remote: Path
    prefix: str = ""
    clock: list[datetime] = field(default_factory=lambda: [NINE])

    @classmethod
    def create(cls, place: Path, *, prefix: str = "") -> Repo:
        """Make a remote and a clone; the example is the first commit, at its stage canary-5."""
        remote, folder = place / "remote.git", place / "clone"
        git(place, "init", "-q", "--bare", "-b", "main", str(remote))
        git(place, "init", "-q", "-b", "main", str(folder))
        git(folder, "remote", "add", "origin", str(remote))
        repo = cls(folder, remote, prefix)
        shutil.copytree(EXAMPLE, repo.workspace, dirs_exist_ok=True)
        repo.render()
        repo.commit("Serve fraud")
        return repo

    def copy(self, place: Path) -> Repo:
        """Copy the remote and the clone, with all that is in them: faster than to make them anew."""
        remote, folder = place / "remote.git", place / "clone"
        shutil.copytree(self.remote, remote)
        shutil.copytree(self.folder, folder)
        git(folder, "remote", "set-url", "origin", str(remote))
        return Repo(folder, remote, self.prefix, list(self.clock))

    def clone(self, name: str, *options: str) -> Repo:
        """Clone the remote once more."""
        folder = self.remote.parent / name
        git(self.remote.parent, "clone", "-q", *options, self.remote.as_uri(), str(folder))
        return Repo(folder, self.remote, self.prefix, self.clock)

    # What is there.

    @property
    def workspace(self) -> Path:
        return self.folder / self.prefix

    def path(self, name: str) -> str:
        """Return a path of the workspace, from the git root."""
        return f"{self.prefix}/{name}" if self.prefix else name

    def model(self, rollout: str = "fraud") -> ModelRollout:
        file = Repository(WorkingTree(self.workspace)).rollout(rollout)
        assert file is not None and file.model is not None
        return file.model

    @property
    def live(self) -> Live:
        return self.model().spec.live

    def git(self, *words: str, **environment: str) -> str:
        return git(self.folder, *words, **environment)

    def at(self, commit: str, path: str) -> str:
        """Return a file of a commit that the remote or the clone has, by its path in the workspace."""
        here = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(self.folder / ".git/objects")}
        commit = self.whole(commit) if commit.startswith(("rollback/", "incident/")) else commit
        return git(self.remote, "show", f"{commit}:{self.path(path)}", **here)

    def files_at(self, commit: str) -> list[str]:
        """Return the paths of all files of a commit that the remote has."""
        return git(self.remote, "ls-tree", "-r", "--name-only", commit).splitlines()

    def data_at(self, commit: str, path: str) -> Any:
        return parse(self.at(commit, path).encode()).data

    def live_at(self, commit: str, rollout: str = "fraud") -> dict[str, Any]:
        live: dict[str, Any] = self.data_at(commit, f"rollouts/{rollout}.yaml")["spec"]["live"]
        return live

    def whole_names(self) -> list[str]:
        """Return the branches on the remote, main aside."""
        names = git(self.remote, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").split()
        return [name for name in names if name != "main"]

    def branches(self) -> list[str]:
        """Return the branches on the remote, main aside, without the digests in their names."""
        return [plain(name) for name in self.whole_names()]

    def whole(self, branch: str) -> str:
        """Return the name of a branch on the remote with the digest that is in it."""
        names = self.whole_names()
        found = [branch] if branch in (*names, "main") else [name for name in names if plain(name) == branch]
        assert len(found) == 1, f"{branch} is one of {names}"
        return found[0]

    def tip(self, branch: str = "main") -> str:
        """Return the commit of a branch on the remote."""
        return git(self.remote, "rev-parse", f"refs/heads/{self.whole(branch)}")

    def pull_requests(self) -> list[dict[str, Any]]:
        folder = Path(f"{self.remote}.pulls")
        return [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]

    # What people do.

    def run(self, *words: str) -> Result:
        """Run a command two minutes after the last commit."""
        now = self.clock[0] + timedelta(minutes=2)
        with mock.patch("rollout_spec.cli.commands.rollback.clock", lambda: now):
            return run("--repo", str(self.workspace), *words)

    def write(self, path: str, text: str) -> None:
        place = self.workspace / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode())

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that stands in a file once."""
        text = (self.workspace / path).read_bytes().decode()
        assert text.count(old) == 1, f"`{old}` stands {text.count(old)} times in {path}"
        self.write(path, text.replace(old, new))

    def render(self) -> None:
        """Write the manifests."""
        repository = Repository(WorkingTree(self.workspace))
        for name in repository.names("rollouts"):
            file = repository.rollout(name)
            assert file is not None
            for each in find_drift(file, repository):
                if each.wanted is None:
                    (self.workspace / each.path).unlink()
                else:
                    self.write(each.path, each.wanted.decode())

    def commit(self, message: str, *, push: bool = True) -> str:
        """Commit all that there is, a minute after the last time, and push it."""
        self.clock[0] += timedelta(minutes=1)
        date = self.clock[0].isoformat()
        self.git("add", "--all")
        self.git("commit", "-q", "-m", message, GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)
        if push:
            self.git("push", "-q", "origin", "HEAD")
        return self.git("rev-parse", "HEAD")

    def take(self, step: Callable[[Live], Live], message: str, *, rollout: str = "fraud", push: bool = True) -> str:
        """Take a step of a rollout: splice ``live``, render, commit, push."""
        path = self.workspace / f"rollouts/{rollout}.yaml"
        path.write_bytes(with_live(path.read_bytes(), step(self.model(rollout).spec.live)))
        self.render()
        return self.commit(message, push=push)

    def record(self, version: str, *, like: str = "42", digest: str = "", rollout: str = "fraud") -> None:
        """Add a version to the file: the record of another one, with its own digest where none is given."""
        path = self.workspace / f"rollouts/{rollout}.yaml"
        text = path.read_text("utf-8")
        start = text.index(f'    "{like}":\n')
        end = min(each for mark in ('\n    "', "\n\n") if (each := text.find(mark, start)) > 0)
        record = text[start:end].replace(f'"{like}":', f'"{version}":').replace(f"/{like}", f"/{version}")
        old = next(line for line in record.splitlines() if line.strip().startswith("digest:"))
        record = record.replace(old, f"      digest: sha256:{digest or hashlib.sha256(version.encode()).hexdigest()}")
        path.write_text(text[:end] + "\n" + record + text[end:], "utf-8")

    def resolve(self, incident: str, verdict: str) -> str:
        """Say how an incident ended."""
        path = f"incidents/{incident}.yaml"
        for old, new in (
            ("status: open", "status: resolved"),
            ("verdict: null", f"verdict: {verdict}"),
            ("reproduced: null", "reproduced: {environment: staging}"),
            ("rootCause: null", "rootCause: a feature was late"),
            ("resolution: null", "resolution: a new version"),
        ):
            self.edit(path, old, new)
        self.render()
        return self.commit(f"Resolve {incident} as {verdict}")

    def merge(self, branch: str) -> str:
        """Merge a branch of the remote into main, with a merge commit, as a forge does."""
        self.clock[0] += timedelta(minutes=1)
        date = self.clock[0].isoformat()
        self.git("fetch", "-q", "origin")
        self.git(
            "merge", "-q", "--no-ff", "-m", f"Merge {branch}", f"origin/{self.whole(branch)}",
            GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date,
        )  # fmt: skip
        self.git("push", "-q", "origin", "HEAD")
        return self.git("rev-parse", "HEAD")

    def snapshot(self) -> dict[str, Any]:
        """Return all that a dry run must leave as it is: refs, index, files, and those of the remote."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and ".git" not in path.parts]
        return {
            "refs": self.git("for-each-ref"),
            "head": (self.folder / ".git/HEAD").read_text(),
            "index": (self.folder / ".git/index").read_bytes(),
            "files": {str(path): path.read_bytes() for path in files},
            "remote": git(self.remote, "for-each-ref"),
            "pulls": self.pull_requests(),
            "leftovers": sorted(path.name for path in (self.folder / ".git").iterdir()),
        }

    # What monitors do.

    def payload(self, *alerts: Mapping[str, Any], name: str = "payload.json", **fields: Any) -> str:
        """Write a payload of Alertmanager beside the clone, and return its path."""
        path = self.remote.parent / name
        path.write_text(json.dumps({"version": "4", "status": "firing", "alerts": list(alerts), **fields}), "utf-8")
        return str(path)

    def alert(self, version: str = "42", trigger: str = "serving-errors", **labels: Any) -> dict[str, Any]:
        """Return an alert as our rules make them, that began to fire a minute after the last commit."""
        return {
            "status": "firing",
            "labels": {
                "alertname": "RolloutBreach", "workspace": "acme-models", "rollout": "fraud", "version": version,
                "trigger": trigger, "severity": "hard", "namespace": "ml", **labels,
            },
            "annotations": {"summary": f"fraud {version}: error_rate above 5%", "value": "0.081"},
            "startsAt": (self.clock[0] + timedelta(minutes=1)).isoformat(),
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.com:9090/graph?g0.expr=error_rate",
            "fingerprint": "5c9f0e6e2c7b1d3a",
        }  # fmt: skip

    def breach(self, version: str = "42", trigger: str = "serving-errors", *options: str, **labels: Any) -> Result:
        """Roll back for one alert."""
        return self.run("rollback", "--breach", self.payload(self.alert(version, trigger, **labels)), *options)
