"""The identity of a replay: all that decides its answers. A journal belongs to one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from rollout_spec.integrations.storage import list_files
from rollout_spec.workflows.replay.selection import Logs
from rollout_spec.workflows.replay.versions import ReplayedVersions


def identity_of(logs: Logs, server: Mapping[str, str], versions: ReplayedVersions, limit: int) -> dict[str, str]:
    """Return the identity: the logs with their sizes, the server, the versions and the limit."""
    return {
        "logs": "; ".join(_log(address) for address in logs.addresses),
        "format of the logs": logs.format or "recognised",
        **_facts(logs),
        **server,
        "failed version": versions.failed,
        "restored version": versions.restored,
        "limit": str(limit),
    }


def default_journal(identity: Mapping[str, str]) -> Path:
    """Return the path of the journal that a run with this identity uses if none is named."""
    base = os.environ.get("XDG_STATE_HOME", "")
    folder = Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "state"
    digest = hashlib.sha256(json.dumps(sorted(identity.items())).encode()).hexdigest()[:16]
    return folder / "rollout-spec" / "replays" / f"{digest}.sqlite"


def remove_journal(path: Path) -> None:
    """Remove a journal and the files that SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _facts(logs: Logs) -> dict[str, str]:
    """Return the facts about the logs that they do not hold."""
    if logs.options is None:
        return {}
    return {
        "endpoints": ", ".join(f"{name}={version}" for name, version in sorted(logs.options.endpoints.items())),
        "key of the segment": logs.options.segment_key or "",
        "labels": _log(logs.options.labels) if logs.options.labels is not None else "",
    }


def _log(address: str) -> str:
    files = list_files(address)
    size = sum(file.size for file in files)
    absolute = address if "://" in address else str(Path(address).absolute())
    return f"{absolute} ({len(files)} files, {size} bytes)"
