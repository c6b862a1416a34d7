"""Measures passes of the reconciler over many rollouts in flight that find nothing to do, in one process.

The rollouts have a history, and a metric without samples keeps each where it is. A stand-in answers the queries at
once, in a process of its own, so the times are those of this tool alone: git, YAML, the judgement and the connections.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from urllib.request import urlopen

from history import write_history
from measure import CHECKOUT, environment

MINUTES_AGO = 10
"""The age of the newest commit."""

PASSES = """
import json, logging, resource, sys, time
from pathlib import Path
from rollout_spec.service.child_process import ProcessOptions
from rollout_spec.service.reconciler import Reconciler
from rollout_spec.service.workspaces import Served
root, passes = Path(sys.argv[1]), int(sys.argv[2])
logging.basicConfig(level=logging.WARNING)

def cpu():
    return sum(each.ru_utime + each.ru_stime for each in map(resource.getrusage, (0, resource.RUSAGE_CHILDREN)))

def tell(event):
    if event is not None:
        events.append(event)

reconciler = Reconciler(ProcessOptions(root, "", 15.0, "text"), Served(), lambda breach: None, tell)
for _ in range(passes):
    events, before = [], cpu()
    while not reconciler.work():
        time.sleep(0.01)
        before = cpu()
    (event,) = events
    print(json.dumps({**event, "cpu": cpu() - before}), flush=True)
    sys.stdin.readline()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(peak, flush=True)
"""
"""Runs passes, and prints the cost of each. Then it waits for a line."""


def main() -> None:
    """Write a history, run passes, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=200, help="in flight (default: 200)")
    parser.add_argument("--changes", type=int, default=2000, help="of the history (default: 2000)")
    parser.add_argument("--passes", type=int, default=4, help="(default: 4)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, stand_in() as port:
        place = Path(name)
        first = int(time.time()) - 60 * (chosen.changes + MINUTES_AGO)
        address = f"http://127.0.0.1:{port}"
        # In a process of its own: what is started from a large one seems as large.
        with ProcessPoolExecutor(1, get_context("spawn")) as apart:
            more = f"  prometheus: {{url: '{address}'}}\n  service: {{reconcile: 1s}}\n"
            written = apart.submit(write_history, place / "remote.git", chosen.rollouts, chosen.changes, first, more)
            written.result()
        mirror = write_mirror(place)
        print(f"{chosen.rollouts} rollouts in flight, {chosen.changes:,} changes\n")
        print("| pass | wall, s | CPU, s | queries | waiting |\n|---|---:|---:|---:|---:|")
        command = [sys.executable, "-c", PASSES, str(mirror), str(chosen.passes)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(place / "x")
        ) as process:
            assert process.stdin and process.stdout
            for number in range(1, chosen.passes + 1):
                event = json.loads(process.stdout.readline())
                assert event["actions"] == {"waiting": chosen.rollouts}, event
                queries = urlopen(address, timeout=60).read().decode()
                print(f"| {number} | {event['seconds']:.2f} | {event['cpu']:.2f} | {queries} | {chosen.rollouts} |")
                process.stdin.write("\n")
                process.stdin.flush()
            print(f"\npeak: {float(process.stdout.readline()):.0f} MiB")


@contextmanager
def stand_in() -> Iterator[int]:
    """Run the stand-in for Prometheus, and yield its port."""
    command = [sys.executable, str(CHECKOUT / "benchmarks" / "prometheus.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def write_mirror(place: Path) -> Path:
    """Return a mirror of the repository with the history."""
    remote, clone, mirror = place / "remote.git", place / "clone", place / "mirror.git"
    for words in (
        ("-C", remote, "config", "uploadpack.allowFilter", "true"),
        ("clone", "-q", remote.as_uri(), clone),
    ):
        subprocess.run(["git", *words], check=True)
    command = [sys.executable, "-m", "rollout_spec", "--repo", clone, "mirror", mirror]
    subprocess.run(command, check=True, env=environment(place / "x"), stdout=subprocess.DEVNULL)
    return mirror


if __name__ == "__main__":
    os.environ["NO_PROXY"] = "*"
    sys.path.insert(0, str(CHECKOUT))
    main()
