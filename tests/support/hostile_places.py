"""A workspace of a hostile history: its rollouts, and the steps that they take while some files do not load."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

from hostile_git import Edits
from random_histories import History, Merged
from random_steps import EVENTS
from random_workspaces import begun, repository_of
from workspaces import Files

from rollout_spec.render.drift import find_drift

_TRIES = 12
TRIGGERS = """
    - {name: latency-sla, type: latency, quantile: 99%, above: 250ms, window: 5m}
    - {name: drift, type: threshold, metric: error_rate, above: 9%, severity: soft}"""


class Commits(Protocol):
    """The base of the repository that a workspace is in."""

    random: random.Random

    def commit(self, subject: str, edits: Edits) -> None:
        """Commit edits to the base."""


class Place(History):
    """A workspace of the repository. Its history is written to the base; it bears files that do not load."""

    def __init__(self, world: Commits, prefix: str, name: str) -> None:
        self.world, self.prefix, self.name = world, prefix, name
        super().__init__(world.random.randrange(2**31))

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.put("Begin", "begin", dict(_armed(begun(self.random), self)))

    def path(self, path: str) -> str:
        return f"{self.prefix}/{path}" if self.prefix else path

    def put(self, subject: str, kind: str, edits: Mapping[str, bytes | None]) -> None:
        """Commit edits to the base."""
        files = dict(self.merged[-1].files) if self.merged else {}
        self.world.commit(subject, {self.path(path): content for path, content in edits.items()})
        self.take(edited(files, edits), subject, kind)
        self.counts[kind] += 1

    def take(self, files: Files, subject: str = "", kind: str = "") -> None:
        """Go on from these files."""
        self.merged.append(Merged(subject, kind, files))
        self._repository = repository_of(files)
        for name in self.loaded:
            file = self._repository.rollout(name)
            assert file is not None and file.model is not None
            self.proven.setdefault(name, {"1", "2"}).add(file.model.spec.live.stable)

    @property
    def loaded(self) -> list[str]:
        """The rollouts that load."""
        names = self.repository.names("rollouts")
        return [name for name in names if (file := self.repository.rollout(name)) is not None and file.model]

    def go_on(self) -> None:
        """Let one event happen that can; none can while nobody knows where the contracts are."""
        event = self.repository.component("event")
        if event is None or event.model is None:
            return
        for _ in range(_TRIES):
            kind = self.random.choices(list(EVENTS), [weight for weight, _ in EVENTS.values()])[0]
            name = self.random.choice(self.loaded or [""])
            with suppress(AssertionError):  # an event needs files that load
                edits = EVENTS[kind][1](self.random, name, self.repository)
                if edits is not None and self.propose(f"{kind} {name}", kind, edits):
                    return


def edited(files: Mapping[str, Any], edits: Mapping[str, Any]) -> dict[str, Any]:
    """Return files with edits laid over them."""
    after = {**files, **edits}
    return {path: content for path, content in after.items() if content is not None}


def _armed(files: Files, place: Place) -> Files:
    """Let rollbacks merge themselves, and watch more triggers."""
    chance = place.random
    found = dict(files)
    for path in [path for path in files if path.startswith("rollouts/")]:
        text = files[path].decode()
        newline = "\r\n" if "\r\n" in text else "\n"
        for old, new in (
            ("    window: 7d", f"    window: 7d{newline}    merge: auto"),
            ("  triggers:", "  triggers:" + TRIGGERS.replace("\n", newline)),
        ):
            text = text.replace(old, new)
        found[path] = text.encode()
    more = chance.choice(["", "    cooldown: 0s\n", "    cooldown: 0s\n    maxAutoMergesPerDay: 50\n"])
    text = found[".rollout-spec.yaml"].decode().replace("name: acme", f"name: {place.name}")
    found[".rollout-spec.yaml"] = f"{text}  automation:\n    mode: auto-merge\n{more}".encode()
    repository = repository_of(found)
    for file in (repository.rollout(name) for name in repository.names("rollouts")):
        assert file is not None
        found |= {each.path: each.wanted for each in find_drift(file, repository) if each.wanted is not None}
    return found
