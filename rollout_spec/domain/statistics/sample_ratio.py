"""A test of the split of requests.

If the split is not the planned one, no comparison of two versions is valid.
"""

from __future__ import annotations

import math

from rollout_spec.domain.statistics.bayes_factor import log_bayes_factor
from rollout_spec.domain.statistics.normal import check_probability


def log_evidence(candidate_total: float, stable_total: float, share: float) -> float:
    """Return the log evidence that the candidate receives another share of the requests than planned.

    It is the test of `log_bayes_factor`, with requests in place of events.
    Source: Lindon & Malek, "Anytime-valid inference for multinomial count data", NeurIPS 2022, section 4.
    """
    return log_bayes_factor(candidate_total, stable_total, share)


def odds_deviation(candidate_total: float, stable_total: float, share: float) -> float:
    """Return the deviation of the odds of a request from the planned odds, relative to those.

    For a planned share of 5% and a real one of 6% it is 0.21. NaN without traffic.
    """
    check_probability("a share", share)
    if not stable_total:
        return math.inf if candidate_total else math.nan
    return abs(candidate_total / stable_total * (1 - share) / share - 1)


def is_wrong(
    candidate_total: float, stable_total: float, share: float, alpha: float = 0.01, tolerance: float = 0.05
) -> bool:
    """Return whether the split is certainly wrong, and by more than a comparison bears.

    With millions of requests a deviation of 0.1% is certain, and does no harm. With few requests a large one may be
    chance.
    """
    check_probability("alpha", alpha)
    is_certain = log_evidence(candidate_total, stable_total, share) >= -math.log(alpha)
    return is_certain and odds_deviation(candidate_total, stable_total, share) > tolerance
