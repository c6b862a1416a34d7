"""A commit of this tool has one author on every machine; where git is configured to sign, its committer is the signer.

Forges trust a signature only if the committer's address is the one that its key is registered for, and a branch may
demand that. So the keys and names are git's own settings: ``commit.gpgSign``, ``gpg.format``, ``user.signingKey``,
``user.name`` and ``user.email``, in the clone's configuration, the user's, or the environment (``GIT_CONFIG_COUNT``).
"""

from __future__ import annotations

import re
from datetime import datetime

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.git.command import GitError, Plumbing

AUTHOR = ("rollout-spec", "rollout-spec@users.noreply.invalid")
_SECONDS = 60.0
_HELP = "docs/forges.md says how commits are signed"


def is_signing(plumbing: Plumbing) -> bool:
    """Does git's configuration ask for signed commits?"""
    try:
        return plumbing.run("config", "--type=bool", "--get", "commit.gpgSign").strip() == "true"
    except GitError:
        return False


def commit_tree(plumbing: Plumbing, tree: str, parent: str, message: str, date: datetime) -> str:
    """Make a commit of a tree, and return its id: the same arguments give the same id, unless signatures differ.

    UserError if git is configured to sign and cannot: what asks for a passphrase has nobody to ask.
    """
    words = ("commit-tree", tree, "-p", parent)
    if not is_signing(plumbing):
        return plumbing.run(*words, stdin=message.encode(), environment=author(date)).strip()
    who = {**author(date), **_committer(plumbing)}
    try:
        signed = plumbing.answer(*words, "-S", stdin=message.encode(), within=_SECONDS, environment=who)
    except GitError as error:
        raise GitError("git could not sign the commit", error.words, hint=_HELP) from None
    return signed.strip()


def author(date: datetime) -> dict[str, str]:
    """Return the variables that make this tool author and committer, whatever the clone's configuration says."""
    name, address = AUTHOR
    moment = max(0, int(date.timestamp()))  # git knows no time before 1970
    facts = {"NAME": name, "EMAIL": address, "DATE": f"@{moment} +0000"}
    return {f"GIT_{role}_{field}": value for role in ("AUTHOR", "COMMITTER") for field, value in facts.items()}


def _committer(plumbing: Plumbing) -> dict[str, str]:
    """Return the variables that make the owner of the key the committer."""
    try:
        told = plumbing.run("-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
    except GitError:
        raise UserError(
            "git is configured to sign commits, and not told as whom",
            hint="`git config user.name NAME` and `git config user.email ADDRESS`, as the key is registered",
        ) from None
    found = re.fullmatch(r"(.*) <(.*)> \d+ [+-]\d{4}\s*", told)
    assert found is not None  # that is what git prints
    return {"GIT_COMMITTER_NAME": found[1], "GIT_COMMITTER_EMAIL": found[2]}
