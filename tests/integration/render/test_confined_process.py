"""The process in which templates and policies run: what it may take, what becomes of it, and when there is none."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bomb_files import PACK, workspace
from repo import run

from rollout_spec.core import bounded_process as confined
from rollout_spec.core.bounded_process import budget, process, worker
from rollout_spec.core.errors import UserError

pytestmark = pytest.mark.system
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory, and forks here")
GOOD = 'a: {{ rollout.name }}\nb: "{{ service.host }}"\n'
FAILING = """apiVersion: rollout-spec/v1
kind: PolicyPack
metadata: {name: ours}
spec:
  policies: [{name: never, expression: "false", message: no, why: why}]
"""


@pytest.fixture(autouse=True)
def _afresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    worker.stop()
    monkeypatch.setenv(budget.SECONDS, "0.5")
    monkeypatch.setenv(budget.MEMORY, "200MiB")
    yield
    worker.stop()


@pytest.fixture(params=["forked", "spawned"])
def _started(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "spawned":
        monkeypatch.setattr(process, "_may_fork", lambda: False)
    elif sys.platform != "linux":
        pytest.skip("only Linux forks here")
    else:
        monkeypatch.setattr(process, "_may_fork", lambda: True)  # the threads of a test runner hold no lock of ours


def ask(task: str, payload: Any = None, count: int = 1, about: str = "a.yaml") -> list[Any]:
    return confined.ask(f"confined_tasks:{task}", payload, count, about)


def stopped(task: str, payload: Any = None, count: int = 1) -> confined.StoppedError:
    with pytest.raises(confined.StoppedError) as told:
        ask(task, payload, count)
    return told.value


# Limits.


@pytest.mark.usefixtures("_started")
def test_what_is_asked_is_answered_by_another_process_that_stays() -> None:
    [first], [second] = ask("process"), ask("process", 1)
    assert first == second != os.getpid()
    assert ask("echo", [1, "é\ud800", None, {"a": [1.5]}], 4) == [1, "é\ud800", None, {"a": [1.5]}]


@pytest.mark.usefixtures("_started")
@pytest.mark.parametrize(
    ("task", "payload", "limit", "why", "answers"),
    [
        pytest.param("keep", 1000, "memory", "this takes more than 200 MiB of memory", [], marks=linux),
        ("spin", None, "time", "this did not end within the 0.5 s that", [1]),
        ("sleep", None, "time", "this did not end within the 0.5 s that", []),
        ("swallow", None, "time", "this did not end within the 0.5 s that", [1]),
        ("turn", None, "time", "this did not end within the 0.5 s that", [1]),
        ("die", None, "crash", "this takes more than 200 MiB of memory, or is nested too deep", [1]),
        ("fail", None, "crash", "this failed: LookupError: there is no such thing", [1]),
        ("recurse", None, "crash", "this is nested too deep", []),
        ("much", 30, "size", "this gives more than 16 MiB", ["x" * 1024**2] * 15),
        ("babble", b"\0\0\0\2[]", "crash", "this takes more than 200 MiB of memory, or is nested too deep", []),
        ("babble", b"\0\0\0\1{" * 9, "crash", "this takes more than 200 MiB of memory, or is nested too deep", []),
        ("babble", b"\xff\xff\xff\xff", "size", "this gives more than 16 MiB", []),
        ("few", None, "crash", "this takes more than 200 MiB of memory, or is nested too deep", [1]),
    ],
)
def test_what_exceeds_a_limit_is_stopped(task: str, payload: Any, limit: str, why: str, answers: list[Any]) -> None:
    start = time.monotonic()
    found = stopped(task, payload, 2 if task == "few" else 1)
    assert (found.limit, found.answers) == (limit, answers)
    assert found.reason.startswith(why)
    assert budget.SECONDS in found.hint and budget.MEMORY in found.hint
    assert time.monotonic() - start < 10
    assert ask("echo", [1]) == [1], "the next one is answered"


def test_no_file_can_be_written_and_none_is_open(tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w"):
        *refused, descriptors = ask("reach", str(tmp_path), 3)
    assert refused == ["no file", "few files"]
    assert descriptors in ("0 1 2 3 4", "0 1 2 3 4 5"), "the last one reads the list"
    assert (tmp_path / "secret").exists() and not (tmp_path / "made").stat().st_size


@linux
def test_where_the_kernel_limits_no_memory_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_may_fork", lambda: True)
    monkeypatch.setattr(process, "has_memory_limit", lambda: False)
    monkeypatch.setenv(budget.SECONDS, "30")
    assert stopped("grow").limit == "memory"


@linux
def test_what_others_left_behind_is_not_held_against_a_request() -> None:
    [first] = ask("keep", 120)
    assert first == 1
    assert ask("keep", 121) == [1], "it was asked again, of a new process"
    assert stopped("keep", 300).limit == "memory"


# One command.


def test_requests_of_one_command_share_its_time() -> None:
    with confined.together():
        start = time.monotonic()
        assert stopped("spin").reason.startswith("this did not end within the 0.5 s")
        for number in range(50):
            found = stopped("spin", number)
        assert found.reason.startswith(
            "this was not run: a workspace's templates, policies and contracts used up their 0.5 s"
        )
        assert time.monotonic() - start < 10
    assert ask("echo", [1]) == [1]


def test_many_files_have_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(budget.SECONDS, "0.1")
    with confined.together():
        for number in range(300):
            assert ask("echo", [number], about=f"rollouts/r{number}.yaml") == [number]


def test_what_was_asked_before_is_not_asked_again() -> None:
    with confined.together():
        [first] = ask("process")
        worker.stop()
        assert ask("process") == [first]
        stopped("die")
        running = worker._worker
        assert stopped("die").answers == [1]
        assert worker._worker is running
    with confined.together():
        assert ask("process") != [first]


@linux
def test_processes_that_are_forked_share_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(budget.MEMORY, "1GiB")
    with confined.together(), confined.shared(4):
        shared = confined._BUDGET.get()
        assert shared is not None and shared.memory == 256 * 1024**2
        for _ in range(3):
            child = os.fork()
            if child == 0:
                shared.spend(0.5)
                os._exit(0)
            os.waitpid(child, 0)
        assert shared.left("x") < 0
        with confined.shared(1000):
            assert shared.memory == 128 * 1024**2
    budget_after = budget.ProcessBudget()
    assert budget_after.memory == 1024**3


@linux
def test_a_process_that_is_forked_starts_one_of_its_own() -> None:
    [mine] = ask("process")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, str(ask("process", 1)[0]).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(reading, 100)) not in (mine, child, os.getpid())
    assert ask("process", 2) == [mine]
    for each in (reading, writing):
        os.close(each)


def test_threads_take_turns() -> None:
    found: list[list[int]] = []
    threads = [threading.Thread(target=lambda n=n: found.append(ask("echo", [n] * 9, 9))) for n in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(found) == [[n] * 9 for n in range(20)]


@linux
def test_where_there_are_threads_nothing_is_forked() -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        assert not process._may_fork()
        assert ask("echo", [1]) == [1]
    finally:
        end.set()
        thread.join()


# No process, and limits that are none.


def refuse(*_: object, **__: object) -> int:
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


@pytest.mark.parametrize("words", [("check",), ("check", "rollouts/fraud.yaml"), ("render",), ("policy", "test")])
def test_where_no_process_can_be_started_nothing_passes(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fork", refuse)
    monkeypatch.setattr(os, "posix_spawn", refuse)
    text = GOOD if words == ("render",) else None
    done = run("--repo", str(workspace(tmp_path, text=text, policies=None if text else FAILING)), *words)
    assert done.status == 2
    assert (
        "no process can be started for the templates, policies and contracts of this workspace: Resource tempor"
        in done.err
    )


def test_a_process_that_ends_at_once_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_may_fork", lambda: False)
    monkeypatch.setattr(process, "_BOOT", "raise SystemExit(3)")
    with pytest.raises(UserError, match="it ended before it was ready"):
        ask("echo", [1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (budget.SECONDS, "0"),
        (budget.SECONDS, "-1"),
        (budget.SECONDS, "nan"),
        (budget.SECONDS, "10s"),
        (budget.MEMORY, "0"),
        (budget.MEMORY, "1GB"),
        (budget.MEMORY, "lots"),
        (budget.MEMORY, "9" * 40),
    ],
)
def test_a_limit_that_is_none_is_said_so(
    name: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    done = run("--repo", str(workspace(tmp_path, policies=FAILING)), "check", PACK)
    assert done.status == 2
    assert name in done.err and value in done.err


@pytest.mark.parametrize(("value", "size"), [("1GiB", 2**30), ("300 MiB", 300 * 2**20), ("5000000", 5_000_000)])
def test_a_limit_of_memory_is_a_size(value: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(budget.MEMORY, value)
    assert budget.ProcessBudget().memory == size
