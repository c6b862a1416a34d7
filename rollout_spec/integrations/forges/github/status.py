"""Commit statuses on GitHub. Their contexts are case-insensitive."""

from __future__ import annotations

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.integrations.forges.github.api import Asked

_PAGE, _MOST_PAGES = 100, 10


def newest(asked: Asked, commit: str, context: str) -> str | None:
    """Return the newest state of a context at a commit, None if it has none.

    UserError if the commit has too many contexts. Checks of GitHub Actions are not listed: they are no statuses.
    """
    for page in range(1, _MOST_PAGES + 1):
        path = f"/commits/{commit}/status?per_page={_PAGE}&page={page}"
        _, shown = asked.get("show the statuses of the commit", path)
        listed = shown.get("statuses") or []
        for each in listed:
            if str(each.get("context")).lower() == context.lower():
                return str(each.get("state"))
        if len(listed) < _PAGE:
            return None
    raise UserError(f"{commit[:12]} has more than {_MOST_PAGES * _PAGE} statuses", status=OUTSIDE)


def succeed(asked: Asked, commit: str, context: str, description: str) -> None:
    """Set the status of a context to success."""
    wish = {"state": "success", "context": context, "description": description}
    asked.post("set the status of the commit", f"/statuses/{commit}", wish)
