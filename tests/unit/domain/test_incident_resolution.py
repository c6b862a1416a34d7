"""An incident says which keys it lacks, and which flags write them; its record says what needs a person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workspaces import rendered

from rollout_spec.domain.incident_records import (
    IncidentRecord,
    IncidentState,
    in_order,
    merged_records,
    quarantine_of,
)
from rollout_spec.domain.incident_resolution import FLAGS, Verdict, flags_for, missing_keys, resolve_command
from rollout_spec.spec.incident import Incident, IncidentSpec, Reproduced
from rollout_spec.workspace.repository import Repository

TEXT = """\
apiVersion: rollout-spec/v1
kind: Incident
metadata: {name: fraud-39}
spec:
  rollout: fraud
  failedVersion: "39"
  restoredVersion: "40"
  source: manual
  observedAt: 2026-11-20T10:15:00Z
  status: open
"""


def spec(**fields: Any) -> IncidentSpec:
    known = {"rollout": "fraud", "failed_version": "42", "restored_version": "41", "source": "manual"}
    seen = datetime(2026, 11, 20, tzinfo=UTC)
    construct: Any = IncidentSpec.model_construct
    found: IncidentSpec = construct(**{**known, "observed_at": seen, "status": "open", **fields})
    return found


STAGING = Reproduced(environment="staging", link=None)
ALL = ("reproduced", "rootCause", "resolution")


@pytest.mark.parametrize(
    ("fields", "cleared", "bad"),
    [
        ({}, ALL, ALL),
        ({"reproduced": STAGING, "root_cause": " \n", "resolution": ""}, ALL[1:], ALL[1:]),
        ({"not_reproduced": "nobody could", "root_cause": "x"}, ALL[2:], ("reproduced", "resolution")),
        ({"reproduced": STAGING, "root_cause": "x", "resolution": "y"}, (), ()),
        ({"verdict": "bad", "reproduced": STAGING, "root_cause": "x", "resolution": "y"}, ALL, ()),
        ({"verdict": "cleared", "not_reproduced": "x", "root_cause": "x", "resolution": "y"}, (), ALL),
    ],
)
def test_the_missing_keys_of_each_verdict(
    fields: dict[str, Any], cleared: tuple[str, ...], bad: tuple[str, ...]
) -> None:
    assert missing_keys(spec(**fields), "cleared") == cleared
    assert missing_keys(spec(**fields), "bad") == bad


@given(st.sampled_from(["cleared", "bad"]), st.lists(st.sampled_from(ALL), unique=True).map(tuple))
def test_every_missing_key_has_its_flag(verdict: Verdict, given_keys: tuple[str, ...]) -> None:
    values = {"reproduced": STAGING, "root_cause": "x", "resolution": "y"}
    names = {"reproduced": "reproduced", "rootCause": "root_cause", "resolution": "resolution"}
    incident = spec(**{names[key]: values[names[key]] for key in given_keys})
    missing = missing_keys(incident, verdict)
    assert set(missing) == set(ALL) - set(given_keys)
    first, *flags = resolve_command("fraud-42", incident, verdict)
    assert first == f"rollout-spec incident resolve fraud-42 --{verdict}"
    assert flags == [FLAGS[key] for key in missing]
    if missing:
        assert all(f"`{FLAGS[key]}`" in flags_for(missing, verdict) for key in missing)


def test_only_a_cleared_one_may_lack_a_reproduction() -> None:
    assert flags_for(ALL, "cleared") == (
        "`--reproduced ENV=URL` (or --not-reproduced REASON), `--root-cause TEXT` and `--resolution TEXT`"
    )
    assert flags_for(("reproduced",), "bad") == "`--reproduced ENV=URL`"


def repository(**files: str) -> Repository:
    return Repository(rendered({f"incidents/{name}": text.encode() for name, text in files.items()}))


def records(*files: tuple[str, str]) -> dict[str, IncidentRecord]:
    found = merged_records(repository(**dict(files)))
    return {record.name: record for record in found}


def test_a_file_in_any_place_has_a_record() -> None:
    found = records(
        ("fraud-39.yaml", TEXT),
        ("fraud-40.yaml", "kind: Incident\n"),
        ("fraud-41.yaml", TEXT),
        ("fraud-42.yml", TEXT),
        ("notes.yaml", TEXT.replace("name: fraud-39", "name: notes")),
        ("old/fraud-39.yaml", TEXT),
    )
    assert {name: (record.state, record.versions) for name, record in found.items()} == {
        "fraud-39": ("open", ("39",)),
        "fraud-40": ("unreadable", ("40",)),
        "fraud-41": ("unreadable", ("39", "41")),
        "fraud-42.yml": ("unreadable", ("42",)),
        "notes": ("unreadable", ("39",)),
        "old/fraud-39": ("unreadable", ("39",)),
    }
    assert found["fraud-40"].problem == "the file does not load"
    assert found["fraud-41"].problem == "the file contradicts its name"
    assert found["fraud-42.yml"].problem == "it is not read: an incident is a file incidents/<name>.yaml"


def test_those_that_need_a_person_come_first() -> None:
    def record(state: IncidentState, day: int) -> IncidentRecord:
        construct: Any = Incident.model_construct
        model = construct(spec=spec(observed_at=datetime(2026, 11, day, tzinfo=UTC)))
        return IncidentRecord(f"{state}-{day}", "", state, "fraud", ("42",), model)

    states: tuple[IncidentState, ...] = ("cleared", "bad", "unmerged", "open", "unreadable")
    shuffled = [record(state, day) for day in (2, 3, 1) for state in states]
    assert [each.name for each in in_order(shuffled)] == [
        f"{state}-{day}" for state in ("unreadable", "open", "unmerged", "bad", "cleared") for day in (3, 2, 1)
    ]


def test_the_quarantine_of_a_version() -> None:
    bad = TEXT.replace("status: open", "status: resolved\n  verdict: bad\n  reproduced: {environment: staging}") + (
        "  rootCause: x\n  resolution: y\n"
    )
    open_one = repository(**{"fraud-39.yaml": TEXT})
    assert quarantine_of("fraud", "39", open_one) == "39 is quarantined by incident fraud-39"
    assert quarantine_of("fraud", "40", open_one) == "40 is not quarantined"
    assert quarantine_of("fraud", "39", repository(**{"fraud-39.yaml": bad})) == (
        "39 is quarantined for good by incident fraud-39"
    )
    broken = repository(**{"fraud-39.yaml": "nothing"})
    assert quarantine_of("fraud", "39", broken) == ("39 is quarantined by incidents/fraud-39.yaml, which does not load")
    assert quarantine_of("churn", "1", broken) == "whether 1 is quarantined is unknown: rollouts/churn.yaml is missing"
