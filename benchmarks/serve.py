"""Measures how fast `serve` acknowledges breaches, beside a bare FastAPI endpoint that stores one row the same way.

Both get the same posts at the same rate, one after the other, over the same number of connections. Then the service
gets many more breaches of a version that receives requests, and answers each without a push. The memory of both of its
processes is read on the way. At last a service that keeps them for a minute deletes them, and gets as many again.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import local

from generate import write_workspace
from measure import environment

PEER = """
import sqlite3, sys, threading, uvicorn
from fastapi import FastAPI, Request
app, kept = FastAPI(), threading.local()

def store(body):
    if not hasattr(kept, "connection"):
        kept.connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=5)
        kept.connection.execute("PRAGMA journal_mode=WAL")
        kept.connection.execute("PRAGMA synchronous=FULL")
        kept.connection.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, body BLOB)")
    kept.connection.execute("INSERT INTO rows (body) VALUES (?)", (body,))

@app.post("/v1/breaches/alertmanager", status_code=202)
async def post(request: Request):
    from fastapi.concurrency import run_in_threadpool
    await run_in_threadpool(store, await request.body())
    return {"stored": 1}

uvicorn.run(app, port=0, http="h11", access_log=False)
"""
PATH = "/v1/breaches/alertmanager?dryRun=true"
LISTENS = re.compile(r"http://127\.0\.0\.1:([0-9]+)")
CONNECTIONS = 16
ROLLOUT, VERSION = "ads-model-00000", "42"
"""A rollout of the workspace, and its candidate."""


def main() -> None:
    """Measure the acknowledgement of both, then the memory of the service, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=200, help="posts a second (default: 200)")
    parser.add_argument("--seconds", type=int, default=30, help="of each turn (default: 30)")
    parser.add_argument("--many", type=int, default=100_000, help="breaches for the memory (default: 100000)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        mirror = write_mirror(place)
        service = ["-m", "rollout_spec", "--repo", str(mirror), "serve", "--port", "0", "--rate", "100000"]
        print("| | posts | lost | median, ms | p99, ms | longest, ms |\n|---|---:|---:|---:|---:|---:|")
        p99 = []
        for label, words in (("`rollout-spec serve`", service), ("FastAPI", ["-c", PEER, str(place / "peer.db")])):
            with running(words, place) as (port, _):
                times = load(port, chosen.rate, chosen.seconds)
                lost = chosen.rate * chosen.seconds - (count(port) if label != "FastAPI" else len(times))
            p99.append(row(label, times, lost))
        print(f"\np99, the service / the bare endpoint: {p99[0] / p99[1]:.2f}\n")
        inbox = place / "many.sqlite3"
        many = [*service, "--inbox", f"sqlite:///{inbox}"]
        print("| answered breaches | HTTP, MiB | worker, MiB | file, MiB | s |\n|---:|---:|---:|---:|---:|")
        with running(many, place) as (port, process):
            memory(port, process, inbox, chosen.many, 0)
        with running([*many, "--keep", "1m"], place):
            wait_until(lambda: rows_in(inbox) == 0)
            print(f"\nafter `--keep 1m`: {rows_in(inbox):,} rows, {mebibytes(inbox):.0f} MiB; as many again:\n")
        with running(many, place) as (port, process):
            memory(port, process, inbox, chosen.many, chosen.many)


def write_mirror(place: Path) -> Path:
    """Return a mirror of a repository with 20 rollouts and one monitor without a secret: it is loopback."""
    clone, remote, mirror = place / "clone", place / "remote.git", place / "mirror.git"
    write_workspace(clone, 20)
    settings = clone / ".rollout-spec.yaml"
    more = "  forge: {type: local}\n  service:\n    monitors: {alertmanager: {type: alertmanager}}\n"
    settings.write_text(settings.read_text() + more)
    git = ("git", "-c", "user.name=b", "-c", "user.email=b@localhost", "-c", "gc.auto=0")
    for words in (
        ("init", "-q", "-b", "main", clone),
        ("-C", clone, "add", "."),
        ("-C", clone, "commit", "-q", "-m", "all"),
        ("clone", "-q", "--bare", clone, remote),
        ("-C", remote, "config", "uploadpack.allowFilter", "true"),
        ("-C", clone, "remote", "add", "origin", remote),
    ):
        subprocess.run([*git, *words], check=True)
    command = [sys.executable, "-m", "rollout_spec", "--repo", clone, "mirror", mirror]
    subprocess.run(command, check=True, env=environment(place / "x"), stdout=subprocess.DEVNULL)
    return mirror


@contextmanager
def running(words: Sequence[str], place: Path) -> Iterator[tuple[int, int]]:
    """Run a server, and yield its port and its process."""
    log = place / f"{time.monotonic_ns()}.log"
    with log.open("w") as file:
        process = subprocess.Popen([sys.executable, *words], stdout=file, stderr=file, env=environment(place / "x"))
    try:
        while not (found := LISTENS.search(log.read_text())):
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        yield int(found[1]), process.pid
    finally:
        process.terminate()
        process.wait(60)


def payload(first: int, count: int, workspace: str, rollout: str = "") -> bytes:
    """Return alerts of one rollout, or of rollouts of their own, which do not exist."""
    began = datetime.now(UTC).isoformat()
    alerts = [
        {
            "status": "firing",
            "labels": {"workspace": workspace, "rollout": rollout or f"r-{number:06}", "version": VERSION},
            "annotations": {"summary": f"r-{number} 2: error_rate above 5%", "value": "0.081"},
            "startsAt": began,
            "fingerprint": f"{number:016x}",
        }
        for number in range(first, first + count)
    ]
    return json.dumps({"version": "4", "status": "firing", "alerts": alerts}).encode()


def load(port: int, rate: int, seconds: int) -> list[float]:
    """Post at a fixed rate, and return how long each took since its planned moment: waiting for a turn counts."""
    send, begin = sender(port), time.perf_counter() + 0.2

    def post(number: int) -> float:
        planned = begin + number / rate
        time.sleep(max(0.0, planned - time.perf_counter()))
        send(payload(number, 1, "benchmark"))
        return time.perf_counter() - planned

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        return list(threads.map(post, range(rate * seconds)))


def sender(port: int) -> Callable[[bytes], None]:
    """Return a function that posts a body over a connection of its thread."""
    kept = local()

    def send(body: bytes) -> None:
        if not hasattr(kept, "connection"):
            kept.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        kept.connection.request("POST", PATH, body, {"Content-Type": "application/json"})
        answer = kept.connection.getresponse()
        content = answer.read()
        assert answer.status == 202, content

    return send


def count(port: int) -> int:
    """Return how many breaches the service has, page by page."""
    connection, total, before = http.client.HTTPConnection("127.0.0.1", port, timeout=60), 0, ""
    while True:
        connection.request("GET", f"/v1/breaches?most=1000{before}")
        page = json.load(connection.getresponse())
        total += len(page["breaches"])
        if page["next"] is None:
            return total
        before = f"&before={page['next']}"


def row(label: str, times: Sequence[float], lost: int) -> float:
    """Print a row, and return the 99th percentile."""
    ordered = sorted(times)
    middle, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    cells = " | ".join(f"{1000 * each:.1f}" for each in (middle, p99, ordered[-1]))
    print(f"| {label} | {len(times):,} | {lost} | {cells} |", flush=True)
    return p99


def memory(port: int, process: int, inbox: Path, many: int, first: int) -> None:
    """Post many breaches, 100 in a post, wait for their answers, and print the memory of both processes."""
    send, started = sender(port), time.perf_counter()
    for done in range(0, many + 1, 100):
        if done % (many // 5) == 0:
            wait_until(lambda: rows_in(inbox, "done") == rows_in(inbox))
            sizes = (resident(process), resident(worker_of(process)), mebibytes(inbox))
            cells = " | ".join(f"{each:.0f}" for each in sizes)
            print(f"| {rows_in(inbox, 'done'):,} | {cells} | {time.perf_counter() - started:.0f} |", flush=True)
        if done < many:
            send(payload(10_000_000 + first + done, 100, "benchmark", ROLLOUT))


def wait_until(fits: Callable[[], bool]) -> None:
    while not fits():
        time.sleep(0.2)


def rows_in(inbox: Path, state: str = "%") -> int:
    """Return how many breaches of a state the file has."""
    with closing(sqlite3.connect(f"file:{inbox}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT count(*) FROM rollout_spec_breaches WHERE state LIKE ?", (state,))
        return int(found.fetchone()[0])


def mebibytes(inbox: Path) -> float:
    return inbox.stat().st_size / 2**20


def worker_of(process: int) -> int:
    """Return the largest child of a process: another one only cleans up after the worker."""
    children = [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    others = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and parent(path) == process]
    return max({*children, *others}, key=resident)


def parent(path: Path) -> int:
    try:
        return int((path / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def resident(process: int) -> float:
    """Return the resident memory of a process in MiB."""
    found = re.search(r"VmRSS:\s+([0-9]+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    main()
