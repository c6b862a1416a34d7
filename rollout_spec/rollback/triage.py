"""The choice among several breaches of one version: the one with the fewest guards against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from rollout_spec.core.breach import Breach
from rollout_spec.domain import traffic
from rollout_spec.domain.history import UndoneCommits
from rollout_spec.rollback.decision import failed_version
from rollout_spec.rollback.guard_checks import concurrent_failures
from rollout_spec.rollback.guard_facts import Facts
from rollout_spec.rollback.guards import count_doubts
from rollout_spec.rollback.incident import next_name
from rollout_spec.rollback.trigger_guards import is_hard, lookback, review_reasons
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.spec.workspace import Automation
from rollout_spec.workspace.repository import Repository

CAUSE = "shared cause"
"""The beginning of the evidence of an incident that names a shared cause."""


def strongest(
    breaches: Sequence[Breach], rollout: ModelRollout | None, undone: UndoneCommits, settings: Automation, now: datetime
) -> Breach:
    """Return the strongest of the breaches of one version; its ``also`` are the others, earliest first."""
    earliest_first = sorted(breaches, key=lambda breach: (breach.observed_at, breach.id))
    if rollout is None:
        chosen = earliest_first[0]
    else:
        counts = [_count_objections(breach, rollout, undone, settings, now) for breach in earliest_first]
        ranks = [
            (count > 0, not is_hard(rollout, breach.trigger), count)
            for count, breach in zip(counts, earliest_first, strict=True)
        ]
        chosen = earliest_first[ranks.index(min(ranks))]
    return replace(chosen, also=tuple(breach for breach in earliest_first if breach is not chosen))


def is_acted_on(
    breach: Breach, rollout: ModelRollout, undone: UndoneCommits, settings: Automation, now: datetime
) -> bool:
    """Return whether a breach alone would lead to a rollback without a reviewer."""
    return not _count_objections(breach, rollout, undone, settings, now)


def _count_objections(
    breach: Breach, rollout: ModelRollout, undone: UndoneCommits, settings: Automation, now: datetime
) -> int:
    """Count the guards that object to an automatic rollback for a breach."""
    failed = failed_version(rollout.spec, breach)
    stage = traffic.stage_name_of(rollout.spec, failed) or ""
    facts = Facts(split_since=undone.since, served_before=undone.served_before, reverted_at=undone.reverted_at)
    reasons = review_reasons(rollout, breach, failed, stage, undone)
    return len(reasons) + count_doubts(breach, facts, settings, now, lookback(rollout, breach.trigger))


def name_shared_cause(
    breach: Breach, failed: str, facts: Facts, settings: Automation, repository: Repository
) -> Breach:
    """Name the versions that failed together in the evidence, if there are enough for a shared cause.

    The incident of the first of them names all; those of the others name that incident.
    """
    failures = concurrent_failures(replace(breach, version=failed), facts, settings)
    if len(failures) < settings.shared_cause.rollouts:
        return breach
    first, (version, incident) = next(iter(failures.items()))
    names = ", ".join(f"{rollout} {version}" for rollout, (version, _) in failures.items())
    cause = f"{CAUSE}, {len(failures)} rollouts at once: {names}"
    if breach.rollout != first:
        cause = f"{CAUSE} with {first} {version}, see incident {incident or next_name(first, version, repository)}"
    summary = f"{cause}. {breach.evidence.summary}".strip()
    return replace(breach, evidence=replace(breach.evidence, summary=summary))
