"""Measures a rollback from the breach to the pushed branch, in a long history, beside ``git revert`` in a worktree.

What takes turns meets the same moments of the machine: for each of some rollouts, one rollback in a process of its own,
one in a process that runs already, and one revert. What was pushed is deleted before the next one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from history import write_history
from measure import CHECKOUT, Command, cost_of, environment

RUNNING = """
import sys, time
from rollout_spec.cli import main
for payload in sys.stdin:
    start = time.perf_counter()
    sys.stdout = sys.stderr
    status = main(["--repo", sys.argv[1], "rollback", "--breach", payload.strip()])
    sys.stdout = sys.__stdout__
    print(status, time.perf_counter() - start, flush=True)
"""
"""Rolls back for each payload whose path it reads, and says how long it took."""


def main() -> None:
    """Write two histories, measure in both, and print a table of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=500, help="(default: 500)")
    parser.add_argument("--changes", type=int, default=20_000, help="of the long history (default: 20000)")
    parser.add_argument("--samples", type=int, default=25, help="rollouts that are taken back (default: 25)")
    chosen = parser.parse_args()
    os.environ.update(GIT_CONFIG_GLOBAL="/dev/null", GIT_AUTHOR_NAME="Ada", GIT_AUTHOR_EMAIL="ada@example.com")
    os.environ.update(GIT_COMMITTER_NAME="Ada", GIT_COMMITTER_EMAIL="ada@example.com")
    for changes in (chosen.changes // 8, chosen.changes):
        with tempfile.TemporaryDirectory() as place:
            # In a process of its own: what is started from a large one seems as large.
            with ProcessPoolExecutor(1, get_context("spawn")) as apart:
                names = apart.submit(write_history, Path(place, "remote.git"), chosen.rollouts, changes).result()
            bench = Bench(Path(place))
            count = git(bench.clone, "rev-list", "--count", "HEAD").strip()
            print(f"## {len(names)} rollouts, {changes:,} changes, {int(count):,} commits\n")
            bench.measure(names[:: max(1, len(names) // chosen.samples)][: chosen.samples])


def git(folder: Path, *words: str) -> str:
    """Run git, and return what it says."""
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout


class Bench:
    """A remote, a mirror of it that is warm, and a clone with files that knows which commit changed what."""

    def __init__(self, place: Path) -> None:
        self.place, self.remote = place, place / "remote.git"
        self.clone, self.mirror = place / "clone", place / "mirror.git"
        git(self.remote, "config", "uploadpack.allowFilter", "true")
        git(place, "clone", "-q", self.remote.as_uri(), str(self.clone))
        git(self.clone, "commit-graph", "write", "--reachable", "--changed-paths")
        words = ["-m", "rollout_spec", "mirror", str(self.mirror)]
        made, again = (cost_of(Command("mirror", words, self.clone)) for _ in range(2))
        files = sum(path.stat().st_size for path in self.mirror.rglob("*") if path.is_file())
        size = f"{files / 2**20:.0f} MiB"
        print(f"The mirror is made in {made.wall:.1f} s, and found warm in {again.wall:.1f} s: {size}.\n")
        self.conflicts = 0

    def measure(self, names: list[str]) -> None:
        """Take turns, and print the table."""
        walls: dict[str, list[float]] = {"process": [], "running": [], "revert": []}
        peaks, cpus = [], []
        words = [sys.executable, "-c", RUNNING, str(self.mirror)]
        with subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=environment(self.place / "x"),
        ) as running:  # fmt: skip
            assert running.stdin and running.stdout
            for number, name in enumerate([names[0], *names]):
                self.conflicts *= number > 1  # the first one compiles and reads the disk
                payload = self.payload(name, number)
                own = ["-m", "rollout_spec", "--repo", str(self.mirror), "rollback", "--breach", payload]
                cost = cost_of(Command("rollback", own, self.mirror))
                self.forget(name)
                running.stdin.write(f"{payload}\n")
                running.stdin.flush()
                status, took = running.stdout.readline().split()
                assert status == "0", f"rolling back {name} ended with {status}"
                self.forget(name)
                reverted = self.timed(lambda name=name: self.revert(name))  # type: ignore[misc]
                if number:
                    peaks.append(cost.peak)
                    cpus.append(cost.cpu)
                    walls["process"].append(cost.wall)
                    walls["running"].append(float(took))
                    walls["revert"].append(reverted)
            running.stdin.close()
        labels = {
            "process": "`rollout-spec rollback`, a process of its own",
            "running": "the same, in a process that runs",
        }
        print("| from the breach to the pushed branch | median, s | longest, s |\n|---|---:|---:|")
        for key, took_ in walls.items():
            label = labels.get(key, f"`git revert` in a worktree ({self.conflicts} of {len(took_)} conflict)")
            print(f"| {label} | {median(took_):.3f} | {max(took_):.3f} |")
        print(f"\nCPU of a process: {median(cpus):.3f} s; its peak, or its largest child's: {max(peaks):.0f} MiB.\n")

    def timed(self, act: Callable[[], None]) -> float:
        """Return how long something took."""
        start = time.perf_counter()
        act()
        return time.perf_counter() - start

    def payload(self, name: str, number: int) -> Path:
        """Write what a monitor would send, each an hour after the last: so many at once would be a shared cause."""
        version = self.live(name)["candidate"]
        labels = {"workspace": "benchmark", "rollout": name, "version": version, "trigger": "serving-errors"}
        alert = {
            "status": "firing",
            "labels": labels,
            "startsAt": f"2026-01-{number // 24 + 1:02}T{number % 24:02}:00:00Z",
        }
        path = self.place / f"{name}.json"
        path.write_text(json.dumps({"version": "4", "status": "firing", "alerts": [alert]}))
        return path

    def live(self, name: str) -> dict[str, str]:
        """Return who is stable, and who the candidate."""
        lines = (self.clone / f"rollouts/{name}.yaml").read_text().splitlines()
        pairs = (line.split(":") for line in lines if line.startswith(("    stable", "    candidate")))
        return {key.strip(): value.strip(' "') for key, value in pairs}

    def forget(self, name: str) -> None:
        """Make sure that the branch is right, and delete it with its pull request."""
        pattern = f"refs/heads/rollback/benchmark/{name}"
        branches = git(self.remote, "for-each-ref", "--format=%(refname:lstrip=2)", pattern).split()
        assert len(branches) == 1, branches
        text = git(self.remote, "show", f"{branches[0]}:rollouts/{name}.yaml")
        assert "    candidate:" not in text and f'stable: "{self.live(name)["stable"]}"' in text
        git(self.remote, "update-ref", "-d", f"refs/heads/{branches[0]}")
        shutil.rmtree(f"{self.remote}.pulls")

    def revert(self, name: str) -> None:
        """Do what a bot does that has git alone: find the commit that brought the candidate in, revert it, push."""
        path, tree = f"rollouts/{name}.yaml", self.place / "tree"
        git(self.clone, "fetch", "-q", "origin", "main")
        candidate = self.live(name)["candidate"]
        wanted = ("--first-parent", "-1", "--format=%H %P", f'-Scandidate: "{candidate}"')
        found = git(self.clone, "log", *wanted, "--", path).split()
        git(self.clone, "worktree", "add", "-q", "--detach", str(tree), "origin/main")
        mainline = ["-m", "1"] if len(found) > 2 else []
        words = ["git", "revert", "--no-edit", *mainline, found[0]]
        done = subprocess.run(words, cwd=tree, capture_output=True, check=False)
        if done.returncode:
            self.conflicts += 1
            subprocess.run(["git", "revert", "--abort"], cwd=tree, capture_output=True, check=False)
        git(tree, "push", "-q", "origin", f"HEAD:refs/heads/revert-{name}")
        git(self.clone, "worktree", "remove", "--force", str(tree))
        git(self.remote, "update-ref", "-d", f"refs/heads/revert-{name}")


if __name__ == "__main__":
    sys.path.insert(0, str(CHECKOUT))
    main()
