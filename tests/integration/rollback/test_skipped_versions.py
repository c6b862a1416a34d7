"""A known-good version that no longer holds is passed over, over real git: by its record, or by its contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from repo import STAGES, Repo, git

from rollout_spec.domain import transitions

pytestmark = pytest.mark.system

BRANCH = "rollback/acme-models/fraud/42"


@pytest.fixture(scope="module")
def promoted_made(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    repo = Repo.create(tmp_path_factory.mktemp("promoted"))
    for _ in range(2):
        repo.take(lambda live: transitions.advance(live, STAGES), "Advance fraud 42")
    repo.take(lambda live: transitions.promote(live, STAGES, ()), "Promote fraud 42")
    return repo


@pytest.fixture
def promoted(promoted_made: Repo, tmp_path: Path) -> Repo:
    """The example, with 42 stable, and 41 and 40 known good."""
    return promoted_made.copy(tmp_path)


def body_of(repo: Repo) -> str:
    return str(repo.pull_requests()[0]["body"])


def message_of(repo: Repo, commit: str) -> str:
    return git(repo.remote, "log", "-1", "--format=%B", commit)


def merge_and_check(repo: Repo) -> None:
    """Merge the rollback; the tree that comes of it is clean, compared with the one before."""
    before = repo.git("rev-parse", "HEAD")
    repo.merge(BRANCH)
    checked = repo.run("check", "--base", before)
    assert checked.status == 0, checked.text


def test_a_known_good_version_that_a_target_could_not_render_is_passed_over(promoted: Repo) -> None:
    text = promoted.at("HEAD", "rollouts/fraud.yaml")
    where = text.index('"41":\n')
    promoted.write("rollouts/fraud.yaml", text[:where] + text[where:].replace("      format: sklearn\n", "", 1))
    promoted.render()
    promoted.commit("Lose a format")
    answer = promoted.breach("42", "latency-sla")
    why = "41 was skipped: its record lacks `format`, which the target kserve needs"
    assert (answer.status, answer.err) == (0, f"{why}\n")
    commit = promoted.tip(BRANCH)
    assert promoted.live_at(commit) == {"stable": "40", "knownGood": []}
    assert f"- {why}." in body_of(promoted)
    assert f"{why}.\n" in message_of(promoted, commit)
    merge_and_check(promoted)


OPEN, CLOSED, MOVED, WIDE = (
    {"type": "object", "required": required, "properties": {name: {} for name in known}, **more}
    for required, known, more in (
        (["amount"], ["amount"], {}),
        (["amount"], ["amount"], {"additionalProperties": False}),
        (["amount", "currency"], ["amount", "currency"], {"additionalProperties": False}),
        (["amount"], ["amount", "currency"], {"additionalProperties": False}),
    )
)


def contracts(repo: Repo, old: Any, new: Any, *pins: str) -> None:
    """Have payment-event served in 3.0 and 3.1, by these contracts; ``pins`` are those of 40, 41 and 42."""
    more = "type: schema\n  contract: contracts/payment-event/{version}.json"
    repo.edit("components/payment-event.yaml", "type: schema", more)
    repo.edit("components/payment-event.yaml", '["3.1"]', '["3.0", "3.1"]')
    for version, schema in (("3.0", old), ("3.1", new)):
        if schema is not None:
            repo.write(f"contracts/payment-event/{version}.json", json.dumps(schema))
    records = repo.at("HEAD", "rollouts/fraud.yaml").split('payment-event: "3.1"')
    assert len(records) == 4
    between = (f'payment-event: "{pin}"' for pin in (*pins, ""))
    text = "".join(part + pin for part, pin in zip(records, between, strict=True))
    repo.write("rollouts/fraud.yaml", text.removesuffix('payment-event: ""'))
    repo.render()
    repo.commit("Serve another schema too")


REFUSED = "it reads payment-event 3.0, which refuses requests that callers of 3.1"
SHOWN = 'as in {"amount": 0, "currency": 0}'


def test_a_known_good_version_whose_contract_no_longer_holds_is_passed_over(promoted: Repo) -> None:
    contracts(promoted, CLOSED, MOVED, "3.1", "3.0", "3.1")
    answer = promoted.breach("42", "latency-sla")
    why = f"41 was skipped: {REFUSED} send: /properties/currency: this field is refused now, {SHOWN}"
    assert (answer.status, answer.err) == (0, f"{why}\n")
    commit = promoted.tip(BRANCH)
    assert promoted.live_at(commit) == {"stable": "40", "knownGood": []}
    assert f"- {why.replace(': it', ': `it')}`." in body_of(promoted)
    assert f"{why}.\n" in message_of(promoted, commit)
    assert (promoted.pull_requests()[0]["draft"], promoted.run("check").status) == (False, 0)
    merge_and_check(promoted)


def test_where_no_contract_holds_the_incident_alone_is_proposed(promoted: Repo) -> None:
    contracts(promoted, CLOSED, MOVED, "3.0", "3.0", "3.1")
    answer = promoted.breach("42", "latency-sla")
    assert answer.status == 1
    for version in ("41", "40"):
        assert f"  {version}: {REFUSED} send: /properties/currency: this field is refused now, {SHOWN}\n" in answer.err
    assert promoted.branches() == ["incident/acme-models/fraud/42"]
    (pull,) = promoted.pull_requests()
    assert (pull["headSha"], pull["labels"]) == (
        promoted.tip("incident/acme-models/fraud/42"),
        ["incident", "rollout:fraud"],
    )
    why = f"{REFUSED} send: /properties/currency: this field is refused now, {SHOWN}"
    assert f"41 was skipped: `{why}`." in pull["body"]
    assert promoted.git("diff", "--name-only", "HEAD", pull["headSha"]).split() == ["incidents/fraud-42.yaml"]
    checked = promoted.run("check")
    assert checked.status == 0
    assert f"warning: 42 has no rollback target: 41: {REFUSED} send" in checked.out


def test_where_callers_need_not_have_moved_a_person_decides(promoted: Repo) -> None:
    """What 3.1 takes beside what 3.0 took may be sent by now, or not yet: there is a way back, and it is in doubt."""
    contracts(promoted, CLOSED, WIDE, "3.0", "3.0", "3.1")
    answer = promoted.breach("42", "latency-sla")
    why = "41 reads payment-event 3.0, which refuses requests that callers of 3.1 may send"
    assert (answer.status, answer.err) == (0, "")
    assert f"a draft for a person: {why} [contract]\n" in answer.out
    assert promoted.live_at(promoted.tip(BRANCH)) == {"stable": "41", "knownGood": ["40"]}
    body, refused = body_of(promoted), f"`/properties/currency: this field is refused now, {SHOWN}`"
    assert f"It is a draft for a person to review: {why}." in body.splitlines()[0]
    assert f"- {why}: {refused}. No known-good version avoids this." in body
    merge_and_check(promoted)


def test_of_two_known_good_versions_the_one_without_a_doubt_is_restored(promoted: Repo) -> None:
    contracts(promoted, CLOSED, WIDE, "3.1", "3.0", "3.1")
    assert promoted.breach("42", "latency-sla").status == 0
    assert promoted.live_at(promoted.tip(BRANCH)) == {"stable": "40", "knownGood": []}
    assert f"- 41 was skipped: `{REFUSED} may send: /properties/currency" in body_of(promoted)
    assert promoted.pull_requests()[0]["draft"] is False
    merge_and_check(promoted)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(OPEN, MOVED, id="it asks for less, and leaves open what else is sent"),
        pytest.param(None, MOVED, id="nobody wrote it down"),
        pytest.param(CLOSED, None, id="nobody wrote down what is sent"),
        pytest.param({"anyOf": [{**CLOSED, "additionalProperties": True}]}, MOVED, id="the same, in an alternative"),
        pytest.param({"anyOf": [{"$ref": "elsewhere.json"}]}, MOVED, id="what is said is in another file"),
        pytest.param([], MOVED, id="it is no schema"),
        pytest.param(CLOSED, CLOSED, id="both say the same"),
    ],
)
def test_a_contract_that_refuses_nothing_for_certain_holds(promoted: Repo, old: Any, new: Any) -> None:
    contracts(promoted, old, new, "3.0", "3.0", "3.1")
    answer = promoted.breach("42", "latency-sla")
    assert (answer.status, answer.err) == (0, "")
    assert promoted.live_at(promoted.tip(BRANCH)) == {"stable": "41", "knownGood": ["40"]}
    assert promoted.pull_requests()[0]["draft"] is False


def test_by_hand_it_is_said_too(promoted: Repo, tmp_path: Path) -> None:
    contracts(promoted, CLOSED, MOVED, "3.1", "3.0", "3.1")
    answer = promoted.run("rollback", "fraud", "--reason", "r", "--emit", str(tmp_path / "out"))
    assert answer.status == 0, answer.text
    assert f"- 41 was skipped: `{REFUSED} send: /properties" in (tmp_path / "out/README.md").read_text("utf-8")


def test_a_known_good_version_with_the_bytes_of_stable_is_no_rollback_target_for_anybody(promoted: Repo) -> None:
    path = "rollouts/fraud.yaml"
    text = promoted.at("HEAD", path).replace("sha256:" + "1" * 64, "sha256:" + "3" * 64)
    promoted.write(path, text.replace('knownGood: ["41", "40"]', 'knownGood: ["41"]'))
    assert promoted.live.known_good == ["41"]
    promoted.render()
    promoted.commit("Record 42 twice")
    checked = promoted.run("check")
    assert "42 has no rollback target: 41: it has the same digest as 42" in checked.out, checked.text
    assert 'storageUri: "s3://models/fraud/41/"' not in promoted.at("HEAD", "manifests/fraud/kserve.yaml")
    drilled = promoted.run("drill")
    assert drilled.status == 1, drilled.text
    diagnosed = promoted.run("doctor")
    assert "would have no rollback target after a promotion: fraud" in diagnosed.text, diagnosed.text
    answer = promoted.breach("42", "latency-sla")
    assert (answer.status, "  41: it has the same digest as 42\n" in answer.err) == (1, True), answer.text


SLOW = {"ROLLOUT_SPEC_SANDBOX_SECONDS": "2"}


def limit_artifacts(repo: Repo, pattern: str) -> None:
    """Render a target of our own, which takes artifacts of this pattern; for one that ends in `!` that never ends."""
    repo.edit(
        "rollouts/fraud.yaml",
        "    - {type: prometheus-operator}",
        "    - {type: prometheus-operator}\n    - {type: own}",
    )
    limit = f'{{of: "{{artifact}}", what: the volume, pattern: "{pattern}"}}'
    repo.write("templates/own/note.j2", "a: {{ rollout.name }}\n")
    repo.write(
        "templates/own/target.yaml",
        f"description: Ours.\nowns: alerts\ntemplates: [{{file: note.j2}}]\nlimits: [{limit}]\n",
    )
    repo.render()
    repo.commit("Render a target of our own")


ENDLESS = "(((.+)+)+)+!"


@pytest.mark.parametrize(
    ("pattern", "restored", "known_good"),
    [
        pytest.param(f"s3://models/fraud/40/|{ENDLESS}", "40", [], id="another version is certain"),
        pytest.param(ENDLESS, "41", ["40"], id="none is certain"),
    ],
)
def test_a_pattern_that_does_not_end_puts_a_version_in_doubt(
    promoted: Repo, monkeypatch: pytest.MonkeyPatch, pattern: str, restored: str, known_good: list[str]
) -> None:
    for name, value in SLOW.items():
        monkeypatch.setenv(name, value)
    limit_artifacts(promoted, pattern)
    answer = promoted.breach("42", "latency-sla")
    assert answer.status == 0, answer.text
    why = "cannot tell whether 41 can serve: the volume (own): whether `s3://models/fraud/41/` matches"
    assert f"a draft for a person: {why}" in answer.out
    assert "[target]" in answer.out
    assert promoted.live_at(promoted.tip(BRANCH)) == {"stable": restored, "knownGood": known_good}
    assert promoted.pull_requests()[0]["draft"] is True
    assert (f"41 was skipped: {why}" in answer.err) is (restored == "40")


def test_a_pattern_that_a_version_does_not_match_skips_it(promoted: Repo) -> None:
    limit_artifacts(promoted, "s3://models/fraud/40/")
    answer = promoted.breach("42", "latency-sla")
    assert (
        answer.err
        == "41 was skipped: the volume (own): `s3://models/fraud/41/` does not fit: it has to match `s3://models/fraud/40/`\n"
    )
    assert promoted.live_at(promoted.tip(BRANCH)) == {"stable": "40", "knownGood": []}
    assert promoted.pull_requests()[0]["draft"] is False
