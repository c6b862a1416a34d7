"""The verdict of a stage: that of each trigger, and the strongest of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from rollout_spec.domain.judgement.verdicts import STRONGEST, Judgement, Verdict, strongest
from rollout_spec.domain.traffic import split, stage_of
from rollout_spec.spec.rollout import RolloutSpec, Stage
from rollout_spec.spec.triggers import Comparison, Latency, Offline, Threshold, Trigger

ALPHA = 0.05
"""The accepted probability of a false alarm of all thresholds of a rollout together."""


@dataclass(frozen=True)
class TriggerVerdict:
    """The verdict on one trigger."""

    trigger: Trigger
    judgement: Judgement

    @property
    def verdict(self) -> Verdict:
        """The verdict."""
        return self.judgement.verdict


@dataclass(frozen=True)
class StageVerdict:
    """The verdict on a stage. ``skipped`` are triggers that are not judged here, each with the reason."""

    triggers: tuple[TriggerVerdict, ...]
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The strongest verdict; inconclusive if no trigger was judged."""
        return strongest(each.verdict for each in self.triggers)

    @property
    def breaches(self) -> list[TriggerVerdict]:
        """The triggers with a breach, hard ones first."""
        breaches = [each for each in self.triggers if each.verdict == "breach"]
        return sorted(breaches, key=lambda each: each.trigger.severity != "hard")

    @property
    def sorted(self) -> list[TriggerVerdict]:
        """The verdicts, strongest first."""
        return sorted(self.triggers, key=lambda each: STRONGEST.index(each.verdict))


def judged_triggers(spec: RolloutSpec, stage: Stage) -> tuple[list[Trigger], list[tuple[str, str]]]:
    """Return the triggers that are judged in a stage, and the others, each with the reason."""
    judged, skipped = list[Trigger](), list[tuple[str, str]]()
    for trigger in spec.triggers:
        reason = _why_not(trigger, stage)
        if reason is None:
            judged.append(trigger)
        else:
            skipped.append((trigger.name, reason))
    return judged, skipped


def _why_not(trigger: Trigger, stage: Stage) -> str | None:
    """Return why a trigger is not judged in a stage, or None."""
    if trigger.type == "manual":
        return "a person reports it"
    if trigger.during is not None and stage.name not in trigger.during:
        return f"it does not watch {stage.name}"
    if isinstance(trigger, Comparison | Offline) and trigger.judged_by == "external":
        return "another system judges it"
    if isinstance(trigger, Comparison) and (stage.weight or 0) >= 100:
        return f"{stage.name} has no control arm"
    if isinstance(trigger, Threshold | Latency) and trigger.within is not None and trigger.within <= stage.warmup_time:
        return "its `within` ends with the warm-up of the stage"
    return None


def alpha_of(trigger: Trigger, spec: RolloutSpec, values: Collection[str] = ()) -> float:
    """Return the share of a trigger in the accepted probability of a false alarm.

    It is divided by the number of thresholds, or of comparisons, that are judged from counts. ``values`` are the
    metrics of one value, which are not.
    """
    kinds = (Comparison,) if isinstance(trigger, Comparison) else (Threshold, Latency)
    alike = [each for each in spec.triggers if isinstance(each, kinds) and getattr(each, "metric", None) not in values]
    whole = float(trigger.alpha) / 100 if isinstance(trigger, Comparison) else ALPHA
    return whole / max(len(alike), 1)


def live_stage(spec: RolloutSpec) -> Stage | None:
    """Return the stage of a candidate that receives requests or copies of them; None if there is none."""
    return stage_of(spec) if split(spec).candidate is not None else None
