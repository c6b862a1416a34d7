"""A clone that signs with a key of SSH."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from real_servers import program
from repo import git


def configured_for_ssh(clone: Path, passphrase: str = "") -> Path:
    key = clone.parent / "key"
    words = (str(program("ssh-keygen")), "-q", "-t", "ed25519", "-N", passphrase, "-C", "", "-f", str(key))
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
    signers = clone.parent / "signers"
    signers.write_text(f"bot@example.com {key.with_suffix('.pub').read_text('utf-8')}")
    settings = {"gpg.format": "ssh", "user.signingKey": key, "gpg.ssh.allowedSignersFile": signers}
    for name, value in {
        **settings,
        "commit.gpgSign": True,
        "user.name": "Bot",
        "user.email": "bot@example.com",
    }.items():
        git(clone, "config", name, str(value))
    return key


def hide_the_committer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whom the environment names wins over the configuration; from here on nobody is named."""
    for name in ("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.delenv(name, raising=False)
