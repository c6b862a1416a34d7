"""What a command prints and where, what it writes, and the status with which it ends."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import folders
import pytest
from workspaces import BASE, Files, files_in

from rollout_spec import __version__
from rollout_spec.cli import COMMANDS, main
from rollout_spec.core import package_data as resources
from rollout_spec.spec.kinds import KINDS

pytestmark = pytest.mark.system

CHECKOUT = folders.CHECKOUT
FRAUD = "rollouts/fraud.yaml"
KSERVE = "manifests/fraud/kserve.yaml"
ROUTE = "manifests/fraud/gateway-api.yaml"

Capture = pytest.CaptureFixture[str]


def write(folder: Path, files: Files) -> None:
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


@pytest.fixture(scope="session")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("rendered")
    write(folder, files_in(BASE))
    assert main(["--repo", str(folder), "render"]) == 0
    return files_in(folder / "manifests")


@pytest.fixture
def workspace(tmp_path: Path, manifests: Files, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a workspace that passes its check, and start there."""
    folder = tmp_path / "models"
    write(folder, {**files_in(BASE), **{f"manifests/{path}": content for path, content in manifests.items()}})
    monkeypatch.chdir(folder)
    return folder


def edit(path: str, old: str, new: str) -> None:
    """Change a file of the workspace in which a test has started."""
    text = Path(path).read_text("utf-8")
    assert text.count(old) == 1
    Path(path).write_text(text.replace(old, new), encoding="utf-8")


def run(*words: str, cwd: Path | None = None, status: int = 0) -> str:
    """Run a program, and return all that it prints."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(words, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def program(*words: str, cwd: Path | None = None, status: int = 0) -> str:
    return run(sys.executable, "-m", "rollout_spec", *words, cwd=cwd, status=status)


def status_of(*words: str) -> int:
    """Return how a command ends; argparse ends it itself."""
    try:
        return main(list(words))
    except SystemExit as end:
        assert isinstance(end.code, int)
        return end.code


# As a program.


def test_the_program_gives_its_status_to_the_shell(workspace: Path) -> None:
    program("check", cwd=workspace)
    program("render", "--check", cwd=workspace)
    edit(FRAUD, "tier: critical", "tier: urgent")
    assert f"{FRAUD}:3:64: error: " in program("check", FRAUD, cwd=workspace, status=1)
    assert "Traceback" not in program("check", "nowhere", cwd=workspace, status=2)


def test_a_check_of_one_file_loads_no_more_than_it_needs(workspace: Path) -> None:
    told = run(sys.executable, "-X", "importtime", "-m", "rollout_spec", "check", FRAUD, cwd=workspace)
    loaded = {line.rpartition("|")[2].strip() for line in told.splitlines() if line.startswith("import time:")}
    assert "rollout_spec.checks.runner" in loaded
    outside = {"asyncio", "git", "httpx", "jinja2", "jsonschema", "requests", "socketserver", "urllib3", "xml"}
    assert {name.partition(".")[0] for name in loaded} & outside == set()
    assert loaded & {"http.client", "http.server", "urllib.request"} == set()
    ours = {name.split(".")[1] for name in loaded if name.startswith("rollout_spec.")}
    assert ours & {"integrations", "rollback", "service"} == set()


# Arguments.


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([], id="no command"),
        pytest.param(["chekc"], id="an unknown command"),
        pytest.param(["check", "--fromat", "json"], id="an unknown option"),
        pytest.param(["check", "--form", "json"], id="an option cut short"),
        pytest.param(["check", "--format", "yaml"], id="an unknown format"),
        pytest.param(["check", "--base"], id="an option without its value"),
        pytest.param(["check", "nowhere.yaml"], id="an unknown path"),
        pytest.param(["check", "--base", "main"], id="a base outside git"),
        pytest.param(["render", "frau"], id="an unknown rollout"),
        pytest.param(["render", "../fraud"], id="a path instead of a rollout"),
        pytest.param(["schema"], id="no kind"),
        pytest.param(["schema", "Rollout"], id="an unknown kind"),
        pytest.param(["init", "models", "more"], id="one word more"),
        pytest.param(["--repo", "nowhere", "check"], id="an unknown folder"),
        pytest.param(["check", "--repo", "rollouts/fraud.yaml"], id="a file instead of a folder"),
    ],
)
def test_what_cannot_be_used_ends_with_2_and_says_why(words: list[str], workspace: Path, capsys: Capture) -> None:
    before = files_in(workspace)
    assert status_of(*words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.strip()
    assert files_in(workspace) == before


@pytest.mark.parametrize("command", [["check"], ["check", FRAUD], ["render"], ["render", "--check"]])
def test_a_folder_outside_of_any_workspace_ends_with_2(command: list[str], tmp_path: Path, capsys: Capture) -> None:
    write(tmp_path, {FRAUD: b"kind: ModelRollout\n"})
    assert main(["--repo", str(tmp_path), *command]) == 2
    assert "no .rollout-spec.yaml" in capsys.readouterr().err


def test_a_rollout_that_is_misspelled_is_guessed(workspace: Path, capsys: Capture) -> None:
    assert main(["render", "frad"]) == 2
    assert "did you mean `fraud`?" in capsys.readouterr().err


def test_an_empty_argument_too_many_is_a_usage_error(capsys: Capture) -> None:
    assert main(["explain", "one-step", ""]) == 2
    message = "rollout-spec: explain: an argument is empty, and not expected\n"
    assert capsys.readouterr().err == f"{message}  help: `rollout-spec explain --help` lists the arguments\n"


@pytest.mark.parametrize("option", ["--cleard", "--cleard=x"])
def test_a_misspelled_option_of_an_action_is_guessed(option: str, capsys: Capture) -> None:
    assert main(["incident", "resolve", "fraud-42", option]) == 2
    message = f"rollout-spec: incident: unrecognized arguments: {option}\n  help: did you mean `--cleared`?\n"
    assert capsys.readouterr().err == message


def test_the_version_is_told(capsys: Capture) -> None:
    assert status_of("--version") == 0
    assert capsys.readouterr().out == f"rollout-spec {__version__}\n"


@pytest.mark.parametrize(
    ("name", "hint"), [("chekc", "did you mean `check`?"), ("x" * 300, "`rollout-spec --help` lists the commands")]
)
def test_a_misspelled_command_is_named(name: str, hint: str, capsys: Capture) -> None:
    assert main([name]) == 2
    told = capsys.readouterr().err
    assert "is not a command" in told and hint in told
    assert len(told) < 300


def test_no_command_prints_the_help(capsys: Capture) -> None:
    assert main([]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "scaffold a rollout repository" in told.err


@pytest.mark.parametrize("columns", ["80", "200"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, columns: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert status_of(command, "--help") == 0
    own = capsys.readouterr().out
    assert f"rollout-spec {command}" in own
    assert status_of("--help") == 0
    overview = capsys.readouterr().out
    assert f"  {command}" in overview
    assert [line for line in (own + overview).splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("command", [["check"], ["check", FRAUD], ["render", "--check"]])
def test_repo_is_where_a_command_starts(
    command: list[str], workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*command, "--repo", "models"]) == 0
    assert main(["--repo", "models", *command]) == 0
    assert main(["--repo", str(workspace), *command]) == 0
    assert main(["--repo", "elsewhere", *command, "--repo", "models"]) == 0
    assert main(command) == 2


def test_a_command_finds_its_workspace_from_any_folder_in_it(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace / "manifests" / "fraud")
    assert main(["check"]) == 0
    assert main(["check", "../../rollouts"]) == 0
    assert main(["render", "fraud", "--check"]) == 0


# Versions of this tool.


@pytest.mark.parametrize("command", [["check"], ["check", FRAUD], ["render"], ["render", "--check"]])
@pytest.mark.parametrize("rest", ["", "\n  fieldOfThatVersion: 1"], ids=["readable", "not"])
def test_a_workspace_for_another_version_ends_with_2_and_says_so(
    command: list[str], rest: str, workspace: Path, capsys: Capture
) -> None:
    edit(".rollout-spec.yaml", "spec:", f'spec:\n  requires: ">=99,<100"{rest}')
    assert main(command) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert ">=99,<100" in captured.err
    assert __version__ in captured.err


def test_a_workspace_for_this_version_is_read(workspace: Path) -> None:
    edit(".rollout-spec.yaml", "spec:", f'spec:\n  requires: ">={__version__},<99"')
    assert main(["check"]) == 0


# Check.


@pytest.mark.parametrize("paths", [[], [".rollout-spec.yaml"], ["."]], ids=["all", "its path", "its folder"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("spec:", "spec: [", id="text"),
        pytest.param("kind: Workspace", "kind: Workspce", id="model"),
        pytest.param("spec:", "spec:\n  policies: [nowhere]", id="reference"),
        pytest.param("{{ version }}", "{{ candidate }}", id="metric"),
        pytest.param("spec:", "spec:\n  requires: 0.1 or so", id="requires"),
    ],
)
def test_a_broken_workspace_file_is_a_finding(
    old: str, new: str, paths: list[str], workspace: Path, capsys: Capture
) -> None:
    edit(".rollout-spec.yaml", old, new)
    assert main(["check", *paths, "--format", "json"]) == 1
    assert {each["file"] for each in json.loads(capsys.readouterr().out)["findings"]} == {".rollout-spec.yaml"}


def test_the_rollouts_of_a_broken_workspace_are_checked_by_their_paths(workspace: Path, capsys: Capture) -> None:
    """What the workspace demands of them cannot be known: that it does not load is said, once, and nothing passes."""
    Path(".rollout-spec.yaml").write_text("spec: [\n")
    assert main(["check", FRAUD]) == 1
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [".rollout-spec.yaml"]
    edit(FRAUD, "tier: critical", "tier: urgent")
    assert main(["check", FRAUD]) == 1
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [".rollout-spec.yaml", FRAUD]


def test_a_warning_is_no_failure(workspace: Path, capsys: Capture) -> None:
    edit(FRAUD, '    knownGood: ["40", "39"]\n', "")
    assert main(["render"]) == 0
    assert main(["check"]) == 0
    assert ": warning: " in capsys.readouterr().out


def test_findings_go_to_stdout_and_what_was_skipped_to_stderr(workspace: Path, capsys: Capture) -> None:
    edit(FRAUD, "tier: critical", "tier: urgent")
    assert main(["check"]) == 1
    captured = capsys.readouterr()
    assert captured.out.count("\n") == 1
    assert "[schema]" in captured.out
    assert captured.err.startswith("skipped ")
    assert captured.err.startswith("skipped 5 rules that need a base")


def test_a_folder_stands_for_the_specs_in_it(workspace: Path, capsys: Capture) -> None:
    edit("components/user-profile.yaml", "type: feature", "type: featur")
    edit(FRAUD, "tier: critical", "tier: urgent")
    assert main(["check", "components"]) == 1
    assert "fraud.yaml" not in capsys.readouterr().out
    assert main(["check", "."]) == 1
    assert "fraud.yaml" in capsys.readouterr().out
    assert main(["check", "manifests"]) == 0


def test_a_file_that_cannot_be_read_ends_with_2(
    workspace: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.lstat

    def refused(path: Any, **options: Any) -> os.stat_result:
        if str(path).endswith("components/tokenizer.yaml"):
            raise PermissionError(13, "Permission denied")
        return real(path, **options)

    monkeypatch.setattr(os, "lstat", refused)
    assert main(["check"]) == 2
    assert "components/tokenizer.yaml cannot be read: Permission denied" in capsys.readouterr().err


# Against a base, in git.


@pytest.fixture
def repository(workspace: Path) -> Path:
    """Make the workspace a git repository whose branch `main` holds it."""
    run("git", "init", "--quiet", "--initial-branch=main")
    run("git", "add", ".")
    run("git", "commit", "--quiet", "--message=Begin")
    return workspace


def test_a_base_adds_the_rules_about_a_change(repository: Path, capsys: Capture) -> None:
    edit(FRAUD, "stage: canary-5", "stage: full")
    assert main(["check", FRAUD]) == 0
    capsys.readouterr()
    assert main(["check", FRAUD, "--base", "main"]) == 1
    captured = capsys.readouterr()
    assert "[one-step]" in captured.out
    assert captured.err.startswith("skipped 2 rules that need a check of the whole workspace")


PAGE = "https://github.com/rollout-spec/rollout-spec/blob/main/docs/rules.md"


@pytest.mark.parametrize("name", ["text", "github", "gitlab"])
def test_a_format_without_addresses_is_followed_by_one(name: str, workspace: Path, capsys: Capture) -> None:
    edit(FRAUD, "weight: 5%", "weight: 500%")
    assert main(["check", "--format", name]) == 1
    assert f"\nwhy, with examples: `rollout-spec explain schema`, or {PAGE}#schema\n" in capsys.readouterr().err
    (workspace / "rollouts/two.yml").write_text("kind: ModelRollout\n", "utf-8")
    assert main(["check", "--format", name]) == 1
    assert f"\nwhy, with examples: `rollout-spec explain NAME`, or {PAGE}\n" in capsys.readouterr().err


def test_only_findings_are_explained(workspace: Path, capsys: Capture) -> None:
    assert main(["check"]) == 0
    assert "why, with examples" not in capsys.readouterr().err
    edit(FRAUD, "weight: 5%", "weight: 500%")
    assert main(["check", "--format", "json"]) == 1
    assert "why, with examples" not in capsys.readouterr().err


@pytest.mark.parametrize("ref", ["topic", "--output=x", "main..topic", "", "0000000"])
def test_a_base_that_is_no_commit_ends_with_2(ref: str, repository: Path, capsys: Capture) -> None:
    before = files_in(repository)
    assert main(["check", f"--base={ref}"]) == 2
    assert capsys.readouterr().out == ""
    assert files_in(repository) == before


# Render.

OLD = b"# Rendered by rollout-spec from rollouts/churn.yaml: edit that file.\nold: true\n"


def test_render_writes_what_is_missing_stale_or_left_over(workspace: Path, capsys: Capture, manifests: Files) -> None:
    Path(KSERVE).unlink()
    edit(ROUTE, "weight: 95", "weight: 99")
    write(workspace, {"manifests/fraud/prometheus.yaml": OLD, "manifests/churn/kserve.yaml": OLD})
    assert main(["render"]) == 0
    assert files_in(workspace / "manifests") == manifests
    assert not Path("manifests/churn").exists()
    captured = capsys.readouterr()
    assert captured.out == ""
    told = [f"wrote {KSERVE}", f"wrote {ROUTE}", "removed manifests/fraud/prometheus.yaml"]
    assert sorted(captured.err.splitlines()) == sorted([*told, "removed manifests/churn/kserve.yaml"])


def test_render_of_what_is_current_writes_nothing(workspace: Path, capsys: Capture) -> None:
    times = {path: path.stat().st_mtime_ns for path in Path("manifests").rglob("*")}
    assert main(["render"]) == 0
    assert capsys.readouterr().err == "the manifests are up to date\n"
    assert {path: path.stat().st_mtime_ns for path in Path("manifests").rglob("*")} == times


def test_render_of_one_rollout_leaves_the_others(workspace: Path) -> None:
    text = Path(FRAUD).read_text("utf-8")
    write(workspace, {"rollouts/churn.yaml": text.replace("fraud", "churn").encode(), KSERVE: b"old\n"})
    assert main(["render", "churn"]) == 0
    assert Path(KSERVE).read_text() == "old\n"
    assert Path("manifests/churn/kserve.yaml").exists()


@pytest.mark.parametrize(
    ("path", "content", "word"),
    [
        pytest.param(KSERVE, b"old\n", "out of date", id="stale"),
        pytest.param("manifests/fraud/prometheus.yaml", OLD, "left over", id="left over"),
        pytest.param("manifests/churn/kserve.yaml", OLD, "left over", id="of no rollout"),
    ],
)
def test_render_check_fails_where_manifests_are_stale_and_writes_nothing(
    path: str, content: bytes, word: str, workspace: Path, capsys: Capture
) -> None:
    assert main(["render", "--check"]) == 0
    write(workspace, {path: content})
    before = files_in(workspace)
    assert main(["render", "--check"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"{path} is {word}" in captured.err
    assert files_in(workspace) == before


def test_render_check_fails_where_a_manifest_is_missing(workspace: Path, capsys: Capture) -> None:
    Path(KSERVE).unlink()
    assert main(["render", "--check"]) == 1
    assert f"{KSERVE} is missing" in capsys.readouterr().err
    assert not Path(KSERVE).exists()


@pytest.mark.parametrize("folder", [".", "environments/prod"], ids=["at the root", "in a folder"])
def test_the_diff_is_a_patch_that_git_applies(
    folder: str, workspace: Path, manifests: Files, tmp_path: Path, capsys: Capture
) -> None:
    place = tmp_path / "repository" / folder
    write(place, files_in(workspace))
    stale = {
        KSERVE: b"",
        ROUTE: (place / ROUTE).read_bytes().replace(b"weight: 95", b"weight: 99\f\r").rstrip(b"\n"),
        "manifests/fraud/prometheus.yaml": OLD.replace(b"\n", b"\r\n") + b"two",
    }
    write(place, {path: content for path, content in stale.items() if content})
    (place / KSERVE).unlink()
    run("git", "init", "--quiet", cwd=tmp_path / "repository")
    assert main(["--repo", str(place), "render", "--check", "--diff"]) == 1
    patch = tmp_path / "patch"
    patch.write_text(capsys.readouterr().out, encoding="utf-8", newline="")
    run("git", "apply", "--whitespace=nowarn", str(patch), cwd=place)
    assert files_in(place / "manifests") == manifests


def test_render_prints_the_diff_of_what_it_writes(workspace: Path, capsys: Capture, manifests: Files) -> None:
    edit(ROUTE, "weight: 95", "weight: 99")
    assert main(["render", "--diff"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"--- a/{ROUTE}", f"+++ b/{ROUTE}"]
    assert [line for line in lines[2:] if line[0] in "+-"] == ["-          weight: 99", "+          weight: 95"]
    assert files_in(workspace / "manifests") == manifests


INCIDENT = b"apiVersion: rollout-spec/v1\nkind: Incident\nmetadata: {name: fraud-40}\n"


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        pytest.param(FRAUD, "tier: critical", "tier: urgent", id="rollout"),
        pytest.param(FRAUD, "stage: canary-5", "stage: canary", id="reference"),
        pytest.param(FRAUD, "{name: edge}", "{nme: edge}", id="option"),
        pytest.param("components/tokenizer.yaml", "serving:", "servin:", id="component"),
        pytest.param(".rollout-spec.yaml", "spec:", "spec: [", id="workspace"),
        pytest.param("incidents/fraud-40.yaml", "kind: Incident\n", "", id="incident"),
    ],
)
@pytest.mark.parametrize("words", [["render"], ["render", "fraud"], ["render", "--check", "--diff"]])
def test_a_broken_spec_is_not_rendered(
    words: list[str], path: str, old: str, new: str, workspace: Path, capsys: Capture
) -> None:
    write(workspace, {"incidents/fraud-40.yaml": INCIDENT} if path.startswith("incidents/") else {})
    edit(path, old, new)
    edit(ROUTE, "weight: 95", "weight: 99")
    before = files_in(workspace)
    assert main(words) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.match(rf"{re.escape(path)}:\d+:\d+: error: ", captured.err)
    assert files_in(workspace) == before


def test_what_is_no_fault_of_the_text_is_rendered(workspace: Path) -> None:
    edit("components/user-profile.yaml", '"11", "12"', '"11"')
    assert main(["check"]) == 1
    assert main(["render"]) == 0


# Schema.


@pytest.mark.parametrize("kind", KINDS)
def test_schema_prints_what_is_shipped(kind: str, capsys: Capture) -> None:
    assert main(["schema", kind]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed)["title"] == kind
    assert printed.encode() in [resources.read(f"schemas/{name}") for name in resources.names("schemas")]


# Init.


def test_what_init_writes_passes(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "new" / "models"
    assert main(["init", str(folder)]) == 0
    assert main(["--repo", str(folder), "check"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert main(["--repo", str(folder), "render", "--check"]) == 0
    names = {path.partition("/")[0] for path in files_in(folder)}
    assert names >= {".rollout-spec.yaml", ".pre-commit-config.yaml", ".github", "rollouts", "components", "schemas"}


def test_what_init_writes_passes_against_itself_and_a_base_without_it(tmp_path: Path) -> None:
    run("git", "init", "--quiet", "--initial-branch=main", cwd=tmp_path)
    run("git", "commit", "--quiet", "--allow-empty", "--message=Begin", cwd=tmp_path)
    assert main(["--repo", str(tmp_path), "init"]) == 0
    assert main(["--repo", str(tmp_path), "check", "--base", "main"]) == 0
    run("git", "add", ".", cwd=tmp_path)
    run("git", "commit", "--quiet", "--message=Set up", cwd=tmp_path)
    assert main(["--repo", str(tmp_path), "check", "--base", "main"]) == 0


@pytest.mark.parametrize("there", [KSERVE, ".pre-commit-config.yaml", "deploy/flux.yaml"])
def test_init_overwrites_nothing_and_prints_what_it_would_write(there: str, tmp_path: Path, capsys: Capture) -> None:
    write(tmp_path, {there: b"mine: \x1b[31m\n", "README.md": b"mine\n"})
    assert main(["--repo", str(tmp_path), "init"]) == 1
    assert (tmp_path / there).read_bytes() == b"mine: \x1b[31m\n"
    captured = capsys.readouterr()
    assert there in captured.err
    assert "rollout-spec-check-all" in captured.out or f"+++ b/{there}" in captured.out
    assert main(["--repo", str(tmp_path), "init"]) == 0
    assert "Nothing was changed" in capsys.readouterr().err


def test_init_changes_nothing_in_a_workspace(tmp_path: Path, capsys: Capture) -> None:
    write(tmp_path, {".rollout-spec.yaml": b"mine\n"})
    assert main(["--repo", str(tmp_path), "init"]) == 0
    assert files_in(tmp_path) == {".rollout-spec.yaml": b"mine\n"}
    assert "is a rollout repository already" in capsys.readouterr().err


def test_init_works_beside_other_files(tmp_path: Path) -> None:
    write(tmp_path, {"README.md": b"mine\n"})
    assert main(["init", "--repo", str(tmp_path)]) == 0
    assert (tmp_path / "README.md").read_bytes() == b"mine\n"


def test_init_needs_a_folder(tmp_path: Path) -> None:
    write(tmp_path, {"models": b"mine\n"})
    assert main(["init", str(tmp_path / "models")]) == 2
    assert main(["init", str(tmp_path / "models" / "below")]) == 2
    assert files_in(tmp_path) == {"models": b"mine\n"}
