"""Permissions of a GitHub App or token.

For a fine-grained token, refused requests show what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from github.Repository import Repository

from rollout_spec.integrations.forges.capabilities import Protection, TokenCapabilities
from rollout_spec.integrations.forges.github import protection as github_protection
from rollout_spec.integrations.forges.github.api import Asked, answers
from rollout_spec.integrations.forges.github.app import app_number
from rollout_spec.integrations.forges.http import ForgeError
from rollout_spec.integrations.forges.probes import http_time, is_denied, said

_DENIED, _ABSENT = 403, 404
_CONTENTS, _PULLS = "Contents: write", "Pull requests: write"
_STATUSES = "statuses"
_NOWHERE = "0" * 40


def standing(
    repository: Repository, name: str, secret: str, base: str, granted: Callable[[], dict[str, str]] | None
) -> TokenCapabilities:
    """Return the permissions of the token and the protection of the base; change nothing."""
    with answers("say how the token stands", secret=secret):
        return _standing(Asked(repository, name, secret), base, granted)


def _standing(asked: Asked, base: str, granted: Callable[[], dict[str, str]] | None) -> TokenCapabilities:
    try:
        headers, shown = asked.get("show the repository")
    except ForgeError as error:
        if error.code != _DENIED or not is_denied(error):
            raise
        unsure = (f"the repository ({said(error)}): who administers the organization may allow the token there",)
        return TokenCapabilities(base=Protection(), unsure=unsure)
    asked_at, scopes = datetime.now(UTC), _scopes(headers)
    lacks = tuple(_lacks(asked, shown, scopes, granted, base))
    known = github_protection.look(asked, base, sees_queues=bool(scopes))
    version = headers.get("x-github-enterprise-version")
    return TokenCapabilities(
        who=known.who,
        server=f"GitHub Enterprise Server {version}" if version else "GitHub",
        clock=http_time(headers.get("date")),
        asked_at=asked_at,
        expires=_end(headers.get("github-authentication-token-expiration")),
        lacks=lacks,
        auto_merge=known.auto_merge,
        base=known.base,
        app=app_number() if granted is not None else None,
        may_attest=_may_attest(asked, shown, scopes, granted),
        unsure=tuple(asked.own.unseen),
        unseen=tuple(asked.look.unseen),
    )


def _scopes(headers: dict[str, Any]) -> tuple[str, ...]:
    """Return the scopes of a classic token; other tokens have none."""
    header = str(headers.get("x-oauth-scopes") or "")
    return tuple(each.strip() for each in header.split(",") if each.strip())


def _end(header: str | None) -> datetime | None:
    """Return when the token ends, from `2026-11-27 10:00:00 UTC` or with an offset."""
    try:
        return datetime.strptime((header or "").replace("UTC", "+0000"), "%Y-%m-%d %H:%M:%S %z").astimezone(UTC)
    except ValueError:
        return None


def _lacks(
    asked: Asked,
    shown: dict[str, Any],
    scopes: tuple[str, ...],
    granted: Callable[[], dict[str, str]] | None,
    base: str,
) -> Iterator[str]:
    """Yield the missing permissions of an App, or the missing scopes and role of a classic token."""
    if shown.get("archived"):
        yield "the repository is archived"
        return
    if granted is not None:
        allowed = asked.own.ask("what the App may", "the App's installation shows it", granted)
        for name, words in (("contents", _CONTENTS), ("pull_requests", _PULLS)):
            if allowed is not None and allowed.get(name) != "write":
                yield f"{words} (the App has {allowed.get(name, 'no access')})"
        return
    if not scopes:
        yield from _refused(asked, base)
        return
    if "repo" not in scopes and (shown.get("private") or "public_repo" not in scopes):
        yield f"the scope `repo` (it has {', '.join(scopes)})"
    if not _may_push(shown):
        yield "the role Write"


def _may_attest(
    asked: Asked, shown: dict[str, Any], scopes: tuple[str, ...], granted: Callable[[], dict[str, str]] | None
) -> bool | None:
    """Return whether the token may set the status of a commit; None if unknown.

    The request is about a commit that does not exist.
    """
    if shown.get("archived"):
        return False
    if granted is not None:
        allowed = asked.look.ask("what the App may", "the App's installation shows it", granted)
        return None if allowed is None else allowed.get(_STATUSES) == "write"
    if scopes:
        is_public = not shown.get("private") and "public_repo" in scopes
        return bool(("repo" in scopes or "repo:status" in scopes or is_public) and _may_push(shown))
    try:
        asked.post("say what the token may", f"/statuses/{_NOWHERE}", {"state": "success", "context": "May I?"})
    except ForgeError as error:
        if not is_denied(error):
            raise
        return error.code not in (_DENIED, _ABSENT)
    return None


def _may_push(shown: dict[str, Any]) -> bool:
    return bool((shown.get("permissions") or {}).get("push"))


def _refused(asked: Asked, base: str) -> Iterator[str]:
    """Yield the permissions that refused requests show to be missing. Neither request can succeed.

    A branch that is there is not made again, least of all at a commit that is not; a pull request of a branch into
    itself has no commits.
    """
    probes: tuple[tuple[str, str, dict[str, str]], ...] = (
        (_CONTENTS, "/git/refs", {"ref": f"refs/heads/{base}", "sha": _NOWHERE}),
        (_PULLS, "/pulls", {"title": "May I?", "head": base, "base": base}),
    )
    for permission, path, wish in probes:
        try:
            asked.post("say what the token may", path, wish)
        except ForgeError as error:
            if not is_denied(error):
                raise
            if error.code in (_DENIED, _ABSENT):
                yield f"{permission} ({error.reason})"
