"""The result of a replay becomes evidence of its incident, in the working tree."""

from __future__ import annotations

import pytest
from replaying import Replaying
from repo import Repo, run

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("replay")]

INCIDENT = """\
apiVersion: rollout-spec/v1
kind: Incident
metadata: {name: fraud-42, owner: team-risk}   # opened at night
spec:
  rollout: fraud
  failedVersion: "42"
  restoredVersion: "41"
  source: alertmanager
  observedAt: 2026-11-20T10:15:00Z
  evidence:
    summary: 'error_rate of 42: 8%'   # of the monitor
    value: 0.08
  status: open
"""


@pytest.fixture
def rolled_back(replaying: Replaying) -> Repo:
    """The repository after a rollback, with the incident on the base."""
    repo = replaying.repo
    assert repo is not None
    repo.take(lambda live: live.model_copy(update={"candidate": None, "stage": None}), "Withdraw 42", push=False)
    repo.write("incidents/fraud-42.yaml", INCIDENT)
    repo.commit("Record the incident")
    return repo


def test_the_incident_names_the_versions_and_gets_the_result(replaying: Replaying, rolled_back: Repo) -> None:
    done = replaying.run("digits", "--incident", "fraud-42", "--limit", "100")
    assert done.status == 0, done.text
    assert done.out.startswith("fraud: requests of 42 replayed through 41 (incident fraud-42)\n")
    assert "wrote the result into incidents/fraud-42.yaml: commit it" in done.err
    text = (rolled_back.folder / "incidents/fraud-42.yaml").read_text("utf-8")
    (added,) = set(text.splitlines()) - set(INCIDENT.splitlines())
    assert added.startswith('    replay: "replay of 100 requests of 42 through 41, 0 failed; digit: flip rate ')
    assert [line for line in text.splitlines() if line != added] == INCIDENT.splitlines()
    assert rolled_back.git("status", "--short") == "M incidents/fraud-42.yaml"
    rolled_back.commit("Add the result of the replay")
    checked = rolled_back.run("check", "--base", "HEAD~1")
    assert checked.status == 0 and "incidents-kept" not in checked.text, checked.text
    again = replaying.run("digits", "--incident", "fraud-42", "--limit", "50")
    assert again.status == 0, again.text
    text = (rolled_back.folder / "incidents/fraud-42.yaml").read_text("utf-8")
    assert "replay of 50 requests" in text and "replay of 100 requests" not in text


def test_the_newest_incident_is_the_default_and_is_not_edited(replaying: Replaying, rolled_back: Repo) -> None:
    words = replaying.words("digits", "--limit", "20", "--incident", "fraud-42")
    done = run(*words[:-2])
    assert done.status == 0, done.text
    assert "(incident fraud-42)" in done.out
    assert rolled_back.git("status", "--short") == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--incident", "fraud-7"), "there is no incident `fraud-7` here"),
        (("--incident", "../rollouts/fraud"), "there is no incident `../rollouts/fraud` here"),
        (("--incident", "fraud-42", "--failed", "44"), "--failed: fraud has no version `44`"),
        (("--incident", "fraud-42", "--failed", "41"), "41 cannot be both the failed and the restored version"),
    ],
)
def test_versions_that_are_not_known_are_refused(
    replaying: Replaying, rolled_back: Repo, words: tuple[str, ...], message: str
) -> None:
    done = replaying.run("digits", *words)
    assert (done.status, replaying.asked()) == (2, {})
    assert message in done.err
