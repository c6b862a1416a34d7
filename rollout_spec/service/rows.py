"""Rows of the inbox's table, made from breaches and read into them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from rollout_spec.service.breach_json import from_json, to_json
from rollout_spec.service.records import NewBreach, Step, StoredBreach, alert_key

_MOST_STEPS = 200


def needs_new_answer(row: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Return whether a repeated delivery needs an answer: the alert fired again, or nothing was proposed."""
    if row["state"] == "waiting" or values["state"] == "refused":
        return False
    is_over = row["state"] in ("done", "failed", "refused")
    proposed_nothing = is_over and "pullRequest" not in json.loads(row["outcome"])
    return proposed_nothing or bool(values["observed_at"] > row["observed_at"])


def with_steps(before: str, steps: Iterable[Step]) -> str:
    return json.dumps([*json.loads(before), *map(asdict, steps)][-_MOST_STEPS:])


def values_of(new: NewBreach, now: float) -> dict[str, Any]:
    """Return the row of a new breach."""
    breach = new.breach
    return {
        "id": uuid.uuid4().hex,
        "key": new.key,
        "alert": alert_key(new.workspace, breach.id) if breach else "",
        "workspace": new.workspace,
        "monitor": new.monitor,
        "rollout": breach.rollout if breach else "",
        "state": "refused" if new.refusal is not None else "waiting",
        "dry_run": new.dry_run,
        "breach": to_json(breach) if breach else None,
        "received_at": now,
        "observed_at": breach.observed_at.timestamp() if breach else now,
        "updated_at": now,
        "due_at": now + new.delay,
        "attempts": 0,
        "arrivals": 1,
        "outcome": json.dumps({"refused": new.refusal} if new.refusal is not None else {}),
        "steps": json.dumps([asdict(Step(now, "received", new.refusal or ""))]),
        "notify_attempts": 0,
        "notified": "[]",
    }


def stored(row: Mapping[str, Any]) -> StoredBreach:
    return StoredBreach(
        id=row["id"],
        workspace=row["workspace"],
        monitor=row["monitor"],
        state=row["state"],
        dry_run=row["dry_run"],
        breach=from_json(row["breach"]) if row["breach"] else None,
        received_at=row["received_at"],
        observed_at=row["observed_at"],
        due_at=row["due_at"],
        attempts=row["attempts"],
        arrivals=row["arrivals"],
        outcome=json.loads(row["outcome"]),
        steps=tuple(Step(**step) for step in json.loads(row["steps"])),
        ended_at=row["ended_at"],
        owner=row["owner"],
    )
