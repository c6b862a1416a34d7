"""Once a shared cause is known, an open rollback that would merge by itself is held, before anything else is pushed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import forge_users
import pytest
from fakes.forge import Pull
from fakes.host import Answer, Request
from hosted_repositories import FAKES, Hosted, hosted, let_in, point_to
from repo import Repo, Result

pytestmark = pytest.mark.system

NAMES = ("churn", "fraud")
OUTSIDE = 3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Two rollouts alike, whose rollbacks merge by themselves. Two failures at once have a shared cause."""
    repo = Repo.create(tmp_path_factory.mktemp("made"))
    forge_users.automate(repo, "cooldown: 0s", "sharedCause: {rollouts: 2, within: 10m}")
    forge_users.serve_too(repo, "churn")
    return repo


@pytest.fixture(params=FAKES)
def place(request: pytest.FixtureRequest, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    let_in(monkeypatch)
    with hosted(request.param, repo.remote) as place:
        point_to(repo, place)
        place.host.teams = ["team-risk"]
        yield place


@contextmanager
def by_disk(repo: Repo, place: Hosted) -> Iterator[None]:
    """Let a person push from the clone: they have other credentials."""
    repo.git("remote", "set-url", "origin", str(repo.remote))
    yield
    repo.git("remote", "set-url", "origin", place.host.clone_url)


def alert(repo: Repo, rollout: str, **changes: Any) -> dict[str, Any]:
    fingerprint = f"{NAMES.index(rollout):016x}"
    return {**repo.alert("42", "latency-sla", rollout=rollout), "fingerprint": fingerprint, **changes}


def breach(repo: Repo, *alerts: dict[str, Any]) -> Result:
    return repo.run("rollback", "--breach", repo.payload(*alerts))


def pull_of(place: Hosted, rollout: str) -> Pull:
    (found,) = [each for each in place.host.pulls if each.head.split("/")[2] == rollout]
    return found


def is_draft(place: Hosted, pull: Pull) -> bool:
    return pull.draft or bool(place.host.draft_prefix and pull.title.startswith(place.host.draft_prefix))


def is_held(place: Hosted, pull: Pull) -> bool:
    return pull.state == "open" and pull.armed is None and is_draft(place, pull) and "held" in pull.labels


def comments(pull: Pull, text: str) -> int:
    return sum(text in each.body for each in pull.comments)


def state_of(place: Hosted) -> list[Any]:
    return [(each.title, each.body, list(each.labels), len(each.comments), each.sha) for each in place.host.pulls]


@pytest.fixture
def fraud(repo: Repo, place: Hosted) -> Pull:
    """The rollback of fraud, which merges once its checks pass."""
    answer = breach(repo, alert(repo, "fraud"))
    assert answer.status == 0, answer.text
    pull = pull_of(place, "fraud")
    assert pull.armed == place.host.head(pull) and not is_draft(place, pull)
    return pull


def test_it_is_held_before_its_branch_is_replaced(repo: Repo, place: Hosted, fraud: Pull) -> None:
    first = fraud.sha
    both = [alert(repo, name) for name in NAMES]
    answer = breach(repo, *both)
    assert answer.status == 0, answer.text
    assert "is held: it is a draft now, without auto-merge" in answer.err
    assert is_held(place, fraud) and is_draft(place, pull_of(place, "churn"))
    assert comments(fraud, "**This rollback is held: 2 rollouts failed within 10m (churn, fraud)") == 1
    assert place.host.head(fraud) != first
    incident = repo.data_at(fraud.sha, "incidents/fraud-42.yaml")["spec"]["evidence"]["summary"]
    assert incident.startswith("shared cause with churn 42, see incident churn-42. ")
    kinds = [each.kind for each in place.host.timeline(fraud)]
    draft = "title" if place.host.draft_prefix else "draft"
    assert kinds.index("arm") < kinds.index("disarm") < kinds.index(draft) < kinds.index("push")

    before = state_of(place)
    for _ in range(2):
        assert breach(repo, *both).status == 0
        assert state_of(place) == before and is_held(place, fraud)
    place.host.checks_pass()
    assert fraud.state == "open"


def test_a_later_breach_that_would_merge_leaves_it_held(repo: Repo, place: Hosted, fraud: Pull) -> None:
    breach(repo, *[alert(repo, name) for name in NAMES])
    forge_users.later(repo, minutes=20)
    answer = breach(repo, alert(repo, "fraud", fingerprint="f" * 16))
    assert answer.status == 0, answer.text
    assert "it stays a draft: it was held for a shared cause" in answer.err
    assert is_held(place, fraud)


def test_one_that_a_person_released_is_not_held_again(repo: Repo, place: Hosted, fraud: Pull) -> None:
    both = [alert(repo, name) for name in NAMES]
    breach(repo, *both)
    place.host.convert(fraud, draft=False)
    place.host.enable_auto_merge(fraud)
    head = place.host.head(fraud)
    assert breach(repo, *both).status == 0
    assert fraud.armed == head and not is_draft(place, fraud)


def test_a_held_one_that_is_out_of_date_is_rebuilt_and_stays_a_draft(repo: Repo, place: Hosted, fraud: Pull) -> None:
    both = [alert(repo, name) for name in NAMES]
    breach(repo, *both)
    head = place.host.head(fraud)
    with by_disk(repo, place):
        repo.edit("rollouts/fraud.yaml", "stage: canary-5  ", "stage: canary-5 # look")
        repo.commit("Comment on the stage")
    answer = breach(repo, *both)
    assert answer.status == 0, answer.text
    assert place.host.head(fraud) != head and "was out of date and was rebuilt" in answer.err
    assert is_held(place, fraud)


def test_a_persons_change_before_the_hold_leaves_its_head(repo: Repo, place: Hosted, fraud: Pull) -> None:
    place.host.disarm(fraud)
    head = place.host.head(fraud)
    assert breach(repo, *[alert(repo, name) for name in NAMES]).status == 0
    assert is_held(place, fraud) and place.host.head(fraud) == head


@pytest.mark.parametrize("place", ["github", "gitlab"], indirect=True)
def test_a_held_one_with_another_target_now_is_closed(repo: Repo, place: Hosted) -> None:
    with by_disk(repo, place):
        forge_users.promote(repo)
    both = [alert(repo, name) for name in NAMES]
    breach(repo, both[1])
    (first,) = place.host.pulls
    breach(repo, *both)
    assert is_held(place, first)
    with by_disk(repo, place):
        forge_users.open_incident(repo, "41")
    answer = breach(repo, *both)
    assert "is out of date, and was closed" in answer.err, answer.text
    assert first.state == "closed" and first.armed is None


CANCELS = {"github": "disablePullRequestAutoMerge", "gitlab": "cancel_merge", "gitea": "DELETE"}


def interrupt(place: Hosted, patch: pytest.MonkeyPatch, refusal: Answer, *, merge: Pull | None = None) -> None:
    """Answer requests that cancel auto-merge with a refusal; let the forge merge before that."""
    real = place.host.answer

    def answer(request: Request, user: str) -> Answer:
        if CANCELS[place.kind] not in f"{request.verb} {request.path} {request.body}":
            return real(request, user)
        if merge is not None and merge.state == "open":
            place.host.checks_pass()
        return refusal if merge is None else real(request, user)

    patch.setattr(place.host, "answer", answer)


def test_a_forge_that_does_not_cancel_fails_the_response_and_the_next_try_holds_it(
    repo: Repo, place: Hosted, fraud: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, both = place.host.head(fraud), [alert(repo, name) for name in NAMES]
    with monkeypatch.context() as patch:
        interrupt(place, patch, Answer(500, {"message": "broken"}))
        answer = breach(repo, *both)
    assert answer.status == OUTSIDE and f"{place.kind} did not " in answer.err
    assert place.host.head(fraud) == head and comments(fraud, "is held") == 0
    assert breach(repo, *both).status == 0
    assert is_held(place, fraud) and comments(fraud, "is held") == 1


@pytest.mark.parametrize("place", ["gitea"], indirect=True)
@pytest.mark.parametrize("path", ["comments", "labels"])
def test_a_comment_or_label_that_is_refused_leaves_it_held_with_a_note(
    repo: Repo, place: Hosted, fraud: Pull, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    real = place.host.answer

    def answer(request: Request, user: str) -> Answer:
        is_refused = request.verb == "POST" and request.path.endswith(f"/issues/{fraud.number}/{path}")
        return Answer(403, {"message": f"no {path}"}) if is_refused else real(request, user)

    monkeypatch.setattr(place.host, "answer", answer)
    done = breach(repo, *[alert(repo, name) for name in NAMES])
    assert done.status == 0 and f"no {path}" in done.err, done.text
    assert is_draft(place, fraud) and fraud.armed is None


def test_one_that_merges_meanwhile_stays_merged(
    repo: Repo, place: Hosted, fraud: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(place, monkeypatch, Answer(500), merge=fraud)
    answer = breach(repo, *[alert(repo, name) for name in NAMES])
    assert fraud.state == "merged" and [each.head.split("/")[2] for each in place.host.pulls].count("fraud") == 1
    assert "was merged before it could be held: it stays merged" in answer.err, answer.text
    assert answer.status == 0 and comments(fraud, "is held") == 0
    assert is_draft(place, pull_of(place, "churn"))
