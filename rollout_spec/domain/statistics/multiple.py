"""One probability of a false alarm, shared by many tests."""

from __future__ import annotations

from collections.abc import Sequence


def holm(probabilities: Sequence[float]) -> list[float]:
    """Return adjusted probabilities of tests.

    Those of at most alpha are findings, and with a probability of 1 - alpha none of them is false. It holds for
    dependent tests too.
    Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6
    (1979).
    """
    adjusted, highest = [1.0] * len(probabilities), 0.0
    order = sorted(range(len(probabilities)), key=probabilities.__getitem__)
    for rank, index in enumerate(order):
        highest = max(highest, min(probabilities[index] * (len(order) - rank), 1.0))
        adjusted[index] = highest
    return adjusted
