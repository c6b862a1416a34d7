"""Doctor asks a real Prometheus for samples of the stable version."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from doctor_runs import doctor
from gated_repository import Gated
from repo import NINE

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("gate")]
Scenario = Callable[..., Gated]


def triggers(repo: Gated, minutes: int) -> list[str]:
    """Return the triggers that find no sample, some minutes after nine."""
    results = doctor(repo, NINE + timedelta(minutes=minutes)).told("prometheus")
    silent = [
        re.match(r"warning: (\S+) of fraud finds no sample of 41 in ten minutes: \w+\{", each) for each in results
    ]
    assert all(silent), results
    return [match[1] for match in silent if match is not None]


def test_a_trigger_without_samples_of_stable_is_named(scenario: Scenario) -> None:
    repo = scenario("healthy")
    assert triggers(repo, 40) == ["conversion"], "nothing counted the sessions of this shop"
    assert triggers(repo, 90) == ["serving-errors", "latency-sla", "latency-sla", "conversion"]


def test_an_unreachable_server_is_a_warning(scenario: Scenario) -> None:
    result = doctor(scenario("healthy", address="http://127.0.0.1:9"))
    assert result.verdict("prometheus") == "warning"
    result.says("prometheus", r"127\.0\.0\.1:9")
