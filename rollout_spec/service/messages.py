"""Messages about breaches: one after each outcome, with the link to the pull request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rollout_spec.core.text import one_line
from rollout_spec.integrations.notifications import Message
from rollout_spec.service.records import StoredBreach
from rollout_spec.service.replies import clean

_LONGEST = 600


def message_about(row: StoredBreach) -> Message:
    """Return the message about the last outcome of a breach."""
    outcome, breach = row.outcome, row.breach
    subject = f"{breach.rollout} {breach.version or ''}".strip() if breach else "an alert"
    pull = outcome.get("pullRequest") or {}
    lines = [_line(reason["message"]) for reason in outcome.get("reasons", ())]
    lines += [_line(text) for name in ("refused", "error") if (text := outcome.get(name))]
    lines += [_line(text) for text in (*outcome.get("findings", ()), *outcome.get("noTarget", ()))][:5]
    if breach is not None and breach.evidence.summary:
        lines.append(f"Evidence: {_line(breach.evidence.summary)}")
    lines.append(f"Breach {row.id} in workspace {row.workspace}, reported by {row.monitor}.")
    fields = {
        "breach": row.id,
        "workspace": row.workspace,
        "rollout": breach.rollout if breach else None,
        "version": breach.version if breach else None,
        "trigger": breach.trigger if breach else None,
        "monitor": row.monitor,
        "state": row.state,
        "outcome": dict(outcome),
    }
    title, text = f"{subject}: {_gist(row, pull)}", "\n".join(lines)
    return Message(clean(title), clean(text), pull.get("url"), clean(fields))


def _gist(row: StoredBreach, pull: Mapping[str, Any]) -> str:
    """Return the outcome in a few words."""
    outcome = row.outcome
    restored = ", ".join(f"{part['rollout']} to {part['restored']}" for part in outcome.get("rollback", ()))
    if row.state == "failed":
        return "no answer within `maxBreachAge`; a person must act"
    if row.state == "refused":
        return "this alert cannot be answered"
    if pull.get("state") == "merged":
        return f"rolled back ({restored})" if restored else "the incident is merged; no version can be restored"
    if pull.get("state") == "closed":
        return "the pull request was closed without a merge"
    if pull and outcome.get("verdict") == "draft":
        return f"a rollback ({restored}) needs a person" if restored else "an incident needs a person"
    if pull and not restored:
        return "no version can be restored; a person must act"
    if pull:
        merges = "merges once its checks pass" if outcome.get("autoMerge") else "waits for a person to merge it"
        return f"a rollback ({restored}) {merges}"
    if row.outcome.get("error"):
        return "no answer yet; it is tried again"
    if outcome.get("verdict") == "ignore":
        return "no action is needed"
    return "nothing was proposed; a person must act"


def _line(text: str) -> str:
    return one_line(text, _LONGEST)
