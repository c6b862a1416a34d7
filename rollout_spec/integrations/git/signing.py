"""Authors and signatures of commits.

The author is the same on every machine. The committer of a signed commit is the signer. Forges trust a signature only
if its key is registered for the committer's address, and a branch may require that. So the keys and names are git's own
settings: ``commit.gpgSign``, ``gpg.format``, ``user.signingKey``, ``user.name`` and ``user.email``, in the clone's
configuration, the user's, or the environment (``GIT_CONFIG_COUNT``).
"""

from __future__ import annotations

import re
from datetime import datetime

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.git.command import GitError, Plumbing

AUTHOR = ("rollout-spec", "rollout-spec@users.noreply.invalid")
_SECONDS = 60.0
_HELP = "see docs/forges.md for signed commits"


def is_signing(plumbing: Plumbing) -> bool:
    """Return whether git is configured to sign commits."""
    try:
        return plumbing.run("config", "--type=bool", "--get", "commit.gpgSign").strip() == "true"
    except GitError:
        return False


def commit_tree(plumbing: Plumbing, tree: str, parent: str, message: str, date: datetime) -> str:
    """Commit a tree and return the commit's id.

    The same arguments give the same id, unless signatures differ. UserError if git is configured to sign and cannot.
    Nobody can enter a passphrase.
    """
    arguments = ("commit-tree", tree, "-p", parent)
    if not is_signing(plumbing):
        return plumbing.run(*arguments, stdin=message.encode(), environment=author(date)).strip()
    environment = {**author(date), **_committer(plumbing)}
    try:
        signed = plumbing.answer(*arguments, "-S", stdin=message.encode(), within=_SECONDS, environment=environment)
    except GitError as error:
        raise GitError("git could not sign the commit", error.reason, hint=_HELP) from None
    return signed.strip()


def author(date: datetime) -> dict[str, str]:
    """Return the variables that make this tool author and committer, whatever git's configuration."""
    name, address = AUTHOR
    moment = max(0, int(date.timestamp()))  # git has no time before 1970
    fields = {"NAME": name, "EMAIL": address, "DATE": f"@{moment} +0000"}
    return {f"GIT_{role}_{field}": value for role in ("AUTHOR", "COMMITTER") for field, value in fields.items()}


def _committer(plumbing: Plumbing) -> dict[str, str]:
    """Return the variables that make the owner of the key the committer."""
    try:
        identity = plumbing.run("-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
    except GitError:
        raise UserError(
            "git is configured to sign commits, but user.name or user.email is not set",
            hint="set both as the key is registered: `git config user.name NAME`, `git config user.email ADDRESS`",
        ) from None
    match = re.fullmatch(r"(.*) <(.*)> \d+ [+-]\d{4}\s*", identity)
    assert match is not None  # the format of git var
    return {"GIT_COMMITTER_NAME": match[1], "GIT_COMMITTER_EMAIL": match[2]}
