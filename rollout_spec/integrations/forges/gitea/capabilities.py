"""Permissions of a Gitea token.

Gitea reports those of its owner; refused requests show the missing scopes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from rollout_spec.integrations.forges.capabilities import Protection, TokenCapabilities
from rollout_spec.integrations.forges.gitea.api import Api, parsed
from rollout_spec.integrations.forges.http import ForgeError, useless
from rollout_spec.integrations.forges.probes import Look, http_time, is_denied, said

_FORBIDDEN = 403
_SHOW = "show the repository"
_ADMIN = "an administrator of the repository sees it"


def standing(api: Api, base: str) -> TokenCapabilities:
    """Return the permissions of the token and the protection of the base; change nothing."""
    try:
        return _standing(api, base)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise useless("gitea", "report the permissions of the token", error, secret="") from None


def _standing(api: Api, base: str) -> TokenCapabilities:
    try:
        answer = api.ask(_SHOW, "GET", "")
    except ForgeError as error:
        if error.code != _FORBIDDEN or not is_denied(error):
            raise
        return TokenCapabilities(
            lacks=("the scope `write:repository`",),
            base=Protection(),
            unsure=(f"the repository ({said(error)}): the scope `write:repository` shows it",),
        )
    asked_at, shown, look = datetime.now(UTC), parsed(_SHOW, answer, dict), Look()
    own = Look()
    user = look.ask(
        "whose the token is", "the scope `read:user` shows it", partial(_get, api, "show the user", f"{api.above}/user")
    )
    version = look.ask(
        "the version", "a token that may read shows it", partial(_get, api, "show its version", f"{api.above}/version")
    )
    lacks = (*_shut(shown),) or (*_refused(api, own, shown, base),)
    branch = look.ask(
        f"the branch `{base}`",
        "an account that may read the code sees it, if it exists",
        partial(_get, api, "show the branch", f"/branches/{quote(base, safe='')}"),
    )
    return TokenCapabilities(
        who=user.get("login") if user else None,
        server=f"Gitea {version.get('version')}" if version else None,
        clock=http_time(answer.headers.get("Date")),
        asked_at=asked_at,
        lacks=lacks,
        auto_merge=branch.get("user_can_merge") if branch else None,
        base=_protection(api, look, branch) if branch else Protection(),
        unsure=tuple(own.unseen),
        unseen=tuple(look.unseen),
    )


def _get(api: Api, action: str, path: str) -> dict[str, Any]:
    return api.read(action, "GET", path)


def _shut(shown: dict[str, Any]) -> Iterator[str]:
    """Yield the settings that stop all pull requests."""
    if shown.get("archived"):
        yield "the repository is archived"
    elif shown.get("has_pull_requests") is False:
        yield "pull requests are switched off in the repository"


def _refused(api: Api, own: Look, shown: dict[str, Any], base: str) -> Iterator[str]:
    """Yield the missing permissions. The requests are harmless: a branch into itself, a label on no issue."""
    if not (shown.get("permissions") or {}).get("push"):
        yield "the right to write to the repository"
    probes: tuple[tuple[str, str, dict[str, object]], ...] = (
        ("`write:repository`", "/pulls", {"head": base, "base": base, "title": "May I?"}),
        ("`write:issue`", "/issues/0/labels", {"labels": []}),
    )
    for scope, path, wish in probes:
        try:
            api.ask("report the permissions of the token", "POST", path, json=wish)
        except ForgeError as error:
            if not is_denied(error):
                raise
            if error.code == _FORBIDDEN and "scope" in error.reason:
                yield f"the scope {scope}"
            elif error.code == _FORBIDDEN:
                own.hide(f"the scope {scope} ({said(error)})", "an account with write access sees it")


def _protection(api: Api, look: Look, branch: dict[str, Any]) -> Protection | None:
    """Return the protection of the base. Its rule has more details, which only administrators see."""
    if not branch.get("protected"):
        return None
    name = branch.get("effective_branch_protection_name")
    rule: dict[str, Any] | None = None
    what = "whether a branch must be up to date, and its commits signed"
    if name:
        path = f"/branch_protections/{quote(name, safe='')}"
        rule = look.ask(what, _ADMIN, partial(_get, api, "show the protection", path))
    else:
        look.hide(what, _ADMIN)
    return Protection(
        checks=tuple(branch.get("status_check_contexts") or ()) if branch.get("enable_status_check") else (),
        up_to_date=rule.get("block_on_outdated_branch") if rule else None,
        queue=False,  # Gitea has no merge queue
        approvals=branch.get("required_approvals"),
        signatures=rule.get("require_signed_commits") if rule else None,
    )
