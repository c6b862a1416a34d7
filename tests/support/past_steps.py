"""The history of the rollout fraud, as the command tells it, and steps that people take."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from repo import Repo

from rollout_spec.spec.rollout import Live


def history(repo: Repo, *words: str) -> dict[str, Any]:
    done = repo.run("history", "fraud", "--format", "json", *words)
    assert done.status == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def entries(repo: Repo, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = history(repo, *words)["entries"]
    return found


def changes(repo: Repo, *words: str) -> list[str]:
    return [f"{each['change']} {each['changeOf'] or ''}".strip() for each in entries(repo, *words)]


def to(stage: str | None, candidate: str | None = "42") -> Callable[[Live], Live]:
    return lambda live: live.model_copy(update={"candidate": candidate, "stage": stage})


def stable(version: str, *known_good: str) -> Callable[[Live], Live]:
    return lambda live: Live.model_validate({"stable": version, "knownGood": list(known_good)})
