"""What people do to a rollout repository over weeks, made of a number: the same number, the same history.

A history is a list of trees, each one what a reviewed merge left: an event is merged when the check and the proof of
the way back let it, as they would on a forge. Nothing is written to disk.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from random_steps import EVENTS, HUMAN
from random_workspaces import begun, repository_of
from workspaces import Files

from rollout_spec.checks.regressions import introduced
from rollout_spec.checks.rules import RULES, Subject
from rollout_spec.checks.runner import check
from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Finding
from rollout_spec.domain.traffic import split
from rollout_spec.render.drift import find_drift
from rollout_spec.rollback import Rollback, roll_back
from rollout_spec.workspace.repository import Repository

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_TRIES = 30
"""So often an event is drawn that could happen: most cannot, and the check turns others down."""


@dataclass(frozen=True)
class Merged:
    """One merge: what it is about, and all files after it."""

    subject: str
    kind: str
    files: Files


@dataclass
class History:
    """What has been merged so far.

    ``counts`` are the events by kind, and those which the check turned down; ``proven`` are the versions of each
    rollout that were stable once.
    """

    seed: int
    merged: list[Merged] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    proven: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._repository = repository_of({})
        self.put("Begin", "begin", dict(begun(self.random)))

    @property
    def files(self) -> Files:
        return self.merged[-1].files

    @property
    def repository(self) -> Repository:
        return self._repository

    def put(self, subject: str, kind: str, edits: Mapping[str, bytes | None]) -> None:
        """Merge edits, whatever the check would say."""
        files = dict(self.merged[-1].files) if self.merged else {}
        files |= {path: content for path, content in edits.items() if content is not None}
        for path in (path for path, content in edits.items() if content is None):
            files.pop(path, None)
        self.merged.append(Merged(subject, kind, files))
        self._repository = repository_of(files)
        self.counts[kind] += 1
        for name in self._repository.names("rollouts"):
            file = self._repository.rollout(name)
            assert file is not None and file.model is not None
            self.proven.setdefault(name, {"1", "2"}).add(file.model.spec.live.stable)

    def propose(self, subject: str, kind: str, edits: Mapping[str, bytes | None]) -> bool:
        """Merge edits with the manifests that they lead to, where the check lets them be."""
        before, after = self.repository, self.repository.edited(edits)
        touched = [path for path in edits if path.startswith(("rollouts/", "incidents/", "components/"))]
        if any(path.startswith(("components/", "contracts/")) for path in edits):
            touched = [*dict.fromkeys([*touched, *(f"rollouts/{name}.yaml" for name in after.names("rollouts"))])]
        try:
            manifests = {
                each.path: each.wanted
                for path in touched
                if path.startswith("rollouts/") and (file := after.file(path)) and file.model
                for each in find_drift(file, after)
            }
        except UserError:
            manifests = {}
        after = before.edited({**edits, **manifests})
        earlier = check(before, paths=[path for path in touched if before.tree.read(path)])
        said = introduced(earlier, check(after, paths=touched, base=before))
        if said or breaks_callers(after, before) or self._loses_a_way_back(touched, after, kind):
            self.counts[f"{kind} turned down"] += 1
            return False
        self.put(subject, kind, {**edits, **manifests})
        return True

    def _loses_a_way_back(self, touched: list[str], after: Repository, kind: str) -> bool:
        """Would the proof of the way back turn this down? Each version that takes requests is rolled back in memory."""
        if kind in HUMAN:  # what moves no traffic and no pin is not proven: it must not stand in a way back
            return False
        for path in touched:
            file = after.rollout(path.split("/")[1].removesuffix(".yaml")) if path.startswith("rollouts/") else None
            for version in split(file.model.spec).versions if file and file.model else ():
                decision = roll_back(after, Breach("proof", "proof", str(file and file.stem), version, LONG_AGO))
                if isinstance(decision, Rollback) and brought(after, decision):
                    return True
        return False

    def go_on(self) -> None:
        """Let one event happen that can."""
        for _ in range(_TRIES):
            kind = self.random.choices(list(EVENTS), [weight for weight, _ in EVENTS.values()])[0]
            name = self.random.choice(self.repository.names("rollouts"))
            edits = EVENTS[kind][1](self.random, name, self.repository)
            if edits is not None and self.propose(f"{kind} {name}", kind, edits):
                return


def breaks_callers(after: Repository, before: Repository) -> bool:
    """Does a schema refuse what a split sends to it, and did not before? Only the check of all files looks at that."""
    told = []
    for repository, base in ((before, None), (after, before)):
        file = repository.component("event")
        assert file is not None
        found = RULES["contracts-compatible"].check(Subject(file, repository, base, whole=True))
        told.append({each.message for each in found if each.severity == "error"})
    return not told[1] <= told[0]


def brought(repository: Repository, decision: Rollback) -> list[Finding]:
    """Return the errors that a rollback would bring to the files that it edits."""
    after = repository.edited(decision.edits)
    paths = [path for path in decision.edits if path.startswith(("rollouts/", "incidents/", "components/"))]
    there = [path for path in paths if repository.tree.read(path) is not None]
    found = introduced(check(repository, paths=there), check(after, paths=paths, base=repository))
    return [each for each in found if each.name != "rollback-ready"]
