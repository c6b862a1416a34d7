"""What another process built is built again to the byte, and lands on a branch that git can make."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import islice

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from repo import EXAMPLE

from rollout_spec.core.breach import Breach, Evidence
from rollout_spec.rollback import Step, UndoneCommits
from rollout_spec.rollback.incident import breach_of, incident_text
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workflows.branch_names import branch_names
from rollout_spec.workspace.loader import read_file
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.working_tree import WorkingTree


def the_rollout() -> ModelRollout:
    file = Repository(WorkingTree(EXAMPLE)).rollout("fraud")
    assert file is not None and file.model is not None
    return file.model


ROLLOUT = the_rollout()
SCALARS = ("null", "~", "yes", "0x1F", "1e5", "- x", "? :", "'", '"', "\\", "# no", "a: b", "|", "*x", "!!str 1")
LETTERS = ("\ud800", "\u2028", "\u0085", "\ufeff", "\U0001f600", "\u202e", "\x00", "e\u0301")
WORDS = st.text(max_size=80) | st.text(min_size=490, max_size=510) | st.sampled_from(SCALARS + LETTERS)
DIGITS = r"-?[0-9]{1,45}(\.[0-9]{1,45})?([eE][+-]?[0-9]{1,3})?"
NUMBERS = st.decimals() | st.from_regex(DIGITS, fullmatch=True).map(Decimal)
"""Zero has a test of its own."""
URLS = st.from_regex(r"https?://(?:(?![<>\"'`{}|\\^])[!-~]){1,90}", fullmatch=True)
"""As the monitors let them through."""
TIMES = st.datetimes(
    datetime(1900, 1, 1),
    datetime(9990, 1, 1),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]),
)
BREACHES = st.builds(
    Breach,
    id=st.text(max_size=9),
    source=WORDS,
    rollout=st.just("fraud"),
    version=st.sampled_from(["42", "41", "1.10", "1e5", "0x1F", "null"]),
    observed_at=TIMES,
    trigger=st.none() | WORDS | st.sampled_from(["latency-sla", "null", "true", "1-2", "007"]),
    evidence=st.builds(Evidence, WORDS, st.none() | NUMBERS, st.none() | URLS),
)
UNDONE = UndoneCommits((Step("0123456" * 5 + "01234", datetime(2026, 1, 1, tzinfo=UTC), "s", None, None),))


def incident_of(breach: Breach, undone: UndoneCommits = UNDONE) -> str:
    return incident_text("fraud-42", breach, ROLLOUT, breach.version or "", "41", "canary-5", undone)


@given(BREACHES)
@example(Breach("", " ", "fraud", "42", datetime(2026, 1, 1, tzinfo=UTC), "", evidence=Evidence(" ", Decimal("1e39"))))
@example(Breach("", "x" * 501, "fraud", "42", datetime(2026, 1, 1, tzinfo=UTC), evidence=Evidence("é" * 501)))
def test_of_the_breach_that_an_incident_records_the_same_incident_is_written(breach: Breach) -> None:
    assert_same(breach)


def assert_same(breach: Breach) -> None:
    """Write an incident of a breach, read the breach back, and write it again."""
    first = incident_of(breach)
    file = read_file("incidents/fraud-42.yaml", "Incident", first.encode())
    assert file.model is not None, first
    again = breach_of(file.model.spec)
    assert incident_of(again) == first
    assert (again.version, again.observed_at) == (breach.version, breach.observed_at.replace(microsecond=0))


def test_the_breach_of_an_incident_is_what_it_says() -> None:
    moment = datetime(2026, 1, 1, 9, 30, tzinfo=UTC)
    seen = Evidence("p99 is 900ms", Decimal("0.9"), "https://x.example/1")
    told = Breach("alertmanager-1", "alertmanager", "fraud", "42", moment, "latency-sla", "acme", evidence=seen)
    text = incident_of(told)
    file = read_file("incidents/fraud-42.yaml", "Incident", text.encode())
    assert file.model is not None
    assert breach_of(file.model.spec) == replace(told, id="", workspace=None)
    assert breach_of(file.model.spec.model_copy(update={"evidence": None})) == replace(
        told, id="", workspace=None, evidence=Evidence()
    )


ZEROS = ["-0", "-0E+3"]


@pytest.mark.parametrize("number", ["0", "0.0", "0E+3", "0.000", "-0.0", "-0e-9", *ZEROS])
def test_of_a_zero_the_same_incident_is_written(number: str) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    breach = Breach("", "alertmanager", "fraud", "42", moment, evidence=Evidence("", Decimal(number)))
    assert_same(breach)


# The names of branches.

FOLDERS = st.sampled_from(["rollback", "acme", "fraud", "rollback.2", "acme.2", "fraud.2", "fraud.3"])
LAST = st.sampled_from(["42-0123abcd", "42-0123abcd-2", "42-0123abcd-3", "x"])
BRANCH = "rollback/acme/fraud/42-0123abcd"
NAMES = st.lists(FOLDERS, min_size=0, max_size=4).flatmap(
    lambda folders: st.one_of(LAST, FOLDERS).map(lambda last: "/".join([*folders, last]))
)


def clash(name: str, other: str) -> bool:
    """Return whether git cannot hold two branches side by side."""
    return name.startswith(f"{other}/") or other.startswith(f"{name}/")


@given(st.lists(NAMES, max_size=12))
@example(["rollback"])
@example(["rollback", "rollback.2"])
@example(["rollback/acme", "rollback/acme.2"])
@example([f"{BRANCH}/mine", f"{BRANCH}-2/mine"])
def test_git_can_make_each_name_that_is_free(wanted: list[str]) -> None:
    taken: dict[str, str] = {}
    for name in wanted:  # as git would let them be made, one after another
        if not any(clash(name, other) for other in taken):
            taken[name] = "0" * 40
    found = list(islice(branch_names(BRANCH, taken, instead="0" * 12), 4))
    assert len(set(found)) == 4
    assert [(name, other) for name in found for other in taken if clash(name, other)] == []
    if not any(clash(BRANCH, other) for other in taken):
        assert found[:2] == [BRANCH, f"{BRANCH}-2"] or f"{BRANCH}-2/" in " ".join(taken)
    ours = re.compile(r"rollback(\.\d+)?/acme(\.\d+)?/fraud(\.\d+)?/42-0123abcd(-\d+)?")
    assert all(ours.fullmatch(name) for name in found), "a name says whose it is"
