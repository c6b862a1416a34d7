"""Which versions may serve, and which may come back: of a rollout as it is now, whatever was asked of it before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from workspaces import rendered, write

from rollout_spec.domain.dependents import Dependent, dependents
from rollout_spec.domain.pins import (
    disagreements,
    is_range,
    is_valid_pin,
    satisfies,
    switches,
    unrestorable_pins,
    unsatisfied_pins,
)
from rollout_spec.domain.quarantine import quarantined, versions_with_same_digest
from rollout_spec.domain.rollback_targets import obstacles, protected_versions, rollback_targets, standing, unreadable
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay
from rollout_spec.workspace.working_tree import WorkingTree

FRAUD = "rollouts/fraud.yaml"


@pytest.fixture(scope="module")
def base() -> Repository:
    """The base workspace: 41 stable, 42 in canary-5, 40 and 39 known good."""
    return Repository(rendered({}))


def fraud_in(repository: Repository) -> ModelRollout:
    file = repository.rollout("fraud")
    assert file is not None and file.model is not None, file
    return file.model


def changed(repository: Repository, path: str, *pairs: tuple[str, str]) -> dict[str, bytes | None]:
    """Return the edit that replaces texts in a file, each of which stands in it once."""
    text = (repository.tree.read(path) or b"").decode()
    for old, new in pairs:
        assert text.count(old) == 1, f"`{old}` stands {text.count(old)} times in {path}"
        text = text.replace(old, new)
    return {path: text.encode()}


PINS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "12": (("12",), ("12.0", "11", "1", "")),
    "1.4.2+cpu": (("1.4.2+cpu",), ("1.4.2",)),
    ">=1.4,<2": (("1.4", "1.4.2", "1.99", "1.5rc1"), ("1.3.9", "2", "2.0", "latest", "")),
    "~=1.4": (("1.4", "1.9"), ("2.0", "1.3")),
    "!=1.5": (("1.4", "1.5.1"), ("1.5", "1.5.0")),
    "==1.5": (("1.5", "1.5.0"), ("1.5.1",)),
    "<3": (("2", "2.9"), ("3", "4")),
    ">3": (("4", "3.1"), ("3", "2")),
    ">=one": ((), ("1", "one", ">=one")),
}


@pytest.mark.parametrize("pin", PINS)
def test_a_pin_is_met_by_that_version_or_by_one_in_the_range(pin: str) -> None:
    met, others = PINS[pin]
    assert [satisfies(version, pin) for version in met] == [True] * len(met)
    assert [satisfies(version, pin) for version in others] == [False] * len(others)


@pytest.mark.parametrize(
    ("pin", "is_a_range", "valid"),
    [
        ("12", False, True),
        ("not a version", False, True),
        ("XL", False, True),
        (">=1.4,<2", True, True),
        ("~=1.4", True, True),
        ("=1.4", True, False),
        (">=one", True, False),
        (">=1.4,", True, True),
        ("!1", True, False),
    ],
)
def test_a_pin_is_a_version_or_a_range_that_can_be_read(pin: str, is_a_range: bool, valid: bool) -> None:
    assert (is_range(pin), is_valid_pin(pin)) == (is_a_range, valid)


# Each answer is kept, and is about one rollout in one tree.


def test_what_is_eligible_is_asked_anew_of_a_rollout_that_was_edited_and_of_a_tree(base: Repository) -> None:
    assert rollback_targets(fraud_in(base), base) == ["40", "39"]
    fewer = base.edited(changed(base, FRAUD, ('knownGood: ["40", "39"]', 'knownGood: ["39"]')))
    assert rollback_targets(fraud_in(fewer), fewer) == ["39"]
    assert rollback_targets(fraud_in(fewer), base) == ["39"], "another model of the same name, in the same tree"
    assert rollback_targets(fraud_in(base), base) == ["40", "39"]
    again = fewer.edited(changed(base, FRAUD))
    assert rollback_targets(fraud_in(again), again) == ["40", "39"], "an edit takes another back"


def test_what_is_eligible_is_a_list_of_its_own_each_time(base: Repository) -> None:
    rollback_targets(fraud_in(base), base).clear()
    assert rollback_targets(fraud_in(base), base) == ["40", "39"]


def test_rollouts_of_one_tree_are_kept_apart(base: Repository) -> None:
    text = (base.tree.read(FRAUD) or b"").replace(b"name: fraud", b"name: churn").replace(b'["40", "39"]', b'["39"]')
    both = base.edited({"rollouts/churn.yaml": text})
    churn = both.rollout("churn")
    assert churn is not None and churn.model is not None
    for _ in range(2):
        assert (rollback_targets(fraud_in(both), both), rollback_targets(churn.model, both)) == (["40", "39"], ["39"])


@pytest.mark.parametrize("name", ["fraud-40", "fraud-39"])
def test_an_incident_that_is_laid_over_a_tree_counts_there_alone(base: Repository, name: str) -> None:
    failed = name.removeprefix("fraud-")
    over = base.edited({f"incidents/{name}.yaml": b"spec: ["})
    assert rollback_targets(fraud_in(over), over) == [version for version in ("40", "39") if version != failed]
    assert quarantined(fraud_in(over), over).keys() == {failed}
    assert (rollback_targets(fraud_in(base), base), quarantined(fraud_in(base), base)) == (["40", "39"], {})
    taken_back = over.edited({f"incidents/{name}.yaml": None})
    assert rollback_targets(fraud_in(taken_back), taken_back) == ["40", "39"]


def test_a_version_without_a_record_has_no_pin(base: Repository) -> None:
    assert list(unsatisfied_pins(fraud_in(base), "99", base)) == []


def test_who_pins_a_component_is_asked_anew_of_a_tree_with_edits(base: Repository) -> None:
    pins = dependents("user-profile", base).pins
    assert pins == [Dependent("fraud", version, pin) for version, pin in _PINNED]
    broken = base.edited({FRAUD: b"user-profile: ["})
    assert (dependents("user-profile", broken).pins, dependents("user-profile", broken).unreadable) == ([], ["fraud"])
    assert dependents("tokenizer", broken).unreadable == []
    assert dependents("user-profile", base).pins == pins


_PINNED = (("41", "11"), ("42", "12"), ("40", "11"), ("39", "11"))


def test_the_same_edits_over_a_tree_and_in_a_tree_are_the_same(base: Repository) -> None:
    edits = changed(base, FRAUD, ("stage: canary-5\n", "stage: ab-50\n"), ('["40", "39"]', '["39", "40"]'))
    edits |= changed(base, "components/user-profile.yaml", ('["11", "12"]', '["12"]'))
    known = base.edited(edits)
    fresh = Repository(Overlay(base.tree, edits))
    for one, other in ((known, fresh), (fresh, known)):
        rollout = fraud_in(one)
        assert rollout == fraud_in(other)
        assert obstacles(rollout, one) == obstacles(fraud_in(other), other)
        assert rollback_targets(rollout, one) == rollback_targets(fraud_in(other), other) == []
        assert protected_versions(rollout, one) == protected_versions(fraud_in(other), other) == ("41", "39", "40")


# What holds a version back.


def test_a_component_that_does_not_load_or_is_not_there_meets_nothing(base: Repository) -> None:
    path = "components/user-profile.yaml"
    broken, gone = base.edited({path: b"spec: ["}), base.edited({path: None})
    ((pin,), (missing,)) = (list(unsatisfied_pins(fraud_in(each), "41", each)) for each in (broken, gone))
    assert (pin.component, pin.pin, pin.served, pin.is_unread) == ("user-profile", "11", None, True)
    assert pin.message == "it pins user-profile 11, but components/user-profile.yaml does not load"
    assert (missing.served, missing.is_unread, missing.message) == (None, False, "user-profile 11 is not served")
    assert rollback_targets(fraud_in(broken), broken) == ["40", "39"], "a person decides, and there is a way back"
    assert rollback_targets(fraud_in(gone), gone) == []
    assert obstacles(fraud_in(broken), broken).keys() == obstacles(fraud_in(gone), gone).keys() == {"40", "39"}


def test_of_two_versions_the_one_whose_pins_are_known_to_be_served_comes_first(base: Repository) -> None:
    edits = changed(
        base, FRAUD, ('auc: 0.9021}\n      requires: {user-profile: "11", tok', "auc: 0.9021}\n      requires: {tok")
    )
    over = base.edited({**edits, "components/user-profile.yaml": b"spec: ["})
    assert rollback_targets(fraud_in(over), over) == ["39", "40"]
    assert standing(fraud_in(over), over) == ["40", "39"]


@pytest.mark.parametrize(
    ("fields", "serving", "wanted", "gone"),
    [
        ("  exclusive: true\n", '["12"]', {"user-profile": "11"}, []),
        ("", '["12"]', {}, ["user-profile"]),
        ("  exclusive: true\n", '["11"]', {}, []),
        ("", '["12", "11"]', {}, []),
    ],
)
def test_an_exclusive_component_is_switched_back_and_another_is_not(
    base: Repository, fields: str, serving: str, wanted: dict[str, str], gone: list[str]
) -> None:
    path = "components/user-profile.yaml"
    over = base.edited(changed(base, path, ('  serving: ["11", "12"]', f"{fields}  serving: {serving}")))
    assert switches(fraud_in(over), "41", over) == wanted
    assert [pin.component for pin in unrestorable_pins(fraud_in(over), "41", over)] == gone


def test_a_range_of_an_exclusive_component_says_no_version_to_switch_to(base: Repository) -> None:
    text = b"apiVersion: rollout-spec/v1\nkind: Component\nmetadata: {name: tokenizer, owner: o}\n"
    over = base.edited(
        {"components/tokenizer.yaml": text + b'spec: {type: feature, exclusive: true, serving: ["2"]}\n'}
    )
    assert switches(fraud_in(over), "41", over) == {}
    assert [pin.message for pin in unrestorable_pins(fraud_in(over), "41", over)] == [
        "tokenizer >=1.4,<2 is not served"
    ]


@pytest.mark.parametrize(
    ("pin_of_41", "pin_of_42", "exclusive", "found"),
    [
        ("11", "12", True, {"user-profile": ("12", "11")}),
        ("11", "12", False, {}),
        ("12", "12", True, {}),
        (">=11", "12", True, {}),
        (">=13", "12", True, {"user-profile": ("12", ">=13")}),
        ("11", ">=12", True, {"user-profile": (">=12", "11")}),
        ("<11", ">=12", True, {}),
        ("12", ">=12", True, {}),
    ],
)
def test_arms_disagree_about_an_exclusive_component_that_one_version_of_cannot_suit(
    base: Repository, pin_of_41: str, pin_of_42: str, exclusive: bool, found: dict[str, tuple[str, str]]
) -> None:
    pins = [
        (
            f'auc: {auc}}}\n      requires: {{user-profile: "{old}"',
            f'auc: {auc}}}\n      requires: {{user-profile: "{new}"',
        )
        for auc, old, new in (("0.9131", "11", pin_of_41), ("0.9174", "12", pin_of_42))
    ]
    edits = changed(base, FRAUD, *pins)
    if exclusive:
        edits |= changed(
            base, "components/user-profile.yaml", ("  type: feature\n", "  type: feature\n  exclusive: true\n")
        )
    over = base.edited(edits)
    assert disagreements(fraud_in(over), over) == found
    for stage in ("stage: shadow", "stage: full", "stage: none"):
        moved = over.edited(changed(over, FRAUD, ("stage: canary-5\n", f"{stage}\n")))
        alone = stage != "stage: shadow"  # a mirrored one is sent requests too
        assert disagreements(fraud_in(moved), moved) == ({} if alone else found)


def digest(number: str) -> str:
    return f"      digest: sha256:{number * 32}\n"


def test_records_of_one_digest_are_twins_and_those_without_are_none(base: Repository) -> None:
    rollout = fraud_in(base)
    assert (versions_with_same_digest(rollout, "41"), versions_with_same_digest(rollout, "unheard-of")) == (
        set(),
        set(),
    )
    same = base.edited(changed(base, FRAUD, (digest("43"), digest("41"))))
    assert (versions_with_same_digest(fraud_in(same), "41"), versions_with_same_digest(fraud_in(same), "43")) == (
        {"43"},
        {"41"},
    )
    without = base.edited(changed(base, FRAUD, (digest("40"), ""), (digest("41"), "")))
    assert (versions_with_same_digest(fraud_in(without), "41"), versions_with_same_digest(fraud_in(without), "40")) == (
        set(),
        set(),
    )


def test_unreadable_incidents_are_those_before_a_target_each_once(base: Repository) -> None:
    incidents = {f"incidents/fraud-{version}.yaml": b"spec: [" for version in ("40", "39", "41")}
    over = base.edited(dict(incidents))
    rollout = fraud_in(over)
    assert [file.path for file in unreadable(rollout, over)] == ["incidents/fraud-40.yaml", "incidents/fraud-39.yaml"]
    assert [file.path for file in unreadable(rollout, over, "39")] == ["incidents/fraud-40.yaml"]
    assert unreadable(rollout, over, "40") == ()


def test_a_workspace_whose_name_cannot_be_read_is_called_like_its_folder(tmp_path: Path) -> None:
    here = write(rendered({".rollout-spec.yaml.diff": b" spec:\n+  incidentsFrom: [../us]\n"}), tmp_path / "eu")
    us = write(rendered({"incidents/fraud-40.yaml": b"spec: ["}), tmp_path / "us")
    (us / ".rollout-spec.yaml").write_text("spec: [", "utf-8")
    repository = Repository(WorkingTree(here, bounds=tmp_path))
    assert obstacles(fraud_in(repository), repository) == {
        "40": "quarantined by incidents/fraud-40.yaml of us, which does not load"
    }


@pytest.mark.parametrize(("severity", "target"), [("warning", ["40", "39"]), ("error", ["39"])])
def test_a_limit_that_is_a_warning_skips_no_version(severity: str, target: list[str], base: Repository) -> None:
    target_file = f"""\
description: Nomad jobs.
owns: alerts
templates: [{{file: job.j2}}]
limits: [{{of: "{{artifact}}", what: the task, pattern: ".*/(39|41|42)/", severity: {severity}}}]
"""
    own = {"templates/nomad/target.yaml": target_file.encode(), "templates/nomad/job.j2": b"a: 1\n"}
    repository = base.edited({**own, **changed(base, FRAUD, ("- {type: kserve}", "- {type: nomad}"))})
    assert rollback_targets(fraud_in(repository), repository) == target
