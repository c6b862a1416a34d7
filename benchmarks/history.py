"""Writes a bare repository with a long history of many rollouts, the same commits each time."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from generate import write_workspace

from rollout_spec.core.yaml.document import parse
from rollout_spec.render.drift import find_drift
from rollout_spec.spec.rollout import Live
from rollout_spec.workspace.edits import with_live
from rollout_spec.workspace.loader import read_file
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay
from rollout_spec.workspace.working_tree import WorkingTree

Files = dict[str, bytes]
ROUND = ("Withdraw", "Propose", "Advance", "Own", "Expect")
"""What happens to a rollout again and again, and last: its candidate is in flight since two edits of people ago."""

FIRST = 1_700_000_000
MERGED, REBASED = (3, 7), (5,)
"""Of ten changes two come by a merge commit, one as two commits, and the others squashed into one."""


def write_history(place: Path, rollouts: int, changes: int, first: int = FIRST, more: str = "") -> list[str]:
    """Write a bare repository at ``place`` and return the names of the rollouts; 42, or so, is in flight in each.

    ``first`` is the time of the first commit; a change follows each minute. ``more`` are lines of the workspace.
    """
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "workspace")
        write_workspace(tree, rollouts, policies="")
        settings = tree / ".rollout-spec.yaml"
        settings.write_text(f"{settings.read_text()}  forge: {{type: local}}\n{more}")
        files = {path.relative_to(tree).as_posix(): path.read_bytes() for path in tree.rglob("*") if path.is_file()}
        names = Repository(WorkingTree(tree)).names("rollouts")
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(place)], check=True)
        words = ["git", "fast-import", "--quiet", "--force"]
        with subprocess.Popen(words, cwd=place, stdin=subprocess.PIPE) as importer:
            assert importer.stdin
            importer.stdin.writelines(_stream(Repository(WorkingTree(tree)), files, names, changes, first))
        assert importer.returncode == 0
    subprocess.run(["git", "repack", "-q", "-a", "-d"], cwd=place, check=True)
    return names


def _stream(repository: Repository, files: Files, names: list[str], changes: int, first: int) -> Iterator[bytes]:
    """Give what git reads: the first commit with all files, then one change after another."""
    states = {name: _states(repository, name) for name in names}
    texts: dict[str, bytes] = {}
    for name in names:
        files |= states[name]["Advance"]
        texts[name] = files[f"rollouts/{name}.yaml"]
    yield _commit("main", first, "Begin", files)
    for number in range(changes):
        name = names[number % len(names)]
        round_, what = divmod(number // len(names), len(ROUND))
        changed = _change(ROUND[what], round_, name, texts[name], states[name])
        texts[name] = changed[f"rollouts/{name}.yaml"]
        subject, date = f"{ROUND[what]} {name} (#{number})", first + 60 * (number + 1)
        if number % 10 in MERGED:
            yield b"reset refs/heads/topic\nfrom refs/heads/main\n\n"
            yield _commit("topic", date, subject, changed)
            yield _commit("main", date, f"Merge #{number}", changed, merge="topic")
            yield b"reset refs/heads/topic\nfrom 0000000000000000000000000000000000000000\n\n"
            continue
        if number % 10 in REBASED:
            yield _commit("main", date, f"Note {name} (#{number})", {f"docs/{name}.md": f"{number}\n".encode()})
        yield _commit("main", date, subject, changed)


def _change(what: str, round_: int, name: str, text: bytes, states: dict[str, Files]) -> Files:
    """Return the files that change: ``live`` and its manifests, or what a person edits beside it."""
    path = f"rollouts/{name}.yaml"
    if what == "Own":
        return {path: re.sub(rb"owner: [\w-]+", b"owner: team-%d" % round_, text)}
    if what == "Expect":
        return {path: re.sub(rb"requestsPerSecond: \d+", b"requestsPerSecond: %d" % (round_ + 1), text)}
    model = read_file(path, "ModelRollout", states[what][path]).model
    return {**states[what], path: with_live(text, model.spec.live)}


def _states(repository: Repository, name: str) -> dict[str, Files]:
    """Return what each step makes of a rollout: its file, and the manifests that it renders."""
    file = repository.rollout(name)
    assert file is not None and file.model is not None
    live = file.model.spec.live
    steps: dict[str, Live] = {
        "Withdraw": live.model_copy(update={"candidate": None, "stage": None}),
        "Propose": live.model_copy(update={"stage": "shadow"}),
        "Advance": live,
    }
    return {step: _rendered(repository, file.path, with_live(file.content, after)) for step, after in steps.items()}


def _rendered(repository: Repository, path: str, content: bytes) -> Files:
    assert parse(content).readable
    after = Repository(Overlay(repository.tree, {path: content}))
    file = after.rollout(path.removeprefix("rollouts/").removesuffix(".yaml"))
    assert file is not None
    return {path: content} | {each.path: each.wanted for each in find_drift(file, after) if each.wanted is not None}


def _commit(branch: str, date: int, subject: str, files: Files, *, merge: str = "") -> bytes:
    parts = [
        f"commit refs/heads/{branch}\ncommitter Ada Author <ada@example.com> {date} +0000\n".encode(),
        f"data {len(subject)}\n{subject}\n".encode(),
        f"merge refs/heads/{merge}\n".encode() if merge else b"",
    ]
    for path, content in files.items():
        parts += [f"M 100644 inline {path}\ndata {len(content)}\n".encode(), content, b"\n"]
    return b"".join(parts) + b"\n"
