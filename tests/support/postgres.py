"""A real PostgreSQL of its own, on loopback, that a test may stop and start."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from real_servers import require


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, which Debian keeps out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    path = shutil.which("initdb")
    return found[-1].parent if found else Path(path).resolve().parent if path else None


@dataclass
class Postgres:
    """One server; ``url`` is the address of its database."""

    bin: Path
    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def fresh(self) -> str:
        """Create an empty database, and return its address."""
        name = f"inbox_{uuid.uuid4().hex}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"{self.url.rpartition('/')[0]}/{name}"

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories= -c fsync=off"
        self._run("pg_ctl", "-D", "data", "-o", options, "-l", "log", "-w", "-t", "60", "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: ``immediate`` as a crash would, ``fast`` by closing each connection."""
        self._run("pg_ctl", "-D", "data", "-w", "-m", mode, "stop")

    def _run(self, program: str, *arguments: str) -> None:
        # PostgreSQL refuses to run as root.
        other: dict[str, Any] = {"user": "nobody", "group": _nobody().pw_gid} if os.geteuid() == 0 else {}
        environment = {**os.environ, "HOME": str(self.folder), "LC_ALL": "C"}
        log = self.folder / "pg_ctl.log"
        with log.open("a") as file:
            done = subprocess.run(
                [str(self.bin / program), *arguments],
                cwd=self.folder, env=environment, stdout=file, stderr=file, check=False, **other,
            )  # fmt: skip
        assert done.returncode == 0, log.read_text("utf-8")


@contextmanager
def postgresql() -> Iterator[Postgres]:
    """Run a new server. The test is skipped if PostgreSQL is not installed."""
    found = programs()
    require(found, "postgresql is not installed")
    assert found is not None
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody", _nobody().pw_gid)
    server = Postgres(found, folder, _free_port())
    try:
        server._run("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "--no-sync")
        server.start()
        yield server
    finally:
        if (folder / "data/postmaster.pid").exists():
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _nobody() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
