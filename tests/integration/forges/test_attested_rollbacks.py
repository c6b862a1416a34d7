"""A rollback that the service built and checked merges by the status that it sets; everything else waits for CI."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import forge_users
import pytest
from fakes.forge import Pull
from fakes.github import FakeGitHub
from fakes.statuses import CONTEXT
from forge_users import automate, push_tree
from hosted_repositories import FAKES, Hosted, hosted, let_in, point_to
from repo import Repo
from service import serve, served, status_notes

from rollout_spec.core.errors import UserError
from rollout_spec.rollback import Order
from rollout_spec.workflows import attest, check

pytestmark = pytest.mark.system

BRANCH = "rollback/acme-models/fraud/42"
POLICY = """\
apiVersion: rollout-spec/v1
kind: PolicyPack
metadata: {name: audit}
spec:
  policies:
    - name: audited
      expression: rollout.metadata.name != "fraud"
      message: no audit of fraud is recorded
      why: An auditor asked for it.
      passes: [{metadata: {name: spam}}]
      fails: [{metadata: {name: fraud}}]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """The example, whose hard triggers merge themselves by a status."""
    repo = Repo.create(tmp_path_factory.mktemp("attests"))
    automate(repo, "cooldown: 0s", f"attest: {CONTEXT}")
    return repo


@pytest.fixture(params=FAKES)
def place(request: pytest.FixtureRequest, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    """The forge of a clone, which requires the status and nothing else."""
    let_in(monkeypatch)
    with hosted(request.param, repo.remote) as place:
        place.host.checks, place.host.required = "none", (CONTEXT,)
        point_to(repo, place)
        yield place


ONE = pytest.mark.parametrize("place", ["gitea"], indirect=True)
"""What does not depend on the forge is tried on one that merges as soon as it may."""
BOTH = pytest.mark.parametrize("place", ["github", "gitea"], indirect=True)
"""Auto-merge comes before the status on the first, after it on the second."""


def by_disk(repo: Repo, place: Hosted) -> None:
    """Let a person push what they committed: they have other credentials."""
    repo.git("remote", "set-url", "origin", str(repo.remote))


def through(repo: Repo, place: Hosted) -> None:
    repo.git("remote", "set-url", "origin", place.host.clone_url)


def only(place: Hosted) -> Pull:
    (pull,) = place.host.pulls
    return pull


def is_waiting(place: Hosted) -> bool:
    """Whether the pull request is open and nothing was attested."""
    return all(each.state == "open" for each in place.host.pulls) and place.host.statuses == []


def test_it_is_merged_at_once_by_the_status(repo: Repo, place: Hosted) -> None:
    response = served(repo)
    assert status_notes(response) == []
    assert response.delivered is not None
    assert (response.delivered.merged, only(place).state) == (True, "merged")
    assert "candidate" not in repo.live_at("main")
    (status,) = place.host.statuses
    assert (status.sha, status.context, status.state) == (response.commit, CONTEXT, "success")
    assert status.description == "rollout-spec built and checked it: fraud 42 -> 41"


def test_the_command_sets_no_status(repo: Repo, place: Hosted) -> None:
    assert repo.breach("42").status == 0
    assert is_waiting(place)
    served(repo, attests=False)
    assert is_waiting(place)


@ONE
def test_without_a_context_on_the_base_nothing_is_set(repo: Repo, place: Hosted) -> None:
    by_disk(repo, place)
    repo.edit(".rollout-spec.yaml", f"    attest: {CONTEXT}\n", "")
    repo.commit("Let CI check rollbacks")
    through(repo, place)
    assert status_notes(served(repo)) == []
    assert is_waiting(place)


@ONE
@pytest.mark.parametrize("why", ["soft", "review", "mode", "order"])
def test_what_a_person_has_to_decide_gets_no_status(repo: Repo, place: Hosted, why: str) -> None:
    by_disk(repo, place)
    if why == "review":
        repo.edit("rollouts/fraud.yaml", "    merge: auto ", "    merge: review ")
        repo.commit("Let a person review rollbacks")
    elif why == "mode":
        repo.edit(".rollout-spec.yaml", "mode: auto-merge", "mode: pull-request")
        repo.commit("Let a person merge")
    through(repo, place)
    trigger = "drift" if why == "soft" else "serving-errors"
    response = served(repo, repo.alert("42", trigger), order=Order(auto_merge=True) if why == "order" else None)
    assert response.verdict.action == ("draft" if why == "soft" else "act")
    assert is_waiting(place)


@ONE
def test_a_shared_cause_gets_no_status(repo: Repo, place: Hosted) -> None:
    by_disk(repo, place)
    forge_users.serve_too(repo, "churn", "spam")
    through(repo, place)
    alerts = [repo.alert("42", rollout=name) for name in ("fraud", "churn", "spam")]
    responses = serve(repo, *alerts)
    assert len(responses) == len(place.host.pulls) == 3
    assert is_waiting(place)


@BOTH
def test_a_repeated_delivery_attests_once(repo: Repo, place: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    place.host.required = (CONTEXT, "lint")
    for _ in range(3):
        assert status_notes(served(repo)) == []
    assert [each.context for each in place.host.statuses] == [CONTEXT]
    assert only(place).state == "open"
    place.host.set_status(only(place).sha, "lint", "success")
    assert only(place).state == "merged"


@BOTH
def test_one_that_the_command_opened_is_attested_if_the_service_builds_the_same_commit(
    repo: Repo, place: Hosted
) -> None:
    assert repo.breach("42").status == 0
    assert is_waiting(place)
    response = served(repo)
    assert response.delivered is not None
    assert response.delivered.adopted
    assert [each.sha for each in place.host.statuses] == [response.commit]
    assert only(place).state == "merged"


@BOTH
def test_a_head_that_is_adopted_by_its_tree_gets_no_status(repo: Repo, place: Hosted) -> None:
    """Somebody pushes our tree with another message: it is adopted, but this process did not build that commit."""
    would_build = repo.run("rollback", "--breach", repo.payload(repo.alert()), "--dry-run").out.split()[1]
    message = repo.git("log", "-1", "--format=%B", would_build)
    base, tree = repo.git("rev-parse", "main"), repo.git("rev-parse", f"{would_build}^{{tree}}")
    branch = repo.run("rollback", "--breach", repo.payload(repo.alert()), "--dry-run").out
    name = next(word.strip(",") for word in branch.split() if word.startswith(BRANCH))
    forged = repo.git("commit-tree", tree, "-p", base, "-m", f"{message}\n\nSigned-off-by: Mallory")
    by_disk(repo, place)
    repo.git("push", "-q", "origin", f"{forged}:refs/heads/{name}")
    through(repo, place)
    response = served(repo)
    assert (response.commit, only(place).head) == (forged, name)
    assert is_waiting(place)


@BOTH
@pytest.mark.parametrize("when", ["check", "verification"])
def test_a_head_that_moves_in_between_gets_no_status(
    repo: Repo, place: Hosted, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    pushed: list[str] = []

    def push() -> None:
        (pull,) = place.host.pulls
        pushed.append(place.push(pull.head))

    if when == "check":
        real = check.review

        def review(*words: object, **options: object) -> object:
            push()
            return real(*words, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(attest, "review", review)
    else:
        ask = attest._Attestation._refuse_moved

        def refuse(self: attest._Attestation, pull: object, commit: str) -> None:
            ask(self, pull, commit)  # type: ignore[arg-type]
            push()

        monkeypatch.setattr(attest._Attestation, "_refuse_moved", refuse)
    (note,) = status_notes(served(repo))
    assert ("has moved from" if when == "check" else "is at ") in note
    assert len(pushed) == 1
    assert is_waiting(place)


@ONE
def test_a_base_that_moves_in_between_leaves_it_to_ci(
    repo: Repo, place: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = check.review

    def review(*words: object, **options: object) -> object:
        place.push("main")
        return real(*words, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(attest, "review", review)
    (note,) = status_notes(served(repo))
    assert "main has moved from" in note
    assert is_waiting(place)


@BOTH
def test_a_policy_on_the_base_that_the_result_breaks_holds_the_status(repo: Repo, place: Hosted) -> None:
    """An error that was there before refuses no rollback, but CI would not pass, and so the service does not."""
    by_disk(repo, place)
    repo.write("policies/audit.yaml", POLICY)
    repo.edit(".rollout-spec.yaml", "policies: [baseline]", "policies: [baseline, policies/audit.yaml]")
    repo.commit("Demand an audit")
    through(repo, place)
    response = served(repo)
    (note,) = status_notes(response)
    assert re.search(r"the check of [0-9a-f]{12} has 1 error: `rollouts/fraud.yaml:\d+ \[audited\]`", note), note
    assert is_waiting(place)
    assert only(place).armed == response.commit, "CI decides"


@ONE
def test_another_workspace_with_an_error_holds_the_status(repo: Repo, place: Hosted) -> None:
    """CI checks every workspace of the git repository."""
    by_disk(repo, place)
    repo.write("other/.rollout-spec.yaml", "apiVersion: rollout-spec/v1\nkind: Workspace\nmetadata: {name: other}\n")
    repo.write("other/rollouts/spam.yaml", "kind: nothing\n")
    repo.commit("Begin another workspace")
    through(repo, place)
    (note,) = status_notes(served(repo))
    assert "the check of" in note and "`other/rollouts/spam.yaml:1 [" in note
    assert is_waiting(place)
    assert only(place).armed, "auto-merge stays: CI decides"


@ONE
def test_a_check_that_breaks_holds_nothing_but_the_status(
    repo: Repo, place: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def review(*words: object, **options: object) -> object:
        raise RuntimeError("no disk")

    monkeypatch.setattr(attest, "review", review)
    response = served(repo)
    assert len(status_notes(response)) == 1
    assert response.status == 0
    assert is_waiting(place)
    assert only(place).armed == response.commit


@pytest.mark.parametrize("change", ["disarmed", "draft"])
def test_what_a_person_changed_gets_no_status(repo: Repo, place: Hosted, change: str) -> None:
    served(repo, attests=False)
    pull = only(place)
    if pull.armed is None:
        place.host.enable_auto_merge(pull, "release-bot")
    if change == "disarmed":
        place.host.disarm(pull)
    else:
        place.host.convert(pull, draft=True)
    served(repo)
    assert is_waiting(place)


@ONE
def test_one_that_a_person_closed_gets_no_status(repo: Repo, place: Hosted) -> None:
    served(repo, attests=False)
    place.host.end(only(place))
    (response,) = serve(repo)
    assert isinstance(response, UserError)
    assert (only(place).state, place.host.statuses) == ("closed", [])


@BOTH
def test_an_empty_commit_on_top_of_ours_gets_no_status(repo: Repo, place: Hosted) -> None:
    """The head has our tree, so that it is adopted, but another id."""
    served(repo, attests=False)
    other = place.push(only(place).head)
    assert served(repo).commit == other
    assert is_waiting(place)


@ONE
def test_a_branch_that_somebody_added_to_is_left_and_our_own_is_merged(repo: Repo, place: Hosted) -> None:
    ours = served(repo, attests=False).commit
    assert ours is not None
    by_disk(repo, place)
    repo.git("fetch", "-q", "origin")
    foreign = push_tree(repo, only(place).head, ours, {"notes.md": "It was the weather.\n"}, "Say why")
    through(repo, place)
    served(repo)
    assert [(each.state, each.sha == foreign) for each in place.host.pulls] == [("open", True), ("merged", False)]
    assert foreign not in {each.sha for each in place.host.statuses}
    assert "notes.md" not in repo.git("ls-tree", "--name-only", "main")


@pytest.mark.parametrize("place", ["github"], indirect=True)
def test_a_forge_that_refuses_the_status_holds_nothing_else(repo: Repo, place: Hosted) -> None:
    assert isinstance(place.host, FakeGitHub)
    place.host.scopes = None
    place.host.granted |= {"statuses": "read"}
    (note,) = status_notes(served(repo))
    assert "github did not set the status of the commit: 403" in note
    assert only(place).armed
    assert is_waiting(place)


@pytest.mark.parametrize("place", ["github"], indirect=True)
def test_a_merge_queue_checks_it_again(repo: Repo, place: Hosted) -> None:
    assert isinstance(place.host, FakeGitHub)
    place.host.has_queue = True
    assert status_notes(served(repo)) == []
    assert len(place.host.statuses) == 1


def test_a_local_forge_records_the_status(repo: Repo, tmp_path: Path) -> None:
    for _ in range(2):
        response = served(repo)
        assert status_notes(response) == []
    (pull,) = repo.pull_requests()
    description = "rollout-spec built and checked it: fraud 42 -> 41"
    status = {"sha": response.commit, "context": CONTEXT, "state": "success", "description": description}
    assert (pull["statuses"], pull["state"], pull["autoMerge"]) == ([status], "open", True)
