"""A rollback that another process built is built again: of the breach that its incident records, on its own base."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import tee

from rollout_spec.breach import Breach
from rollout_spec.errors import UserError
from rollout_spec.heads import Edits
from rollout_spec.landing import Base
from rollout_spec.repository import read_file
from rollout_spec.rollback import (
    Nothing,
    OpenIncidents,
    Undone,
    failed_version,
    retaken_at,
    roll_back,
    roll_back_together,
    undone_by,
)
from rollout_spec.rollback.incident import breach_of

_MOST_INCIDENTS = 20


def breaches_in(base: Base, commit: str, carried: Collection[str] = ()) -> tuple[Breach, ...]:
    """Return the breaches of which a commit adds incidents to a base, by rollout.

    ``carried`` are paths of incidents, from the workspace's folder, that such a commit brings along.
    """
    folder, git = base.path("incidents"), base.git
    new = [name for name in git.names(commit, folder) if name not in git.names(base.commit, folder)]
    found = []
    for name in new[:_MOST_INCIDENTS]:
        path = f"{folder}/{name}"
        content = git.read(commit, path)
        model = read_file(path, "Incident", content).model if content is not None else None
        if model is not None and f"incidents/{name}" not in carried:
            found.append(breach_of(model.spec))
    return tuple(sorted(found, key=lambda each: each.rollout))


def edits_for(base: Base, breaches: Sequence[Breach], unmerged: OpenIncidents | None = None) -> Edits | None:
    """Return the edits, from the git root, by which this process would answer breaches on a base; None if by none."""
    try:
        if not breaches:
            return None
        if len(breaches) == 1:
            told = breaches[0]
            decision = roll_back(base.repository, told, undone_for(told, base), open_incidents=unmerged)
            edits = {} if isinstance(decision, Nothing) else decision.edits
        else:
            joint = roll_back_together(base.repository, [(each, undone_for(each, base)) for each in breaches], unmerged)
            edits = joint.edits if joint is not None else {}
    except UserError:
        return None
    return {base.path(path): content for path, content in edits.items()} or None


def undone_for(breach: Breach, base: Base) -> Undone:
    """Find the commits that a rollback undoes, by walking the file's history to the one that proposed the version."""
    file = base.repository.rollout(breach.rollout)
    if file is None or file.model is None:
        return Undone()
    if base.git.is_shallow():
        return Undone(reason="this clone is shallow, and its history ends too early")
    version = failed_version(file.model.spec, breach)
    memo = base.undone
    if (file.stem, version) not in memo:
        walk, again = tee(base.history(file.path))
        memo[file.stem, version] = undone_by(version, walk, retaken_at(version, again))
    return memo[file.stem, version]
