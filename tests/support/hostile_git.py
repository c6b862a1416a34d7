"""A bare repository for hostile histories: many commits by one process, and the files that commits change."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

PERSON = "Zoë Müller <zoe@example.com>"
TOOL = "rollout-spec <rollout-spec@users.noreply.invalid>"


@dataclass(frozen=True)
class Link:
    """A symbolic link in a commit."""

    target: str


Content = bytes | Link
Edits = Mapping[str, Content | None]


@dataclass(frozen=True)
class Planned:
    """A commit to write. A parent is an id, or the index of a commit that is planned before."""

    parents: tuple[str | int, ...]
    edits: Edits
    message: str
    date: datetime
    who: str = PERSON


class Bare:
    """A bare repository, written as people and their programs would."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def create(cls, root: Path) -> Bare:
        root.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", "init", "-q", "--bare", "--template=", "-b", "main", str(root)], check=True)
        return cls(root)

    def output(self, *words: str, given: bytes = b"", **environment: str) -> bytes:
        """Run git, and return what it prints."""
        done = subprocess.run(
            ["git", *words], cwd=self.root, input=given, env={**os.environ, **environment}, capture_output=True
        )
        if done.returncode:
            raise OSError(f"git {' '.join(words)}: {done.stderr.decode()}")
        return done.stdout

    def text(self, *words: str, given: bytes = b"", **environment: str) -> str:
        return self.output(*words, given=given, **environment).decode().strip()

    # Branches.

    def tips(self) -> dict[str, str]:
        """Return the commits of all branches."""
        words = self.text("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads").split()
        return dict(zip(words[::2], words[1::2], strict=True))

    def move(self, branch: str, commit: str | None) -> bool:
        """Move, make or delete a branch. Return False if git cannot make one of that name."""
        words = ("-d", f"refs/heads/{branch}") if commit is None else (f"refs/heads/{branch}", commit)
        try:
            self.output("update-ref", *words)
        except OSError:
            return False
        return True

    # Commits.

    def write(self, commits: Sequence[Planned]) -> list[str]:
        """Write commits, and return their ids."""
        stream = [b"".join(_lines(number, each)) for number, each in enumerate(commits)]
        stream += [b"get-mark :%d\n" % (number + 1) for number in range(len(commits))]
        words = ("fast-import", "--quiet", "--force", "--cat-blob-fd=1")
        return self.text(*words, given=b"".join(stream)).split()

    def merge_tree(self, one: str, other: str) -> str | None:
        """Return the tree of a merge, None if the commits conflict."""
        try:
            return self.text("merge-tree", "--write-tree", "--no-messages", one, other).split()[0]
        except OSError:
            return None

    def commit(self, tree: str, parents: Sequence[str], message: str, date: datetime, who: str = PERSON) -> str:
        """Commit a tree."""
        name, _, address = who.rstrip(">").partition(" <")
        facts = {"NAME": name, "EMAIL": address, "DATE": f"@{int(date.timestamp())} +0000"}
        environment = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in facts.items()}
        words = [word for parent in parents for word in ("-p", parent)]
        return self.text("commit-tree", tree, *words, given=message.encode(), **environment)

    def parents(self, commit: str) -> list[str]:
        return self.text("rev-list", "--no-walk", "--parents", commit).split()[1:]

    def tree(self, commit: str) -> str:
        return self.text("rev-parse", f"{commit}^{{tree}}")

    def changes(self, before: str, after: str) -> dict[str, Content | None]:
        """Return the files that differ between two commits or trees, as the second one has them."""
        parts = self.output("diff-tree", "-r", "-z", "--no-renames", before, after).decode().split("\0")
        facts = {path: entry.split() for entry, path in zip(parts[::2], parts[1::2], strict=False) if path}
        contents = self._blobs([oid for _, mode, _, oid, _ in facts.values() if mode.startswith("1")])
        found: dict[str, Content | None] = {}
        for path, (_, mode, _, oid, _) in facts.items():
            content = contents.get(oid)
            found[path] = Link(content.decode()) if content is not None and mode == "120000" else content
        return found

    def _blobs(self, oids: Iterable[str]) -> dict[str, bytes]:
        wanted = "".join(f"{oid}\n" for oid in oids).encode()
        rest = self.output("cat-file", "--batch", given=wanted) if wanted else b""
        found: dict[str, bytes] = {}
        while rest:
            head, _, rest = rest.partition(b"\n")
            oid, _, size = head.decode().split()
            found[oid], rest = rest[: int(size)], rest[int(size) + 1 :]
        return found


def _lines(number: int, commit: Planned) -> Iterable[bytes]:
    """Give the command of ``git fast-import`` that writes a commit."""
    message = commit.message.encode()
    yield f"commit refs/written/{number}\nmark :{number + 1}\n".encode()
    yield f"committer {commit.who} {int(commit.date.timestamp())} +0000\n".encode()
    yield b"data %d\n%s\n" % (len(message), message)
    for position, parent in enumerate(commit.parents):
        name = parent if isinstance(parent, str) else f":{parent + 1}"
        yield f"{'merge' if position else 'from'} {name}\n".encode()
    for path, content in commit.edits.items():
        if content is None:
            yield f"D {path}\n".encode()
        else:
            mode, data = ("120000", content.target.encode()) if isinstance(content, Link) else ("100644", content)
            yield f"M {mode} inline {path}\ndata {len(data)}\n".encode() + data + b"\n"
