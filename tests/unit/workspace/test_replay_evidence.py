"""The result of a replay is spliced into the evidence of an incident; every other byte stays."""

from __future__ import annotations

import pytest

from rollout_spec.core.yaml.document import parse
from rollout_spec.workspace.edits import with_replay

HEAD = """\
apiVersion: rollout-spec/v1
kind: Incident
metadata: {name: fraud-42}
spec:
  rollout: fraud   # the only one
  failedVersion: "42"
  restoredVersion: null
  source: manual
  observedAt: 2026-11-20T10:15:00Z
"""
SUMMARY = "flip rate 17.1% (14.8% to 19.7%), noise floor 0.0%; it's 3 > 2: #1 {a, b}"


@pytest.mark.parametrize(
    ("evidence", "added"),
    [
        ("", "  evidence: {replay: S}\n"),
        ("  evidence: null\n", "  evidence: {replay: S}\n"),
        ("  evidence:\n", "  evidence: {replay: S}\n"),
        ("  evidence: {}\n", "  evidence: {replay: S}\n"),
        ("  evidence: {value: 0.5}   # of the monitor\n", "  evidence: {value: 0.5, replay: S}   # of the monitor\n"),
        ("  evidence:\n    value: 0.5   # of it\n", "  evidence:\n    value: 0.5   # of it\n    replay: S\n"),
        ("  evidence:\n    replay: old\n    value: 0.5\n", "  evidence:\n    replay: S\n    value: 0.5\n"),
        ("  evidence: {replay: 'old, too', value: 1}\n", "  evidence: {replay: S, value: 1}\n"),
    ],
)
def test_the_evidence_gets_the_result(evidence: str, added: str) -> None:
    tail = "  status: open\n  verdict: null\n"
    edited = with_replay(f"{HEAD}{evidence}{tail}".encode(), SUMMARY).decode()
    (written,) = [line for line in edited.splitlines() if "flip rate" in line]
    quoted = written[written.index("replay: ") + 8 :].split("noise")[0][0]
    start = written.index(quoted + "flip")
    text = written[start : written.index("b}", start) + 3]
    assert edited == HEAD + added.replace("S", text) + tail
    assert parse(edited.encode()).data["spec"]["evidence"]["replay"] == SUMMARY
