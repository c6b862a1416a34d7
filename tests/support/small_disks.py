"""Small disks that a test fills up. They need root."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from real_servers import require


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """Mount a disk of some size (``16m``) at a new folder."""
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)], capture_output=True, check=False
    )
    require(done.returncode == 0, f"no tmpfs can be mounted: {done.stderr!r}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path, left: int) -> Path:
    """Fill a disk up to so many bytes, and return the file that does."""
    free = shutil.disk_usage(place).free
    filler = place / "filler"
    filler.write_bytes(b"\0" * max(0, free - left))
    return filler
