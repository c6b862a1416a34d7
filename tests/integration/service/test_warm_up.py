"""The worker imports its modules before the first breach comes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import folders
import pytest
import served
from repo import Repo

from rollout_spec.integrations import forges
from rollout_spec.service.health import State, refresh
from rollout_spec.service.warm_up import warm_up

pytestmark = pytest.mark.system

_FIRST_ANSWER = """\
import json, sys
from datetime import UTC, datetime
from pathlib import Path

from rollout_spec.service import worker_process
from rollout_spec.service.answers import answer_all
from rollout_spec.service.database import Database
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.records import NewBreach
from rollout_spec.service.warm_up import warm_up
from rollout_spec.service.worker import Worker, WorkerOptions
from rollout_spec.service.workspaces import Served, serve_again
from rollout_spec.core.breach import Breach

root, told = Path(sys.argv[1]), []
database = Database(f"sqlite:///{root}/inbox.sqlite3")
database.prepare()
inbox, served = Inbox(database), serve_again(root, Served())
breach = Breach("b-1", "alertmanager", "fraud", "42", datetime.now(UTC), "latency-sla")
inbox.add([NewBreach("acme-models", "alertmanager", breach)])
warm_up(served)
before = set(sys.modules)
assert Worker(inbox, WorkerOptions(root), told.append, served=served).work()
(answer,) = [each for each in told if each is not None]
new = sorted(set(sys.modules) - before)
print(json.dumps({"state": answer.state, "verdict": answer.outcome.get("verdict"), "new": new}))
"""


def test_the_first_answer_imports_next_to_nothing(repo: Repo) -> None:
    served.settings(repo)
    mirror = served.mirror(repo)
    done = subprocess.run(
        [sys.executable, "-c", _FIRST_ANSWER, str(mirror)], cwd=folders.CHECKOUT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["state"], answer["verdict"]) == ("watching", "act")
    assert len(answer["new"]) <= 5, answer["new"]


def test_a_forge_without_its_library_stops_no_worker(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    served.settings(repo)
    state = State()
    refresh(Path(served.mirror(repo)), state)
    assert state.served.workspaces.keys() == {"acme-models"}
    monkeypatch.setattr(forges, "load", lambda _: forges.connect("none", None))  # type: ignore[arg-type]
    warm_up(state.served)
    assert "not all modules are loaded: pull requests on none are not supported" in caplog.text


@pytest.mark.parametrize("kind", forges.FORGES)
def test_each_forge_has_modules_to_load(kind: str) -> None:
    forges.load(kind)
