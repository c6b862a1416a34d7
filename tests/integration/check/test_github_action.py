"""The action for GitHub, run as a runner runs it: on the result of a merge, in a clone as actions/checkout makes it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from installed_command import INSTALLED, command_here, python_here, release
from pull_requests import (
    Change,
    advances,
    cloned,
    ends_user_profile_12,
    merge,
    propose,
    rewrites_history,
    serves_churn,
    shell,
)
from real_servers import CHECKOUT
from repo import EXAMPLE, Repo, Result, git

pytestmark = pytest.mark.system

ACTION = yaml.safe_load((CHECKOUT / "action.yml").read_text("utf-8"))
WORKFLOW = yaml.safe_load((EXAMPLE / ".github/workflows/rollouts.yml").read_text("utf-8"))


def act(clone: Path, event: str, *, sha: str = "", merge_group: str = "", python: str = "", **inputs: str) -> Result:
    """Run the steps of the action that are shell, in a clone, for an event; the first that fails ends it."""
    place = clone.parent
    context = {f"inputs.{name}": inputs.get(name, declared["default"]) for name, declared in ACTION["inputs"].items()}
    context["steps.python.outputs.python-path"] = python or str(python_here(place))
    context["github.event.merge_group.base_sha"] = merge_group
    runner = {
        "GITHUB_ACTION_PATH": str(place / "action"),
        "GITHUB_EVENT_NAME": event,
        "GITHUB_SHA": sha or git(clone, "rev-parse", "HEAD"),
        "RUNNER_TEMP": str(place),
    }
    out = err = ""
    for step in ACTION["runs"]["steps"]:
        if "run" not in step:
            assert step["uses"].startswith("actions/setup-python@")
            continue
        assert "${{" not in step["run"], "what is put into a script by its text can be code"
        own = {name: re.sub(r"\$\{\{ (\S+) \}\}", lambda found: context[found[1]], text)
               for name, text in step["env"].items()}  # fmt: skip
        done = shell(step["run"], clone, {**runner, **own})
        out, err = out + done.out, err + done.err
        if done.status:
            return Result(done.status, out, err)
    return Result(0, out, err)


def workflow(clone: Path, job: dict[str, Any], **environment: str) -> Result:
    """Run the steps of a job that are shell, in a clone; the first that fails ends it."""
    place = clone.parent
    python_here(place)
    runner = {
        **command_here(place),
        **INSTALLED,
        "GITHUB_WORKSPACE": str(clone),
        "RUNNER_TEMP": str(place),
        **environment,
    }
    done = Result(0, "", "")
    for step in job["steps"]:
        if "run" in step and not done.status:
            done = shell(step["run"], clone, runner)
    return done


def annotated(done: Result) -> list[tuple[str, str, str]]:
    """Return the level, the file and the rule of each annotation."""
    return re.findall(r"^::(\w+) file=([^,]+),.*\btitle=([^:,]+)", done.out, re.MULTILINE)


def test_a_good_pull_request_passes(repo: Repo) -> None:
    done = act(cloned(repo, merge(repo, propose(repo, advances)), "--depth=2"), "pull_request")
    assert done.status == 0, done.text
    assert annotated(done) == []
    assert "skipped" not in done.text  # there was a base


def test_a_pull_request_is_compared_with_its_base(repo: Repo) -> None:
    folder = cloned(repo, merge(repo, propose(repo, rewrites_history)), "--depth=2")
    done = act(folder, "pull_request")
    assert done.status == 1
    assert ("error", "rollouts/fraud.yaml", "versions-append-only") in annotated(done)


def test_changes_that_are_right_apart_and_wrong_together_do_not_pass(repo: Repo) -> None:
    head = propose(repo, serves_churn)
    repo.git("checkout", "-q", head)
    assert repo.run("check", "--base", "main").status == 0
    repo.git("checkout", "-q", "main")
    ends_user_profile_12(repo)
    assert repo.run("check").status == 0
    done = act(cloned(repo, merge(repo, head), "--depth=2"), "pull_request")
    assert done.status == 1
    assert ("error", "rollouts/churn.yaml", "pins-served") in annotated(done)


def test_what_is_not_the_result_of_the_merge_is_refused(repo: Repo) -> None:
    head = propose(repo, advances)
    merged = merge(repo, head)
    folder = cloned(repo, head)
    done = act(folder, "pull_request", sha=merged)
    assert done.status == 2
    assert "check out the result of the merge" in done.out
    assert act(folder, "pull_request", sha=merged, base=repo.tip()).status == 0  # whoever names a base knows
    assert "use pull_request" in act(folder, "pull_request_target").out


def test_a_clone_that_lacks_the_base_is_refused(repo: Repo) -> None:
    done = act(cloned(repo, merge(repo, propose(repo, advances)), "--depth=1"), "pull_request")
    assert done.status == 2
    assert "fetch-depth" in done.out


def test_a_merge_group_is_compared_with_what_it_is_merged_into(repo: Repo) -> None:
    base = repo.tip()
    folder = cloned(repo, merge(repo, propose(repo, rewrites_history)))
    done = act(folder, "merge_group", merge_group=base)
    assert done.status == 1
    assert {rule for _, _, rule in annotated(done)} == {"versions-append-only"}
    assert act(folder, "merge_group", merge_group="0" * 40).status == 2


def test_a_push_is_checked_as_it_is(repo: Repo) -> None:
    folder = cloned(repo, repo.tip(), "--depth=1")
    done = act(folder, "push")
    assert done.status == 0, done.text
    assert "that need a base: --base REF, such as origin/main" in done.err
    (folder / "components/tokenizer.yaml").unlink()
    done = act(folder, "push")
    assert done.status == 1
    assert annotated(done)[0][2] == "references-exist"


def test_findings_are_written_for_code_scanning_too(repo: Repo) -> None:
    folder = cloned(repo, merge(repo, propose(repo, rewrites_history)), "--depth=2")
    done = act(folder, "pull_request", sarif="../found.sarif", format="text")
    assert done.status == 1
    assert "[versions-append-only]" in done.out
    (run,) = json.loads((folder.parent / "found.sarif").read_text("utf-8"))["runs"]
    assert "versions-append-only" in {result["ruleId"] for result in run["results"]}


@pytest.mark.parametrize("name", ["folder", "base", "format", "sarif"])
def test_an_input_is_no_code(repo: Repo, name: str) -> None:
    folder = cloned(repo, repo.tip())
    done = act(folder, "push", **{name: '"; touch "$RUNNER_TEMP/owned"; $(touch "$RUNNER_TEMP/owned") `id` #'})
    assert (done.status == 0) == (name == "sarif")  # it is a file's name, and an odd one
    assert not (folder.parent / "owned").exists()


@pytest.mark.real
def test_the_action_installs_the_release_that_it_is_part_of(repo: Repo) -> None:
    folder = cloned(repo, merge(repo, propose(repo, rewrites_history)), "--depth=2")
    release(folder.parent / "action")
    done = act(folder, "pull_request", python=sys.executable)
    assert done.status == 1, done.text
    assert ("error", "rollouts/fraud.yaml", "versions-append-only") in annotated(done)


@pytest.mark.parametrize(
    ("change", "base", "status"),
    [(advances, "HEAD^1", 0), (rewrites_history, "HEAD^1", 1), (rewrites_history, "", 0)],
)
def test_the_workflow_that_init_writes_checks_what_is_merged(
    repo: Repo, change: Change, base: str, status: int
) -> None:
    folder = cloned(repo, merge(repo, propose(repo, change)))
    done = workflow(folder, WORKFLOW["jobs"]["check"], BASE=base)
    assert done.status == status, done.text
    assert bool(annotated(done)) == bool(status)
