"""The table of `registry verify` keeps an address, which anybody may record, in its line."""

from __future__ import annotations

from rollout_spec.core.registered import Examination
from rollout_spec.reports.registry_text import ArtifactRow, artifacts_table


def test_an_address_stays_in_its_line() -> None:
    row = ArtifactRow("fraud", "41", "stable", Examination("s3://m/\n::error::x\x1b[31m", "listed"))
    table = artifacts_table([row])
    assert table.splitlines()[-1] == "    s3://m/\\n::error::x\\u001b[31m"
