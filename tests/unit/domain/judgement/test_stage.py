"""Which triggers are judged in a stage, how alpha is shared, and which verdict is the stage's."""

from __future__ import annotations

import pytest
from repo import EXAMPLE

from rollout_spec.domain.judgement.stage import StageVerdict, TriggerVerdict, alpha_of, judged_triggers, live_stage
from rollout_spec.domain.judgement.verdicts import (
    STRONGEST,
    EvidencePoint,
    Judgement,
    Verdict,
    seconds_more,
    strongest,
)
from rollout_spec.spec.rollout import RolloutSpec
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.working_tree import WorkingTree


@pytest.fixture(scope="module")
def spec() -> RolloutSpec:
    file = Repository(WorkingTree(EXAMPLE)).rollout("fraud")
    assert file is not None and file.model is not None
    return file.model.spec


def names(spec: RolloutSpec, stage: str) -> tuple[list[str], dict[str, str]]:
    chosen = next(each for each in spec.stages if each.name == stage)
    judged, skipped = judged_triggers(spec, chosen)
    return [each.name for each in judged], dict(skipped)


def test_each_stage_has_its_triggers(spec: RolloutSpec) -> None:
    judged, skipped = names(spec, "canary-5")
    assert judged == ["serving-errors", "latency-sla", "offline-auc", "drift"]
    assert skipped == {"conversion": "it does not watch canary-5", "expert-spot-check": "a person reports it"}
    assert "conversion" in names(spec, "ab-50")[0]
    assert "serving-errors" not in names(spec, "full")[0]


def changed(spec: RolloutSpec, name: str, **fields: object) -> RolloutSpec:
    """Return a rollout with one trigger changed."""
    triggers = [each.model_copy(update=fields) if each.name == name else each for each in spec.triggers]
    return spec.model_copy(update={"triggers": triggers})


def test_a_comparison_needs_a_control_arm(spec: RolloutSpec) -> None:
    _, skipped = names(changed(spec, "conversion", during=None), "full")
    assert skipped["conversion"] == "full has no control arm"


def test_another_judge_is_left_alone(spec: RolloutSpec) -> None:
    _, skipped = names(changed(spec, "offline-auc", judged_by="external"), "canary-5")
    assert skipped["offline-auc"] == "another system judges it"


def test_a_trigger_that_ends_with_the_warmup_is_not_judged(spec: RolloutSpec) -> None:
    stages = [each.model_copy(update={"warmup": each.hold}) for each in spec.stages]
    _, skipped = names(spec.model_copy(update={"stages": stages}), "canary-5")
    assert skipped["serving-errors"] == "its `within` ends with the warm-up of the stage"


def test_alpha_is_shared_among_the_thresholds_that_are_counted(spec: RolloutSpec) -> None:
    triggers = {each.name: each for each in spec.triggers}
    assert alpha_of(triggers["serving-errors"], spec, ["psi"]) == pytest.approx(0.05 / 2)
    assert alpha_of(triggers["serving-errors"], spec) == pytest.approx(0.05 / 3)
    assert alpha_of(triggers["conversion"], spec) == pytest.approx(0.05)


def test_no_traffic_is_no_live_stage(spec: RolloutSpec) -> None:
    stage = live_stage(spec)
    assert stage is not None and stage.name == "canary-5"
    for changes in ({"candidate": None, "stage": None}, {"stage": None}):
        live = spec.live.model_copy(update=changes)
        assert live_stage(spec.model_copy(update={"live": live})) is None


@pytest.mark.parametrize("verdict", STRONGEST)
def test_the_strongest_verdict_is_the_stages(spec: RolloutSpec, verdict: Verdict) -> None:
    weaker = STRONGEST[STRONGEST.index(verdict) :]
    verdicts = tuple(TriggerVerdict(spec.triggers[0], Judgement(each, "")) for each in reversed(weaker))
    assert StageVerdict(verdicts).verdict == verdict


def test_nothing_judged_is_inconclusive() -> None:
    assert StageVerdict(()).verdict == strongest([]) == "inconclusive"


def test_hard_breaches_come_first(spec: RolloutSpec) -> None:
    soft = next(each for each in spec.triggers if each.name == "drift")
    verdicts = tuple(TriggerVerdict(each, Judgement("breach", "")) for each in (soft, spec.triggers[0]))
    assert [each.trigger.severity for each in StageVerdict(verdicts).breaches] == ["hard", "soft"]


@pytest.mark.parametrize(("ok", "expected"), [(0.5, 900), (0.0, None), (1e-5, None), (1e-300, None), (-1.0, None)])
def test_the_time_to_a_verdict_is_one_that_a_date_can_hold(ok: float, expected: float | None) -> None:
    assert seconds_more([EvidencePoint(900, 0.0, ok)]) == expected
