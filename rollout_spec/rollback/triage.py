"""Of several breaches of one version the strongest is answered: the one that may go furthest by itself."""

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


def strongest(
    breaches: Sequence[Breach], rollout: ModelRollout | None, undone: UndoneCommits, settings: Automation, now: datetime
) -> Breach:
    """Return the strongest of the breaches of one version; ``also`` are the others, the earliest first."""
    told = sorted(breaches, key=lambda each: (each.observed_at, each.id))
    if rollout is None:
        first = told[0]
    else:
        counts = [_against(each, rollout, undone, settings, now) for each in told]
        ranks = [
            (count > 0, not is_hard(rollout, each.trigger), count) for count, each in zip(counts, told, strict=True)
        ]
        first = told[ranks.index(min(ranks))]
    return replace(first, also=tuple(each for each in told if each is not first))


def is_acted_on(
    breach: Breach, rollout: ModelRollout, undone: UndoneCommits, settings: Automation, now: datetime
) -> bool:
    """Return whether a breach alone would lead to a rollback that asks for no person."""
    return not _against(breach, rollout, undone, settings, now)


def _against(breach: Breach, rollout: ModelRollout, undone: UndoneCommits, settings: Automation, now: datetime) -> int:
    """Count what speaks against acting on a breach at once."""
    failed = failed_version(rollout.spec, breach)
    moment = traffic.stage_name_of(rollout.spec, failed) or ""
    facts = Facts(split_since=undone.since, served_before=undone.served_before, reverted_at=undone.reverted_at)
    reasons = review_reasons(rollout, breach, failed, moment, undone)
    return len(reasons) + count_doubts(breach, facts, settings, now, lookback(rollout, breach.trigger))


def name_shared_cause(
    breach: Breach, failed: str, facts: Facts, settings: Automation, repository: Repository
) -> Breach:
    """Write into the evidence which versions failed together, if they are so many that it is not the model.

    The incident of the first of them names all; those of the others name that incident.
    """
    found = concurrent_failures(replace(breach, version=failed), facts, settings)
    if len(found) < settings.shared_cause.rollouts:
        return breach
    first, (version, incident) = next(iter(found.items()))
    names = ", ".join(f"{rollout} {version}" for rollout, (version, _) in found.items())
    words = f"shared cause, {len(found)} rollouts at once: {names}"
    if breach.rollout != first:
        words = f"shared cause with {first} {version}, see incident {incident or next_name(first, version, repository)}"
    summary = f"{words}. {breach.evidence.summary}".strip()
    return replace(breach, evidence=replace(breach.evidence, summary=summary))
