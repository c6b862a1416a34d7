"""Shell completion, in the shells of this machine."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from real_servers import require
from repo import EXAMPLE, run

from rollout_spec.cli import COMMANDS

pytestmark = pytest.mark.system

SIMULATED = """
source {script}
COMP_WORDS=(rollout-spec {words})
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_shtab_rollout_spec 2>/dev/null
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The script for bash."""
    path = tmp_path / "completion.bash"
    path.write_text(run("completion", "bash").out, "utf-8")
    return path


def bash(text: str, folder: Path) -> list[str]:
    done = subprocess.run(["bash", "-c", text], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.split()


def completed(script: Path, words: str, folder: Path = EXAMPLE) -> list[str]:
    """Return the completions of the last word."""
    return bash(SIMULATED.format(script=shlex.quote(str(script)), words=words), folder)


def test_bash_completes_the_command(script: Path) -> None:
    assert bash(f"source {script}; complete -p rollout-spec", script.parent)[-1] == "rollout-spec"
    assert set(completed(script, '""')) >= set(COMMANDS)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("chec", ["check"]),
        ("pro", ["propose", "promote"]),
        ("rollback --bre", ["--breach"]),
        ('check --format ""', ["text", "json", "sarif", "junit", "github", "gitlab"]),
        ("check roll", ["rollouts"]),
        ("advance fr", ["fraud"]),
        ("policy t", ["test"]),
        ("completion z", ["zsh"]),
    ],
)
def test_bash_completes_words(script: Path, words: str, found: list[str]) -> None:
    assert completed(script, words) == found


def test_the_name_of_a_file_is_no_command(script: Path, tmp_path: Path) -> None:
    (tmp_path / ".rollout-spec.yaml").touch()
    (tmp_path / "rollouts").mkdir()
    for name in ("fraud", "$(touch owned)", "`touch owned`", "*", "a b"):
        (tmp_path / "rollouts" / f"{name}.yaml").touch()
    (tmp_path / "below").mkdir()
    assert completed(script, 'advance ""', tmp_path / "below") == ["fraud"]
    assert [path.name for path in tmp_path.rglob("owned*")] == []


@pytest.mark.parametrize("shell", ["zsh", "fish", "tcsh"])
def test_other_shells_accept_their_script(shell: str, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(run("completion", shell).out, "utf-8")
    assert "rollback" in script.read_text("utf-8")
    require(shutil.which(shell), f"{shell} is not installed")
    subprocess.run([shell, "-n", str(script)], check=True)


def test_an_unknown_shell_and_a_missing_package_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("completion", "bsh")
    assert (result.status, "did you mean `bash`?" in result.err) == (2, True), result.text
    monkeypatch.setitem(sys.modules, "shtab", None)
    result = run("completion", "bash")
    assert (result.status, "pip install 'rollout-spec[completion]'" in result.err) == (2, True), result.text
