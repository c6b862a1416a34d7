"""Hostile labels, annotations and links change neither the commit, nor the pull request, nor the log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
import served
from repo import Repo, git
from served import Served

pytestmark = pytest.mark.system
LINE = "\n2026-11-22T00:00:00Z info stored breach=forged"
HOSTILE = (
    "{{ 7 * 1234567 }} {% for x in y %} ${HOME} $(id) `id`\n"
    "Co-authored-by: Mallory <mallory@example.com>\n\nSigned-off-by: Mallory <m@example.com>\n"
    "[click](javascript:alert(1)) <script>alert(1)</script> <!-- hidden --> @org/everyone #1 closes #2\n"
    "| a | b |\n# A heading\n```\nrollout: other\n\x1b[2J\x1b]0;title\x07\u202e\u2028\r\n" + LINE
)


@pytest.fixture(params=["text", "json"])
def running(request: pytest.FixtureRequest, repo: Repo) -> Iterator[Served]:
    served.settings(repo)
    with served.service(repo, "--log", request.param) as service:
        yield service


def hostile_alert(**labels: str) -> dict[str, object]:
    alert = served.alert(**{"trigger": "latency-sla", "alertname": HOSTILE, "extra": HOSTILE, **labels})
    alert["annotations"] = {"summary": HOSTILE, "value": HOSTILE, "runbook_url": f"javascript:{HOSTILE}"}
    return {**alert, "generatorURL": f"https://example.com/)\n\nCo-authored-by: M <m@example.com>{HOSTILE}"}


def test_a_hostile_alert(running: Served, repo: Repo) -> None:
    breach = running.answered(hostile_alert())
    assert breach["outcome"]["verdict"] == "act", breach["outcome"]
    (pull,) = repo.pull_requests()
    message = git(repo.remote, "log", "-1", "--format=%B", repo.tip(pull["head"]))
    trailers = git(repo.remote, "log", "-1", "--format=%(trailers:only)", repo.tip(pull["head"]))
    for text in (message, pull["body"], pull["title"]):
        assert str(7 * 1234567) not in text, text
        assert "\x1b" not in text and "\u202e" not in text
        assert not re.search(r"^(Co-authored-by|Signed-off-by|# A heading|rollout: other)", text, re.MULTILINE), text
    assert "allory" not in trailers and "m@example.com" not in trailers
    outside_code = re.sub(r"`[^`\n]*`", "", pull["body"])
    for text in ("<script>", "<!-- hidden", "](javascript:", "@org/everyone", "closes #2"):
        assert text not in outside_code, text
    check_lines(running)


def test_hostile_names(running: Served) -> None:
    for name in ("rollout", "version", "trigger", "workspace"):
        reply = running.post(hostile_alert(**{name: HOSTILE}))
        assert reply.status_code == 202, reply.text
        assert "\n" not in "".join(reply.json()["skipped"])
        assert all(each["state"] != "waiting" or name == "trigger" for each in reply.json()["breaches"]), reply.text
    running.send(b"{}", monitor="alertmanager", **{"X-Hostile": "a" + LINE.strip()})
    running.send(json.dumps({"version": HOSTILE}).encode())
    running.send(b"{}", query=f"?{HOSTILE.encode().hex()}=%0d%0a2026-11-22T00:00:00Z%20info")
    check_lines(running)


def check_lines(running: Served) -> None:
    """Check that each line of the log is one event of ours."""
    lines = running.lines.splitlines()
    assert "forged" not in {word for line in lines for word in line.split("breach=")[1:]}
    for line in running.lines.split("\n")[:-1]:
        assert line.isprintable(), line
        if line.startswith("{"):
            assert {"time", "level", "logger", "message"} <= json.loads(line).keys()
        else:
            assert re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ (info|warning|error) ", line), line
    assert len(lines) == running.lines.count("\n"), "no other character ends a line"
