"""People get one message for each outcome, and a message that fails holds nothing up."""

from __future__ import annotations

from pathlib import Path

import pytest
import served
from hook import hook
from repo import Repo, run

pytestmark = pytest.mark.system

HARD = {"trigger": "latency-sla"}


def notify(repo: Repo, *targets: str) -> None:
    """Name recipients in the workspace on the base."""
    text = repo.at("HEAD", ".rollout-spec.yaml")
    listed = ", ".join(targets)
    repo.write(".rollout-spec.yaml", text.replace("  service:\n", f"  service:\n    notify: [{listed}]\n"))
    repo.commit("Notify people")


def test_each_outcome_is_one_message_and_a_failed_one_is_sent_again(repo: Repo) -> None:
    served.settings(repo)
    notify(repo, "{type: slack, url: {env: CHANNEL}}")
    with hook() as channel, served.service(repo, environment={"CHANNEL": channel.address}) as service:
        channel.status = 500
        breach = service.answered(served.alert(**HARD))
        assert breach["outcome"]["verdict"] == "act" and repo.pull_requests()[0]["autoMerge"] is True
        served.until(lambda: len(channel.posts), lambda count: count >= 2)
        channel.status = 200
        tries = served.until(lambda: len(channel.posts), lambda count: count >= 3)
        assert run("--repo", str(repo.folder), "local", "merge", "1").status == 0
        service.settled(breach["id"])
        served.until(lambda: channel.texts[-1], lambda text: "rolled back (fraud to 41)" in text)
        assert all("merges once its checks pass" in text for text in channel.texts[:tries])
        assert len(channel.posts) == tries + 1
        assert channel.address not in service.lines


def test_a_program_gets_the_outcome_as_data_and_other_recipients_do_not_wait_for_it(repo: Repo, tmp_path: Path) -> None:
    served.settings(repo)
    token = tmp_path / "token"
    token.write_text("of-the-program\n")
    notify(
        repo,
        "{type: slack, url: {env: ABSENT}}",
        f"{{type: webhook, url: {{env: PROGRAM}}, bearer: {{file: {token}}}}}",
    )
    with hook() as program, served.service(repo, environment={"PROGRAM": program.address}) as service:
        breach = service.answered(served.alert())  # this trigger is soft so long after the start of the stage
        served.until(lambda: len(program.posts), lambda count: count == 1)
        headers, data = program.posts[0][0], program.data(0)
        assert headers["Authorization"] == "Bearer of-the-program"
        assert (data["breach"], data["rollout"], data["version"]) == (breach["id"], "fraud", "42")
        assert data["outcome"]["verdict"] == "draft" and data["url"] == breach["outcome"]["pullRequest"]["url"]
        served.until(lambda: service.lines, lambda text: "ABSENT is not set" in text)
        assert len(program.posts) == 1


def test_an_alert_that_ends_is_noted_on_the_pull_request_and_changes_nothing_else(repo: Repo) -> None:
    served.settings(repo)
    with served.service(repo) as service:
        alert = served.alert(**HARD)
        breach = service.answered(alert)
        assert service.post({**alert, "status": "resolved", "endsAt": served.now_text()}).status_code == 202
        noted = served.until(lambda: service.breach(breach["id"]), lambda each: each["outcome"].get("ended"))
        assert noted["state"] == "watching" and noted["endedAt"]
        pull = repo.pull_requests()[0]
        assert pull["state"] == "open" and pull["autoMerge"] is True
        assert "The alert ended at" in str(pull["comments"])
