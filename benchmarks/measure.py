"""What a command costs is what the kernel counts for its process; what that means is said by another one beside it."""

from __future__ import annotations

import importlib.util
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Command:
    """What is measured: words for Python, and the folder where it runs.

    ``scale`` is how many times the work the table is about, where that would take too long; ``processors`` is how many
    it is lent.
    """

    label: str
    words: Sequence[str | Path]
    folder: Path
    module: str = "rollout_spec"
    scale: float = 1
    may_fail: bool = False
    processors: int = 1


@dataclass(frozen=True)
class Cost:
    """What one process and its children took: seconds of CPU, seconds that passed, and MiB at its peak."""

    cpu: float
    wall: float
    peak: float


def table(commands: Sequence[Command], rounds: int, *, warm: bool = True) -> None:
    """Run all commands in turns, and print a row for each; the first one is what the others are compared with."""
    there = [each for each in commands if each.module == "rollout_spec" or importlib.util.find_spec(each.module)]
    for each in there if warm else ():
        cost_of(each)  # compiles what is not compiled yet, and reads the disk once
    turns = [[cost_of(each) for each in there] for _ in range(rounds)]
    print("| | CPU, s | times the first | the first / it | wall, s | peak, MiB |\n|---|---:|---:|---:|---:|---:|")
    for index, each in enumerate(there):
        cpu = median(turn[index].cpu for turn in turns)
        ratio = median(turn[index].cpu / turn[0].cpu for turn in turns)
        wall = median(turn[index].wall for turn in turns)
        peak = max(turn[index].peak for turn in turns)
        print(f"| `{each.label}` | {cpu:.3f} | {ratio:.2f} | {1 / ratio:.2f} | {wall:.2f} | {peak:.0f} |", flush=True)
    for each in commands:
        if each not in there:
            print(f"\n`{each.label}` was not measured: it is not installed.")


def cost_of(command: Command) -> Cost:
    """Run a command to its end, and return what the kernel counted for it and its children."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *command.words],
        cwd=command.folder,
        env=environment(command.folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: lend(command.processors),
    ) as process:
        assert process.stderr
        errors = process.stderr.read().decode()
        _, status, own = os.wait4(process.pid, 0)  # the peak of this process alone, which RUSAGE_CHILDREN does not tell
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if process.returncode and not command.may_fail:
        raise SystemExit(f"{command.label} ended with {process.returncode}:\n{errors}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = own.ru_maxrss / (1024 if sys.platform == "linux" else 1024 * 1024)
    return Cost(cpu * command.scale, wall * command.scale, peak)


def lend(processors: int) -> None:
    """Give this process so many processors, where that can be said."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[-processors:]))


def environment(folder: Path) -> dict[str, str]:
    """Let what lies in a checkout be compiled once, as what is installed is."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONPATH": str(CHECKOUT), "PYTHONPYCACHEPREFIX": str(folder.parent / "compiled")}
