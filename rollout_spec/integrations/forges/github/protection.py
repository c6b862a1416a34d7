"""Protection of a GitHub branch: rulesets, which everybody may see, and a classic rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from rollout_spec.integrations.forges.capabilities import Protection, together
from rollout_spec.integrations.forges.github.api import Asked
from rollout_spec.integrations.forges.http import ForgeError

_ADMIN = "the permission Administration: read, or the role Admin, shows it"
_ABSENT = 404
_ABOUT = """
query About($owner: String!, $name: String!, $ref: String!) {
  viewer { login }
  repository(owner: $owner, name: $name) {
    autoMergeAllowed
    ref(qualifiedName: $ref) {
      refUpdateRule { requiredApprovingReviewCount requiresSignatures }
    }
  }
}
"""
_QUEUE = """
query Queue($owner: String!, $name: String!, $branch: String!) {
  repository(owner: $owner, name: $name) { mergeQueue(branch: $branch) { id } }
}
"""


@dataclass(frozen=True)
class Known:
    """The protection of a branch, and the token's account and auto-merge setting.

    Only GraphQL reports the account and the setting.
    """

    who: str | None
    auto_merge: bool | None
    base: Protection | None


def look(asked: Asked, base: str, *, sees_queues: bool) -> Known:
    """Return the protection of a branch. ``sees_queues``: merge queues are visible without a permission."""
    about = asked.look.ask(
        "whose the token is, and whether auto-merge is allowed",
        "the permission Pull requests shows it",
        partial(asked.query, "report the account of the token", _ABOUT, ref=f"refs/heads/{base}"),
    )
    rules = asked.look.ask(
        f"the rulesets of `{base}`", "the permission Metadata: read shows them", partial(_rules, asked, base)
    )
    branch = asked.look.ask(
        f"the branch `{base}`",
        "the permission Contents: read shows it, if it exists",
        partial(asked.get, "show the branch", f"/branches/{quote(base, safe='')}"),
    )
    parts = [Protection()] if rules is None else [_of_rulesets(rules)] if rules else []
    summary = branch[1].get("protection") or {} if branch else None
    if summary is None:
        parts.append(Protection())
    elif summary.get("enabled"):
        for_viewer = ((about or {}).get("repository", {}).get("ref") or {}).get("refUpdateRule")
        has_queue = any(part.queue for part in parts) or _has_queue(asked, base, sees_queues)
        parts.append(_classic(asked, base, summary, for_viewer, has_queue))
    known = together(parts)
    return Known(
        who=about["viewer"]["login"] if about else None,
        auto_merge=(about["repository"]["autoMergeAllowed"] or bool(known and known.queue)) if about else None,
        base=known,
    )


def _rules(asked: Asked, base: str) -> list[dict[str, Any]]:
    """Return the rules of all rulesets for a branch; empty on a plan without rulesets."""
    rules: list[dict[str, Any]] = []
    try:
        for page in range(1, 11):
            path = f"/rules/branches/{quote(base, safe='')}?per_page=100&page={page}"
            _, listed = asked.get("show the rulesets", path, list)
            rules += listed
            if len(listed) < 100:
                break
    except ForgeError as error:
        if error.code != _ABSENT and not error.reason.startswith("Upgrade to "):
            raise
    return rules


def _of_rulesets(rules: list[dict[str, Any]]) -> Protection:
    settings = [(each["type"], each.get("parameters") or {}) for each in rules]
    checks = [wish for kind, wish in settings if kind == "required_status_checks"]
    reviews = [wish.get("required_approving_review_count") or 0 for kind, wish in settings if kind == "pull_request"]
    return Protection(
        checks=tuple(each["context"] for wish in checks for each in wish.get("required_status_checks") or ()),
        up_to_date=any(
            wish.get("strict_required_status_checks_policy") and wish.get("required_status_checks") for wish in checks
        ),
        queue=any(kind == "merge_queue" for kind, _ in settings),
        approvals=max(reviews, default=0),
        signatures=any(kind == "required_signatures" for kind, _ in settings),
        pinned=tuple(
            pin for wish in checks for pin in _pinned(wish.get("required_status_checks") or (), "integration_id")
        ),
    )


def _pinned(checks: Iterable[dict[str, Any]], key: str) -> Iterator[tuple[str, int]]:
    """Yield the checks that only one App may report; without an App, or with -1, any may."""
    for check in checks:
        app = check.get(key)
        if isinstance(app, int) and app > 0:
            yield str(check["context"]), app


def _classic(
    asked: Asked, base: str, summary: dict[str, Any], for_viewer: dict[str, Any] | None, has_queue: bool | None
) -> Protection:
    """Return the classic rule: complete for an administrator, else the part that applies to the account."""
    what = f"whether the classic protection of `{base}` wants a branch up to date"
    path = f"/branches/{quote(base, safe='')}/protection"
    answer = asked.look.ask(what, _ADMIN, partial(asked.get, "show the classic protection", path))
    if answer is None:
        checks = summary.get("required_status_checks") or {}
        contexts = tuple(checks.get("contexts") or ())
        return Protection(
            checks=contexts,
            up_to_date=None if contexts else False,
            queue=has_queue,
            approvals=None if for_viewer is None else for_viewer.get("requiredApprovingReviewCount") or 0,
            signatures=None if for_viewer is None else bool(for_viewer.get("requiresSignatures")),
            pinned=tuple(_pinned(checks.get("checks") or (), "app_id")),
        )
    rule = answer[1]
    checks = rule.get("required_status_checks") or {}
    contexts = tuple(checks.get("contexts") or ())
    return Protection(
        checks=contexts,
        up_to_date=bool(checks.get("strict") and contexts),
        queue=has_queue,
        approvals=(rule.get("required_pull_request_reviews") or {}).get("required_approving_review_count") or 0,
        signatures=bool((rule.get("required_signatures") or {}).get("enabled")),
        pinned=tuple(_pinned(checks.get("checks") or (), "app_id")),
    )


def _has_queue(asked: Asked, base: str, sees_queues: bool) -> bool | None:
    """Return whether the classic rule has a merge queue; REST does not report it."""
    what, shown_by = f"whether `{base}` has a merge queue", "the permission Merge queues: read shows it"
    answer = asked.look.ask(what, shown_by, partial(asked.query, "report the merge queue", _QUEUE, branch=base))
    if answer is None:
        return None
    if answer["repository"].get("mergeQueue") is None and not sees_queues:
        asked.look.hide(what, shown_by)
        return None
    return answer["repository"].get("mergeQueue") is not None
