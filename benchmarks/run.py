"""Measures what checking costs, beside what other checkers cost: prints a table, writes nothing.

The commands of one table take turns, so that a busy moment of the machine meets all of them. CPU time is what the
kernel counts for the whole process, its start included; ratios are medians of the ratios within one turn.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from generate import write_workspace

CHECKOUT = Path(__file__).resolve().parent.parent
SCHEMA = CHECKOUT / "schemas" / "model-rollout.schema.json"
LOAD = "import sys, yaml\nfor file in sys.argv[1:]:\n    yaml.load(open(file, 'rb'), yaml.CSafeLoader)"


@dataclass(frozen=True)
class Command:
    """What is measured. ``scale`` is how many times the work the table is about, where that would take too long."""

    label: str
    words: Sequence[str | Path]
    module: str
    scale: float = 1
    may_fail: bool = False


@dataclass(frozen=True)
class Cost:
    """What one process took: seconds of CPU, and MiB at its peak."""

    cpu: float
    peak: float


def main() -> None:
    """Measure one file, and many."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=2000, help="files of the second table (default: 2000)")
    parser.add_argument("--rounds", type=int, default=15, help="turns of the first table (default: 15)")
    parser.add_argument("--batch-rounds", type=int, default=5, help="turns of the second table (default: 5)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_workspace(folder, chosen.rollouts)
        files = sorted((folder / "rollouts").iterdir())
        size = sum(file.stat().st_size for file in files) / len(files)
        print(f"Rollouts of {size:,.0f} bytes; Python {sys.version.split()[0]}.\n\n## One file, one process\n")
        table(one_file(files), folder, chosen.rounds)
        print(f"\n## {len(files):,} files, one process\n")
        table(many_files(files), folder, chosen.batch_rounds)


def one_file(files: Sequence[Path]) -> list[Command]:
    """What a commit of one file costs."""
    file, ranged = files[0], next(file for file in files if ">=" in file.read_text())
    return [
        Command("rollout-spec check FILE", ["-m", "rollout_spec", "check", file], "rollout_spec"),
        Command("… that pins a range", ["-m", "rollout_spec", "check", ranged], "rollout_spec"),
        Command("yaml.load(FILE, CSafeLoader)", ["-c", LOAD, file], "yaml"),
        Command("check-jsonschema FILE", _schema(file), "check_jsonschema"),
        Command("yamllint FILE", ["-m", "yamllint", file], "yamllint", may_fail=True),
    ]


def many_files(files: Sequence[Path]) -> list[Command]:
    """What a whole workspace costs. The slow ones get a tenth of it."""
    some = files[: max(1, len(files) // 10)]
    scale = len(files) / len(some)
    share = f"({len(some):,} files, times {scale:g})"
    return [
        Command("rollout-spec check rollouts/", ["-m", "rollout_spec", "check", "rollouts/"], "rollout_spec"),
        Command("yaml.load(…, CSafeLoader)", ["-c", LOAD, *files], "yaml"),
        Command(f"check-jsonschema {share}", _schema(*some), "check_jsonschema", scale),
        Command(f"yamllint {share}", ["-m", "yamllint", *some], "yamllint", scale, may_fail=True),
    ]


def _schema(*files: Path) -> list[str | Path]:
    return ["-m", "check_jsonschema", "--schemafile", SCHEMA, *files]


def table(commands: Sequence[Command], folder: Path, rounds: int) -> None:
    """Run all commands in turns, and print a row for each; the first one is what the others are divided by."""
    there = [each for each in commands if each.module == "rollout_spec" or importlib.util.find_spec(each.module)]
    for each in there:
        cost_of(each, folder)  # compiles what is not compiled yet, and reads the disk once
    turns = [[cost_of(each, folder) for each in there] for _ in range(rounds)]
    print("| | CPU, s | times ours | ours / it | peak, MiB |\n|---|---:|---:|---:|---:|")
    for index, each in enumerate(there):
        cpu = median(turn[index].cpu for turn in turns)
        ratio = median(turn[index].cpu / turn[0].cpu for turn in turns)
        peak = max(turn[index].peak for turn in turns)
        print(f"| `{each.label}` | {cpu:.3f} | {ratio:.2f} | {1 / ratio:.2f} | {peak:.0f} |")
    for each in commands:
        if each not in there:
            print(f"\n`{each.label}` was not measured: it is not installed.")


def cost_of(command: Command, folder: Path) -> Cost:
    """Run a command to its end, and return what the kernel counted for it and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen(
        [sys.executable, *command.words],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr
        errors = process.stderr.read().decode()
        _, status, own = os.wait4(process.pid, 0)  # the peak of this process alone, which RUSAGE_CHILDREN does not tell
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode and not command.may_fail:
        raise SystemExit(f"{command.label} ended with {process.returncode}:\n{errors}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = own.ru_maxrss / (1024 if sys.platform == "linux" else 1024 * 1024)
    return Cost(cpu * command.scale, peak)


def environment(folder: Path) -> dict[str, str]:
    """Let what lies in a checkout be compiled once, as what is installed is."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONPATH": str(CHECKOUT), "PYTHONPYCACHEPREFIX": str(folder / "compiled")}


if __name__ == "__main__":
    main()
