"""What the documentation shows is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import folders
import pytest

from rollout_spec.checks.reporters import REPORTERS
from rollout_spec.core.package_data import names
from rollout_spec.core.yaml.document import parse
from rollout_spec.domain.metrics.profiles import PROFILES
from rollout_spec.domain.targets import definitions as catalog
from rollout_spec.render.context import of_rollout, of_version
from rollout_spec.spec.option import Option
from rollout_spec.spec.rollout import Live, Match
from rollout_spec.spec.target import Limit, TargetDefinition
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.working_tree import WorkingTree

pytestmark = pytest.mark.system

ROOT = folders.CHECKOUT
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")])
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def settled(line: str) -> str:
    """Take out of a line what differs from run to run: ids of commits, and where the run took place."""
    line = re.sub(r"\b[0-9a-f]{40}\b", "<commit>", line)
    return re.sub(r"\S*models\.git\.pulls", "models.git.pulls", line).replace("../breach.json", "alertmanager.json")


@pytest.fixture(scope="module")
def demo() -> tuple[int, str]:
    run = subprocess.run([sys.executable, "-m", "rollout_spec", "demo"], capture_output=True, text=True, cwd=ROOT)
    return run.returncode, run.stdout + run.stderr


def test_the_demo_does_what_it_says(demo: tuple[int, str]) -> None:
    status, output = demo
    assert status == 0
    assert "expected exit status" not in output
    assert "opened pull request 1" in output
    assert "adopted pull request 1" in output
    assert "42 is quarantined by incident fraud-42" in output


def test_the_run_in_the_readme_is_one_of_the_demo(demo: tuple[int, str]) -> None:
    block = CONSOLE.findall(text("README.md"))[0]
    shown = [settled(line) for line in block.splitlines() if line]
    happened = [settled(line) for line in demo[1].splitlines()]
    at = [happened.index(line) for line in shown]
    assert at == sorted(at)


def test_a_demo_that_is_kept_can_be_looked_around_in(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    run = [sys.executable, "-m", "rollout_spec"]
    assert subprocess.run([*run, "demo", "--keep", str(kept)], capture_output=True, cwd=ROOT).returncode == 0
    assert {each.name for each in kept.iterdir()} == {"models", "models.git", "models.git.pulls", "breach.json"}
    again = subprocess.run([*run, "demo", "--keep", str(kept)], capture_output=True, text=True, cwd=ROOT)
    assert again.returncode == 2
    assert "not empty" in again.stderr


def test_the_json_in_the_readme_is_what_a_clean_check_prints(tmp_path: Path) -> None:
    block = CONSOLE.findall(text("README.md"))[1].splitlines()
    run = [sys.executable, "-m", "rollout_spec"]
    subprocess.run([*run, "init", str(tmp_path / "models")], check=True, capture_output=True, cwd=ROOT)
    folder = tmp_path / "models"
    git = ["git", "-C", str(folder)]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "Set up"], check=True)
    subprocess.run([*git, "update-ref", "refs/remotes/origin/main", "HEAD"], check=True)
    words = block[0].removeprefix("$ rollout-spec ").split()
    done = subprocess.run([*run, "--repo", str(folder), *words], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0
    assert done.stdout.splitlines()[: len(block) - 2] == block[1:-1]


def test_the_live_block_in_the_readme_is_one() -> None:
    block = re.findall(r"^```yaml\n(.*?)^```", text("README.md"), re.MULTILINE | re.DOTALL)[0]
    live = parse(block.encode()).data["live"]
    assert Live.model_validate(live).candidate == "42"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_page_about_checking_has_every_format() -> None:
    page = text("docs/checking.md")
    table = page.split("## Formats\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `([a-z]+)` \|", table, re.MULTILINE) == list(REPORTERS)
    assert f"[--format {'|'.join(REPORTERS)}]" in page


def test_the_page_about_targets_has_every_target_option_and_profile() -> None:
    page = text("docs/targets.md")
    for name in names("templates"):
        definition = catalog.find(name, WorkingTree(ROOT / "nowhere"))
        assert definition is not None
        assert f"## {name}" in page
        assert all(f"`{option}`" in page or f"`{option}:" in page for option in definition.options), name
    assert re.findall(r"^\| `([a-z]+)` \| `[a-z_]+`", page, re.MULTILINE) == list(PROFILES)


def test_the_page_about_targets_has_every_key_of_options_and_limits() -> None:
    own = text("docs/targets.md").split("## Your own")[1]
    keys = {str(field.alias) for model in (Option, Limit) for field in model.model_fields.values()}
    assert {key for key in keys if f"`{key}`" not in own and f"{key}:" not in own} == set()


def test_the_target_on_the_page_about_targets_is_one() -> None:
    [block] = re.findall(r"^```yaml\n(options:.*?)^```", text("docs/targets.md"), re.MULTILINE | re.DOTALL)
    head = {"description": "Jobs.", "owns": "workloads", "templates": [{"file": "job.j2"}]}
    definition = TargetDefinition.model_validate(head | parse(block.encode()).data)
    assert [limit.severity for limit in definition.limits] == ["error", "warning"]


def test_the_page_about_targets_has_every_variable_of_templates() -> None:
    variables = text("docs/targets.md").split("## Variables of templates")[1]
    repository = Repository(WorkingTree(ROOT / "examples/acme-models"))
    rollout = repository.require_rollout("fraud").require_model()
    stages = [
        stage.model_copy(update={"mirror": Decimal(5), "match": Match(header="x", value="y")})
        for stage in rollout.spec.stages
    ]
    rollout = rollout.model_copy(update={"spec": rollout.spec.model_copy(update={"stages": stages})})
    data = {**of_rollout(rollout, repository, {}), "version": of_version(rollout, "42", "serving")}
    assert data["split"]["mirror"] and data["split"]["match"] and data["alerts"]
    chosen = {"labels", "options", "requires", "resources", "env"}
    assert {name for name in keys_of(data, chosen) if not re.search(rf"[`.]{name}[`.]", variables)} == set()


def keys_of(data: object, chosen: set[str]) -> set[str]:
    """Return all keys of nested mappings and lists, except those that a user chooses."""
    if isinstance(data, list):
        return set().union(*(keys_of(each, chosen) for each in data))
    if not isinstance(data, dict):
        return set()
    below = (set() if key in chosen else keys_of(value, chosen) for key, value in data.items())
    return set(data).union(*below)


def test_every_dependency_is_justified() -> None:
    declared = re.search(r"^dependencies = \[(.*?)\]", text("pyproject.toml"), re.MULTILINE | re.DOTALL)
    assert declared is not None
    for name in re.findall(r'"([A-Za-z0-9-]+)[^"]*"', declared[1]):
        assert f"| {name} |" in text("docs/dependencies.md")


def test_the_page_about_trust_names_tests_that_there_are() -> None:
    named = set(re.findall(r"`(test_\w+\.py)`", text("docs/security.md")))
    assert len(named) > 10
    assert [name for name in sorted(named) if not list(folders.TESTS.rglob(name))] == []
