"""A stage is counted after its warmup, which has a default."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rollout_spec.spec.rollout import Stage


@pytest.mark.parametrize(
    ("fields", "minutes"),
    [
        ({"hold": "15m"}, 1.5),
        ({"hold": "48h"}, 5),
        ({"hold": "0s"}, 0),
        ({}, 5),
        ({"hold": "15m", "warmup": "0s"}, 0),
        ({"hold": "15m", "warmup": "10m"}, 10),
        ({"warmup": "10m"}, 10),
    ],
)
def test_the_warmup_depends_on_the_hold(fields: dict[str, str], minutes: float) -> None:
    assert Stage.model_validate({"name": "canary", **fields}).warmup_time == timedelta(minutes=minutes)
