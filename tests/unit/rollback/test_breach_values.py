"""Whatever number a monitor tells, the incident that is written of it is one that is read, and says the same number."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workspaces import rendered

from rollout_spec.core.breach import Breach, Evidence
from rollout_spec.core.units import parse_time
from rollout_spec.core.yaml.scalars import LONGEST_NUMBER
from rollout_spec.domain.quarantine import quarantined
from rollout_spec.integrations.monitors import parse as parse_payload
from rollout_spec.rollback import Rollback, roll_back
from rollout_spec.spec.incident import IncidentSpec
from rollout_spec.workspace.repository import Repository

REPOSITORY = Repository(rendered({}))
MOMENT = parse_time("2026-11-20T09:58:00Z")
VALUES = {
    "0.0812": "0.0812",
    "0.30000000000000004": "0.3",
    "123456789.123456789": "123456789.123457",
    "-0.0": "0",
    "0e5": "0",
    "-12.50": "-12.50",
    "8.1E+1": "81",
    "1e19": "10000000000000000000",
    "1e-19": "0.0000000000000000001",
    "1e20": None,
    "1e-20": None,
    "1E+300": None,
    "1e-300": None,
    "9" * 300: None,
    "0." + "3" * 300: "0.333333333333333",
    "NaN": None,
    "Infinity": None,
    "-Inf": None,
    "0x10": None,
    "1_000": None,
}
"""What Alertmanager's annotation says, and what an incident says of it: as digits that a person can read."""


def told(value: str) -> Breach:
    labels = {"rollout": "fraud", "version": "42", "trigger": "latency-sla"}
    alert = {"status": "firing", "labels": labels, "annotations": {"value": value}, "startsAt": MOMENT.isoformat()}
    payload = parse_payload(json.dumps({"version": "4", "alerts": [alert]}).encode())
    assert payload.skipped == []
    (breach,) = payload.breaches
    return breach


def incident_of(breach: Breach) -> IncidentSpec:
    """Roll back, and read the incident as the next process does; 42 is quarantined by it."""
    decision = roll_back(REPOSITORY, breach)
    assert isinstance(decision, Rollback)
    after = REPOSITORY.edited(decision.edits)
    file, rollout = after.incident("fraud-42"), after.rollout("fraud")
    assert file is not None and file.model is not None, file
    assert rollout is not None and rollout.model is not None
    assert quarantined(rollout.model, after).keys() == {"42"}
    assert quarantined(rollout.model, after)["42"].incident == file.model.spec
    return file.model.spec


def value_in(incident: IncidentSpec) -> Decimal | None:
    return incident.evidence.value if incident.evidence else None


@pytest.mark.parametrize("value", VALUES)
def test_a_number_that_alertmanager_tells_is_read_back_from_the_incident(value: str) -> None:
    expected = VALUES[value]
    assert value_in(incident_of(told(value))) == (None if expected is None else Decimal(expected))


NUMBERS = st.decimals() | st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent), st.integers(-(10**41), 10**41), st.integers(-350, 350)
)


@given(NUMBERS)
def test_any_number_is_read_back_as_it_is_or_left_out(value: Decimal) -> None:
    breach = Breach("test-1", "other", "fraud", "42", MOMENT, evidence=Evidence(value=value))
    readable = value.is_finite() and len(f"{value:f}") <= LONGEST_NUMBER
    assert value_in(incident_of(breach)) == (value if readable else None)


@pytest.mark.parametrize(("digits", "kept"), [(LONGEST_NUMBER, True), (LONGEST_NUMBER + 1, False)])
def test_a_number_has_as_many_digits_as_a_document_may_have(digits: int, kept: bool) -> None:
    value = Decimal("9" * digits)
    breach = Breach("test-1", "other", "fraud", "42", MOMENT, evidence=Evidence("s", value))
    assert value_in(incident_of(breach)) == (value if kept else None)
