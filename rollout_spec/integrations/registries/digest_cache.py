"""The digests of artifacts that were hashed once, by address, sizes and marks of their files."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rollout_spec.integrations.storage import StoredFile

_MOST = 5_000
_MOST_BYTES = 4 << 20


class DigestCache:
    """A file of digests.

    One that is missing, damaged or cannot be written is no error: artifacts are hashed again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digests: dict[str, str] | None = None

    @classmethod
    def of_user(cls) -> DigestCache:
        """Return the cache of this user, below ``$XDG_CACHE_HOME``."""
        folder = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        return cls(Path(folder).expanduser() / "rollout-spec" / "digests.json")

    def find(self, address: str, files: Sequence[StoredFile]) -> str | None:
        """Return the digest of files that are unchanged since they were hashed, else None."""
        key = _key(address, files)
        return self._read().get(key) if key is not None else None

    def keep(self, address: str, files: Sequence[StoredFile], digest: str) -> None:
        """Remember a digest. Files without a mark of their content are not remembered."""
        key = _key(address, files)
        if key is None:
            return
        digests = self._read()
        digests.pop(key, None)
        digests[key] = digest
        for oldest in list(digests)[:-_MOST]:
            del digests[oldest]
        with suppress(OSError):
            self._write(json.dumps(digests))

    def _read(self) -> dict[str, str]:
        if self._digests is None:
            self._digests = {}
            with suppress(OSError, ValueError, RecursionError):
                with self._path.open("rb") as file:
                    data = json.loads(file.read(_MOST_BYTES))
                if isinstance(data, dict):
                    self._digests = {key: value for key, value in data.items() if isinstance(value, str)}
        return self._digests

    def _write(self, text: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._path.parent)
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(name).replace(self._path)


def _key(address: str, files: Sequence[StoredFile]) -> str | None:
    if not files or not all(file.mark for file in files):
        return None
    facts = [address, *([file.name, file.size, file.mark] for file in files)]
    return hashlib.sha256(json.dumps(facts).encode("utf-8", "surrogatepass")).hexdigest()
