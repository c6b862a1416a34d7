"""Rows of the inbox's table, made from breaches and read into them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from rollout_spec.core.breach import Breach
from rollout_spec.core.text import one_line
from rollout_spec.service.breach_json import from_json, to_json
from rollout_spec.service.records import NewBreach, Step, StoredBreach, alert_key

_MOST_STEPS = 200
_LONGEST_TEXT = 500
_AGAIN_SECONDS = 10.0
"""The least time between two answers to one alert that is delivered again and again."""


def changes_of(row: Mapping[str, Any], values: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Return the changes of a row by a repeated delivery.

    It is answered again if the alert fired again, or if nothing was proposed: the guard may have ended.
    """
    changes: dict[str, Any] = {"arrivals": row["arrivals"] + 1, "updated_at": now}
    if values["state"] == "refused":
        return changes
    fired_again = _fired_again(row, values)
    if fired_again:
        text = f"the alert fired again at {datetime.fromtimestamp(values['observed_at'], UTC):%Y-%m-%dT%H:%M:%SZ}"
        changes |= {
            "breach": values["breach"],
            "observed_at": values["observed_at"],
            "ended_at": None,
            "received_at": now,
            "steps": with_steps(row["steps"], [Step(now, "received", text)]),
        }
    is_over = row["state"] in ("done", "refused")
    has_no_answer = row["state"] == "failed" or (is_over and "pullRequest" not in json.loads(row["outcome"]))
    if row["state"] != "waiting" and (fired_again or has_no_answer):
        due_at = max(now, min(row["updated_at"], now) + _AGAIN_SECONDS)
        changes |= {"state": "waiting", "due_at": due_at, "attempts": 0}
    return changes


def _fired_again(row: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Return whether a delivery is of a later start of the alert than the stored one."""
    if row["breach"] is None or values["breach"] is None:
        return False
    before, after = (json.loads(each["breach"])["observedAt"] for each in (row, values))
    # A start that lies in the future is stored as the time of its delivery, which differs each time.
    return bool(before != after and values["observed_at"] > row["observed_at"])


def with_steps(before: str, steps: Iterable[Step]) -> str:
    """Return steps with further ones. Of equal steps in a row, the first and the last stay."""
    kept: list[dict[str, Any]] = json.loads(before)
    for step in steps:
        new = asdict(replace(step, text=one_line(step.text, _LONGEST_TEXT)))
        is_same = [(each["name"], each["text"]) == (new["name"], new["text"]) for each in kept[-2:]]
        kept[-1:] = [new] if is_same == [True, True] else [*kept[-1:], new]
    return json.dumps([*kept[:1], *kept[1:][1 - _MOST_STEPS :]])


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
        "observed_at": min(breach.observed_at.timestamp(), now) if breach else now,
        "updated_at": now,
        "due_at": now + new.delay,
        "attempts": 0,
        "arrivals": 1,
        "outcome": json.dumps({"refused": new.refusal} if new.refusal is not None else {}),
        "steps": json.dumps([asdict(Step(now, "received", new.refusal or ""))]),
        "notify_attempts": 0,
        "notified": "[]",
    }


def with_end(breach: Breach, ended_at: float | None) -> Breach:
    """Return a breach with the end of its alert, which another post may have reported."""
    if ended_at is None or breach.ended_at is not None:
        return breach
    return replace(breach, ended_at=datetime.fromtimestamp(ended_at, UTC))


def stored(row: Mapping[str, Any], *, leased_at: float | None = None, was_left: bool = False) -> StoredBreach:
    """Return a row as a breach. ``leased_at`` and ``was_left`` are those of its new lease."""
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
        leased_at=leased_at,
        was_left=was_left,
    )
