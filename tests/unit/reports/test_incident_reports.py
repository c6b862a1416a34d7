"""The table and the block of incidents: no line is too long, except a link, and no text moves a cursor."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rollout_spec.domain.incident_records import IncidentDetail, IncidentRecord, IncidentState, WorkspaceIncidents
from rollout_spec.reports.incident_json import incident_json, incidents_json
from rollout_spec.reports.incident_table import incident_table
from rollout_spec.reports.incident_text import incident_text
from rollout_spec.spec.incident import Incident, IncidentEvidence, IncidentSpec, Reproduced
from rollout_spec.spec.metadata import Metadata

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TEXTS = st.text("a b\x1b\n\u202e\x9b\U000e0001", max_size=200)
NAMES = st.sampled_from(["fraud-42", "n" * 63])
VERSIONS = st.sampled_from(["1", "v" * 128])
TIMES = st.sampled_from([datetime(1, 1, 1, tzinfo=UTC), NOW, datetime(9999, 12, 31, tzinfo=UTC)])
LINK = "https://example.com/" + "x" * 100


def made(model: Any, **fields: Any) -> Any:
    """Return a model with fields that are not validated."""
    return model.model_construct(**fields)


@st.composite
def incidents(draw: st.DrawFn) -> Incident:
    texts = st.none() | TEXTS
    evidence = made(
        IncidentEvidence,
        summary=draw(texts),
        value=draw(st.none() | st.just(Decimal("0.081"))),
        url=LINK,
        replay=draw(texts),
    )
    spec = made(
        IncidentSpec,
        rollout=draw(NAMES),
        failed_version=draw(VERSIONS),
        restored_version=draw(st.none() | VERSIONS),
        trigger=draw(st.none() | NAMES),
        source=draw(TEXTS),
        observed_at=draw(TIMES),
        stage=draw(st.none() | NAMES),
        reverts=["f" * 40] * draw(st.sampled_from([0, 1, 300])),
        evidence=draw(st.none() | st.just(evidence)),
        status="open",
        verdict=draw(st.sampled_from([None, "bad", "cleared"])),
        reproduced=draw(st.none() | st.just(made(Reproduced, environment="staging", link=LINK))),
        not_reproduced=draw(texts),
        root_cause=draw(texts),
        resolution=draw(texts),
    )
    return made(Incident, metadata=made(Metadata, name="fraud-42", owner=draw(texts)), spec=spec)


@st.composite
def records(draw: st.DrawFn) -> IncidentRecord:
    """Draw a record whose texts are as long and odd as a file allows."""
    incident = draw(st.none() | incidents())
    states: list[IncidentState] = ["unreadable"] if incident is None else ["open", "unmerged", "bad", "cleared"]
    return IncidentRecord(
        draw(NAMES | TEXTS),
        draw(TEXTS),
        draw(st.sampled_from(states)),
        draw(st.none() | NAMES),
        tuple(draw(st.lists(VERSIONS, max_size=3))),
        incident,
        problem=draw(TEXTS) if incident is None else None,
        branch=draw(st.none() | TEXTS),
        note=draw(st.none() | TEXTS),
        awaits_merge=draw(st.booleans()),
    )


details = st.builds(
    IncidentDetail, records(), TEXTS, st.booleans(), st.lists(TEXTS, max_size=2).map(tuple),
    st.lists(TEXTS, max_size=2).map(tuple),
)  # fmt: skip


def plain(text: str) -> str:
    return re.sub(r"\x1b\[\d*m", "", text)


@given(st.lists(records(), max_size=4))
def test_no_line_of_a_table_is_longer_than_80_columns(found: list[IncidentRecord]) -> None:
    table = incident_table(found, NOW)
    assert plain(incident_table(found, NOW, color=True)) == table
    lines = table.splitlines()
    assert len(lines) == len(found) + bool(found)
    assert all(len(line) <= 80 and line.isprintable() for line in lines)


@given(details)
def test_no_line_of_a_block_is_longer_than_80_columns_except_a_link(detail: IncidentDetail) -> None:
    lines = incident_text(detail, NOW).split("\n")
    assert all(line.isprintable() for line in lines)
    flags = ("  rollout-spec incident resolve ", "    --")  # a command is not wrapped, so that it can be copied
    assert [line for line in lines if len(line) > 80 and "https://" not in line and not line.startswith(flags)] == []


@given(details)
def test_the_json_has_the_same_fields_for_every_incident(detail: IncidentDetail) -> None:
    shown = WorkspaceIncidents("acme", (detail.record,))
    [summary] = incidents_json(shown)["incidents"]
    found: dict[str, Any] = incident_json(shown, detail)["incident"]
    assert summary.items() <= found.items()
    assert found["state"] == detail.record.state
    if detail.record.spec is not None:
        assert bool(found["commands"]) == (detail.record.state == "open")
        assert ("bad" in found["commands"]) == (detail.record.state == "open" and not detail.is_stable)


def test_lines_of_a_text_stay_apart_and_a_link_stays_whole() -> None:
    known = {"rollout": "fraud", "failed_version": "42", "restored_version": None, "source": "manual"}
    texts = f"One\ntwo \x1b[31m\n{LINK}"
    spec = made(IncidentSpec, observed_at=NOW, status="open", root_cause=texts, **known)
    incident = made(Incident, metadata=made(Metadata, name="fraud-42"), spec=spec)
    record = IncidentRecord("fraud-42", "incidents/fraud-42.yaml", "open", "fraud", ("42",), incident)
    text = incident_text(IncidentDetail(record, "42 is quarantined", is_stable=True), NOW)
    blank = " " * 20
    assert f"  root cause        One\n{blank}two \\u001b[31m\n{blank}{LINK}\n" in text
    assert "  restored version  none: there was no rollback target\n" in text
    assert "--bad" not in text
    assert "promote a version in place of 42 first" in text
