"""A check with a base in a real repository, with workspaces in subfolders: the left-out files hide no new finding."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from changed_workspaces import OTHER, PREFIX, begun
from random_changes import INCIDENT
from repo import git, run

from rollout_spec.checks.selection import EVERYTHING

pytestmark = pytest.mark.system

Change = Callable[[Path], object]
ADS = f"{PREFIX}/rollouts/ads.yaml"


def commit(folder: Path) -> str:
    git(folder, "add", "--all", "--force")
    who = ("-c", "user.name=a", "-c", "user.email=a@localhost")
    git(folder, *who, "commit", "--quiet", "--allow-empty", "--message", "Change")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with two workspaces, of which one reads the incidents of the other."""
    folder = tmp_path_factory.mktemp("sound") / "repository"
    for path, text in begun().items():
        written(path, text)(folder)
    replaced(f"{PREFIX}/.rollout-spec.yaml", "spec:", "spec:\n  incidentsFrom: [../staging]")(folder)
    git(folder, "init", "--quiet", "-b", "main")
    commit(folder)
    return folder


@pytest.fixture
def clone(sound: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sound, tmp_path / "clone")


def report(clone: Path, base: str, *, is_selective: bool = True) -> tuple[set[tuple[object, ...]], int]:
    """Return the findings of the command in the subfolder, and the number of rollouts that it left out."""
    words = ("--repo", str(clone / PREFIX), "check", "--base", base, "--format", "json")
    if is_selective:
        done = run(*words)
    else:
        with mock.patch("rollout_spec.workflows.selection.selection_since", return_value=EVERYTHING):
            done = run(*words)
    out = json.loads(done.out)
    keys = ("file", "line", "column", "name", "severity", "message")
    return {tuple(each[key] for key in keys) for each in out["findings"]}, out.get("unexamined", 0)


# Changes.


def written(path: str, text: str) -> Change:
    def change(folder: Path) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())

    return change


def replaced(path: str, old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        text = (folder / path).read_bytes().decode()
        assert old in text
        (folder / path).write_bytes(text.replace(old, new).encode())

    return change


def removed(path: str) -> Change:
    return lambda folder: shutil.rmtree(folder / path) if (folder / path).is_dir() else (folder / path).unlink()


def moved(path: str, to: str) -> Change:
    def change(folder: Path) -> None:
        (folder / to).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).rename(folder / to)

    return change


def linked(path: str, target: str) -> Change:
    def change(folder: Path) -> None:
        if (folder / path).exists():
            removed(path)(folder)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).symlink_to(target)

    return change


def submodule(path: str) -> Change:
    def change(folder: Path) -> None:
        shutil.rmtree(folder / path, ignore_errors=True)
        git(folder, "init", "--quiet", path)
        text = ("-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "--quiet", "--allow-empty")
        git(folder / path, *text, "--message", "x")

    return change


def incident(rollout: str, version: str = "4") -> str:
    return INCIDENT.format(name=f"{rollout}-{version}", rollout=rollout, version=version)


WORKSPACE = begun()[f"{PREFIX}/.rollout-spec.yaml"]
ODD_NAMES = ("a\nb.yaml", os.fsdecode(b"ads-4\xff.yaml"), "-x.yaml", "Ads-4.yaml", "ads-4.YML", ".yaml", " .yaml")

BREAKING: dict[str, Change] = {
    "pin": replaced(f"{PREFIX}/components/device.yaml", '["1", "2"]', '["2"]'),
    "exclusive": replaced(f"{PREFIX}/components/engine.yaml", '["1"]', '["2"]'),
    "contract": replaced(f"{PREFIX}/contracts/event/1.0.json", '"amount"', '["amount"'),
    "host": replaced(ADS, "ads.ml.svc", "churn.ml.svc"),
    "host in a block": replaced(ADS, "host: ads.ml.svc", "host: >-\n      churn.ml.svc\n    # host: other"),
    "incident": written(f"{PREFIX}/incidents/ads-4.yaml", incident("ads")),
    "incident by its text": written(f"{PREFIX}/incidents/odd.yaml", incident("ads")),
    "incident elsewhere": written(f"{OTHER}/incidents/fraud-4.yaml", incident("fraud")),
    "incident elsewhere, unread": written(f"{OTHER}/incidents/x/fraud-4.yml", incident("fraud")),
    "incident that is a folder": written(f"{PREFIX}/incidents/ads-4.yaml/x", "x"),
    "rollout in another spelling": moved(ADS, f"{PREFIX}/rollouts/Ads.yaml"),
    "renamed rollout": moved(ADS, f"{PREFIX}/rollouts/adz.yaml"),
    "rollout in another workspace": moved(ADS, f"{OTHER}/rollouts/ads.yaml"),
    "no component": removed(f"{PREFIX}/components/device.yaml"),
    "component in a subfolder": moved(f"{PREFIX}/components/device.yaml", f"{PREFIX}/components/x/device.yaml"),
    "no rollouts": removed(f"{PREFIX}/rollouts"),
    "no components": removed(f"{PREFIX}/components"),
    "no contracts": removed(f"{PREFIX}/contracts"),
    "no manifests": removed(f"{PREFIX}/manifests"),
    "no manifests of one": removed(f"{PREFIX}/manifests/ads"),
    "no other workspace": removed(OTHER),
    "linked rollout": linked(ADS, "fraud.yaml"),
    "linked component": linked(f"{PREFIX}/components/device.yaml", "profile.yaml"),
    "linked contracts": linked(f"{PREFIX}/contracts/event", "../../staging/contracts/event"),
    "linked manifest": linked(f"{PREFIX}/manifests/ads/kserve.yaml", "../fraud/kserve.yaml"),
    "linked manifests": linked(f"{PREFIX}/manifests/ads", "fraud"),
    "linked folder": linked(f"{PREFIX}/incidents", "../staging/incidents"),
    "linked incident": linked(f"{PREFIX}/incidents/ads-4.yaml", "x"),
    "linked templates": linked(f"{PREFIX}/templates/kserve", "../x"),
    "linked workspace": linked(OTHER, "prod"),
    "submodule of manifests": submodule(f"{PREFIX}/manifests/ads"),
    "submodule of contracts": submodule(f"{PREFIX}/contracts/event"),
    "pause": written(f"{PREFIX}/.rollout-spec-pause", "x: ["),
    "pause of the repository": written(".rollout-spec-pause", "x: ["),
    "same name": written("other/.rollout-spec.yaml", WORKSPACE),
    **{f"rollout {name!a}": written(f"{PREFIX}/rollouts/{name}", "x: [") for name in ODD_NAMES},
    **{f"incident {name!a}": written(f"{PREFIX}/incidents/{name}", "x: [") for name in ODD_NAMES},
}
EXAMINED: dict[str, tuple[Change, int]] = {
    "nothing": (lambda folder: None, 0),
    "mode": (lambda folder: (folder / ADS).chmod(0o755), 1),
    "line ends": (replaced(ADS, "\n", "\r\n"), 1),
    "attributes": (written(f"{PREFIX}/manifests/.gitattributes", "* export-ignore\n"), 4),
    "file outside": (written("src/a\nb.py", "exit()\n"), 0),
    "other workspace": (replaced(f"{OTHER}/rollouts/fraud-v2.yaml", "15m", "20m"), 1),
}
"""Changes, each with the number of rollouts that are examined, of 4."""


@pytest.mark.parametrize("is_committed", [True, False], ids=["committed", "not committed"])
@pytest.mark.parametrize("change", BREAKING.values(), ids=BREAKING)
def test_no_new_finding_is_left_out(clone: Path, change: Change, *, is_committed: bool) -> None:
    base = git(clone, "rev-parse", "HEAD")
    before, _ = report(clone, base, is_selective=False)
    change(clone)
    if is_committed:
        commit(clone)
    everything, _ = report(clone, base, is_selective=False)
    examined, _ = report(clone, base)
    assert everything - before
    assert everything - before <= examined <= everything


@pytest.mark.parametrize("path", ["manifests/x", "templates/kserve", "contracts/x", "policies/x", "incidents/ads-4"])
def test_no_settings_of_submodules_hide_one(clone: Path, path: str) -> None:
    path = f"{PREFIX}/{path}"
    written(".gitmodules", f'[submodule "x"]\n\tpath = {path}\n\turl = ../x\n\tignore = all\n')(clone)
    base = commit(clone)
    before, _ = report(clone, base, is_selective=False)
    submodule(path)(clone)
    git(clone, "update-index", "--add", "--cacheinfo", f"160000,{git(clone / path, 'rev-parse', 'HEAD')},{path}")
    commit(clone)
    everything, _ = report(clone, base, is_selective=False)
    examined, _ = report(clone, base)
    assert (path, 1, 1, "no-links", "error") in {each[:5] for each in examined}
    assert everything - before <= examined <= everything


@pytest.mark.parametrize("is_committed", [True, False], ids=["committed", "not committed"])
@pytest.mark.parametrize(("change", "count"), EXAMINED.values(), ids=EXAMINED)
def test_paths_of_git_lead_to_the_files_of_a_subfolder(
    clone: Path, change: Change, count: int, *, is_committed: bool
) -> None:
    base = git(clone, "rev-parse", "HEAD")
    change(clone)
    if is_committed:
        commit(clone)
    _, unexamined = report(clone, base)
    assert 4 - unexamined == count


def test_everything_is_compared_with_the_commit_if_the_histories_are_unrelated(clone: Path) -> None:
    base = git(clone, "rev-parse", "HEAD")
    git(clone, "checkout", "--quiet", "--orphan", "other")
    replaced(f"{PREFIX}/components/device.yaml", '["1", "2"]', '["2"]')(clone)
    commit(clone)
    findings, unexamined = report(clone, base)
    assert unexamined == 3
    assert {each[0] for each in findings if each[4] == "error"} >= {ADS, f"{PREFIX}/components/device.yaml"}


def test_a_shallow_clone_without_the_merge_base_is_refused(clone: Path, tmp_path: Path) -> None:
    git(clone, "checkout", "--quiet", "-b", "change")
    replaced(f"{PREFIX}/components/device.yaml", '["1", "2"]', '["2"]')(clone)
    commit(clone)
    git(clone, "checkout", "--quiet", "main")
    written("x", "x")(clone)
    commit(clone)
    shallow = tmp_path / "shallow"
    git(
        tmp_path, "clone", "--quiet", "--depth", "1", "--no-single-branch", "-b", "change", clone.as_uri(), str(shallow)
    )
    done = run("--repo", str(shallow / PREFIX), "check", "--base", "origin/main")
    assert done.status == 2
    assert "this clone is shallow" in done.err
