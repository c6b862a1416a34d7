"""What the doctor says of a clone, by the name of each check."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from unittest import mock

from repo import Repo, run

ORDER = ("failed", "warning", "unknown", "ok")
"""The worst first."""


@dataclass(frozen=True)
class Checkup:
    """All checks, as JSON has them."""

    status: int
    checks: list[dict[str, str | None]]
    err: str

    def told(self, name: str) -> list[str]:
        """Return what is said under a name: ``verdict: message; hint``."""
        found = [each for each in self.checks if each["name"] == name]
        return [f"{each['verdict']}: {each['message']}" + f"; {each['hint']}" * bool(each["hint"]) for each in found]

    def verdict(self, name: str) -> str | None:
        """Return the worst verdict under a name, None where there is none."""
        found = [str(each["verdict"]) for each in self.checks if each["name"] == name]
        return min(found, key=ORDER.index, default=None)

    def all(self, *verdicts: str) -> set[str]:
        """Return the names of the checks that ended so."""
        return {str(each["name"]) for each in self.checks if each["verdict"] in verdicts}

    def says(self, name: str, pattern: str) -> None:
        """A check says so, and no two things."""
        found = self.told(name)
        assert len(found) == 1 and re.search(pattern, found[0]), f"{name}: {found}"


def doctor(place: Repo | Path, now: datetime | None = None) -> Checkup:
    """Ask the doctor, two minutes after the last commit where there is one."""
    folder = place.workspace if isinstance(place, Repo) else place
    moment = now or (place.clock[0] + timedelta(minutes=2) if isinstance(place, Repo) else None)
    with mock.patch("rollout_spec.cli.commands.doctor.clock", lambda: moment) if moment else mock.MagicMock():
        answer = run("--repo", str(folder), "doctor", "--format", "json")
    assert answer.out, answer.err
    told = json.loads(answer.out)
    assert told.keys() == {"version", "checks"} and told["version"] == 1
    for check in told["checks"]:
        assert list(check) == ["name", "verdict", "message", "hint"]
        assert check["verdict"] in ORDER and check["message"]
        assert check["verdict"] != "failed" or check["hint"], check
    failed = any(check["verdict"] == "failed" for check in told["checks"])
    assert (answer.status in (1, 3)) == failed
    return Checkup(answer.status, told["checks"], answer.err)
