"""From which states a drill rolls back, and what it makes of it: a case is a section of ``cases/drill.md``.

``transcript_cases`` has the form of a case. ``ROLLOUT_SPEC_UPDATE=1`` writes what the command answers anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import folders
import pytest
from repo import run
from transcript_cases import PROMPT, transcript_cases, update
from workspaces import BASE, Files, files_in, rendered, write

from rollout_spec.checks.runner import CheckOptions, begin, check_file
from rollout_spec.cli.commands import drill as command
from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import UserError
from rollout_spec.lifecycle import Request, apply_step
from rollout_spec.rollback import Rollback, roll_back
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workflows.check import review
from rollout_spec.workflows.drill import drill
from rollout_spec.workflows.drill import outcomes as verdict
from rollout_spec.workflows.drill.states import states
from rollout_spec.workspace.edits import with_drilled
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.watched import Watched

ROOT = folders.CHECKOUT
CASES = transcript_cases([ROOT / "tests/cases/drill.md"])
UPDATE = os.environ.get("ROLLOUT_SPEC_UPDATE") == "1"
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


def case(name: str) -> Files:
    return CASES[name].files()


@pytest.mark.parametrize("name", CASES)
def test_a_case_has_these_verdicts(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "clock", lambda: NOON)
    root = write(rendered(case(name)), tmp_path)
    (line,) = CASES[name].commands
    result = run("--repo", str(root), *line.split())
    told = f"{PROMPT}{line}\n{result.out}{result.err}exit status {result.status}\n"
    expected = update(CASES[name], told) if UPDATE else CASES[name]
    assert told.splitlines() == expected.transcript.splitlines()


def test_a_name_that_moves_a_cursor_is_shown(tmp_path: Path) -> None:
    name = "a\x1b[2J\nb"
    root = write(rendered({f"rollouts/{name}.yaml": b"{}"}), tmp_path)
    result = run("--repo", str(root), "drill", name)
    assert result.status == 1
    assert "\x1b" not in result.text and result.out.count("\n") == 3


# What it looks at.


def loaded(repository: Repository, name: str = "fraud") -> File[ModelRollout]:
    file = repository.rollout(name)
    assert file is not None and file.model is not None
    return file


def live_of(repository: Repository) -> tuple[object, ...]:
    live = loaded(repository).model.spec.live  # type: ignore[union-attr]
    return live.stable, live.candidate, live.stage, tuple(live.known_good)


def reached_by_steps(repository: Repository) -> set[tuple[object, ...]]:
    """Take every step there is, again and again, until the candidate is promoted or gone; return each ``live``."""
    candidate, found, todo = loaded(repository).model.spec.live.candidate, {live_of(repository)}, [repository]  # type: ignore[union-attr]
    while todo:
        here = todo.pop()
        versions = [candidate] if candidate else ["42", "43"]
        requests = [Request("propose", "fraud", version) for version in versions]
        requests += [Request(step, "fraud") for step in ("advance", "retreat", "withdraw", "promote")]
        for request in requests:
            with suppress(UserError):
                after = here.edited(apply_step(here, request).edits)
                if live_of(after) not in found:
                    found.add(live_of(after))
                    todo += [after] if live_of(after)[0] == live_of(repository)[0] else []
    return found


@pytest.mark.parametrize("name", ["in-flight", "proposed", "idle-with-versions-to-propose", "header-and-mirror"])
def test_all_that_steps_lead_to_is_looked_at(name: str) -> None:
    repository = Repository(rendered(case(name)))
    found = [live_of(each.repository) for each in states(loaded(repository), repository, "all") if not each.retired]
    assert set(found) == reached_by_steps(repository)
    assert len(found) == len(set(found))


@pytest.mark.parametrize("name", ["in-flight", "idle-with-versions-to-propose", "a-contract-refuses-what-callers-send"])
def test_of_all_retirements_those_are_looked_at_that_change_the_way_back(name: str) -> None:
    repository = Repository(rendered(case(name)))
    reached = list(states(loaded(repository), repository, "all"))
    changed = set()
    for state in (each.repository for each in reached if not each.retired):
        rollout = loaded(state).model
        assert rollout is not None
        goes_to = restored(state, rollout.spec.live.stable)
        for version in rollout.spec.live.known_good:
            with suppress(UserError):
                after = state.edited(apply_step(state, Request("retire", "fraud", version)).edits)
                if restored(after, rollout.spec.live.stable) != goes_to:
                    changed.add(live_of(after))
    assert changed == {live_of(each.repository) for each in reached if each.retired}
    assert len(changed) > 1 or name.startswith("a-contract")


def restored(repository: Repository, failed: str) -> str | None:
    """Return where a rollback of stable goes; None where stable takes no requests, or there is no way back."""
    decision = roll_back(repository, Breach("test", "test", "fraud", failed, NOON))
    return decision.restored if isinstance(decision, Rollback) else None


def test_where_it_stands_is_looked_at_alone_or_with_what_comes_next() -> None:
    repository = Repository(rendered(case("in-flight")))
    assert {each.state for each in drill(repository, "fraud", reach="here")} == {"42 in canary-5"}
    assert {each.state for each in drill(repository, "fraud", reach="next")} == {"42 in canary-5", "42 in ab-50"}
    idle = Repository(rendered(case("idle-with-versions-to-propose")))
    assert {each.state for each in drill(idle, "fraud", reach="next")} == {"41 stable"}


# What check makes of it.

PACK = """apiVersion: rollout-spec/v1
kind: PolicyPack
metadata: {name: ours}
spec:
  policies:
    - name: nothing-happens
      expression: incidents.filter(i, i.spec.stage == "%s").size() == 0
      message: nothing happens in this stage
      why: A policy that stands in a way back.
"""


@pytest.mark.parametrize(
    ("stage", "severity", "begins"),
    [
        ("canary-5", "error", "a rollback from 42 to 41 would introduce an error"),
        ("ab-50", "warning", "once 42 in ab-50, a rollback from 42 to 41 would introduce an error"),
        ("full", None, ""),
    ],
)
def test_check_refuses_what_has_no_way_back_and_warns_of_the_next_stage(
    stage: str, severity: str | None, begins: str
) -> None:
    workspace = files_in(BASE)[".rollout-spec.yaml"] + b"  policies: [policies/ours.yaml]\n"
    pack = (PACK % stage).encode()
    repository = Repository(rendered({".rollout-spec.yaml": workspace, "policies/ours.yaml": pack}))
    found = [each for each in review(repository, now=NOON).findings if each.name == "rollback-ready"]
    assert [each.severity for each in found] == ([severity] if severity else [])
    assert all(each.message.startswith(begins) for each in found)


@pytest.mark.parametrize(("stage", "names"), [("canary-5", []), ("ab-50", []), ("full", ["suppressions-used"])])
def test_a_comment_silences_a_failed_rollback_and_is_reported_without_one(stage: str, names: list[str]) -> None:
    files = files_in(BASE)
    workspace = files[".rollout-spec.yaml"] + b"  policies: [policies/ours.yaml]\n"
    comment = b"\n  # rollout-spec: ignore[rollback-ready] the policy is wrong\n  live:"
    rollout = files["rollouts/fraud.yaml"].replace(b"\n  live:", comment)
    given = {
        ".rollout-spec.yaml": workspace,
        "policies/ours.yaml": (PACK % stage).encode(),
        "rollouts/fraud.yaml": rollout,
    }
    report = review(Repository(rendered(given)), now=NOON)
    assert [each.name for each in report.findings] == names
    assert [each.finding.name for each in report.silenced] == ([] if names else ["rollback-ready"])


@pytest.mark.parametrize(
    ("path", "old", "new", "is_ready"),
    [
        ("rollouts/fraud.yaml", b"owner:", b"owner:", True),
        ("rollouts/fraud.yaml", b"knownGood: [", b"known: [", False),
        ("rollouts/fraud.yaml", b"name: ab-50, weight: 50%", b"name: ab-50, weight: 1%", False),
        (".rollout-spec.yaml", b"  forge:", b"  forges:", False),
        ("components/user-profile.yaml", b"owner:", b"owner:", False),
    ],
)
def test_only_a_rollout_without_errors_in_a_sound_workspace_is_drilled(
    path: str, old: bytes, new: bytes, *, is_ready: bool
) -> None:
    files = files_in(BASE)
    assert old in files[path]
    options = CheckOptions(without=("manifests-current",))  # it would read the workspace too
    run = begin(Repository(rendered({path: files[path].replace(old, new)})), now=NOON, options=options)
    result = check_file(path if path.startswith("components/") else "rollouts/fraud.yaml", run.context)
    assert run.may_roll_back(result) is is_ready


# What is recorded.


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  rollback: {merge: auto, window: 7d}\n", "  rollback: {merge: auto, window: 7d, drilled: %s}\n"),
        ("  rollback:\n    merge: auto # yes\n", "  rollback:\n    merge: auto # yes\n    drilled: %s\n"),
        ("  rollback: {drilled: 2020-01-01T00:00:00Z} # old\n", "  rollback: {drilled: %s} # old\n"),
        ("  rollback: {}\n", "  rollback: {drilled: %s}\n"),
    ],
)
def test_a_record_is_one_value_in_the_file(before: str, after: str) -> None:
    text = files_in(BASE)["rollouts/fraud.yaml"].decode()
    line = "  rollback: {merge: auto, window: 7d}\n"
    assert line in text
    edited = with_drilled(text.replace(line, before).encode(), NOON)
    assert edited.decode() == text.replace(line, after % "2026-12-01T12:00:00Z")


def test_a_record_where_nothing_is_said_of_rollbacks() -> None:
    text = files_in(BASE)["rollouts/fraud.yaml"].decode().replace("  rollback: {merge: auto, window: 7d}\n", "")
    assert with_drilled(text.encode(), NOON).decode() == text + "  rollback: {drilled: 2026-12-01T12:00:00Z}\n"


def test_only_what_is_proven_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "clock", lambda: NOON)
    root = write(rendered(case("a-component-that-another-rollout-took")), tmp_path)
    before = files_in(root)
    assert run("--repo", str(root), "drill", "--record").status == 1
    changed = {path for path, content in files_in(root).items() if content != before[path]}
    assert changed == {"rollouts/churn.yaml"}
    assert run("--repo", str(root), "render", "--check").status == 0
    recorded = files_in(root)
    assert run("--repo", str(root), "drill", "churn", "--record").status == 0
    assert files_in(root) == recorded


@pytest.mark.parametrize("options", [[], ["--record"]])
def test_a_drill_is_made_again_if_a_file_changes_while_it_reads(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "clock", lambda: NOON)
    root = write(rendered({}), tmp_path)
    path, reads = root / "rollouts/fraud.yaml", list[str]()
    read = Watched.read

    def read_and_edit(tree: Watched, name: str) -> bytes | None:
        content = read(tree, name)
        if name == "rollouts/fraud.yaml":
            reads.append(name)
            if len(reads) == 1:
                path.write_text(f"{path.read_text('utf-8')}# edited\n", "utf-8")
                tree.read(name)
        return content

    monkeypatch.setattr(Watched, "read", read_and_edit)
    assert run("--repo", str(root), "drill", *options).status == 0
    assert len(reads) > 1
    assert path.read_text("utf-8").endswith("# edited\n")


def test_a_new_rollout_has_no_record_of_another() -> None:
    repository = Repository(rendered({}))
    content = with_drilled(loaded(repository).content, NOON)
    like = Request("bootstrap", "churn", "1", record={"artifact": "s3://churn/1/"}, settings={"like": "fraud"})
    made = apply_step(repository.edited({"rollouts/fraud.yaml": content}), like).after.spec.rollback
    assert (made.merge, made.drilled) == ("auto", None)


def test_a_drill_reads_no_git() -> None:
    program = "import sys; from rollout_spec.cli import main; main(sys.argv[1:]); print('git' in sys.modules)"
    arguments = ["--repo", str(ROOT / "examples/acme-models"), "drill"]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_the_run_in_the_documentation_is_one_of_the_example() -> None:
    page = (ROOT / "docs/drill.md").read_text("utf-8")
    shown = page.split("```console\n$ rollout-spec drill fraud\n")[1].split("```")[0]
    assert run("--repo", str(ROOT / "examples/acme-models"), "drill", "fraud").out == shown


def test_every_verdict_is_documented() -> None:
    page = (ROOT / "docs/drill.md").read_text("utf-8")
    assert all(f"| `{word.replace('-', ' ')}` |" in page for word in get_args(verdict.DrillVerdict))
