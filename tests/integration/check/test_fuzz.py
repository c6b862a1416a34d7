"""Whatever lies in a repository, `check` says what is wrong with it, and ends with 0, 1 or 2: it never falls over.

`make fuzz` breeds inputs for as long as one likes. Here every door is tried with the texts that other tests read, and
whole workspaces are laid waste, each in another way.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import folders
import pytest
from fuzz import entrances
from fuzz.mutations import MUTATIONS, mutated
from problem_cases import problem_cases

from rollout_spec.cli import main
from rollout_spec.core.findings import Span

HERE = folders.TESTS
EXAMPLE = HERE.parent / "examples" / "acme-models"
ROLLOUT = "rollouts/fraud.yaml"
SEEDS = sorted(
    {
        path.read_bytes()
        for folder in ("good", "cases/yaml", "cases/problems", "cases/monitors/alertmanager", "cases/inference_logs")
        for path in (HERE / folder).rglob("*")
        if path.suffix in (".yaml", ".json", ".jsonl") and path.name != "expected.json"
    }
    | {case.part.content() for case in problem_cases().values()}
)


@pytest.mark.parametrize("door", entrances.ENTRANCES)
def test_every_door_stands_what_others_read(door: str) -> None:
    assert len(SEEDS) > 100
    for content in SEEDS:
        entrances.ENTRANCES[door](content)


def test_a_door_tells_what_is_wrong_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fuzzer that cannot fail finds nothing: a place that is outside the text is seen."""
    monkeypatch.setattr("rollout_spec.core.yaml.document.span_of", lambda start, end: Span(99, 1, 99, 2))
    with pytest.raises(AssertionError):
        entrances.try_all(b"a: {b: c}\n")


def test_every_mutation_does_something() -> None:
    text = (HERE / "good" / "rollout.yaml").read_text("utf-8")
    for mutation in MUTATIONS:
        assert {mutation(text, Random(seed)) for seed in range(20)} - {text}, mutation
        assert isinstance(mutation("", Random(0)), str)


TARGET = b"description: x\nowns: workloads\ntemplates: [{file: a.j2}]\noptions: {}\n"
Waste = Callable[[Path], object]
WASTE: dict[str, Waste] = {
    "a-folder-in-place-of-a-file": lambda at: [(at / ROLLOUT).unlink(), (at / ROLLOUT).mkdir()],
    "a-file-in-place-of-a-folder": lambda at: [shutil.rmtree(at / "components"), (at / "components").write_text("x")],
    "a-file-in-place-of-templates": lambda at: (at / "templates").write_text("x"),
    "a-file-in-place-of-manifests": lambda at: [shutil.rmtree(at / "manifests"), (at / "manifests").write_text("x")],
    "folders-in-place-of-manifests": lambda at: [
        (path.unlink(), path.mkdir()) for path in list(at.glob("manifests/*/*"))
    ],
    "a-file-that-may-not-be-read": lambda at: (at / ROLLOUT).chmod(0),
    "a-pipe": lambda at: os.mkfifo(at / "rollouts/pipe.yaml"),
    "a-link-to-itself": lambda at: (at / "rollouts/link.yaml").symlink_to("link.yaml"),
    "a-link-to-nowhere": lambda at: (at / "rollouts/link.yaml").symlink_to("nowhere.yaml"),
    "a-link-to-the-outside": lambda at: (at / "rollouts/link.yaml").symlink_to("/etc/passwd"),
    "a-link-without-end": lambda at: (at / "rollouts/link.yaml").symlink_to("/dev/zero"),
    "a-folder-in-itself": lambda at: (at / "rollouts/more").symlink_to("."),
    "a-name-of-two-lines": lambda at: (at / "rollouts/a\nb.yaml").write_text("x"),
    "a-name-that-clears-the-screen": lambda at: (at / "rollouts/\x1b[2J\u202e.yaml").write_text("x"),
    "a-name-that-is-no-text": lambda at: Path(os.fsdecode(bytes(at) + b"/rollouts/\xff\xfe.yaml")).write_text("x"),
    "a-name-that-is-nothing": lambda at: (at / "rollouts/.yaml").write_text("x"),
    "no-rollouts": lambda at: shutil.rmtree(at / "rollouts"),
    "no-components": lambda at: shutil.rmtree(at / "components"),
    "everything-empty": lambda at: everywhere(at, b""),
    "everything-nul": lambda at: everywhere(at, bytes(3000)),
    "everything-binary": lambda at: everywhere(at, bytes(range(256)) * 9),
    "everything-a-number": lambda at: everywhere(at, b"42\n"),
    "everything-a-list": lambda at: everywhere(at, b"- a\n"),
    "everything-a-mapping-of-nothing": lambda at: everywhere(at, b"{}\n"),
    "everything-a-rollout": lambda at: everywhere(at, (at / ROLLOUT).read_bytes()),
    "everything-a-workspace": lambda at: everywhere(at, (at / ".rollout-spec.yaml").read_bytes()),
    "a-git-folder-that-is-none": lambda at: (at / ".git").mkdir(),
    "a-git-file-to-nowhere": lambda at: (at / ".git").write_text("gitdir: /nowhere\n"),
    "a-target-that-is-no-text": lambda at: target(at, b"\xff", b""),
    "a-target-from-the-outside": lambda at: target(at, TARGET.replace(b"a.j2", b"../../../etc/passwd"), b""),
    "a-template-that-is-no-text": lambda at: target(at, TARGET, b"\xff{{"),
    "a-template-without-end": lambda at: target(at, TARGET, b"{% for i in range(10**9) %}{{ i }}{% endfor %}"),
    "a-template-that-asks-for-much": lambda at: target(at, TARGET, b"{{ 'x' * 10**10 }}{{ 9**9**9 }}"),
}


def everywhere(at: Path, content: bytes) -> None:
    for path in (*at.rglob("*.yaml"),):
        path.write_bytes(content)


def target(at: Path, definition: bytes, template: bytes) -> None:
    (at / "templates/own").mkdir(parents=True)
    (at / "templates/own/target.yaml").write_bytes(definition)
    (at / "templates/own/a.j2").write_bytes(template)
    rollout = (at / ROLLOUT).read_bytes()
    (at / ROLLOUT).write_bytes(rollout[: rollout.index(b"\n  targets:")] + b"\n  targets: [{type: own}]\n")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    shutil.copytree(EXAMPLE, tmp_path / "acme", symlinks=True)
    return tmp_path / "acme"


def ends_well(workspace: Path, arguments: list[str], capfd: pytest.CaptureFixture[str]) -> str:
    status = main(["--repo", str(workspace), "check", *arguments])
    told = capfd.readouterr()
    assert status in (0, 1, 2)
    assert "Traceback" not in told.err and "Warning" not in told.err
    assert status != 1 or told.out
    assert told.err.startswith(("rollout-spec: ", "skipped ")) or not told.err
    assert status != 2 or told.err.startswith("rollout-spec: ")
    return told.out


@pytest.mark.parametrize("name", WASTE)
def test_a_workspace_laid_waste_is_told(name: str, workspace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    WASTE[name](workspace)
    for arguments in ([], ["rollouts"], ["--format", "json"]):
        ends_well(workspace, arguments, capfd)


@pytest.mark.parametrize("seed", range(int(os.environ.get("ROLLOUT_SPEC_FUZZ", "1")) * 15))
def test_a_workspace_of_mutated_files_is_told(seed: int, workspace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    random = Random(seed)
    files = sorted(path for path in workspace.rglob("*.yaml") if ".github" not in path.parts)
    contents = {path: path.read_bytes() for path in files}
    for path in random.sample(files, random.randint(2, len(files))):
        match random.randrange(8):
            case 0:
                path.unlink()
            case 1:
                path.write_bytes(contents[random.choice(files)])
            case _:
                path.write_bytes(mutated(contents[path].decode(), random).encode("utf-8", "surrogatepass"))
    if (workspace / ".rollout-spec.yaml").exists():
        ends_well(workspace, random.choice([[], ["--format", "json"], ["."]]), capfd)


@pytest.mark.parametrize("name", ["a-name-that-is-no-text", "a-link-to-itself", "everything-binary"])
def test_a_process_ends_with_a_status_and_words(name: str, workspace: Path) -> None:
    WASTE[name](workspace)
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "rollout_spec", "--repo", str(workspace), "check"]
    done = subprocess.run(command, capture_output=True, env=environment, timeout=60)
    assert done.returncode in (1, 2)
    assert b"Traceback" not in done.stderr
    assert done.stdout or done.stderr.startswith(b"rollout-spec: ")
