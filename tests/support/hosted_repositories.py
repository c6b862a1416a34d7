"""A rollout repository whose remote is a forge: git pushes to it over HTTP, and its API says what became of that."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fakes.forge import ForgeHost, Pull
from fakes.gitea import FakeGitea
from fakes.github import FakeGitHub
from fakes.gitlab import FakeGitLab
from repo import Repo, git

from rollout_spec.core.pull_request import ProposedChange
from rollout_spec.integrations.forges import Access, Forge, connect, hosts
from rollout_spec.integrations.forges import http as transport

FAKES: dict[str, type[ForgeHost]] = {"github": FakeGitHub, "gitlab": FakeGitLab, "gitea": FakeGitea}
TOKEN = "s3cret-t0ken"
BRANCH = "rollback/acme/fraud/42"
CHANGE = ProposedChange(
    branch=BRANCH,
    message="Roll back\n",
    edits={},
    date=datetime(2026, 11, 20, tzinfo=UTC),
    title="Roll back fraud",
    body="# Why\n\né 漢 | `x`\n\n<!-- rollout-spec: rollback version=42 -->\n",
    labels=("rollback", "rollout:fraud"),
    reviewers=("ada", "team-risk"),
)


@dataclass
class Hosted:
    """A forge of one kind, and the folder of the bare repository behind it."""

    kind: str
    host: ForgeHost

    def connect(self) -> Forge:
        """Connect anew, as another process would."""
        access = Access(self.host.clone_url, self.host.name, self.base_url, lambda branch, commit: False)
        return connect(self.kind, access)

    @property
    def base_url(self) -> str:
        return self.host.url + self.host.root

    def push(self, branch: str = BRANCH) -> str:
        """Put one more commit on a branch of the bare repository, which begins at main; return its id."""
        parent = self.host.branch(branch) or self.host.branch("main")
        tree = self.host.git("rev-parse", f"{parent}^{{tree}}")
        number = next(_numbers)
        commit = self.host.git("commit-tree", tree, "-p", parent, "-m", f"Commit {number}")
        self.host.git("update-ref", f"refs/heads/{branch}", commit)
        return commit

    def replace(self, branch: str = BRANCH) -> str:
        """Replace a branch by another commit on main, as a force push does; return its id."""
        self.host.git("update-ref", f"refs/heads/{branch}", self.host.branch("main"))
        return self.push(branch)

    def opened(self, **changes: object) -> tuple[Forge, Pull, str]:
        """Push the branch and open its pull request; return the forge, what the host has, and the commit."""
        forge, commit = self.connect(), self.push()
        number = forge.ensure_pull_request(replace(CHANGE, **changes), commit, "main").number  # type: ignore[arg-type]
        pull = self.host.pull(number)
        assert pull is not None
        return forge, pull, commit


@cache
def private_key() -> RSAPrivateKey:
    """Return the key of an App."""
    return generate_private_key(65537, 2048)


def as_app(file: Path, patch: pytest.MonkeyPatch) -> None:
    """Let the environment name an App, with its key in a file, and no token."""
    file.write_bytes(private_key().private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    patch.delenv("ROLLOUT_SPEC_TOKEN", raising=False)
    patch.setenv("GITHUB_APP_ID", "1")
    patch.setenv("GITHUB_APP_PRIVATE_KEY_FILE", str(file))


def allow(patch: pytest.MonkeyPatch, *urls: str) -> None:
    """Let the owner of the machine name hosts that a token may go to."""
    patch.setenv(hosts.VARIABLE, ",".join(urls))


def let_in(patch: pytest.MonkeyPatch) -> None:
    """Put the token of the forges into the environment, and wait for nothing: they answer at once here."""
    patch.setenv("ROLLOUT_SPEC_TOKEN", TOKEN)
    patch.setattr(transport, "_BACKOFF", 0)
    patch.setattr("rollout_spec.integrations.forges.gitlab.client.PAUSES", (0, 0, 0))


_numbers = itertools.count(1)


@contextmanager
def hosted(kind: str, remote: Path) -> Iterator[Hosted]:
    """Serve a bare repository; one with an empty commit is made where there is none."""
    if not remote.exists():
        git(remote.parent, "init", "-q", "--bare", "-b", "main", str(remote))
        tree = git(remote, "hash-object", "-t", "tree", "-w", "/dev/null")
        git(remote, "update-ref", "refs/heads/main", git(remote, "commit-tree", tree, "-m", "Begin"))
    host = FAKES[kind](remote)
    with pytest.MonkeyPatch.context() as patch, host.running():
        for name in ("no_proxy", "NO_PROXY"):  # whoever runs the tests may sit behind one
            patch.setenv(name, "*")
        allow(patch, host.url)  # in some tests git reaches the repository by its path, which names no host
        yield Hosted(kind, host)


def point_to(repo: Repo, forge: Hosted, **settings: str) -> None:
    """Let a clone's workspace say which forge it is on, and its remote be that."""
    told = {"type": forge.kind, "repository": forge.host.name, "baseUrl": forge.base_url, **settings}
    words = ", ".join(f"{name}: {value}" for name, value in told.items())
    repo.edit(".rollout-spec.yaml", "  forge: {type: local} ", f"  forge: {{{words}}} ")
    repo.commit("Move to a forge")
    repo.git("remote", "set-url", "origin", forge.host.clone_url)
