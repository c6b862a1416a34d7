"""The branch name of a rollback. Two different rollbacks never share it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from rollout_spec.core.units import label
from rollout_spec.spec.rollout import Live
from rollout_spec.workspace.repository import Repository

Move = tuple[str, Live, Live | None]
"""A rollout with its ``live`` before and after a change. The latter is None if ``live`` stays."""


def branch_name(kind: str, repository: Repository, rollout: str, failed: str, moves: Iterable[Move]) -> str:
    """Return ``<kind>/<workspace>/<rollout>/<version label>-<8 hex>``.

    The hex is a hash of the workspace's folder, the failed version, and ``live`` before and after. So two workspaces
    of one name, or two rollbacks of one version to different targets, never share a branch.
    """
    from hashlib import sha256

    facts = [
        repository.tree.location,
        failed,
        *((name, _facts(before), _facts(after)) for name, before, after in moves),
    ]
    digest = sha256(json.dumps(facts, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{kind}/{repository.workspace_name}/{rollout}/{label(failed)}-{digest}"


def _facts(live: Live | None) -> list[object] | None:
    return [live.stable, live.candidate, live.stage, live.fixes, list(live.known_good)] if live is not None else None
