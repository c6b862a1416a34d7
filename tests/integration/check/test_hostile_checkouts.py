"""What is checked out is looked at by a CI, and never run: not as Python, not by pip, not by git, not from the PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from installed_command import INSTALLED, index_here
from pull_requests import BASH, cloned, merge, propose, rewrites_history, shell
from real_servers import CHECKOUT, require
from repo import EXAMPLE, Repo, Result, git, run

pytestmark = pytest.mark.system

ACTION = yaml.safe_load((CHECKOUT / "action.yml").read_text("utf-8"))
GITLAB = yaml.safe_load((CHECKOUT / "ci/gitlab.yml").read_text("utf-8"))["rollout-spec"]
GITLAB_DRILL = yaml.safe_load((CHECKOUT / "ci/gitlab-drill.yml").read_text("utf-8"))["rollout-spec-drill"]
WORKFLOWS = {
    name: yaml.safe_load((EXAMPLE / f".github/workflows/{name}.yml").read_text("utf-8"))
    for name in ("rollouts", "drill")
}
MODULES = ("venv", "pip", "json", "argparse", "ensurepip", "sitecustomize", "usercustomize", "runpy", "os")
PROGRAMS = ("python", "python3", "pip", "git", "rollout-spec", "mktemp", "env")
REPORTS = ("gl-code-quality-report.json", "rollout-spec-junit.xml", "rollout-spec-drill.json")


def takes_over(repo: Repo) -> None:
    """Lay files into the root by which Python, pip, git or a shell would run something, or believe that all is well."""
    mark = repo.remote.parent / "ran"
    python = f"open({str(mark)!r}, 'a').write(__name__ + chr(10)); print('all is well'); raise SystemExit(0)\n"
    for name in MODULES:
        repo.write(f"{name}.py", python)
    for name in ("rollout_spec", "pydantic", "encodings"):
        repo.write(f"{name}/__init__.py", python)
        repo.write(f"{name}/__main__.py", python)
    repo.write("evil.pth", f"import os; open({str(mark)!r}, 'a').write('pth')\n")
    for name in PROGRAMS:
        repo.write(name, f"#!/bin/sh\necho {name} >> '{mark}'\necho all is well\n")
        (repo.workspace / name).chmod(0o755)
    touch = f"echo driver >> '{mark}'"
    drivers = f'[filter "evil"]\n\tsmudge = {touch}; cat\n\tclean = {touch}; cat\n\tprocess = {touch}\n'
    drivers += f'[diff "evil"]\n\ttextconv = {touch}; cat\n\tcommand = {touch}\n[merge "evil"]\n\tdriver = {touch}\n'
    drivers += f"[core]\n\tfsmonitor = {touch}\n\thooksPath = hooks\n\tsshCommand = {touch}\n"
    repo.write(".gitattributes", "* filter=evil diff=evil merge=evil\n")
    repo.write(".gitconfig", drivers)
    repo.write(".gitmodules", '[submodule "a"]\n\tpath = a\n\turl = ./a\n')
    for name in ("post-checkout", "post-merge", "pre-merge-commit", "reference-transaction"):
        repo.write(f"hooks/{name}", f"#!/bin/sh\n{touch}\n")
        (repo.workspace / "hooks" / name).chmod(0o755)
    repo.write("pyproject.toml", '[build-system]\nrequires = ["evil"]\nbuild-backend = "venv"\n')
    repo.write("pip.conf", "[global]\nno-index = true\nfind-links = evil\n")
    repo.write(".python-version", "2.7\n")
    for name in REPORTS:
        (repo.workspace / name).symlink_to(mark)
    rewrites_history(repo)


@pytest.fixture
def clone(repo: Repo) -> Path:
    """The result of merging what takes over, which is wrong besides: a check that is made finds that."""
    return cloned(repo, merge(repo, propose(repo, takes_over)))


def led_astray(clone: Path) -> dict[str, str]:
    """Return variables by which a job may find what it needs in the folder that it starts in."""
    place = clone.parent
    tools = place / "tools"
    tools.mkdir()
    for name in ("python", "python3"):
        (tools / name).symlink_to(sys.executable)
    return {
        "PATH": os.pathsep.join([".", "", str(tools), os.environ["PATH"]]),
        "PYTHONPATH": ".",
        "PIP_CONFIG_FILE": "pip.conf",
        "PIP_INDEX_URL": index_here(place),
    }


def first_here(clone: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Let the PATH lead into the clone by its full name, too."""
    return {**variables, "PATH": os.pathsep.join([str(clone), f"{clone}/bin", variables["PATH"]])}


def ran(clone: Path) -> Path:
    """Return the file that tells what of a checkout was run, if anything was."""
    return clone.parent.parent / "ran"


def is_itself(done: Result, clone: Path) -> None:
    """The tool was run, and nothing else."""
    assert not ran(clone).exists(), ran(clone).read_text("utf-8")
    assert "all is well" not in done.text
    assert (done.status, "versions-append-only" in done.out) == (1, True), done.text


def test_such_files_would_take_over(clone: Path) -> None:
    """What is tried here works where nobody cares."""
    for command in ("python -m venv x", "python -m pip --version", "python -m rollout_spec check", "git --version"):
        ran(clone).unlink(missing_ok=True)
        path = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        done = shell(command, clone, {**path, **({"PATH": f".:{path['PATH']}"} if "git" in command else {})})
        assert ("all is well" in done.out, ran(clone).exists()) == (True, True), command


def test_the_action(clone: Path) -> None:
    place = clone.parent
    variables = led_astray(clone)
    runner = {
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_SHA": git(clone, "rev-parse", "HEAD"),
        "RUNNER_TEMP": str(place),
    }
    own = {
        "PYTHON": str(place / "tools/python3"),
        "REQUIREMENT": "rollout-spec==0.1.0",
        "FOLDER": ".",
        "FORMAT": "github",
    }
    own |= {"BASE": "", "MERGE_GROUP_BASE": "", "SARIF": "rollout-spec-junit.xml"}
    install, check = (step["run"] for step in ACTION["runs"]["steps"] if "run" in step)
    done = shell(install, clone, {**variables, **runner, **own})
    assert done.status == 0, done.text
    is_itself(shell(check, clone, {**first_here(clone, variables), **runner, **own}), clone)
    assert "versions-append-only" in (clone / "rollout-spec-junit.xml").read_text("utf-8")


@pytest.mark.parametrize(
    ("event", "command"), [("merged_result", BASH), ("detached", ("sh", "-ec"))], ids=["bash", "sh"]
)
def test_the_job_of_gitlab(repo: Repo, event: str, command: tuple[str, ...]) -> None:
    head = propose(repo, takes_over)
    clone = cloned(repo, head if event == "detached" else merge(repo, head))
    git(clone, "config", "core.hooksPath", "hooks")  # as a tool that an earlier job ran may have left it
    variables = {
        **first_here(clone, led_astray(clone)),
        **GITLAB["variables"],
        **INSTALLED,
        "CI_COMMIT_SHA": git(clone, "rev-parse", "HEAD"),
        "CI_PIPELINE_SOURCE": "merge_request_event",
        "CI_MERGE_REQUEST_EVENT_TYPE": event,
        "CI_PROJECT_ID": "7",
        "CI_MERGE_REQUEST_PROJECT_ID": "7",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    }
    is_itself(shell("\n".join(GITLAB["script"]), clone, variables, command), clone)
    assert "versions-append-only" in (clone / "rollout-spec-junit.xml").read_text("utf-8")


def test_the_drill_of_gitlab(clone: Path) -> None:
    variables = {**first_here(clone, led_astray(clone)), **GITLAB_DRILL["variables"], **INSTALLED}
    done = shell("\n".join(GITLAB_DRILL["script"]), clone, variables)
    assert (done.status, "42 in canary-5" in done.out, ran(clone).exists()) == (0, True, False), done.text


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_workflows_that_init_writes(clone: Path, name: str) -> None:
    runner = {**led_astray(clone), **INSTALLED, "GITHUB_WORKSPACE": str(clone), "RUNNER_TEMP": str(clone.parent)}
    runner["BASE"] = "HEAD^1"
    (job,) = WORKFLOWS[name]["jobs"].values()
    for step in job["steps"]:
        if "run" in step:
            done = shell(step["run"], clone, runner)
    if name == "rollouts":
        is_itself(done, clone)
    else:
        assert (done.status, "42 in canary-5" in done.out) == (0, True), done.text
        assert not ran(clone).exists()


def test_a_program_of_pre_commit_starts_in_its_own_folder(clone: Path) -> None:
    """It is started in the checkout, and Python looks for modules beside the program."""
    program = Path(sys.executable).parent / "rollout-spec"
    require(program.exists(), "rollout-spec is not installed")
    done = subprocess.run([program, "check", "--all", "--base", "HEAD^1"], cwd=clone, capture_output=True, text=True)
    is_itself(Result(done.returncode, done.stdout, done.stderr), clone)


def test_no_driver_or_hook_of_the_tree_is_run_by_git(repo: Repo) -> None:
    takes_over(repo)
    repo.git("push", "-q", "origin", "HEAD")
    for words in (
        ("check", "--base", "HEAD^1"),
        ("rollback", "fraud", "--reason", "it is wrong"),
        ("withdraw", "fraud", "--commit"),
        ("doctor",),
        ("mirror", str(repo.remote.parent / "mirror.git")),
    ):
        run("--repo", str(repo.workspace), *words)
    assert repo.branches() == ["rollback/acme-models/fraud/42"]
    assert not (repo.remote.parent / "ran").exists()


def test_a_folder_that_looks_like_a_repository_is_none(repo: Repo) -> None:
    """Git would read the configuration of a bare repository that lies in the tree."""
    place = repo.remote.parent
    bare = repo.workspace / "environments"
    shutil.copytree(repo.remote, bare, ignore=shutil.ignore_patterns("hooks"))
    for folder in (bare / "objects", bare / "refs"):
        (folder / ".keep").write_text("")
    (bare / "config").write_text(f"[core]\n\tbare = true\n\tfsmonitor = touch {place / 'ran'}\n")
    repo.commit("Look like a repository", push=False)
    check = ACTION["runs"]["steps"][-1]["run"]
    runner = {
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_SHA": repo.git("rev-parse", "HEAD"),
        "RUNNER_TEMP": str(place),
    }
    own = {"FOLDER": "environments", "FORMAT": "github", "BASE": "", "MERGE_GROUP_BASE": "", "SARIF": ""}
    done = shell(check, repo.folder, {**runner, **own})
    assert (done.status, "cannot use bare repository" in done.err) == (128, True), done.text
    assert not (place / "ran").exists()
