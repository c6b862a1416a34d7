"""A check with a base leaves out what a change does not affect: no finding that the change introduces is lost."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import pytest
from changed_workspaces import PREFIX, Files, begun, repository_of
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from random_changes import changed
from repo import EXAMPLE, git, run

from rollout_spec.checks.affected import select
from rollout_spec.checks.selection import EVERYTHING, Selection
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Finding
from rollout_spec.workflows.check import review

pytestmark = pytest.mark.system

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SOUND = begun()


def found(files: Files, base: Files, selection: Selection) -> set[Finding]:
    report = review(repository_of(files), base=repository_of(base), selection=selection, prefix=PREFIX, now=NOON)
    return set(report.findings)


def selection_of(files: Files, base: Files) -> Selection:
    paths = {path for path in {*files, *base} if files.get(path) != base.get(path)}
    return select(repository_of(files), repository_of(base), paths, PREFIX)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32), st.integers(0, 3), st.integers(1, 3))
def test_no_finding_that_a_change_introduces_is_lost(seed: int, before: int, after: int) -> None:
    chance = random.Random(seed)
    base = changed(chance, SOUND, before)
    files = changed(chance, base, after)
    selection = selection_of(files, base)
    note(f"changed: {sorted(path for path in {*files, *base} if files.get(path) != base.get(path))}")
    note(f"examined: {selection}")
    everything = found(files, base, EVERYTHING)
    examined = found(files, base, selection)
    assert everything - found(base, base, EVERYTHING) <= examined
    # an old error of the workspace, which is not repeated, leaves the search for manifests without a rollout out
    assert {each.name for each in examined - everything} <= {"manifests-current"}


def test_an_edited_component_is_checked_although_a_rollout_names_a_version_that_it_does_not_record() -> None:
    files = dict(SOUND)
    component, rollout = f"{PREFIX}/components/engine.yaml", f"{PREFIX}/rollouts/churn.yaml"
    files[component] = files[component].replace('["1"]', '["2"]')
    files[rollout] = files[rollout].replace('candidate: "4"', 'candidate: "9"')
    names = {each.name for each in found(files, SOUND, EVERYTHING)}
    assert {"references-exist", "pins-served"} <= names


def test_a_comment_that_is_removed_silences_no_shared_host() -> None:
    path = f"{PREFIX}/rollouts/churn.yaml"
    shared = edited("rollouts/churn.yaml", "churn.ml.svc", "ads.ml.svc")
    comment = "ads.ml.svc  # rollout-spec: ignore[one-owner] agreed"
    base = {**shared, path: shared[path].replace("ads.ml.svc", comment)}
    new = found(shared, base, selection_of(shared, base)) - found(base, base, EVERYTHING)
    assert "one-owner" in {each.name for each in new}


def examined(files: Files, base: Files = SOUND) -> set[str] | None:
    """Return the rollouts that are examined, or None if everything is."""
    documents = selection_of(files, base).documents
    paths = documents if documents is not None else None
    return None if paths is None else {path for path in paths if path.startswith("rollouts/")}


def edited(path: str, old: str, new: str) -> Files:
    path = f"{PREFIX}/{path}"
    assert old in SOUND[path]
    return {**SOUND, path: SOUND[path].replace(old, new)}


def test_what_is_examined_follows_what_changed() -> None:
    assert examined(SOUND) == set()
    ads, churn, fraud, second = (f"rollouts/{name}.yaml" for name in ("ads", "churn", "fraud", "fraud-v2"))
    assert examined(edited(ads, "15m", "20m")) == {ads}
    assert examined(edited(fraud, "15m", "20m")) == {fraud, second, churn}  # names of objects, an exclusive component
    assert examined(edited("components/device.yaml", '["1", "2"]', '["1"]')) == {ads}
    assert examined(edited("contracts/event/1.0.json", "object", "array")) == {churn, second, fraud}
    assert examined(edited("manifests/ads/kserve.yaml", "ads", "adz")) == {ads}
    assert examined({**SOUND, f"{PREFIX}/incidents/ads-4.yaml": ""}) == {ads}
    assert examined({**SOUND, f"{PREFIX}/incidents/odd.yaml": "spec: {rollout: ads}"}) == {ads}
    assert examined(edited(ads, "ads.ml.svc", "churn.ml.svc")) == {ads, churn, fraud}  # the same host
    assert examined({**SOUND, "src/app.py": "exit()"}) == set()


@pytest.mark.parametrize(
    "path",
    [
        f"{PREFIX}/.rollout-spec.yaml",
        f"{PREFIX}/.gitattributes",
        ".gitattributes",
        ".pre-commit-config.yaml",
        ".github/workflows/check.yml",
        f"{PREFIX}/rollouts",
        "envs",
    ],
)
def test_a_change_that_may_concern_everything_examines_everything(path: str) -> None:
    assert examined({**SOUND, path: "pip install rollout-spec==0.2\n"}) is None


@pytest.mark.parametrize("name", ["rollout-spec", "rollout_spec", "Rollout.Spec"])
def test_a_release_is_known_by_each_name_that_pip_accepts(name: str) -> None:
    assert examined({**SOUND, "requirements.txt": f"{name}==0.2\n"}) is None


def test_everything_is_examined_if_the_workspace_does_not_load_on_the_base() -> None:
    file = f"{PREFIX}/.rollout-spec.yaml"
    for text in ("spec: [", None):
        base = {path: content for path, content in SOUND.items() if path != file}
        base |= {file: text} if text is not None else {}
        assert examined(SOUND, base) is None
        assert examined(base, base) is None


def test_everything_is_examined_if_a_changed_file_cannot_be_read() -> None:
    repository = repository_of(SOUND)
    read = repository.tree.read

    def refused(path: str) -> bytes | None:
        if path == "dump.bin":
            raise UserError("dump.bin cannot be read")
        return read(path)

    with mock.patch.object(repository.tree, "read", refused):
        assert select(repository, repository_of(SOUND), {f"{PREFIX}/dump.bin"}, PREFIX) == EVERYTHING


# With git.


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a clone of the example, with a second rollout, in one commit."""
    folder = tmp_path / "clone"
    shutil.copytree(EXAMPLE, folder)
    text = (folder / "rollouts/fraud.yaml").read_text("utf-8")
    (folder / "rollouts/ads.yaml").write_text(text.replace("fraud", "ads").replace(".ml.", ".ads."), "utf-8")
    (folder / ".gitignore").write_text("*.log\nrollouts/ignored.yaml\n", "utf-8")
    assert run("--repo", str(folder), "render").status == 0
    git(folder, "init", "--quiet")
    commit(folder)
    return folder


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "--quiet", "--message", "Change")


def report(clone: Path) -> tuple[int, set[str]]:
    """Return the number of rollouts that were not examined, and the files with errors."""
    out = json.loads(run("--repo", str(clone), "check", "--base", "HEAD", "--format", "json").out)
    errors = {each["file"] for each in out["findings"] if each["severity"] == "error"}
    return out.get("unexamined", 0), errors


def broken(path: str) -> Callable[[Path], None]:
    def change(clone: Path) -> None:
        file = clone / path
        file.parent.mkdir(exist_ok=True)
        file.write_text("spec: [", "utf-8")

    return change


def staged(clone: Path) -> None:
    broken("rollouts/ads.yaml")(clone)
    git(clone, "add", "--all")


def linked(clone: Path) -> None:
    (clone / "rollouts/ads.yaml").unlink()
    (clone / "rollouts/ads.yaml").symlink_to("fraud.yaml")


def emptied(clone: Path) -> None:
    (clone / "rollouts/empty.yaml").mkdir()


@pytest.mark.parametrize(
    ("change", "file", "others"),
    [
        (broken("rollouts/ads.yaml"), "rollouts/ads.yaml", 1),
        (staged, "rollouts/ads.yaml", 1),
        (broken("rollouts/new.yaml"), "rollouts/new.yaml", 2),
        (broken("rollouts/ignored.yaml"), "rollouts/ignored.yaml", 2),
        (broken("policies/new.yaml"), "policies/new.yaml", 0),
        (linked, "rollouts/ads.yaml", 1),
        (emptied, "rollouts/empty.yaml", 2),
    ],
    ids=["edited", "staged", "untracked", "ignored", "in a new folder", "link", "empty folder"],
)
def test_a_change_that_is_not_committed_is_examined(
    clone: Path, change: Callable[[Path], None], file: str, others: int
) -> None:
    assert report(clone) == (2, set())
    change(clone)
    unexamined, errors = report(clone)
    assert unexamined == others
    assert file in errors


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_everything_is_examined_if_git_does_not_look_at_a_file(clone: Path, flag: str) -> None:
    git(clone, "update-index", flag, "rollouts/ads.yaml")
    broken("rollouts/ads.yaml")(clone)
    unexamined, errors = report(clone)
    assert (unexamined, "rollouts/ads.yaml" in errors) == (0, True)


def test_the_report_says_how_many_rollouts_were_not_examined(clone: Path) -> None:
    broken("rollouts/new.yaml")(clone)
    done = run("--repo", str(clone), "check", "--base", "HEAD")
    assert "2 rollouts were not examined: nothing that decides about them differs from the base" in done.err
    assert "not examined" not in run("--repo", str(clone), "check").err
