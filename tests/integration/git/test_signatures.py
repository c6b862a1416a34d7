"""A commit is signed where git is configured to sign: with a real key, and checked by git itself."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from clones import head
from real_servers import program
from repo import Repo, git
from ssh_signing import configured_for_ssh, hide_the_committer

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.git.command import GitError
from rollout_spec.integrations.git.repository import Git
from rollout_spec.integrations.git.signing import AUTHOR

pytestmark = pytest.mark.system

BOT = {"commit.gpgSign": "true", "user.name": "Bot", "user.email": "bot@example.com"}
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def build(folder: Path) -> str:
    return Git(folder).build(head(folder), {"a.yaml": b"2"}, "m", NOON)


@pytest.fixture
def ssh_key(clone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Git signs with an ssh key, and trusts it."""
    hide_the_committer(monkeypatch)
    return configured_for_ssh(clone)


@pytest.fixture
def gpg_key(clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Git signs with a key of GnuPG, which has a home of its own here."""
    hide_the_committer(monkeypatch)
    home = Path("/tmp", f"rollout-spec-gpg-{os.getpid()}")  # its sockets need a short path
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    try:
        words = (
            str(program("gpg")),
            "--batch",
            "--quiet",
            "--passphrase",
            "",
            "--quick-gen-key",
            "Bot <bot@example.com>",
            "ed25519",
        )
        subprocess.run([*words, "sign"], check=True, capture_output=True)
        for name, value in BOT.items():
            git(clone, "config", name, value)
        yield
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], check=False)
        for path in sorted(home.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        home.rmdir()


def test_nothing_is_signed_where_git_is_not_configured_to(clone: Path) -> None:
    assert not Git(clone).is_signing
    assert git(clone, "log", "-1", "--format=%G?", build(clone)) == "N"


def test_a_commit_is_signed_with_an_ssh_key(clone: Path, ssh_key: Path) -> None:
    assert Git(clone).is_signing
    git(clone, "verify-commit", build(clone))


def test_the_committer_is_who_the_key_is_of_and_the_author_this_tool(clone: Path, ssh_key: Path) -> None:
    told = git(clone, "log", "-1", "--format=%G? %cn <%ce> %ct %an <%ae>", build(clone))
    assert told == f"G Bot <bot@example.com> {int(NOON.timestamp())} {AUTHOR[0]} <{AUTHOR[1]}>"


def test_an_ed25519_signature_leaves_the_id_as_it_is(clone: Path, ssh_key: Path) -> None:
    assert build(clone) == build(clone)


def test_a_commit_is_signed_with_gnupg(clone: Path, gpg_key: None) -> None:
    git(clone, "verify-commit", build(clone))


def test_the_environment_can_configure_it(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide_the_committer(monkeypatch)
    key = configured_for_ssh(clone)
    for name in ("commit.gpgSign", "gpg.format", "user.signingKey"):
        git(clone, "config", "--unset", name)
    assert not Git(clone).is_signing
    wanted = {"commit.gpgSign": "true", "gpg.format": "ssh", "user.signingKey": str(key)}
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(wanted)))
    for number, (name, value) in enumerate(wanted.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", name)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    git(clone, "verify-commit", build(clone))


def test_a_key_that_is_not_there_says_so(clone: Path, ssh_key: Path) -> None:
    ssh_key.unlink()
    with pytest.raises(GitError, match="git could not sign the commit: ") as caught:
        build(clone)
    assert caught.value.hint == "see docs/forges.md for signed commits"


def test_a_passphrase_is_not_waited_for(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide_the_committer(monkeypatch)
    configured_for_ssh(clone, "secret")
    with pytest.raises(GitError, match="git could not sign the commit: "):
        build(clone)


def test_who_signs_must_be_said(clone: Path, ssh_key: Path) -> None:
    git(clone, "config", "--unset", "user.email")
    with pytest.raises(UserError, match=r"to sign commits, but user\.name or user\.email is not set") as caught:
        build(clone)
    assert "git config user.email" in (caught.value.hint or "")


def test_a_rollback_is_signed_and_another_replica_with_another_key_adopts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Repo.create(tmp_path)
    two = one.clone("two")
    hide_the_committer(monkeypatch)
    configured_for_ssh(one.folder)
    other = tmp_path / "other"
    other.mkdir()
    (other / "clone").symlink_to(two.folder)
    configured_for_ssh(other / "clone")
    words = ("rollback", "fraud", "--reason", "errors", "--at", "2026-11-20T09:05:00Z")
    assert one.run(*words).status == 0
    git(one.folder, "verify-commit", one.tip("rollback/acme-models/fraud/42"))
    again = two.run(*words)
    assert (again.status, "adopted" in again.out) == (0, True)
    assert len(one.pull_requests()) == 1


def test_a_persons_commit_of_a_step_is_signed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = Repo.create(tmp_path)
    hide_the_committer(monkeypatch)
    configured_for_ssh(repo.folder)
    assert repo.run("retreat", "fraud", "--commit").status == 0
    git(repo.folder, "verify-commit", "HEAD")


def test_a_rollback_that_cannot_be_signed_pushes_nothing(tmp_path: Path) -> None:
    repo = Repo.create(tmp_path)
    git(repo.folder, "config", "commit.gpgSign", "true")
    git(repo.folder, "config", "gpg.program", "/bin/false")
    answer = repo.run("rollback", "fraud", "--reason", "errors")
    assert (answer.status, repo.branches()) == (3, [])
    assert "git could not sign the commit: " in answer.err
