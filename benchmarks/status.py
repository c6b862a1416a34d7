"""Measures ``status`` of 1,000 rollouts, and ``history`` of one of them, in a short and a long history."""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from history import write_history
from measure import Command, table


def main() -> None:
    """Write two histories, and print a table of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rollouts", type=int, default=1000, help="(default: 1000)")
    parser.add_argument("--changes", type=int, default=20_000, help="of the long history (default: 20000)")
    parser.add_argument("--rounds", type=int, default=3, help="(default: 3)")
    chosen = parser.parse_args()
    os.environ.update(GIT_CONFIG_GLOBAL="/dev/null")
    for changes in (0, chosen.changes):
        with tempfile.TemporaryDirectory() as place:
            remote, clone = Path(place, "models.git"), Path(place, "models")
            with ProcessPoolExecutor(1, get_context("spawn")) as apart:
                names = apart.submit(write_history, remote, chosen.rollouts, changes).result()
            subprocess.run(["git", "clone", "-q", str(remote), str(clone)], check=True)
            count = subprocess.check_output(["git", "rev-list", "--count", "HEAD"], cwd=clone, text=True).strip()
            print(f"## {len(names):,} rollouts, all in a stage with a hold, {int(count):,} commits\n", flush=True)
            table(commands(clone, names[0]), chosen.rounds)
            print()


def commands(clone: Path, name: str) -> list[Command]:
    """Return the commands that take turns. The first one is only the start of a process."""
    run = ["-m", "rollout_spec"]
    return [
        Command("--version", [*run, "--version"], clone),
        Command("status, one processor", [*run, "status"], clone),
        Command("status, two processors", [*run, "status"], clone, processors=2),
        Command("status ROLLOUT", [*run, "status", name], clone),
        Command("history ROLLOUT", [*run, "history", name], clone),
        Command("git log --first-parent -- FILE", ["-c", LOG, f"rollouts/{name}.yaml"], clone, "git"),
    ]


LOG = """
import subprocess, sys
subprocess.run(["git", "log", "--first-parent", "--", sys.argv[1]], stdout=subprocess.DEVNULL, check=True)
"""

if __name__ == "__main__":
    main()
