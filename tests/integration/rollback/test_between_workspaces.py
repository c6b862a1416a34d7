"""Several workspaces of one git repository: what holds between them, on disk, in a commit and in a rollback."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from repo import EXAMPLE, STAGES, Repo, git

from rollout_spec.checks.runner import check
from rollout_spec.domain import transitions
from rollout_spec.domain.quarantine import quarantined
from rollout_spec.domain.rollback_targets import rollback_targets
from rollout_spec.integrations.git.repository import Git
from rollout_spec.spec.rollout import Live
from rollout_spec.workspace.commit_tree import CommitTree
from rollout_spec.workspace.incident_sources import incident_sources
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay, Tree
from rollout_spec.workspace.working_tree import WorkingTree

pytestmark = pytest.mark.system

NAMES = ("prod", "prod-us", "staging")
ROLLOUT = "rollouts/fraud.yaml"


def within(repo: Repo, name: str) -> Repo:
    """The same clone, seen from another of its workspaces."""
    return Repo(repo.folder, repo.remote, f"environments/{name}", repo.clock)


@pytest.fixture(scope="session")
def environments_made(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    place = tmp_path_factory.mktemp("environments")
    prod = Repo.create(place, prefix="environments/prod")
    for name in NAMES:
        there = within(prod, name)
        shutil.copytree(EXAMPLE, there.workspace, dirs_exist_ok=True)
        there.edit(".rollout-spec.yaml", "name: acme-models", f"name: {name}")
    prod.edit(".rollout-spec.yaml", "spec:\n", "spec:\n  after: ../staging\n  incidentsFrom: [../prod-us]\n")
    for name in NAMES:
        within(prod, name).render()
    prod.commit("Serve fraud everywhere")
    return prod


@pytest.fixture
def prod(environments_made: Repo, tmp_path: Path) -> Repo:
    """The example in prod, prod-us and staging: 42 in canary-5. Prod waits for staging, and heeds prod-us."""
    return environments_made.copy(tmp_path)


def on_disk(repo: Repo) -> Repository:
    return Repository(WorkingTree(repo.workspace, repo.folder))


def in_commit(repo: Repo, commit: str) -> Repository:
    return Repository(CommitTree(Git(repo.folder), commit, repo.prefix))


def told(repository: Repository, rule: str, base: Repository | None = None) -> list[tuple[str, str]]:
    """Check the rollout, and return what one rule says of it: severities and messages."""
    found = check(repository, paths=[ROLLOUT], base=base).findings
    return [(finding.severity, finding.message) for finding in found if finding.name == rule]


def promoted(live: Live) -> Live:
    return transitions.promote(live.model_copy(update={"stage": STAGES[-1]}), STAGES, ())


def promote(repo: Repo) -> str:
    return repo.take(promoted, f"Promote fraud in {repo.prefix}")


INCIDENT = """
apiVersion: rollout-spec/v1
kind: Incident
metadata: {name: fraud-41}
spec:
  {rollout: fraud, failedVersion: "41", restoredVersion: null, source: a, observedAt: "2026-11-20T10:15:00Z",
   status: open}
"""
NOT_YET = "42 is not stable in staging: 41 is"


def test_a_candidate_waits_until_it_is_stable_upstream(prod: Repo) -> None:
    first = prod.run("check")
    assert first.status == 1
    assert f"environments/prod/{ROLLOUT}:" in first.out
    assert f"error: {NOT_YET}" in first.out
    before = promote(within(prod, "staging"))
    assert prod.run("check").status == 0
    assert told(in_commit(prod, before), "stable-upstream") == []


def test_a_commit_sees_what_is_upstream_in_it_and_not_what_lies_on_disk(prod: Repo) -> None:
    commit = prod.git("rev-parse", "HEAD")
    staging = within(prod, "staging")
    staging.edit(ROLLOUT, '    stable: "41"', '    stable: "42"')
    staging.edit(ROLLOUT, '    candidate: "42"', '    candidate: "41"')
    assert told(on_disk(prod), "stable-upstream") == []
    assert told(in_commit(prod, commit), "stable-upstream") == [("error", NOT_YET)]


def test_what_happens_upstream_does_not_wait_for_what_is_downstream(prod: Repo) -> None:
    promote(within(prod, "staging"))
    prod.git("switch", "-q", "-c", "back")
    within(prod, "staging").edit(ROLLOUT, 'stable: "42"', 'stable: "41"')
    ours = prod.run("check", ROLLOUT, "--base", "main")
    assert (ours.status, f"warning: {NOT_YET}" in ours.out) == (0, True)
    prod.edit(ROLLOUT, "stage: canary-5", "stage: ab-50")
    ours = prod.run("check", ROLLOUT, "--base", "main")
    assert (ours.status, f"error: {NOT_YET}" in ours.out) == (1, True)


QUARANTINED = "42 is quarantined by incident fraud-42 of prod-us"


def test_a_rollback_elsewhere_is_not_held_up_here_and_holds_its_version_back_here(prod: Repo) -> None:
    promote(within(prod, "staging"))
    answer = within(prod, "prod-us").breach(workspace="prod-us")
    assert answer.status == 0, answer.text
    (branch,) = prod.whole_names()
    prod.git("fetch", "-q", "origin")
    prod.git("switch", "-q", "-c", "review", f"origin/{branch}")
    for name in NAMES:  # as the check of its pull request does
        ours = within(prod, name).run("check", "--base", "main")
        assert ours.status == 0, ours.text
        assert (f"warning: {QUARANTINED}" in ours.out) == (name == "prod")
    prod.git("switch", "-q", "main")
    prod.merge(branch)
    assert f"error: {QUARANTINED}" in prod.run("check", ROLLOUT).out
    prod.edit(ROLLOUT, "stage: canary-5", "stage: ab-50")
    assert f"error: {QUARANTINED}" in prod.run("check", ROLLOUT, "--base", "main").out


def test_a_rollback_passes_over_what_another_workspace_quarantines(prod: Repo) -> None:
    us = within(prod, "prod-us")
    assert us.run("rollback", "fraud", "--reason", "wrong", "--version", "41").status == 0
    (branch,) = prod.whole_names()
    prod.git("fetch", "-q", "origin")
    prod.git("merge", "-q", "--no-ff", "-m", "Merge", f"origin/{branch}")
    promote(prod)
    assert [each.description for each in quarantined(prod.model(), on_disk(prod)).values()] == [
        "incident fraud-41 of prod-us"
    ]
    assert rollback_targets(prod.model(), on_disk(prod)) == ["40"]
    answer = prod.breach("42", "latency-sla", workspace="prod")
    assert "fraud 42 -> 40" in answer.out, answer.text
    assert "41 was skipped: quarantined by incident fraud-41 of prod-us." in prod.pull_requests()[-1]["body"]


def test_an_incident_elsewhere_does_not_make_the_way_back_here_somebody_else_s_business(prod: Repo) -> None:
    """It may leave no way back here, and manifests here that keep the wrong version up: neither holds it up there."""
    promote(prod)
    prod.git("switch", "-q", "-c", "incident")
    for version, ways, told_here in (("41", ["40"], ""), ("40", [], "every version in knownGood is quarantined")):
        text = INCIDENT.replace("41", version)
        within(prod, "prod-us").write(f"incidents/fraud-{version}.yaml", text)
        assert rollback_targets(prod.model(), on_disk(prod)) == ways
        ours = prod.run("check", "--base", "main")
        assert (ours.status, told_here in ours.out) == (0, True), ours.text
    assert prod.run("check").status == 1


def test_what_is_edited_here_is_seen_here_and_not_looked_for_elsewhere(prod: Repo) -> None:
    edited = on_disk(prod).edited({".rollout-spec.yaml": None})
    assert edited.elsewhere("../staging") is not None
    assert edited.elsewhere("../prod") is None
    overlay = Overlay(WorkingTree(prod.workspace, prod.folder), {ROLLOUT: b""})
    assert overlay.elsewhere("../prod") is overlay
    there = overlay.elsewhere("../staging")
    assert there is not None
    assert there.read(ROLLOUT) == (within(prod, "staging").workspace / ROLLOUT).read_bytes()


def test_another_workspace_is_read_once(prod: Repo) -> None:
    repository = on_disk(prod)
    assert repository.edited({}).elsewhere("../staging") is repository.elsewhere("../staging")


def test_without_git_another_workspace_is_where_its_path_leads(prod: Repo, tmp_path: Path) -> None:
    shutil.copytree(prod.folder / "environments", tmp_path / "copied")
    repository = Repository(WorkingTree(tmp_path / "copied" / "prod"))
    assert told(repository, "stable-upstream") == [("error", NOT_YET)]


# Where paths lead.


@pytest.fixture(scope="session")
def maze(environments_made: Repo, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """The environments, with links, a repository within the repository, and workspaces all around it."""
    place = tmp_path_factory.mktemp("maze")
    prod = environments_made.copy(place)
    shutil.copytree(EXAMPLE, place / "outside")
    shutil.copytree(EXAMPLE, prod.folder, dirs_exist_ok=True)
    environments = prod.folder / "environments"
    (environments / "link").symlink_to("staging")
    (environments / "away").symlink_to(place / "outside")
    (environments / "loop").symlink_to("loop")
    (environments / "up").symlink_to("../..")
    prod.commit("Add links")
    shutil.copytree(EXAMPLE, environments / "nested")
    git(environments / "nested", "init", "-q")
    return prod


FOUND = {
    "../staging": "environments/staging",
    "../staging/": "environments/staging",
    "./../staging/.": "environments/staging",
    "../../environments/prod-us": "environments/prod-us",
    "../link/../staging": "environments/staging",
    "../nothing/../staging": "environments/staging",
    "../..": "",
}
NOT_FOUND = [
    "", ".", "../prod", "..", "../nothing", "../staging/rollouts", "../link", "../away", "../loop", "../nested",
    "../up/outside", "../../../outside", "../../..", "../../../../../../../../etc", "/", "/etc", "//etc", "~",
    "../stag\0ing", "../STAGING", "../../.git", "../" * 500 + "etc", "a/" * 400, "a/" * 600_000, "a" * 300, "\udcff",
]  # fmt: skip


def views(repo: Repo) -> list[Tree]:
    return [
        WorkingTree(repo.workspace, repo.folder),
        CommitTree(Git(repo.folder), repo.git("rev-parse", "HEAD"), repo.prefix),
    ]


def place_of(tree: Tree, root: Path) -> str:
    place = Path(root.resolve(), tree.location)
    return "" if place == root.resolve() else place.relative_to(root.resolve()).as_posix()


@pytest.mark.parametrize("view", [0, 1], ids=["on disk", "in a commit"])
@pytest.mark.parametrize("path", [*FOUND, *NOT_FOUND], ids=lambda path: ascii(path[:40]))
def test_a_path_leads_to_a_workspace_of_the_same_repository_and_nowhere_else(maze: Repo, path: str, view: int) -> None:
    other = Repository(views(maze)[view]).elsewhere(path)
    assert (other and place_of(other.tree, maze.folder)) == FOUND.get(path)


STEPS = st.lists(
    st.sampled_from(["..", ".", "", "environments", "prod", "staging", "link", "up", "away", "nested"]), max_size=7
)


@given(STEPS.map("/".join))
def test_the_disk_and_a_commit_agree_where_a_path_leads(maze: Repo, path: str) -> None:
    on_disk, in_commit = (Repository(view).elsewhere(path) for view in views(maze))
    assert (on_disk and place_of(on_disk.tree, maze.folder)) == (in_commit and place_of(in_commit.tree, maze.folder))


def test_workspaces_that_heed_each_other_end() -> None:
    """Three workspaces in a ring, and one of them heeds itself: what is quarantined in one is so in all."""

    class Ring:
        text = (
            "apiVersion: rollout-spec/v1\nkind: Workspace\nmetadata: {{name: {0}}}\n"
            "spec: {{incidentsFrom: [../{1}, ../{0}]}}\n"
        )

        def read(self, commit: str, path: str) -> bytes | None:
            name, _, rest = path.partition("/")
            after = {"a": "b", "b": "c", "c": "a"}
            return self.text.format(name, after[name]).encode() if rest == ".rollout-spec.yaml" else None

        def names(self, commit: str, folder: str) -> list[str]:
            return []

        def link(self, commit: str, path: str) -> str | None:
            return None

        def folders_with(self, commit: str, name: str) -> list[str]:
            return ["a", "b", "c"]

    sources = incident_sources(Repository(CommitTree(Ring(), "", "a")))
    assert [source.workspace_name for source in sources] == ["b", "c"]
