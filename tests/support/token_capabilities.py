"""How a token stands with a forge, and that asking for it changed nothing there and showed no secret."""

from __future__ import annotations

from dataclasses import replace

from fakes.forge import Guard
from fakes.gitlab import FakeGitLab
from hosted_repositories import Hosted

from rollout_spec.integrations.forges import Protection, TokenCapabilities

GUARD = Guard(checks=("rollouts", "lint"), up_to_date=True, approvals=2, signatures=True)
SEEN = Protection(checks=("rollouts", "lint"), up_to_date=True, queue=False, approvals=2, signatures=True)
"""What is seen of it."""


def protect(place: Hosted, guard: Guard | None) -> None:
    """Protect the base as a person would."""
    place.host.guard = guard
    if isinstance(place.host, FakeGitLab):
        place.host.merge_method = "ff" if guard and guard.up_to_date else "merge"


def as_shown(place: Hosted, protection: Protection) -> Protection:
    """Return what a forge shows of a protection: GitLab knows a pipeline, and no checks by name."""
    return replace(protection, checks=("pipeline",)) if place.kind == "gitlab" else protection


def standing(place: Hosted, base: str = "main", lent: str = "") -> TokenCapabilities:
    """Return how the token stands. ``lent`` is where an App may ask for one."""
    before = place.host.git("for-each-ref")
    found = place.connect().standing(base)
    assert place.host.git("for-each-ref") == before
    assert (place.host.pulls, place.host.labels) == ([], [])
    for request, answer in place.host.asked:
        is_read = request.verb == "GET" or request.path == "/api/graphql" or (lent and request.path.endswith(lent))
        assert is_read or answer.status >= 400, request.path
        assert request.path != "/api/graphql" or "mutation" not in request.body["query"]
    assert not any(secret in repr(found) for secret in place.host.tokens)
    return found


def text(found: TokenCapabilities) -> str:
    """Return what was not seen."""
    return "\n".join((*found.unsure, *found.unseen))
