"""Evidence over the stages of a rollout."""

from __future__ import annotations

from collections.abc import Sequence

from rollout_spec.domain.statistics.onset import log_evidence


def combine(log_evidence_by_stage: Sequence[float]) -> float:
    """Return the log evidence over all stages up to now, from the log evidence of each; 0 without any.

    A product of e-values of different stages is an e-value, so alpha holds for the rollout and not for each stage. A
    version that fails only in a late stage would make up for the earlier ones first. So this is a weighted mean, over
    the stage in which the failure began, of the product from there on. The weights are those of `log_evidence`:
    1/2, 1/4, 1/12, … A plain mean over the stages up to now would not do: its weights change with each new stage, and
    its mean can then exceed 1.
    Source: Vovk & Wang, "E-values: calibration, combination and applications", Annals of Statistics 49 (2021).
    """
    evidence = log_evidence(log_evidence_by_stage)
    return evidence[-1] if evidence else 0.0
