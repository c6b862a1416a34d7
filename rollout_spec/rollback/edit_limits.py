"""The limits of a rollback's edits: live, switched components, new incidents, manifests and alerts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from rollout_spec.render.outputs import alerts_of
from rollout_spec.rollback.outcomes import Rollback
from rollout_spec.spec.kinds import ALERTS, MANIFESTS
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository


def edits_beyond_rollback(rollback: Rollback, repository: Repository) -> Iterator[str]:
    """Yield each edited path with a change that no rollback makes.

    ``rollback_edits`` and the renderer make no such change. A mistake there must not be merged without a person.
    """
    after = rollback.apply(repository)
    allowed: dict[str, str] = {}
    for part in rollback.parts:
        allowed[f"rollouts/{part.rollout}.yaml"] = "live"
        allowed |= {f"components/{component}.yaml": "serving" for component in part.switched}
    rollouts = [part.rollout for part in rollback.parts]
    for path, content in rollback.edits.items():
        if _is_rendered_for(path, rollouts):
            continue
        if path.startswith("incidents/"):
            if content is None or repository.tree.read(path) is not None:
                yield path
        elif path not in allowed or not _differs_only_in(allowed[path], repository.file(path), after.file(path)):
            yield path


def _is_rendered_for(path: str, rollouts: Collection[str]) -> bool:
    """Return whether a path is one of the manifests or alerts of some rollouts."""
    match path.split("/"):
        case [folder, rollout, _] if folder == MANIFESTS:
            return rollout in rollouts
        case [folder, name] if folder == ALERTS and name.endswith(".yaml"):
            return alerts_of(name) in rollouts
    return False


def _differs_only_in(key: str, before: File[Any] | None, after: File[Any] | None) -> bool:
    """Return whether two files are equal except for one key of their spec."""
    return before is not None and after is not None and _without(key, before) == _without(key, after)


def _without(key: str, file: File[Any]) -> Any:
    data = file.document.data
    if not isinstance(data, dict) or not isinstance(data.get("spec"), dict):
        return data
    return {**data, "spec": {name: value for name, value in data["spec"].items() if name != key}}
