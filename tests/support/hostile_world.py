"""A git repository that people, forgers and this tool write to: its base, its workspaces and its pull requests."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hostile_git import Bare, Content, Edits, Planned
from hostile_places import Place, edited
from repo import Repo, git

START = datetime.fromisoformat("2026-11-20T10:00:00+00:00")


@dataclass
class Tip:
    """A commit of the base with all its files; ``commit`` is empty until it is written. ``odd``: its date is wrong."""

    files: dict[str, Content]
    subject: str
    date: datetime
    commit: str = ""
    edits: Edits = field(default_factory=dict)
    odd: bool = False


@dataclass(frozen=True)
class Head:
    """A commit of the tool: its parent and the files that it changes."""

    parent: str
    edits: Edits


@dataclass(frozen=True)
class Broken:
    """A file that does not load: the file that was there before, and the one that it must be read as."""

    before: Content | None
    meant: bytes | None = None


DEFECTS = (b"spec: [\n", b"<<<<<<< HEAD\n", b"specc:", b"kinds:", b"\xff\xfe")
"""What keeps a file from loading: people put one of these into it."""


class World:
    """All that there is.

    ``line`` is the base, oldest first; ``past`` are the files of all commits that it ever had. ``made`` are the commits
    of the tool, ``people`` those that others pushed to branches. ``hands`` are the heads at which a person drafted or
    disarmed a pull request; ``closed`` are the pull requests that a person closed. ``merges`` are merges of rollbacks
    that are on the base.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.folder = seed, folder
        self.random = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.clock = [START]
        self.bare = Bare.create(folder / "remote.git")
        self.line: list[Tip] = []
        self.past: dict[str, dict[str, Content]] = {}
        self.made: dict[str, Head] = {}
        self.people: dict[str, str] = {}
        self.hands: dict[tuple[int, str], str] = {}
        self.closed: dict[int, datetime | None] = {}
        self.merges: list[tuple[Tip, Tip, str]] = []
        self.merged_late = False  # a rollback was merged whose base had moved on: nothing was rendered anew
        self.retaken: set[str] = set()
        self.broken: dict[tuple[str, Content], Broken] = {}
        self.rebuilt: set[str] = set()
        self.odd: timedelta | None = None
        self.calls: list[Any] = []
        self.places: list[Place] = []
        first, second = self.random.choice([("", "more/eu"), ("prod", "staging"), ("prod", "prod-eu"), ("", "")])
        self.places.append(Place(self, first, "acme"))
        if first != second:
            self.places.append(Place(self, second, self.random.choice(["acme", "acme-two"])))
        self.settle()
        self.replicas = [folder / "clone", folder / "mirror.git"]
        git(folder, "clone", "-q", "--template=", "remote.git", "clone")
        git(folder, "clone", "-q", "--template=", "--bare", "remote.git", "mirror.git")

    # The base.

    @property
    def tip(self) -> Tip:
        return self.line[-1]

    @property
    def main(self) -> str:
        """The commit of the base."""
        self.settle()
        return self.tip.commit

    def commit(self, subject: str, edits: Edits) -> None:
        """Commit edits to the base, after some time; they are written with others by ``settle``."""
        self.later()
        date, odd = self.clock[0] + (self.odd or timedelta()), self.odd is not None
        self.odd = None
        files = self.tip.files if self.line else {}
        for path, text in edits.items():  # an edit elsewhere in a file that does not load mends nothing
            old = files.get(path)
            if old is None or (path, old) not in self.broken or not isinstance(text, bytes):
                continue
            if any(map(text.count, DEFECTS)):
                self.broken[path, text] = self.broken[path, old]
        self.line.append(Tip(edited(files, edits), subject, date, edits=edits, odd=odd))

    def settle(self) -> None:
        """Write the commits that are not written yet."""
        new = [number for number, tip in enumerate(self.line) if not tip.commit]
        if not new:
            return
        planned = []
        for number, tip in enumerate(self.line[new[0] :]):
            parents = (number - 1,) if number else (self.line[new[0] - 1].commit,) if new[0] else ()
            planned.append(Planned(parents, tip.edits, tip.subject, tip.date))
        for number, commit in zip(new, self.bare.write(planned), strict=True):
            self.line[number].commit = commit
            self.past[commit] = self.line[number].files
        assert self.bare.move("main", self.line[-1].commit)

    def is_broken(self, path: str) -> bool:
        """Return whether a file of the base does not load."""
        return (path, self.tip.files.get(path)) in self.broken

    def landed(self, commit: str, subject: str) -> None:
        """Move the base on to a commit that is written."""
        files = edited(self.tip.files, self.bare.changes(self.main, commit))
        self.line.append(Tip(files, subject, self.clock[0], commit))
        self.past[commit] = files
        self.moved()

    def put(self, subject: str, edits: Edits) -> None:
        """Commit edits to the base, whatever they are of."""
        self.commit(subject, edits)
        self._read()

    def moved(self) -> None:
        """Let the workspaces go on from what the base is now."""
        assert self.bare.move("main", self.tip.commit)
        self._read()

    def _read(self) -> None:
        for place in self.places:
            start = place.path("")
            inside = {path[len(start) :]: each for path, each in self.tip.files.items() if path.startswith(start)}
            files = {path: each for path, each in inside.items() if isinstance(each, bytes)}
            if files != place.files:
                place.take(files)

    def later(self, **units: int) -> None:
        """Let some time pass."""
        self.clock[0] += timedelta(**units) if units else timedelta(minutes=self.random.choice([1, 1, 7, 7, 50, 130]))

    # Pull requests.

    def pulls(self) -> dict[int, dict[str, Any]]:
        folder = Path(f"{self.bare.root}.pulls")
        return {int(path.stem): json.loads(path.read_bytes()) for path in folder.glob("*.json")}

    def edit_pull(self, number: int, **fields: Any) -> None:
        """Change fields of a pull request, or remove those that are None; one that is not there is made."""
        path = Path(f"{self.bare.root}.pulls", f"{number}.json")
        path.parent.mkdir(exist_ok=True)
        data = json.loads(path.read_bytes()) if path.exists() else {"number": number}
        path.write_text(json.dumps(edited(data, fields)), "utf-8")

    def is_held(self, number: int, head: str) -> bool:
        """Return whether a person drafted or disarmed a pull request at this very head."""
        return head in (self.hands.get((number, "drafted")), self.hands.get((number, "disarmed")))

    # The tool.

    def replica(self, place: Place) -> Repo:
        """Return one of the clones that the tool runs in."""
        return Repo(self.random.choice(self.replicas), self.bare.root, place.prefix, self.clock)
