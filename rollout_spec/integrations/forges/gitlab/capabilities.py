"""Scopes of a GitLab token, the role of its owner, and the protection of a branch."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from gitlab import Gitlab

from rollout_spec.core.units import parse_time
from rollout_spec.integrations.forges.capabilities import Protection, TokenCapabilities
from rollout_spec.integrations.forges.gitlab.api import answers
from rollout_spec.integrations.forges.http import ForgeError
from rollout_spec.integrations.forges.probes import Look, Seen, http_time, is_denied, said

_ROLES = {0: "none", 5: "Minimal Access", 10: "Guest", 15: "Planner", 20: "Reporter", 30: "Developer", 40: "Maintainer"}
_DEVELOPER, _MAINTAINER = 30, 40
_DENIED, _ABSENT = 403, 404
_LEAST = "the role Maintainer shows it"


class _Asked:
    """Requests with one token about one project. Paths are below the project, or begin with a slash."""

    def __init__(self, client: Gitlab, project: str, secret: str) -> None:
        self._client = client
        self._root = f"/projects/{quote(project, safe='')}"
        self._secret = secret
        self.own, self.look = Look(), Look()
        self.clock: datetime | None = None
        self.asked_at: datetime | None = None

    def get(self, action: str, path: str) -> dict[str, Any]:
        """Return an object, empty if there is none. ForgeError if it is refused or not of this API."""
        with answers(action, secret=self._secret):
            where = path if path.startswith("/") else f"{self._root}/{path}".rstrip("/")
            answer = self._client.http_request("get", where)
            self.clock, self.asked_at = http_time(answer.headers.get("Date")), datetime.now(UTC)
            data = json.loads(answer.text or "null")
            if not isinstance(data, dict | None):
                raise TypeError("expected an object")
            return data or {}

    def each(self, action: str, path: str) -> list[dict[str, Any]]:
        """Return the items of all pages of a list."""
        with answers(action, secret=self._secret):
            return [dict(each) for each in self._client.http_list(f"{self._root}/{path}", iterator=True)]

    def seen(self, what: str, shown_by: str, path: str, look: Look | None = None) -> dict[str, Any] | None:
        """Return an object, None if the token may not see it."""
        return (look or self.look).ask(what, shown_by, lambda: self.get(f"show {what}", path))

    def sold(self, what: str, request: Callable[[], Seen], empty: Callable[[], Seen]) -> Seen | None:
        """Return the answer of a paid edition, empty if this one lacks the feature, None if hidden."""

        def ask() -> Seen:
            try:
                return request()
            except ForgeError as error:
                if error.code != _ABSENT:
                    raise
                return empty()

        return self.look.ask(what, _LEAST, ask)


def standing(client: Gitlab, project: str, secret: str, base: str) -> TokenCapabilities:
    """Return the permissions of the token and the protection of the base; change nothing."""
    with answers("report the permissions of the token", secret=secret):
        return _standing(_Asked(client, project, secret), base)


def _standing(asked: _Asked, base: str) -> TokenCapabilities:
    try:
        shown = asked.get("show the project", "")
    except ForgeError as error:
        if error.code != _DENIED or not is_denied(error):
            raise
        unsure = (f"the project ({said(error)}): the scope `api` shows it",)
        return TokenCapabilities(lacks=("the scope `api`",), base=Protection(), unsure=unsure)
    clock, asked_at = asked.clock, asked.asked_at
    user = asked.seen("whose the token is", "the scope `api` shows it", "/user")
    version = asked.seen("the version", "the scope `api` shows it", "/version")
    only = "a personal, group or project access token shows them"
    token = asked.seen("the token's scopes and its end", only, "/personal_access_tokens/self", asked.own)
    role = _role(asked, shown, user)
    branch = asked.seen(
        f"the branch `{base}`",
        "an account that may read the code sees it, if it exists",
        f"repository/branches/{quote(base, safe='')}",
    )
    rules = _rules(asked, base) if branch and branch.get("protected") else None
    return TokenCapabilities(
        who=user.get("username") if user else None,
        server=f"GitLab {version.get('version')}" if version else None,
        clock=clock,
        asked_at=asked_at,
        expires=_end(token),
        lacks=tuple(_lacks(asked.own, shown, token, role)),
        auto_merge=_may_merge(branch, rules, role, user) if branch else None,
        base=_protection(asked, shown, branch, base) if branch else Protection(),
        unsure=tuple(asked.own.unseen),
        unseen=tuple(asked.look.unseen),
    )


def _end(token: dict[str, Any] | None) -> datetime | None:
    """Return the end of a token: midnight at the beginning of its last day."""
    day = (token or {}).get("expires_at")
    return parse_time(f"{day}T00:00:00Z") if day else None


def _role(asked: _Asked, shown: dict[str, Any], user: dict[str, Any] | None) -> int | None:
    """Return the level of the role, direct or from a group; None if hidden."""
    permissions = (shown.get("permissions") or {}).values()
    role: int | None = max((each["access_level"] for each in permissions if each), default=None)
    if user and (role is None or role < _MAINTAINER):
        path = f"members/all/{user.get('id')}"
        member = asked.seen("the role in the project", "a member of the project sees it", path, asked.own)
        if member:
            role = max(role or 0, member["access_level"])
    return role


def _lacks(own: Look, shown: dict[str, Any], token: dict[str, Any] | None, role: int | None) -> Iterator[str]:
    if shown.get("archived"):
        yield "the project is archived"
    elif shown.get("merge_requests_access_level") == "disabled":
        yield "merge requests are switched off in the project"
    scopes = token.get("scopes") or [] if token else None
    if scopes is not None and "granular" in scopes:
        own.hide("what a fine-grained token may", "a token with the scope `api` shows it")
    elif scopes is not None and "api" not in scopes:
        yield f"the scope `api` (it has {', '.join(scopes) or 'none'})"
    if role is not None and role < _DEVELOPER:
        yield f"the role Developer (it has {_ROLES.get(role, role)})"


def _rules(asked: _Asked, base: str) -> list[dict[str, Any]] | None:
    """Return the protections that match a branch; a name may contain `*`. None if hidden."""
    rules = asked.look.ask(
        "who may merge", _LEAST, lambda: asked.each("show the protected branches", "protected_branches")
    )
    if rules is None:
        return None
    return [each for each in rules if re.fullmatch(re.escape(each["name"]).replace(r"\*", ".*"), base)]


def _may_merge(
    branch: dict[str, Any], rules: list[dict[str, Any]] | None, role: int | None, user: dict[str, Any] | None
) -> bool | None:
    """Return whether the token may merge into the base; None if unknown."""
    if role is None:
        return None
    if not branch.get("protected") or branch.get("developers_can_merge"):
        return role >= _DEVELOPER
    levels = [each for rule in rules or () for each in rule.get("merge_access_levels") or ()]
    if not levels:
        return False if role < _MAINTAINER else None
    mine = [each for each in levels if each.get("user_id") and user and each["user_id"] == user.get("id")]
    roles = [each["access_level"] for each in levels if not (each.get("user_id") or each.get("group_id"))]
    if mine or any(0 < least <= role for least in roles):
        return True
    return None if any(each.get("group_id") for each in levels) else False


def _protection(asked: _Asked, shown: dict[str, Any], branch: dict[str, Any], base: str) -> Protection | None:
    """Return the protection of the base. Most of it is a setting of the project for all branches."""
    if not branch.get("protected"):
        return None
    method = shown.get("merge_method")
    pipeline = shown.get("only_allow_merge_if_pipeline_succeeds")
    return Protection(
        checks=None if pipeline is None else ("pipeline",) if pipeline else (),
        up_to_date=None if method is None else method in ("ff", "rebase_merge"),
        queue=None if method is None else bool(shown.get("merge_trains_enabled")),
        approvals=_approvals(asked, base),
        signatures=_signatures(asked),
    )


def _approvals(asked: _Asked, base: str) -> int | None:
    rules = asked.sold(
        "how many must approve", lambda: asked.each("show the approvals", "approval_rules"), list[dict[str, Any]]
    )
    if rules is None:
        return None
    return max((each.get("approvals_required") or 0 for each in rules if _is_for(each, base)), default=0)


def _is_for(rule: dict[str, Any], base: str) -> bool:
    names = [each["name"] for each in rule.get("protected_branches") or ()]
    return not names or rule.get("applies_to_all_protected_branches") is True or base in names


def _signatures(asked: _Asked) -> bool | None:
    rule = asked.sold(
        "whether commits must be signed", lambda: asked.get("show the push rule", "push_rule"), dict[str, Any]
    )
    return None if rule is None else bool(rule.get("reject_unsigned_commits"))
