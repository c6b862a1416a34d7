"""GitHub protects a branch in two ways at once: by rulesets, which all may see, and by a classic rule."""

from __future__ import annotations

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
    """What is known of a branch, and what GraphQL alone tells of the token and the repository."""

    who: str | None
    auto_merge: bool | None
    base: Protection | None


def look(asked: Asked, base: str, *, sees_queues: bool) -> Known:
    """Return what protects a branch. ``sees_queues``: no permission is needed to see a merge queue."""
    about = asked.look.ask(
        "whose the token is, and whether auto-merge is allowed",
        "the permission Pull requests shows it",
        partial(asked.query, "say whose the token is", _ABOUT, ref=f"refs/heads/{base}"),
    )
    rules = asked.look.ask(
        f"the rulesets of `{base}`", "the permission Metadata: read shows them", partial(_rules, asked, base)
    )
    branch = asked.look.ask(
        f"the branch `{base}`",
        "the permission Contents: read shows it, where it is there",
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
    found = together(parts)
    return Known(
        who=about["viewer"]["login"] if about else None,
        auto_merge=(about["repository"]["autoMergeAllowed"] or bool(found and found.queue)) if about else None,
        base=found,
    )


def _rules(asked: Asked, base: str) -> list[dict[str, Any]]:
    """Return the rules of all rulesets that hold for a branch; a plan without them has none."""
    found: list[dict[str, Any]] = []
    try:
        for page in range(1, 11):
            path = f"/rules/branches/{quote(base, safe='')}?per_page=100&page={page}"
            _, listed = asked.get("show the rulesets", path, list)
            found += listed
            if len(listed) < 100:
                break
    except ForgeError as error:
        if error.code != _ABSENT and not error.reason.startswith("Upgrade to "):
            raise
    return found


def _of_rulesets(rules: list[dict[str, Any]]) -> Protection:
    told = [(each["type"], each.get("parameters") or {}) for each in rules]
    checks = [wish for kind, wish in told if kind == "required_status_checks"]
    reviews = [wish.get("required_approving_review_count") or 0 for kind, wish in told if kind == "pull_request"]
    return Protection(
        checks=tuple(each["context"] for wish in checks for each in wish.get("required_status_checks") or ()),
        up_to_date=any(
            wish.get("strict_required_status_checks_policy") and wish.get("required_status_checks") for wish in checks
        ),
        queue=any(kind == "merge_queue" for kind, _ in told),
        approvals=max(reviews, default=0),
        signatures=any(kind == "required_signatures" for kind, _ in told),
    )


def _classic(
    asked: Asked, base: str, summary: dict[str, Any], for_viewer: dict[str, Any] | None, has_queue: bool | None
) -> Protection:
    """Return what the classic rule asks: whole for an administrator, else as far as it binds whoever asks."""
    what = f"whether the classic protection of `{base}` wants a branch up to date"
    path = f"/branches/{quote(base, safe='')}/protection"
    answer = asked.look.ask(what, _ADMIN, partial(asked.get, "show the classic protection", path))
    if answer is None:
        contexts = tuple((summary.get("required_status_checks") or {}).get("contexts") or ())
        return Protection(
            checks=contexts,
            up_to_date=None if contexts else False,
            queue=has_queue,
            approvals=None if for_viewer is None else for_viewer.get("requiredApprovingReviewCount") or 0,
            signatures=None if for_viewer is None else bool(for_viewer.get("requiresSignatures")),
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
    )


def _has_queue(asked: Asked, base: str, sees_queues: bool) -> bool | None:
    """Has the branch a merge queue by its classic rule? REST does not say it."""
    what, shown_by = f"whether `{base}` has a merge queue", "the permission Merge queues: read shows it"
    found = asked.look.ask(
        what, shown_by, partial(asked.query, "say whether there is a merge queue", _QUEUE, branch=base)
    )
    if found is None:
        return None
    if found["repository"].get("mergeQueue") is None and not sees_queues:
        asked.look.hide(what, shown_by)
        return None
    return found["repository"].get("mergeQueue") is not None
