"""The commit and the pull request of a resolved incident."""

from __future__ import annotations

from datetime import datetime

from rollout_spec.core.commit_message import with_checks
from rollout_spec.core.markdown import code, quoted, table
from rollout_spec.core.pull_request import ProposedChange
from rollout_spec.core.text import one_line
from rollout_spec.lifecycle.incident_resolution import ResolvedIncident
from rollout_spec.spec.incident import IncidentSpec

STEP = "resolve"
"""The first part of the branch's name."""
_LONGEST = 400


def message(done: ResolvedIncident) -> str:
    """Return the commit message. It quotes texts of a person, and never turns checks off."""
    lines = [
        done.subject,
        "",
        f"{one_line(done.effect)}.",
        "",
        *(f"{name}: {text}" for name, text in _facts(done.spec)),
    ]
    return with_checks("\n".join(lines) + "\n")


def resolution_change(done: ResolvedIncident, workspace: str, *, date: datetime, prefix: str = "") -> ProposedChange:
    """Return the commit and the pull request of a resolution."""
    start = f"{prefix}/" if prefix else ""
    marker = f"<!-- rollout-spec: {STEP} workspace={workspace} incident={done.name} -->"
    rows = [(name, code(text, _LONGEST)) for name, text in _facts(done.spec)]
    ends = "Merging it ends the incident." if done.spec.verdict == "cleared" else "The verdict is final."
    body = f"**{done.subject}.** {quoted(done.effect)}. {ends}\n\n{table(rows)}\n\n{marker}\n"
    return ProposedChange(
        branch=f"{STEP}/{workspace}/{done.spec.rollout}/{done.name}",
        message=message(done),
        edits={start + path: content for path, content in done.edits.items()},
        date=date,
        title=done.subject,
        body=body,
        labels=(STEP, f"rollout:{done.spec.rollout}"),
        reviewers=done.reviewers,
    )


def _facts(spec: IncidentSpec) -> list[tuple[str, str]]:
    """Return the facts of a resolution, each in one line."""
    facts = [("Failed version", f"{spec.rollout} {spec.failed_version}")]
    if spec.reproduced is not None:
        link = f", {spec.reproduced.link}" if spec.reproduced.link is not None else ""
        facts.append(("Reproduced", f"{spec.reproduced.environment}{link}"))
    if spec.not_reproduced is not None:
        facts.append(("Not reproduced", spec.not_reproduced))
    facts += [("Root cause", spec.root_cause or ""), ("Resolution", spec.resolution or "")]
    return [(name, one_line(text, _LONGEST)) for name, text in facts]
