"""Mirrors: bare, partial clones that are kept up to date.

With one, a bot need not clone when it rolls back. A mirror has the whole history of the base, but only some contents of
files: of its workspaces now, and of all versions of its rollouts. Git fetches other contents on demand. A commit-graph
with changed paths keeps walks along one file short.
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
"""The ref of the commit up to which the contents were fetched."""
Authorize = Callable[[Plumbing], None]
"""A function that gives git the credentials for the remote."""
Tell = Callable[[str], None]
"""A function that is called with a description of each long step."""


@dataclass(frozen=True)
class MirrorSource:
    """The remote branch that a mirror follows. ``file`` is the name of a workspace's file."""

    remote: str
    address: str
    branch: str
    file: str


@dataclass(frozen=True)
class MirrorState:
    """A mirror's commit and the folders of its workspaces from the git root; ``""`` is the root."""

    commit: str
    workspaces: tuple[str, ...]


def create_or_update(folder: Path, source: MirrorSource, authorize: Authorize, tell: Tell) -> MirrorState:
    """Create a mirror, or bring the existing one up to date. A failed creation leaves nothing.

    UserError if the folder has other content.
    """
    try:
        if not _is_free(folder):
            _check_follows(folder, source)
            return update(folder, source, authorize, tell)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(folder)
        with _part(folder) as part:
            return _made(part, folder, source, authorize, tell)
    except OSError as error:
        raise disk_error(error, f"cannot create {folder}") from None


@contextmanager
def _part(folder: Path) -> Iterator[Path]:
    """Create a temporary folder beside the mirror's folder. This process holds its lock."""
    while True:
        part = Path(tempfile.mkdtemp(prefix=_unfinished(folder), dir=folder.parent))
        try:
            with locked(part, _quiet):
                if part.exists():  # else another process removed it as a leftover before it was locked
                    yield part
                    return
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _remove_leftovers(folder: Path) -> None:
    """Remove the unfinished mirrors of killed processes: those whose lock is free."""
    for part in folder.parent.glob(f"{glob.escape(_unfinished(folder))}*"):
        with suppress(UserError), locked(part, _quiet, seconds=0):
            shutil.rmtree(part, ignore_errors=True)


def _unfinished(folder: Path) -> str:
    return f".{folder.name}.rollout-spec-"


def _quiet(message: str) -> None:
    """Ignore a message."""


def _is_free(folder: Path) -> bool:
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


def _made(part: Path, folder: Path, source: MirrorSource, authorize: Authorize, tell: Tell) -> MirrorState:
    """Create a mirror in ``part`` and move it to ``folder``."""
    create(part, bare=True)
    run = Plumbing(part).run
    run("config", "core.repositoryFormatVersion", "1")
    run("remote", "add", checked(source.remote, NAME), "--", source.address)
    run("config", "--unset", f"remote.{source.remote}.fetch")  # only one branch is followed
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
        _check_follows(folder, source)  # another process created it meanwhile
    return done


def update(folder: Path, source: MirrorSource, authorize: Authorize, tell: Tell) -> MirrorState:
    """Bring a mirror up to date. A second process that does the same waits.

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
            if "lock" not in error.reason or not clear_locks(lock_files(folder)):
                raise
            return _warm(plumbing, source, authorize, tell)  # a fetch had outlived its process


def _remove_old_parts(folder: Path) -> None:
    """Remove files that killed fetches left among the packs. They are older than any fetch may take."""
    packs = folder / "objects/pack"
    for path in (*packs.glob("tmp_*"), *packs.glob(".tmp-*"), *packs.glob("*.keep")):
        with suppress(OSError):
            is_ours = path.suffix != ".keep" or path.read_bytes().startswith(b"fetch-pack ")
            if is_ours and time.time() - path.stat().st_mtime > 2 * CLONE_SECONDS:
                path.unlink()


def _warm(plumbing: Plumbing, source: MirrorSource, authorize: Authorize, tell: Tell) -> MirrorState:
    authorize(plumbing)
    remote = Remote(plumbing, source.remote)
    tell(f"fetching {source.branch}")
    commit = remote.follow(source.branch)
    plumbing.run("symbolic-ref", "HEAD", f"refs/heads/{source.branch}")
    prefixes = workspaces(plumbing, commit, source.file)
    if _is_partial(plumbing):
        _fetch_contents(plumbing, remote, commit, prefixes, tell)
    tell("writing the commit-graph")
    plumbing.run("commit-graph", "write", "--reachable", "--changed-paths", "--split", "--no-progress")
    plumbing.run("-c", "gc.auto=6700", "-c", "gc.autoDetach=false", "gc", "--auto", "--quiet")
    return MirrorState(commit, prefixes)


def workspaces(plumbing: Plumbing, commit: str, file: str) -> tuple[str, ...]:
    """Return the sorted folders of a commit that contain a file of this name; ``""`` is the root."""
    paths = plumbing.run("ls-tree", "-r", "-z", "--name-only", commit).split("\0")
    files = (PurePosixPath(path) for path in paths if path.rpartition("/")[2] == file)
    return tuple(sorted("" if str(path.parent) == "." else str(path.parent) for path in files))


def followed_branch(plumbing: Plumbing) -> str:
    """Return the branch that a mirror follows."""
    return plumbing.run("symbolic-ref", "HEAD").strip().removeprefix("refs/heads/")


def nearest(plumbing: Plumbing, commit: str, folder: str, file: str) -> str | None:
    """Return the innermost workspace of a commit around a folder, None if there is none."""
    around = [str(each) for each in (PurePosixPath(folder), *PurePosixPath(folder).parents)]
    folders = {(PurePosixPath(each) / file).as_posix(): "" if each == "." else each for each in around}
    names = plumbing.run("ls-tree", "-z", "--name-only", commit, "--", *folders).split("\0")
    return next((parent for path, parent in folders.items() if path in names), None)


def is_bare(folder: Path) -> bool:
    """Return whether a folder is a bare repository."""
    has_git_files = (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()
    return has_git_files and folder.name != ".git"


def _fetch_contents(plumbing: Plumbing, remote: Remote, commit: str, prefixes: tuple[str, ...], tell: Tell) -> None:
    """Fetch the contents of the workspaces, and of the rollouts' changes, in one request.

    The changes are those since the last update.
    """
    missing: dict[str, None] = {}
    for prefix in prefixes:
        missing |= _lacking(plumbing, f"{commit}:{prefix}" if prefix else f"{commit}^{{tree}}")
    if prefixes:
        before = [f"^{WARM}"] if _is_there(plumbing, WARM) else []
        missing |= _lacking(plumbing, commit, *before, "--", *(f"{prefix}/rollouts".lstrip("/") for prefix in prefixes))
    if missing:
        tell(f"fetching {len(missing):,} files")
        remote.fetch_objects(missing)
    plumbing.run("update-ref", WARM, commit)


def _lacking(plumbing: Plumbing, *arguments: str) -> dict[str, None]:
    """Return the ids of reachable objects that are missing here."""
    output = plumbing.run("rev-list", "--objects", "--no-object-names", "--missing=print", *arguments)
    return dict.fromkeys(line[1:] for line in output.splitlines() if line.startswith("?"))


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
    """Raise UserError if a folder is not a bare repository, or follows another remote."""
    if not is_bare(folder):
        raise UserError(f"{folder} exists and is not a bare git repository", hint="choose a new directory")
    try:
        theirs = Remote(Plumbing(folder), source.remote).address
    except GitError:
        theirs = "no remote"
    if theirs != source.address:
        raise UserError(f"{folder} is a mirror of {theirs}, not of {source.address}", hint="choose a new directory")
