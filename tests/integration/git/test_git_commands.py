"""Each git command takes milliseconds, and one to a remote tenths of a second: a rollback starts no needless one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from clones import commit, head, origin
from repo import git

from rollout_spec.integrations.git.command import Plumbing
from rollout_spec.integrations.git.environment import credential_environment
from rollout_spec.integrations.git.repository import Git
from rollout_spec.spec.workspace import ForgeSettings
from rollout_spec.workflows.base_branch import find_base

pytestmark = pytest.mark.system

ABSENT = [f"{number:040x}" for number in range(1, 60)]


@pytest.fixture
def commands() -> Iterator[list[str]]:
    """The git commands that are started, without their settings."""
    started: list[str] = []
    names = ("ls-remote", "fetch", "push", "rev-list", "rev-parse")

    def noted(real: object) -> object:
        def run(self: Plumbing, *arguments: str, **options: object) -> object:
            started.extend(each for each in arguments if each in names)
            return real(self, *arguments, **options)  # type: ignore[operator]

        return run

    with mock.patch.multiple(Plumbing, output=noted(Plumbing.output), answer=noted(Plumbing.answer)):
        yield started


def test_missing_commits_are_told_from_present_ones(clone: Path) -> None:
    present = [head(clone), *(commit(clone, str(number)) for number in range(3))]
    plumbing = Plumbing(clone)
    assert plumbing.missing([*present, *ABSENT[:2]], few=20) == set(ABSENT[:2])
    assert plumbing.missing(present) == set()
    assert plumbing.missing(["HEAD", "--all"]) == {"HEAD", "--all"}
    assert [plumbing.has(each) for each in (present[0], ABSENT[0], "HEAD")] == [True, False, False]


def test_among_many_commits_a_missing_one_hides_no_other(clone: Path) -> None:
    assert Plumbing(clone).missing([head(clone), *ABSENT], few=20) >= set(ABSENT)


def test_present_commits_are_looked_up_together_and_once(clone: Path, commands: list[str]) -> None:
    present = [head(clone), *(commit(clone, str(number)) for number in range(30))]
    plumbing = Plumbing(clone)
    assert plumbing.missing(present) == set()
    assert commands == ["rev-list"]
    assert all(map(plumbing.has, present))
    assert commands == ["rev-list"]


def test_a_commit_that_arrives_later_is_found(clone: Path) -> None:
    git(clone.parent, "clone", "-q", "remote.git", "other")
    new, plumbing = commit(clone.parent / "other", "Later"), Plumbing(clone)
    assert not plumbing.has(new)
    git(clone, "fetch", "-q", "origin", "main")
    assert plumbing.has(new)


def test_branches_that_are_here_are_not_fetched(clone: Path, commands: list[str]) -> None:
    origin(clone).fetch_branches({f"b{number}": head(clone) for number in range(30)})
    assert commands == ["rev-list"]


def test_a_push_of_a_new_branch_is_one_request(clone: Path, commands: list[str]) -> None:
    assert origin(clone).push_new("b", head(clone))
    assert commands == ["push"]


@pytest.mark.parametrize("named", [True, False])
def test_the_base_is_found_by_one_request(clone: Path, commands: list[str], named: bool) -> None:
    settings = ForgeSettings(type="local", base="main" if named else None)
    base = find_base(Git(clone), settings, "")
    assert (base.branch, base.commit) == ("main", head(clone))
    assert [each for each in commands if each in ("ls-remote", "fetch", "push")] == ["ls-remote"]


def test_a_clone_is_asked_once_whether_it_is_shallow(clone: Path, commands: list[str]) -> None:
    repository = Git(clone)
    assert [repository.is_shallow() for _ in range(3)] == [False] * 3
    assert commands == ["rev-parse"]


@pytest.mark.parametrize(
    ("url", "is_first"),
    [
        ("https://git.example.com/acme/models.git", True),
        ("https://git.example.com:8443/acme/models.git", False),
        ("https://evil.example.com/acme/models.git", False),
        ("http://git.example.com/acme/models.git", False),
    ],
)
@pytest.mark.parametrize("settings_before", ["", "1"])
def test_a_password_is_sent_with_the_first_request_to_its_own_host(
    clone: Path, monkeypatch: pytest.MonkeyPatch, url: str, is_first: bool, settings_before: str
) -> None:
    """Git since 2.46 reads this setting; that it is of one host alone is what any git can tell."""
    if settings_before:
        for name, value in {"COUNT": "1", "KEY_0": "user.name", "VALUE_0": "Ada"}.items():
            monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    shown = credential_environment("https://git.example.com", "bot", "s3cret")
    found = subprocess.run(
        ["git", "config", "--get-urlmatch", "http.proactiveAuth", url],
        cwd=clone,
        env={**os.environ, **shown},
        capture_output=True,
        text=True,
    )
    assert found.stdout.strip() == ("basic" if is_first else "")
    assert "s3cret" not in " ".join(value for name, value in shown.items() if name.startswith("GIT_CONFIG"))


def test_over_plain_http_a_password_is_sent_only_if_the_host_asks() -> None:
    shown = credential_environment("http://127.0.0.1:8080", "bot", "s3cret")
    assert not any("proactive" in value for value in shown.values())
