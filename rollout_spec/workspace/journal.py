"""Journals of the files that a step changes, so that the next command can revert a killed step.

A journal is a folder with the old contents and one file that lists them. It is complete on disk before the first file
changes, and is removed after the last one.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from rollout_spec.core.errors import OUTSIDE, ChangedError, UserError, disk_error
from rollout_spec.workspace.files import put, read, refuse_links, remove, write

_FILE = "journal.json"
_MOST_BYTES = 10_000_000
Facts = Mapping[str, str | None]


@dataclass(frozen=True)
class JournalEntry:
    """One file of a step, by its path from the root, with the digests of its old and its new content."""

    path: str
    old: str | None
    new: str | None
    mode: int | None = None


@dataclass(frozen=True)
class Journal:
    """The changes of a step.

    ``root`` is the folder of its paths. ``facts`` is the caller's data to finish it.
    """

    folder: Path
    root: Path
    entries: tuple[JournalEntry, ...]
    facts: Facts

    @classmethod
    def begin(cls, folder: Path, root: Path, edits: Mapping[str, bytes | None], facts: Facts) -> Journal:
        """Write the journal of edits that follow. UserError if the disk cannot be written."""
        entries = []
        try:
            for number, (path, content) in enumerate(edits.items()):
                old = read(root / path)
                if old is not None:
                    _write_synced(folder / f"{number}.old", old)
                mode = (root / path).stat().st_mode & 0o777 if old is not None else None
                entries.append(JournalEntry(path, digest(old), digest(content), mode))
        except OSError as error:
            raise disk_error(error, f"{folder} cannot be written", status=OUTSIDE) from None
        return cls(folder, root, tuple(entries), {}).noted(facts)

    def noted(self, facts: Facts) -> Journal:
        """Add facts to the journal on disk, in one move."""
        journal = replace(self, facts={**self.facts, **facts})
        data = {"version": 1, "files": [vars(entry) for entry in self.entries], "facts": journal.facts}
        try:
            _write_synced(self.folder / f"{_FILE}.new", json.dumps(data).encode())
            (self.folder / f"{_FILE}.new").replace(self.folder / _FILE)
            _sync(self.folder)
        except OSError as error:
            raise disk_error(error, f"{self.folder} cannot be written", status=OUTSIDE) from None
        return journal

    def changed(self) -> list[str] | None:
        """Return the files with their new content, or None if a file has neither its old nor its new content."""
        paths = []
        for entry in self.entries:
            now = digest(read(self.root / entry.path))
            if now not in (entry.old, entry.new):
                return None
            if now != entry.old:
                paths.append(entry.path)
        return paths

    def take_back(self) -> list[str] | None:
        """Restore the old contents, and return the restored paths. None if a file cannot be restored."""
        paths = self.changed()
        if paths is None:
            return None
        pending = [
            (entry, self.folder / f"{number}.old") for number, entry in enumerate(self.entries) if entry.path in paths
        ]
        if any(digest(read(old)) != entry.old for entry, old in pending):
            return None
        done = [self._put_back(entry, old) for entry, old in pending]
        return paths if all(done) else None

    def _put_back(self, entry: JournalEntry, old: Path) -> bool:
        """Restore the old content of a file. Return False if another process changed the file.

        The saved file is moved, not copied: a full disk has no room for a copy.
        """
        path = self.root / entry.path
        now, content = read(path), read(old)
        if digest(now) != entry.new:
            return False
        try:
            if content is None:
                remove(self.root, entry.path, expected=now)
                return True
            refuse_links(self.root, [entry.path])
            path.parent.mkdir(parents=True, exist_ok=True)
            old.chmod(entry.mode if entry.mode is not None else 0o644)
            try:
                put(old, path, now)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                write(self.root, entry.path, content, expected=now)
        except ChangedError:
            return False
        except OSError as error:
            raise disk_error(error, f"{path} cannot be written", status=OUTSIDE) from None
        return True

    def end(self) -> None:
        """Remove the journal after the step is done or reverted."""
        clear(self.folder)


def digest(content: bytes | None) -> str | None:
    """Return the digest of a file's content, or None if there is no file."""
    return None if content is None else sha256(content).hexdigest()


def find(folder: Path, root: Path) -> Journal | None:
    """Return the journal of a killed step, or None. UserError if the journal is damaged."""
    path = folder / _FILE
    try:
        if not path.exists():
            return None
        with path.open("rb") as file:
            data = json.loads(file.read(_MOST_BYTES))
        facts = {str(name): None if value is None else str(value) for name, value in data["facts"].items()}
        return Journal(folder, root, tuple(_entry(item, root) for item in data["files"]), facts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is not a readable journal: {error}") from None


def clear(folder: Path) -> None:
    """Remove a journal's folder and the files in it. Only the holder of the lock may call this."""
    with suppress(OSError):
        if folder.is_symlink() or not folder.is_dir():
            return
        (folder / _FILE).unlink(missing_ok=True)  # first, because without it there is no journal
        for entry in folder.iterdir():
            if entry.suffix in (".old", ".new", ".part", ".index", ".lock"):
                entry.unlink(missing_ok=True)
        folder.rmdir()


def _entry(data: Any, root: Path) -> JournalEntry:
    """Return one entry.

    Outside git the journal may be part of the files, so no path may lead out of the root.
    """
    mode = None if data["mode"] is None else int(data["mode"]) & 0o777
    entry = JournalEntry(str(data["path"]), _text(data["old"]), _text(data["new"]), mode)
    pure = PurePosixPath(entry.path)
    parent = (root / pure).parent
    within = os.path.realpath(parent) == os.path.normpath(Path(os.path.realpath(root), pure.parent))
    if pure.is_absolute() or ".." in pure.parts or "\0" in entry.path or not within or (root / pure).is_symlink():
        raise ValueError(f"{entry.path!r} leads out of {root}")
    return entry


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
