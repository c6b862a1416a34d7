"""The doctor asks a forge by its API and by git; what each of them refuses is told, and nothing is changed there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from doctor_runs import Checkup, doctor
from fakes.forge import Guard
from fakes.github import FakeGitHub
from fakes.gitlab import FakeGitLab
from fakes.host import Answer
from fakes.statuses import CONTEXT
from hosted_repositories import FAKES, TOKEN, Hosted, as_app, hosted, let_in, point_to
from real_servers import CHECKOUT
from repo import Repo, git, run
from ssh_signing import configured_for_ssh, hide_the_committer
from token_capabilities import protect

from rollout_spec.core.series import Answer as Samples
from rollout_spec.core.series import Series
from rollout_spec.integrations.prometheus import PrometheusClient

pytestmark = pytest.mark.system

ALL = [
    *("git", "remote", "workspace", "automation", "workspace-name", "pause", "clone", "history", "commit", "push"),
    *("forge", "token", "permissions", "required-checks", "up-to-date", "approvals", "signatures", "clock"),
    *("prometheus", "way-back"),
]
GUARD = Guard(checks=("rollouts", "lint"), up_to_date=True, approvals=1)


@pytest.fixture(autouse=True)
def prometheus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the Prometheus of the example have a sample of everything."""
    monkeypatch.setattr(PrometheusClient, "query", lambda *_: Samples((Series({}, ((0.0, 1.0),)),)))


@pytest.fixture(params=FAKES)
def place(request: pytest.FixtureRequest, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    """The forge of a clone, with a token that lacks nothing and a base that is protected as it should be."""
    let_in(monkeypatch)
    with hosted(request.param, repo.remote) as place:
        protect(place, GUARD)
        place.host.role = "admin"
        point_to(repo, place)
        yield place


def only(kind: str) -> pytest.MarkDecorator:
    """Ask one forge, where they do not differ: what each of them says is in test_forges_standing.py."""
    return pytest.mark.parametrize("place", [kind], indirect=True)


def by_disk(repo: Repo) -> None:
    """Let git reach the remote without a token."""
    repo.git("remote", "set-url", "origin", str(repo.remote))


def mode(repo: Repo, place: Hosted, word: str) -> None:
    by_disk(repo)
    repo.edit(".rollout-spec.yaml", "mode: pull-request ", f"mode: {word} ")
    repo.commit(f"Let the mode be {word}")
    repo.git("remote", "set-url", "origin", place.host.clone_url)


def fails(found: Checkup, *names: str, status: int = 1) -> None:
    """Of all that is looked at, this alone is wrong."""
    assert (found.all("failed"), found.status) == (set(names), status), found.checks


def test_where_nothing_is_missing_it_says_so_and_changes_nothing(repo: Repo, place: Hosted) -> None:
    before, objects = repo.snapshot(), git(repo.remote, "cat-file", "--batch-all-objects", "--batch-check")
    found = doctor(repo)
    assert [each["name"] for each in found.checks] == ALL
    assert (found.status, found.all("warning", "failed", "unknown")) == (0, set())
    found.says("token", r"^ok: release-bot, from \$ROLLOUT_SPEC_TOKEN$")
    found.says("forge", r"^ok: (GitHub|GitLab 18\.5\.1-ee|Gitea 1\.24\.6), acme/models$")
    found.says("clock", f"^ok: within 30s of {place.kind}'s")
    assert repo.snapshot() == before
    assert git(repo.remote, "cat-file", "--batch-all-objects", "--batch-check") == objects
    assert (place.host.pulls, place.host.labels) == ([], [])
    for request, answer in place.host.asked:
        assert request.verb == "GET" or request.path.endswith("/graphql") or answer.status >= 400, request.path


# The token


@only("gitea")
def test_without_a_token_git_and_the_forge_say_so(repo: Repo, place: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROLLOUT_SPEC_TOKEN")
    found = doctor(repo)
    fails(found, "remote", "token", status=3)
    found.says("remote", "see docs/forges.md for the token that git sends")
    found.says("token", r"no token for gitea: .*; set \$ROLLOUT_SPEC_TOKEN, \$GITEA_TOKEN or \$FORGEJO_TOKEN")
    by_disk(repo)
    fails(doctor(repo), "token")


def test_a_token_that_is_refused_is_told(repo: Repo, place: Hosted) -> None:
    place.host.tokens.clear()
    by_disk(repo)
    found = doctor(repo)
    fails(found, "token")
    found.says("token", f"^failed: {place.kind} did not show the .*: 401 .*; the token is wrong, expired or revoked")


@only("github")
def test_an_app_is_asked_what_it_was_granted(
    repo: Repo, place: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(place.host, FakeGitHub)
    as_app(tmp_path / "app.pem", monkeypatch)
    place.host.tokens.clear()
    place.host.scopes = None
    place.host.granted |= {"administration": "read", "merge_queues": "read"}
    found = doctor(repo)
    fails(found, status=0)
    found.says("token", r"^ok: release-app\[bot\], from the App of \$GITHUB_APP_ID$")
    place.host.granted["pull_requests"] = "read"
    found = doctor(repo)
    fails(found, "permissions")
    found.says("permissions", r"missing: Pull requests: write \(the App has read\); see docs/forges.md")
    (tmp_path / "app.pem").write_text("no key")
    found = doctor(repo)
    fails(found, "remote", status=1)  # and not once more for the forge
    found.says("remote", "the file that .* names is unusable: it contains no private key")


@only("gitlab")
def test_who_may_only_read_is_told(repo: Repo, place: Hosted) -> None:
    place.host.role = "read"
    found = doctor(repo)
    fails(found, "permissions")
    found.says("permissions", "^failed: missing: (the role (Write|Developer)|the right to write)")


@only("gitea")
def test_an_archived_repository_is_told(repo: Repo, place: Hosted) -> None:
    place.host.archived = True
    found = doctor(repo)
    fails(found, "permissions")
    found.says("permissions", "missing: the (project|repository) is archived")


@pytest.mark.parametrize("place", ["github", "gitlab"], indirect=True)
def test_the_end_of_a_token_is_told(repo: Repo, place: Hosted) -> None:
    end = repo.clock[0].date() + timedelta(days=3)
    assert isinstance(place.host, FakeGitHub | FakeGitLab)
    place.host.expires = f"{end} 00:00:00 UTC" if place.kind == "github" else str(end)
    found = doctor(repo)
    assert found.status == 0
    found.says("token", f"^warning: .* it expires at {end}T00:00:00Z, in 2 days")


def test_no_secret_is_shown(repo: Repo, place: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place.host, "answer", lambda request, user: Answer(403, {"message": f"no {TOKEN} here"}))
    answer = run("--repo", str(repo.workspace), "doctor")
    assert "no *** here" in answer.out
    assert TOKEN not in answer.text


# What does not answer, and what does not show


@only("github")
def test_a_forge_that_does_not_answer_hides_nothing(repo: Repo, place: Hosted) -> None:
    by_disk(repo)
    place.host.failures = [Answer(503, {"message": "down"})] * 99
    found = doctor(repo)
    fails(found, "forge", status=3)
    found.says("forge", f"{place.kind} did not show the (repository|project): 503 down; run it again")
    assert {"remote", "push", "commit", "way-back"} <= found.all("ok")


@only("gitea")
def test_a_remote_that_does_not_answer_does_not_hide_the_forge(repo: Repo, place: Hosted) -> None:
    repo.git("remote", "set-url", "origin", "http://127.0.0.1:1/models.git")
    found = doctor(repo)
    fails(found, "remote", status=3)
    assert {"forge", "token", "permissions", "up-to-date", "clock", "way-back"} <= found.all("ok")


@only("github")
def test_a_clone_of_nothing_yet_does_not_hide_the_forge(repo: Repo, place: Hosted) -> None:
    text = (repo.workspace / ".rollout-spec.yaml").read_text("utf-8")
    shutil.rmtree(repo.folder)
    git(repo.remote.parent, "init", "-q", str(repo.folder))
    repo.git("remote", "add", "origin", str(repo.remote))
    git(repo.remote, "update-ref", "-d", "refs/heads/main")
    repo.write(".rollout-spec.yaml", text)
    found = doctor(repo)
    fails(found, "remote")
    assert found.all("ok") == {"git", "automation", "forge", "token", "permissions", "clock"}


@only("gitlab")
def test_a_repository_that_is_not_there_is_told(repo: Repo, place: Hosted) -> None:
    by_disk(repo)
    repo.edit(".rollout-spec.yaml", f"repository: {place.host.name}", "repository: acme/other")
    repo.commit("Misspell it")
    found = doctor(repo)
    fails(found, "forge")
    found.says("forge", f"^failed: {place.kind} did not show the .*: 404 .*check `forge.repository`")


def test_who_is_no_administrator_is_told_what_would_show_the_rest(repo: Repo, place: Hosted) -> None:
    place.host.role = "write"
    found = doctor(repo)
    hidden = {
        "github": {"up-to-date"},
        "gitlab": {"approvals", "signatures"},
        "gitea": {"up-to-date", "signatures"},
    }
    assert (found.status, found.all("unknown")) == (0, hidden[place.kind])
    shows = {"github": "Administration: read", "gitlab": "the role Maintainer", "gitea": "an administrator"}
    for name in hidden[place.kind]:
        found.says(name, f"^unknown: .*; .*{shows[place.kind]}")


@only("gitlab")
def test_a_hint_that_was_given_is_not_given_again(repo: Repo, place: Hosted) -> None:
    place.host.role = "write"
    told = run("--repo", str(repo.workspace), "doctor").out
    assert (told.count("unknown"), told.count("help: ")) == (2, 1), told


def test_what_the_token_may_not_see_at_all_is_unknown(
    repo: Repo, place: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place.host, "answer", lambda request, user: Answer(403, {"message": "no"}))
    found = doctor(repo)
    names = {"required-checks", "up-to-date", "approvals", "signatures", "clock"}
    lacks = set() if place.kind == "github" else {"permissions"}
    fails(found, *lacks, status=len(lacks))
    assert found.all("unknown") == names | {"permissions"} - lacks


# The rules of the base


def test_a_base_that_nothing_protects_is_told(repo: Repo, place: Hosted) -> None:
    protect(place, None)
    found = doctor(repo)
    fails(found, "protection")
    assert not {"required-checks", "up-to-date", "approvals", "signatures"} & found.all("ok", "unknown", "warning")


@only("gitea")
def test_where_nothing_is_pushed_what_a_push_needs_is_a_warning(repo: Repo, place: Hosted) -> None:
    protect(place, None)
    place.host.archived = True
    mode(repo, place, "dry-run")
    found = doctor(repo)
    assert (found.status, found.all("warning")) == (0, {"automation", "permissions", "protection"})


def test_what_the_rules_lack_is_told(repo: Repo, place: Hosted) -> None:
    protect(place, replace(GUARD, up_to_date=False, signatures=True))
    fails(doctor(repo), "up-to-date", "signatures")


@only("github")
def test_rules_that_require_no_check_are_told(repo: Repo, place: Hosted) -> None:
    protect(place, replace(GUARD, checks=()))
    fails(doctor(repo), "required-checks")


@pytest.mark.parametrize("place", ["github", "gitlab"], indirect=True)
def test_a_merge_queue_is_as_good_as_being_up_to_date(repo: Repo, place: Hosted) -> None:
    protect(place, replace(GUARD, up_to_date=False, queue=True))
    found = doctor(repo)
    fails(found, status=0)
    found.says("up-to-date", "^ok: a merge queue tests the merged result")


@only("gitea")
def test_who_signs_meets_a_base_that_asks_for_it(repo: Repo, place: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    protect(place, replace(GUARD, signatures=True))
    hide_the_committer(monkeypatch)
    configured_for_ssh(repo.folder)
    found = doctor(repo)
    fails(found, status=0)
    found.says("signatures", "^ok: required and made")


@only("gitlab")
def test_a_rollback_that_merges_itself_waits_for_approvals(repo: Repo, place: Hosted) -> None:
    mode(repo, place, "auto-merge")
    found = doctor(repo)
    assert (found.status, found.all("warning"), found.verdict("auto-merge")) == (0, {"approvals"}, "ok")
    protect(place, replace(GUARD, approvals=0))
    assert doctor(repo).all("warning", "failed", "unknown") == set()


def test_a_forge_that_cannot_arm_is_told(repo: Repo, place: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    protect(place, replace(GUARD, approvals=0))
    setting = {"github": ("allows_auto_merge", False), "gitlab": ("merge_levels", [{"access_level": 60}])}
    monkeypatch.setattr(place.host, *setting.get(place.kind, ("may_merge", False)))
    mode(repo, place, "auto-merge")
    found = doctor(repo)
    fails(found, "auto-merge")
    found.says("auto-merge", "^failed: the mode is auto-merge, but .*; allow auto-merge")


# The status that the service sets


def attests(repo: Repo, place: Hosted) -> None:
    by_disk(repo)
    repo.edit(".rollout-spec.yaml", "mode: pull-request ", f"attest: {CONTEXT}\n    mode: auto-merge ")
    repo.commit("Let the service attest rollbacks")
    repo.git("remote", "set-url", "origin", place.host.clone_url)


def test_a_forge_that_merges_by_the_status_is_told(repo: Repo, place: Hosted) -> None:
    protect(place, replace(GUARD, checks=(CONTEXT,), approvals=0))
    attests(repo, place)
    found = doctor(repo)
    fails(found, status=0)
    expected = "warning: main requires a pipeline: " if place.kind == "gitlab" else "ok: main waits for .* alone"
    found.says("attest", f"^{expected}")
    assert place.host.statuses == []


@only("github")
def test_a_status_that_does_not_count_is_told(repo: Repo, place: Hosted) -> None:
    assert isinstance(place.host, FakeGitHub)
    protect(place, replace(GUARD, checks=(CONTEXT, "lint"), approvals=0, queue=True))
    place.host.apps = {CONTEXT: 15368}
    place.host.scopes, place.host.granted["administration"] = None, "read"
    place.host.granted["merge_queues"] = "read"
    attests(repo, place)
    found = doctor(repo)
    fails(found, status=0)
    assert [line.split(";")[0] for line in found.told("attest")] == [
        "warning: this token may not set the status of a commit",
        "warning: main also requires lint: a rollback still waits for CI",
        f"warning: {CONTEXT} counts only from the App 15368",
        "warning: the merge queue runs the required checks again, and the status does not count there",
    ]


# Git on the forge, and the clock


@only("gitea")
def test_a_forge_that_takes_no_push_is_told(repo: Repo, place: Hosted) -> None:
    git(repo.remote, "config", "http.receivepack", "false")
    found = doctor(repo)
    fails(found, "push")
    found.says("push", "^failed: git push failed: ")


@only("gitlab")
@pytest.mark.parametrize(("skew", "verdict"), [(120, "warning"), (-86400, "failed")])
def test_a_clock_that_differs_is_told(repo: Repo, place: Hosted, skew: int, verdict: str) -> None:
    place.host.skew = skew
    found = doctor(repo, datetime.now(UTC))
    fails(found, *(["clock"] if verdict == "failed" else []), status=int(verdict == "failed"))
    found.says("clock", f"^{verdict}: this clock is .* {'behind' if skew > 0 else 'ahead of'} {place.kind}'s")


# The page


@only("github")
def test_the_run_on_the_page_is_one(repo: Repo, place: Hosted) -> None:
    assert isinstance(place.host, FakeGitHub)
    protect(place, replace(GUARD, checks=("rollouts",), up_to_date=False))
    place.host.expires = "2027-02-01 00:00:00 UTC"
    shallow = repo.clone("shallow", "--depth", "1")
    shallow.git("remote", "set-url", "origin", place.host.clone_url)
    answer = run("--repo", str(shallow.workspace), "doctor")
    told = (answer.out + answer.err).replace(place.host.url, "https://git.example.com")
    told = re.sub(r"git \d\S+", "git 2.39.5", re.sub(r"\b[0-9a-f]{12}\b", "3b70d27af8ef", told))
    page = (CHECKOUT / "docs/doctor.md").read_text("utf-8")
    assert page.split("$ rollout-spec doctor\n")[1].split("```")[0] == told
