"""A child process that serves requests: start, pipes and end.

On Linux it is forked, which takes a few milliseconds. If this process has threads, or on macOS, it is a new
interpreter: a lock that a thread holds would never be released in a fork.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path

_LOOK = 0.1  # seconds between two checks of the memory, if the kernel does not limit it
_BOOT = """import sys
sys.path[:] = sys.argv[3:]
from rollout_spec.core.bounded_process.serving import serve
serve(0, 1, int(sys.argv[1]), sys.argv[2])"""
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL")


class DiedError(Exception):
    """The process ended, or violated the protocol."""


class LateError(Exception):
    """The process did not answer in time."""


class SwollenError(Exception):
    """The process takes too much memory."""


def has_memory_limit() -> bool:
    """Return whether the kernel limits the memory of a process.

    macOS accepts a limit but does not enforce it.
    """
    return sys.platform == "linux"


class Process:
    """A child with a pipe to it and one from it. OSError if it cannot be started."""

    def __init__(self, module: str, memory: int) -> None:
        self.memory = memory
        self._pid = 0
        requests, self._sink = os.pipe()
        self._source, answers = os.pipe()
        try:
            start = _forked if _may_fork() else _spawned
            self._pid = start(requests, answers, module, memory)
        except BaseException:
            self.close()
            raise
        finally:
            os.close(requests)
            os.close(answers)
        os.set_blocking(self._sink, False)

    def send(self, data: bytes, deadline: float) -> None:
        """Write bytes."""
        unsent = memoryview(data)
        while unsent:
            self._wait(deadline, sends=True)
            try:
                unsent = unsent[os.write(self._sink, unsent) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise DiedError from None

    def receive(self, size: int, deadline: float) -> bytes:
        """Read ``size`` bytes."""
        data = bytearray()
        while len(data) < size:
            self._wait(deadline)
            read = os.read(self._source, min(size - len(data), 1024**2))
            if not read:
                raise DiedError
            data += read
        return bytes(data)

    def _wait(self, deadline: float, *, sends: bool = False) -> None:
        """Wait until the pipe is ready."""
        poll = select.poll()  # not select: a descriptor above 1,023 is too large for that
        poll.register(self._sink if sends else self._source, select.POLLOUT if sends else select.POLLIN)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise LateError
            if poll.poll(1000 * (left if has_memory_limit() else min(left, _LOOK))):
                return
            if not has_memory_limit() and _resident(self._pid) > self.memory:
                raise SwollenError

    def worked(self) -> float | None:
        """Return the processor seconds that it used, or None if the kernel does not report them."""
        if sys.platform != "linux":
            return None
        return time.clock_gettime(~self._pid << 3 | 2)  # the clock id of clock_getcpuclockid(3) in glibc and musl

    def end(self) -> None:
        """Kill the process and its children."""
        self.close()
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError, PermissionError):
                kill(self._pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def close(self) -> None:
        """Close the pipes."""
        os.close(self._source)
        os.close(self._sink)


def _may_fork() -> bool:
    try:
        return sys.platform == "linux" and len(list(Path("/proc/self/task").iterdir())) == 1
    except OSError:
        return False


def _forked(requests: int, answers: int, module: str, memory: int) -> int:
    import_module(module)  # here, so that the next fork has it too
    pid = os.fork()
    if pid == 0:
        from rollout_spec.core.bounded_process.serving import serve

        serve(requests, answers, memory, module)
    return pid


def _spawned(requests: int, answers: int, module: str, memory: int) -> int:
    """Start an interpreter without the environment variables, which may hold secrets."""
    if not sys.executable:
        raise OSError("the path of the Python interpreter is not known")
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    actions = [(os.POSIX_SPAWN_DUP2, requests, 0), (os.POSIX_SPAWN_DUP2, answers, 1)]
    arguments = [sys.executable, "-I", "-B", "-c", _BOOT, str(memory), module, *map(os.path.abspath, sys.path)]
    return os.posix_spawn(sys.executable, arguments, environment, file_actions=actions)


def _resident(pid: int) -> int:
    """Return the bytes of memory that a process uses, 0 if it ended."""
    from subprocess import run

    result = run(["/bin/ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603
    return 1024 * int(result.stdout.strip() or 0)
