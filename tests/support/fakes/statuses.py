"""Statuses of commits, and which of them a merge waits for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fakes.host import Host

CONTEXT = "rollout-spec/check"


@dataclass(frozen=True)
class Status:
    """A status of a commit, by who set it."""

    number: int
    sha: str
    context: str
    state: str
    author: str
    description: str


class StatusHost(Host):
    """A host that keeps statuses. A status is one of a commit: it counts for no other."""

    def __init__(self, remote: Path, name: str = "acme/models") -> None:
        super().__init__(remote, name)
        self.required: tuple[str, ...] = ()
        """The contexts of required statuses; where there are any, they decide instead of `checks`."""
        self.pinned: dict[str, str] = {}
        """Whose statuses of a context count alone."""
        self.statuses: list[Status] = []

    @staticmethod
    def is_meant(required: str, context: str) -> bool:
        """Whether a required check is the one of a context."""
        return required == context

    def newest_statuses(self, sha: str) -> list[Status]:
        """Return the newest status of each context of a commit."""
        return list({each.context: each for each in self.statuses if each.sha == sha}.values())

    def missing(self, sha: str) -> list[str]:
        """Return the required checks that have not succeeded at a commit."""
        counted = [each for each in self.statuses if each.sha == sha]
        counted = [each for each in counted if each.author == self.pinned.get(each.context, each.author)]
        missing = []
        for required in self.required:
            states = {each.context: each.state for each in counted if self.is_meant(required, each.context)}
            if set(states.values()) != {"success"}:
                missing.append(required)
        return missing
