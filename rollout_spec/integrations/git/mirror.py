"""A bot answers from a mirror that is kept warm: to clone at night is to wait, and a shallow clone knows no history.

A mirror is a bare, partial clone that follows the branch that is live: its whole history, without the contents of
files, but for those of its workspaces now and those of all rollouts ever; what else is asked for, git fetches by
itself. A commit-graph says which commit changed which path, so that a walk along one file is short.
"""

from __future__ import annotations

import glob
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rollout_spec.core.errors import UserError, disk_error
from rollout_spec.core.locks import locked
from rollout_spec.integrations.git.command import GitError, Plumbing, checked, create
from rollout_spec.integrations.git.folders import clear_locks, lock_files
from rollout_spec.integrations.git.remote import CLONE_SECONDS, NAME, Remote

WARM = "refs/rollout-spec/warm"
"""Up to this commit the contents are here."""
Authorize = Callable[[Plumbing], None]
"""Shows git what the remote asks for."""
Tell = Callable[[str], None]
"""Is told what takes long."""


@dataclass(frozen=True)
class MirrorSource:
    """What a mirror follows: a branch of a remote. ``file`` is the name of what makes a folder a workspace."""

    remote: str
    address: str
    branch: str
    file: str


@dataclass(frozen=True)
class Warm:
    """The commit that a branch is at, and the folders of its workspaces from the git root; ``""`` is the root."""

    commit: str
    workspaces: tuple[str, ...]


def keep(folder: Path, source: MirrorSource, authorize: Authorize, tell: Tell) -> Warm:
    """Make a mirror, whole or not at all; or bring the one that is there up to date.

    UserError if the folder holds something else.
    """
    try:
        if not _is_free(folder):
            _check_follows(folder, source)
            return warm(folder, source, authorize, tell)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(folder)
        with _part(folder) as part:
            return _made(part, folder, source, authorize, tell)
    except OSError as error:
        raise disk_error(error, f"{folder} cannot be made") from None


@contextmanager
def _part(folder: Path) -> Iterator[Path]:
    """Make an unfinished mirror beside its place. It is locked as long as this process works on it."""
    while True:
        part = Path(tempfile.mkdtemp(prefix=_unfinished(folder), dir=folder.parent))
        try:
            with locked(part, _quiet):
                if part.exists():  # else another one took it for a leftover, before it was locked
                    yield part
                    return
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _remove_leftovers(folder: Path) -> None:
    """Remove the unfinished mirrors of processes that were killed: nobody holds their lock."""
    for part in folder.parent.glob(f"{glob.escape(_unfinished(folder))}*"):
        with suppress(UserError), locked(part, _quiet, seconds=0):
            shutil.rmtree(part, ignore_errors=True)


def _unfinished(folder: Path) -> str:
    return f".{folder.name}.rollout-spec-"


def _quiet(message: str) -> None:
    """Tell nobody."""


def _is_free(folder: Path) -> bool:
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


def _made(part: Path, folder: Path, source: MirrorSource, authorize: Authorize, tell: Tell) -> Warm:
    """Make a mirror beside its place, and move it there."""
    create(part, bare=True)
    run = Plumbing(part).run
    run("config", "core.repositoryFormatVersion", "1")
    run("remote", "add", checked(source.remote, NAME), "--", source.address)
    run("config", "--unset", f"remote.{source.remote}.fetch")  # one branch alone
    for name, value in (("promisor", "true"), ("partialCloneFilter", "blob:none")):
        run("config", f"remote.{source.remote}.{name}", value)
    run("config", "extensions.partialClone", source.remote)
    done = _warm(Plumbing(part), source, authorize, tell)
    try:
        part.chmod(0o755)
        part.rename(folder)
    except OSError:
        if _is_free(folder):
            raise
        _check_follows(folder, source)  # another one was faster
    return done


def warm(folder: Path, source: MirrorSource, authorize: Authorize, tell: Tell) -> Warm:
    """Bring a bare repository up to date with what it follows. Of two who do it, the second one waits.

    Rollbacks take no lock: they only add objects, and must not wait for a fetch. The lock is held until the last of our
    local gits has ended, even if this process is killed.
    """
    with locked(folder, tell, seconds=CLONE_SECONDS) as handle:
        _remove_old_parts(folder)
        for path in clear_locks(lock_files(folder)):
            tell(f"removed {path}: its git was killed")
        plumbing = Plumbing(folder, (handle,))
        try:
            return _warm(plumbing, source, authorize, tell)
        except GitError as error:
            if "lock" not in error.words or not clear_locks(lock_files(folder)):
                raise
            return _warm(plumbing, source, authorize, tell)  # a fetch had outlived its mirror


def _remove_old_parts(folder: Path) -> None:
    """Remove what killed fetches left among the packs; no fetch takes so long as these are old."""
    packs = folder / "objects/pack"
    for path in (*packs.glob("tmp_*"), *packs.glob(".tmp-*"), *packs.glob("*.keep")):
        with suppress(OSError):
            is_ours = path.suffix != ".keep" or path.read_bytes().startswith(b"fetch-pack ")
            if is_ours and time.time() - path.stat().st_mtime > 2 * CLONE_SECONDS:
                path.unlink()


def _warm(plumbing: Plumbing, source: MirrorSource, authorize: Authorize, tell: Tell) -> Warm:
    authorize(plumbing)
    remote = Remote(plumbing, source.remote)
    tell(f"fetching {source.branch}")
    commit = remote.follow(source.branch)
    plumbing.run("symbolic-ref", "HEAD", f"refs/heads/{source.branch}")
    found = workspaces(plumbing, commit, source.file)
    if _is_partial(plumbing):
        _fetch_contents(plumbing, remote, commit, found, tell)
    tell("writing the commit-graph")
    plumbing.run("commit-graph", "write", "--reachable", "--changed-paths", "--split", "--no-progress")
    plumbing.run("-c", "gc.auto=6700", "-c", "gc.autoDetach=false", "gc", "--auto", "--quiet")
    return Warm(commit, found)


def workspaces(plumbing: Plumbing, commit: str, file: str) -> tuple[str, ...]:
    """Return the folders of a commit that hold a file of this name, sorted; ``""`` is the root."""
    paths = plumbing.run("ls-tree", "-r", "-z", "--name-only", commit).split("\0")
    found = (PurePosixPath(path) for path in paths if path.rpartition("/")[2] == file)
    return tuple(sorted("" if str(path.parent) == "." else str(path.parent) for path in found))


def nearest(plumbing: Plumbing, commit: str, folder: str, file: str) -> str | None:
    """Return the workspace of a commit that a folder is in, the innermost; None if it is in none."""
    around = [str(each) for each in (PurePosixPath(folder), *PurePosixPath(folder).parents)]
    places = {(PurePosixPath(each) / file).as_posix(): "" if each == "." else each for each in around}
    told = plumbing.run("ls-tree", "-z", "--name-only", commit, "--", *places).split("\0")
    return next((place for path, place in places.items() if path in told), None)


def is_bare(folder: Path) -> bool:
    """Is this the folder of a bare repository?"""
    there = (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()
    return there and folder.name != ".git"


def _fetch_contents(plumbing: Plumbing, remote: Remote, commit: str, found: tuple[str, ...], tell: Tell) -> None:
    """Fetch, at once, what is in the workspaces now, and what their rollouts were since the mirror was warm."""
    lacking: dict[str, None] = {}
    for prefix in found:
        lacking |= _lacking(plumbing, f"{commit}:{prefix}" if prefix else f"{commit}^{{tree}}")
    if found:
        before = [f"^{WARM}"] if _is_there(plumbing, WARM) else []
        lacking |= _lacking(plumbing, commit, *before, "--", *(f"{prefix}/rollouts".lstrip("/") for prefix in found))
    if lacking:
        tell(f"fetching {len(lacking):,} files")
        remote.fetch_objects(lacking)
    plumbing.run("update-ref", WARM, commit)


def _lacking(plumbing: Plumbing, *words: str) -> dict[str, None]:
    """Return the ids of what can be reached and is not here."""
    told = plumbing.run("rev-list", "--objects", "--no-object-names", "--missing=print", *words)
    return dict.fromkeys(line[1:] for line in told.splitlines() if line.startswith("?"))


def _is_partial(plumbing: Plumbing) -> bool:
    try:
        return bool(plumbing.run("config", "--get", "extensions.partialClone").strip())
    except GitError:
        return False


def _is_there(plumbing: Plumbing, ref: str) -> bool:
    try:
        plumbing.run("rev-parse", "--verify", "--quiet", ref)
    except GitError:
        return False
    return True


def _check_follows(folder: Path, source: MirrorSource) -> None:
    """UserError if a folder is no bare repository, or one of another remote."""
    if not is_bare(folder):
        raise UserError(
            f"{folder} is there already, and is no bare git repository", hint="name a folder that is not there yet"
        )
    try:
        theirs = Remote(Plumbing(folder), source.remote).address
    except GitError:
        theirs = "nothing"
    if theirs != source.address:
        raise UserError(f"{folder} is a mirror of {theirs}", hint="name a folder that is not there yet")
