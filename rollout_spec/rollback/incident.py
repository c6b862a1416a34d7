"""The incident of a rollback: its name and its text.

It is in the same commit and quarantines the failed version. Open rollbacks are recognized by building their tree again.
So the text must stay the same from release to release.
"""

from __future__ import annotations

import re
from decimal import Decimal

from rollout_spec.core.breach import Breach, Evidence
from rollout_spec.core.text import one_line
from rollout_spec.core.units import NAME, format_time, label
from rollout_spec.core.yaml.scalars import LONGEST_NUMBER
from rollout_spec.domain.history import UndoneCommits
from rollout_spec.spec.incident import IncidentSpec
from rollout_spec.spec.kinds import API_VERSION
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workspace.edits import document_text
from rollout_spec.workspace.repository import Repository

_MOST_REVERTS = 300
"""The number of commits that an incident lists, the newest ones: larger incidents are not read from branches."""


def next_name(rollout: str, version: str, repository: Repository) -> str:
    """Return the name of the next incident of a version: ``fraud-42``, then ``fraud-42-2``."""
    first = f"{rollout}-{label(version)}"
    names = repository.names_from("incidents", first)
    count = len(repository.incidents_of(rollout, version)) + 1
    while (name := first if count == 1 else f"{first}-{count}") in names:
        count += 1
    return name


def open_incident_without_target(rollout: str, version: str, repository: Repository) -> str | None:
    """Return the name of the open incident of a version that had no rollback target, or None."""
    for file in repository.incidents_of(rollout, version):
        spec = file.model.spec if file.model else None
        if spec and spec.status == "open" and spec.restored_version is None:
            return file.stem
    return None


def breach_of(incident: IncidentSpec) -> Breach:
    """Return the breach that an incident was written for: ``incident_text`` returns the same text for it."""
    evidence = incident.evidence
    return Breach(
        id="",
        source=incident.source,
        rollout=incident.rollout,
        version=incident.failed_version,
        observed_at=incident.observed_at,
        trigger=incident.trigger,
        evidence=Evidence(evidence.summary or "", evidence.value, evidence.url) if evidence else Evidence(),
    )


def _readable(number: Decimal | None) -> Decimal | None:
    """Return a number as YAML reads it back, or None if it has more digits than a document may have."""
    if number is None or not number.is_finite() or len(f"{number:f}") > LONGEST_NUMBER:
        return None
    return abs(number) if number.is_zero() else number


def incident_text(
    name: str,
    breach: Breach,
    rollout: ModelRollout,
    failed: str,
    restored: str | None,
    stage: str,
    undone: UndoneCommits,
) -> str:
    """Return the text of the incident's file."""
    evidence = {
        "summary": one_line(breach.evidence.summary) or None,
        "value": _readable(breach.evidence.value),
        "url": breach.evidence.url,
    }
    metadata = {"name": name} | ({"owner": rollout.metadata.owner} if rollout.metadata.owner else {})
    spec = {
        "rollout": rollout.metadata.name,
        "failedVersion": failed,
        "restoredVersion": restored,
        "trigger": breach.trigger if breach.trigger and re.fullmatch(NAME, breach.trigger) else None,
        "source": one_line(breach.source) or "unknown",
        "observedAt": format_time(breach.observed_at),
        "stage": stage or None,
        "reverts": [step.commit for step in undone.steps[:_MOST_REVERTS]],
        "evidence": {key: value for key, value in evidence.items() if value is not None},
        "status": "open",
        "verdict": None,
        "reproduced": None,
        "rootCause": None,
        "resolution": None,
    }
    return document_text(
        {"apiVersion": API_VERSION, "kind": "Incident", "metadata": metadata, "spec": spec}, "incident"
    )
