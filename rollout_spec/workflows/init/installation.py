"""The source from which CI and hooks can install this tool: a requirement of pip.

pip records where it installed a package from (PEP 610). A copy from git or a URL is installed from the same place, at
the same commit. A copy from an index is there for everybody. A folder or wheel on this machine is nowhere else.
"""

from __future__ import annotations

import json
import re
from importlib import metadata

from rollout_spec import __version__
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt

NAME = "rollout-spec"
_ALLOWED = re.compile(r"[A-Za-z0-9 ,._+:/@=<>!~^*;&?%#()\[\]-]{1,500}")
_GIT = re.compile(r"git\+(?:https?|ssh|git|file)://\S+@[^@/\s]+")
_CREDENTIALS = re.compile(r"https?://[^/\s]*@|://[^/@\s]*:[^/@\s]*@")
"""A token may be the user alone over HTTP; the user of an ssh URL is no secret."""
_EXAMPLE = f"{NAME} @ git+https://HOST/PATH@COMMIT"


def parse_requirement(text: str) -> str:
    """Return a requirement of pip for this tool, from a requirement or a git URL with its commit.

    UserError if it is neither, or holds a password or token. The text goes into files of CI, in double quotes.
    """
    requirement = f"{NAME} @ {text}" if text.startswith("git+") else text
    if not _ALLOWED.fullmatch(requirement):
        raise UserError(
            f"--install: `{excerpt(text)}` has characters that are unsafe in a CI job", hint=f"write `{_EXAMPLE}`"
        )
    if _CREDENTIALS.search(requirement):
        raise UserError(
            "--install: the URL has a password or token before its `@`, which would be committed",
            hint="let the runner send it: git's credential helper, or ~/.netrc",
        )
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    try:
        parsed = Requirement(requirement)
    except InvalidRequirement:
        raise UserError(
            f"--install: `{excerpt(text)}` is not a requirement of pip", hint=f"write `{_EXAMPLE}`"
        ) from None
    if canonicalize_name(parsed.name) != NAME:
        raise UserError(f"--install: `{excerpt(parsed.name)}` is not {NAME}", hint=f"write `{_EXAMPLE}`")
    if parsed.url and parsed.url.startswith("git+") and not _GIT.fullmatch(parsed.url):
        raise UserError(
            f"--install: `{excerpt(text)}` names no commit or tag, so CI would install something else every day",
            hint=f"write `{_EXAMPLE}`",
        )
    return requirement


def own_requirement() -> str | None:
    """Return the requirement that installs this copy elsewhere.

    None if no other machine can reach its source.
    """
    try:
        recorded = metadata.distribution(NAME).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return None  # a checkout on the path
    if recorded is None:
        return f"{NAME}=={__version__}"
    return _from_record(recorded)


def _from_record(recorded: str) -> str | None:
    """Return the requirement for a ``direct_url.json``, None if it is a path, or is not usable."""
    try:
        data = json.loads(recorded)
        url, vcs = str(data["url"]), data.get("vcs_info")
        text = f"git+{url}@{vcs['commit_id']}" if vcs and vcs.get("vcs") == "git" else f"{NAME} @ {url}"
        if vcs is not None and vcs.get("vcs") != "git":
            return None
        return parse_requirement(text) if url.startswith(("https://", "http://", "ssh://")) else None
    except (ValueError, KeyError, TypeError, AttributeError, UserError):
        return None
