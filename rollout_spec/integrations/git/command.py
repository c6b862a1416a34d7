"""Git processes of one repository, with settings of our own.

GitPython starts the processes and does nothing else: its repositories leak processes if kept. It passes on whatever
looks like an option, so the callers check all names and ids that come from elsewhere.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rollout_spec.core.errors import OUTSIDE, UserError, disk_error
from rollout_spec.core.text import excerpt
from rollout_spec.integrations.git.environment import (
    ENVIRONMENT,
    command_line,
    credential_environment,
    repository_environment,
)
from rollout_spec.integrations.git.folders import git_folder
from rollout_spec.integrations.git.messages import folded
from rollout_spec.integrations.git.standard_input import standard_input

# Git and its ssh run inside a clone. A relative entry of the PATH would lead into it.
if path := os.environ.get("PATH"):
    os.environ["PATH"] = os.pathsep.join(filter(os.path.isabs, path.split(os.pathsep))) or os.defpath

try:
    import git as gitpython
    from git.exc import GitCommandError, GitCommandNotFound
except ImportError as missing:
    raise UserError("git cannot be started", hint="install git, and put it on the PATH") from missing

ID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
"""The full id of an object."""


class GitError(UserError):
    """A failed git command: git's ``reason``, exit ``code``, and ``output`` if known."""

    code = 0
    output = ""

    def __init__(self, action: str, reason: str, *, status: int = OUTSIDE, hint: str | None = None) -> None:
        if re.search("Authentication failed|could not read (Username|Password)|Permission denied", reason):
            hint = hint or "see docs/forges.md for the token that git sends, and its permissions"
        if "does not appear to be a git repository" in reason:
            hint = hint or "`git remote -v` shows the address; correct it with `git remote set-url`"
        super().__init__(f"{action}: {folded(reason) or 'git failed without a message'}", status=status, hint=hint)
        self.reason = reason


def create(root: Path, *, bare: bool = False) -> None:
    """Create a repository with the branch ``main``. The folder and its files may exist already."""
    gitpython.Repo.init(root, mkdir=True, bare=bare, initial_branch="main").close()


def checked(text: str, pattern: re.Pattern[str]) -> str:
    """Return a text that matches a pattern, so that git takes it for no option.

    UserError if it does not match.
    """
    if not pattern.fullmatch(text):
        raise UserError(f"`{excerpt(text)}` is not a valid git name or id here")
    return text


class Plumbing:
    """The commands of one repository: a clone, a linked worktree, a submodule or a bare repository.

    ``holding`` are handles that the commands of ``run`` inherit, so a lock is held until the last command has ended.
    """

    def __init__(self, root: Path, holding: Sequence[int] = ()) -> None:
        self.root = root
        self._holding = tuple(holding)
        folder = git_folder(root)
        if folder is None:
            raise UserError(f"{root} is not a git repository")
        self.folder = folder
        self._own = repository_environment(root.absolute(), folder)
        self._credential: dict[str, str] = {}
        self._present: set[str] = set()

    def authorize(self, url: str, user: str, password: str) -> None:
        """Send a password to remotes on one host that ask for it. ``url`` is a scheme with a host."""
        self._credential = credential_environment(url, user, password)

    def has(self, commit: str) -> bool:
        """Return whether a commit is in this repository. A partial clone does not fetch it."""
        return not self.missing([commit])

    def missing(self, commits: Iterable[str], few: int = 1) -> set[str]:
        """Return the commits that are not in this repository. Found ones are remembered.

        All of them if one is missing and there are more than ``few``: git before 2.45 does not say which.
        """
        unknown = sorted({each for each in commits if each not in self._present})
        missing = self._unlisted(unknown) if all(map(ID.fullmatch, unknown)) else None
        if missing is None and 1 < len(unknown) <= few:
            missing = {each for each in unknown if self.missing([each])}
        elif missing is None:
            missing = set(unknown)
        self._present.update(set(unknown) - missing)
        return missing

    def _unlisted(self, commits: Sequence[str]) -> set[str] | None:
        """Return the commits that git reports as missing.

        None if git fails: before 2.45 it does if one is missing.
        """
        if not commits:
            return set()
        names = "".join(f"{each}\n" for each in commits).encode()
        try:
            lines = self.run("rev-list", "--no-walk", "--missing=print", "--stdin", stdin=names).split("\n")
        except GitError:
            return None
        return {line.removeprefix("?") for line in lines if line.startswith("?")}

    def run(
        self,
        *arguments: str,
        stdin: bytes | None = None,
        environment: Mapping[str, str] | None = None,
        action: str = "git",
    ) -> str:
        """Run one command and return its output as text. GitError if it fails."""
        return self.output(*arguments, stdin=stdin, environment=environment, action=action).decode("utf-8", "replace")

    def output(
        self,
        *arguments: str,
        stdin: bytes | None = None,
        environment: Mapping[str, str] | None = None,
        action: str = "git",
    ) -> bytes:
        """Run one command and return its output. GitError if it fails."""
        with standard_input(stdin) as given:
            try:
                with _starting():
                    output = gitpython.Git(self.root).execute(
                        command_line(arguments),
                        istream=given,
                        env=self._environment(environment or {}),
                        stdout_as_string=False,
                        strip_newline_in_stdout=False,
                        pass_fds=self._holding,
                    )
            except GitCommandError as error:
                raise _refusal(action, error) from None
        assert isinstance(output, bytes)
        return output

    def settings(self, name: str) -> list[str]:
        """Return the values of a setting, except those from files in a working tree, which others may write."""
        try:
            parts = self.run("config", "-z", "--show-origin", "--get-all", name).split("\0")
        except GitError:
            return []
        return [value for origin, value in zip(parts[::2], parts[1::2], strict=False) if not self._is_in_tree(origin)]

    def _is_in_tree(self, origin: str) -> bool:
        """Return whether a setting comes from a file in a working tree, by `include.path`."""
        kind, _, name = origin.partition(":")
        if kind != "file":
            return kind != "command line"
        file, common = (self.root / name).resolve(), Path(self._own["GIT_COMMON_DIR"])
        if file.is_relative_to(common) or file.is_relative_to(self.folder):
            return False
        trees = [self.root.resolve(), *(each.parent for each in (common, *common.parents) if each.name == ".git")]
        return any(file.is_relative_to(each) for each in trees)

    def start(self, *arguments: str) -> Any:
        """Start a command that answers requests, and return it as a ``Popen``.

        The command ends with that object.
        """
        with _starting():
            return gitpython.Git(self.root).execute(
                command_line(arguments), istream=subprocess.PIPE, env=self._environment({}), as_process=True
            )

    def answer(
        self,
        *arguments: str,
        within: float,
        stdin: bytes | None = None,
        environment: Mapping[str, str] | None = None,
        action: str = "git",
    ) -> str:
        """Run a command that may contact a server or an agent, and return its output.

        All its processes end after ``within`` seconds. It has no terminal: a prompt fails.
        """
        with standard_input(stdin) as given:
            with _starting():
                started = gitpython.Git(self.root).execute(
                    command_line(arguments),
                    istream=given,
                    env=self._environment(environment or {}),
                    as_process=True,
                    start_new_session=True,
                )
            process: Any = started.proc
            try:
                output, stderr = process.communicate(timeout=within)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # its children keep its pipes open
                process.communicate()
                raise GitError(action, f"no answer within {within:g} seconds") from None
        if process.returncode:
            raise GitError(action, _without_credentials(stderr.decode("utf-8", "replace")))
        return str(output, "utf-8", "replace")

    def _environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        own = {name: value for name, value in self._own.items() if name in os.environ}
        return {**ENVIRONMENT, **own, **self._credential, **extra}


@contextmanager
def _starting() -> Iterator[None]:
    """Raise UserError if git cannot be started: it is not installed, or no process can be created."""
    try:
        yield
    except GitCommandNotFound:
        raise UserError("git cannot be started", hint="install git, and put it on the PATH", status=OUTSIDE) from None
    except OSError as error:
        raise disk_error(error, "git cannot be started", status=OUTSIDE) from None


def _refusal(action: str, error: GitCommandError) -> GitError:
    """Return the error of a failed command, without credentials from URLs."""
    stdout, stderr = (
        re.sub(rf"\A\s*{name}: '(.*)'\s*\Z", r"\1", str(text or ""), flags=re.DOTALL)
        for name, text in (("stdout", error.stdout), ("stderr", error.stderr))
    )
    refusal = GitError(action, _without_credentials(stderr))
    refusal.code, refusal.output = error.status if isinstance(error.status, int) else 0, stdout
    return refusal


def _without_credentials(text: str) -> str:
    return re.sub(r"(\w+://)[^/\s@]+@", r"\1", text)
