"""The replies of the HTTP interface, as its OpenAPI describes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from rollout_spec.core.redaction import redact
from rollout_spec.service.records import NewBreach, Receipt, StoredBreach


class _Reply(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class ProblemReply(_Reply):
    """A rejected request."""

    error: str = Field(description="What is wrong.")
    hint: str | None = Field(None, description="What to do instead.")


class ReceiptReply(_Reply):
    """A breach that is stored."""

    id: str = Field(description="Its id, for GET /v1/breaches/{id}.")
    state: str = Field(description="waiting, working, watching, done, refused or failed.")
    is_new: bool = Field(description="False for a repeated delivery.")
    workspace: str
    rollout: str | None = None
    version: str | None = None
    reason: str | None = Field(None, description="Why no rollback can answer it.")


class PostReply(_Reply):
    """A stored post."""

    breaches: list[ReceiptReply]
    skipped: list[str] = Field(description="Alerts that give no breach, with the reason.")


class StepReply(_Reply):
    """One step of a breach's progress."""

    at: datetime
    name: str
    text: str


class BreachReply(_Reply):
    """A breach and its progress."""

    id: str
    state: str
    workspace: str
    monitor: str
    dry_run: bool
    rollout: str | None
    version: str | None
    trigger: str | None
    summary: str | None
    received_at: datetime
    observed_at: datetime
    ended_at: datetime | None
    attempts: int
    arrivals: int = Field(description="How often the alert was delivered.")
    outcome: dict[str, Any] = Field(description="The last answer: verdict, reasons, pull request, notes or error.")
    steps: list[StepReply]


class BreachList(_Reply):
    """A page of breaches, newest first."""

    breaches: list[BreachReply]
    next: str | None = Field(None, description="The parameter `before` of the next page, null on the last one.")


class Health(_Reply):
    """The state of the service."""

    status: str = Field(description="ok, degraded (older settings are in force) or failing.")
    problems: dict[str, str] = Field({}, description="The parts that cannot be used, with the reason.")
    warnings: dict[str, str] = Field({}, description="The settings that are not in force, with the reason.")
    settings: dict[str, str] = Field({}, description="The commit of each workspace's settings, or why they are older.")


_TEXTS = {
    400: "The request is not valid HTTP, or ended early.",
    401: "The credentials or the signature are missing or wrong.",
    404: "There is no such monitor or breach.",
    408: "The body did not come in time.",
    413: "The body is too large.",
    415: "The body is compressed.",
    422: "The payload is not one of this monitor, or a parameter is wrong.",
    429: "Too many requests without valid credentials from this address, or too many that read.",
    500: "An unexpected error. Send it again.",
    503: "The inbox, or the secret of a monitor, cannot be used now, or too much is going on. Send it again.",
}


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ProblemReply, "description": _TEXTS[status]} for status in statuses}


POST_ERRORS = _errors(*_TEXTS)
READ_ERRORS = _errors(400, 401, 404, 422, 429, 500, 503)


def clean(value: Any) -> Any:
    """Return texts, also those in lists and mappings, without secrets and without halves of characters."""
    if isinstance(value, str):
        return redact(value.encode("utf-8", "replace").decode())
    if isinstance(value, Mapping):
        return {name: clean(each) for name, each in value.items()}
    return [clean(each) for each in value] if isinstance(value, list | tuple) else value


def receipt_replies(breaches: Sequence[NewBreach], receipts: Sequence[Receipt]) -> list[ReceiptReply]:
    """Return the replies to the breaches of one post."""
    return [
        ReceiptReply(
            id=receipt.id,
            state=receipt.state,
            is_new=receipt.is_new,
            workspace=new.workspace,
            rollout=new.breach.rollout if new.breach else None,
            version=clean(new.breach.version) if new.breach else None,
            reason=clean(new.refusal),
        )
        for new, receipt in zip(breaches, receipts, strict=True)
    ]


def breach_reply(row: StoredBreach) -> BreachReply:
    """Return a stored breach as a reply."""
    breach = row.breach
    return BreachReply(
        id=row.id,
        state=row.state,
        workspace=row.workspace,
        monitor=row.monitor,
        dry_run=row.dry_run,
        rollout=breach.rollout if breach else None,
        version=clean(breach.version) if breach else None,
        trigger=clean(breach.trigger) if breach else None,
        summary=clean(breach.evidence.summary) if breach else None,
        received_at=_time(row.received_at),
        observed_at=_time(row.observed_at),
        ended_at=_time(row.ended_at) if row.ended_at is not None else None,
        attempts=row.attempts,
        arrivals=row.arrivals,
        outcome=clean(row.outcome),
        steps=[StepReply(at=_time(step.at), name=step.name, text=clean(step.text)) for step in row.steps],
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
