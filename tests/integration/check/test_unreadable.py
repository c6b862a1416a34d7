"""What cannot be read forbids: a file that does not load never makes legal what it would forbid if it did."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from repo import STAGES, Repo, git

from rollout_spec.domain import transitions
from rollout_spec.spec.rollout import Live

pytestmark = pytest.mark.system

FRAUD = "rollouts/fraud.yaml"
INCIDENT = """\
apiVersion: rollout-spec/v1
kind: Incident
metadata: {{name: fraud-{version}}}
spec:
  rollout: fraud
  failedVersion: "{version}"
  restoredVersion: "41"
  source: alertmanager
  observedAt: 2026-11-20T10:15:00Z
  status: open
"""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """The example, its candidate 42 withdrawn, with 39 and 40 known to be good."""
    repo = Repo.create(tmp_path_factory.mktemp("made"))
    repo.record("39", like="40")
    repo.take(
        lambda live: transitions.withdraw(live).model_copy(update={"known_good": ["40", "39"]}), "Withdraw fraud 42"
    )
    return repo


def incident(version: str) -> str:
    return INCIDENT.format(version=version)


# What may stand where an incident stood.


def misspelt(repo: Repo, version: str) -> None:
    repo.write(f"incidents/fraud-{version}.yaml", incident(version).replace("status:", "statuss:"))


def lacking_a_field(repo: Repo, version: str) -> None:
    repo.write(f"incidents/fraud-{version}.yaml", incident(version).replace("  source: alertmanager\n", ""))


def no_yaml(repo: Repo, version: str) -> None:
    repo.write(f"incidents/fraud-{version}.yaml", "spec: [\n")


def conflicted(repo: Repo, version: str) -> None:
    text = "<<<<<<< HEAD\n" + incident(version) + "=======\n>>>>>>> main\n"
    repo.write(f"incidents/fraud-{version}.yaml", text)


def cleared_by_halves(repo: Repo, version: str) -> None:
    text = incident(version).replace("status: open", "status: resolved\n  verdict: cleared")
    repo.write(f"incidents/fraud-{version}.yaml", text)


def empty(repo: Repo, version: str) -> None:
    repo.write(f"incidents/fraud-{version}.yaml", "")


def too_long(repo: Repo, version: str) -> None:
    repo.write(f"incidents/fraud-{version}.yaml", incident(version) + "#" * 1024 * 1024)


def of_another_encoding(repo: Repo, version: str) -> None:
    (repo.workspace / "incidents").mkdir()
    (repo.workspace / f"incidents/fraud-{version}.yaml").write_bytes(incident(version).encode("utf-16"))


def of_another_kind(repo: Repo, version: str) -> None:
    repo.write(f"incidents/fraud-{version}.yaml", incident(version).replace("kind: Incident", "kind: Component"))


def of_a_later_version(repo: Repo, version: str) -> None:
    repo.write(f"incidents/fraud-{version}.yaml", incident(version).replace("rollout-spec/v1", "rollout-spec/v2"))


def with_another_ending(repo: Repo, version: str) -> None:
    repo.write(f"incidents/fraud-{version}.yml", incident(version))


def in_upper_case(repo: Repo, version: str) -> None:
    repo.write(f"incidents/Fraud-{version}.YAML", incident(version))


def a_second_one(repo: Repo, version: str) -> None:
    repo.write(f"incidents/fraud-{version}-2.yaml", "")


def in_a_folder_below(repo: Repo, version: str) -> None:
    repo.write(f"incidents/2026/fraud-{version}.yaml", incident(version))


def a_folder(repo: Repo, version: str) -> None:
    repo.write(f"incidents/fraud-{version}.yaml/notes.txt", "notes\n")


def a_link(repo: Repo, version: str) -> None:
    repo.write("incident.txt", incident(version))
    (repo.workspace / "incidents").mkdir()
    (repo.workspace / f"incidents/fraud-{version}.yaml").symlink_to("../incident.txt")


def a_link_to_nowhere(repo: Repo, version: str) -> None:
    (repo.workspace / "incidents").mkdir()
    (repo.workspace / f"incidents/fraud-{version}.yaml").symlink_to("nowhere.yaml")


def a_link_out_of_the_repository(repo: Repo, version: str) -> None:
    (repo.workspace / "incidents").mkdir()
    (repo.workspace / f"incidents/fraud-{version}.yaml").symlink_to("/etc/hostname")


def about_another_version(repo: Repo, version: str) -> None:
    text = incident(version).replace(f'failedVersion: "{version}"', 'failedVersion: "43"')
    repo.write(f"incidents/fraud-{version}.yaml", text)


def under_another_name(repo: Repo, version: str) -> None:
    repo.write("incidents/postmortem.yaml", incident(version))


def misspelt_under_another_name(repo: Repo, version: str) -> None:
    repo.write("incidents/postmortem.yaml", incident(version).replace("status:", "statuss:"))


Breakage = Callable[[Repo, str], None]
BROKEN: tuple[Breakage, ...] = (
    *(misspelt, lacking_a_field, no_yaml, conflicted, cleared_by_halves, empty, too_long, of_another_encoding),
    *(of_another_kind, of_a_later_version, with_another_ending, in_upper_case, a_second_one, in_a_folder_below),
    *(a_folder, a_link, a_link_to_nowhere, a_link_out_of_the_repository, about_another_version, under_another_name),
    misspelt_under_another_name,
)
ways = pytest.mark.parametrize("broken", BROKEN, ids=lambda each: each.__name__)


@ways
def test_an_incident_that_cannot_be_read_keeps_its_version_from_coming_back(broken: Breakage, repo: Repo) -> None:
    broken(repo, "42")
    repo.commit("Break it")
    checked = repo.run("check", FRAUD)
    assert checked.status == 0 or "error: 42" not in checked.out, checked.text
    before = (repo.workspace / FRAUD).read_bytes()
    proposed = repo.run("propose", "fraud", "42")
    assert proposed.status == (2 if "leads out of" in proposed.err else 1), proposed.text
    assert "42 is quarantined by inciden" in proposed.err or "incidents/fraud-42.yaml leads out of" in proposed.err
    assert (repo.workspace / FRAUD).read_bytes() == before
    assert repo.run("propose", "fraud", "42", "--pull-request").status == 1
    assert repo.pull_requests() == []
    repo.take(lambda live: transitions.propose(live, "42"), "Propose it by hand", push=False)
    checked = repo.run("check", FRAUD, "--base", "HEAD~1")
    assert "error: 42 is quarantined by inciden" in checked.out or checked.status == 2, checked.text


@ways
def test_a_rollback_passes_over_what_such_an_incident_bars(broken: Breakage, repo: Repo) -> None:
    broken(repo, "40")
    repo.commit("Break it")
    answer = repo.breach("41", "latency-sla")
    assert answer.status == 0, answer.text
    assert "fraud 41 -> 39" in answer.out
    assert "40 was skipped: quarantined by inciden" in answer.err
    if broken is not under_another_name:  # that one loads: it says itself that it quarantines 40
        assert "[incident]" in answer.out, answer.text
        (pull,) = repo.pull_requests()
        assert pull["draft"]


def test_nothing_to_go_back_to_is_said_with_the_file_that_bars_it(repo: Repo) -> None:
    misspelt(repo, "40")
    misspelt(repo, "39")
    repo.commit("Break them")
    answer = repo.breach("41", "latency-sla")
    assert answer.status == 1, answer.text
    assert "40: quarantined by incidents/fraud-40.yaml, which does not load" in answer.err


@ways
def test_its_own_incident_never_holds_a_rollback(broken: Breakage, repo: Repo) -> None:
    broken(repo, "41")
    repo.commit("Break it")
    answer = repo.breach("41", "latency-sla")
    assert answer.status == 0, answer.text
    assert "fraud 41 -> 40" in answer.out
    assert "[incident]" not in answer.out


def in_flight(live: Live) -> Live:
    return live.model_copy(update={"candidate": "42", "stage": STAGES[1]})


@ways
def test_a_candidate_with_such_an_incident_is_still_taken_back(broken: Breakage, repo: Repo) -> None:
    broken(repo, "42")
    repo.take(in_flight, "Go on by force")
    answer = repo.breach("42")
    assert answer.status == 0, answer.text
    assert "fraud 42 -> 41" in answer.out
    assert "[incident]" not in answer.out


def test_a_name_that_fits_two_rollouts_is_about_both(repo: Repo) -> None:
    text = (repo.workspace / FRAUD).read_text("utf-8")
    other = text.replace("name: fraud\n", "name: fraud-eu\n").replace("host: fraud.", "host: fraud-eu.")
    repo.write("rollouts/fraud-eu.yaml", other)
    repo.record("eu-42")
    repo.render()
    repo.write("incidents/fraud-eu-42.yaml", "")
    repo.commit("Serve it in the EU, too")
    for rollout, version in (("fraud", "eu-42"), ("fraud-eu", "42")):
        proposed = repo.run("propose", rollout, version)
        assert proposed.status == 1, proposed.text
        assert f"{version} is quarantined by incidents/fraud-eu-42.yaml, which does not load" in proposed.err
    assert repo.run("propose", "fraud", "42", "--dry-run").status == 0
    repo.write("incidents/fraud-eu-42.yaml", incident("42").replace("fraud", "fraud-eu"))
    assert repo.run("propose", "fraud", "eu-42", "--dry-run").status == 0
    assert repo.run("propose", "fraud-eu", "42", "--dry-run").status == 1


def test_an_incident_that_does_not_load_is_not_removed(repo: Repo) -> None:
    misspelt(repo, "42")
    repo.commit("Break it")
    (repo.workspace / "incidents/fraud-42.yaml").unlink()
    gone = repo.run("check", FRAUD, "--base", "HEAD")
    assert gone.status == 1
    assert "incident fraud-42, which quarantines 42, was deleted" in gone.out
    repo.write("incidents/fraud-42.yaml", incident("42"))
    assert repo.run("check", "--base", "HEAD").status == 0


def test_a_candidate_does_not_go_on_past_an_incident_that_breaks(repo: Repo) -> None:
    repo.take(lambda live: in_flight(live).model_copy(update={"stage": STAGES[0]}), "Go on")
    misspelt(repo, "42")
    checked = repo.run("check", "--base", "HEAD")
    assert checked.status == 1
    assert "incidents/fraud-42.yaml:10:3: error" in checked.out
    advanced = repo.run("advance", "fraud", "--force", "--reason", "now")
    assert advanced.status == 1, advanced.text
    assert git(repo.folder, "status", "--porcelain") == "?? incidents/"


# What decides beside incidents.


def says(repo: Repo, line: str) -> None:
    repo.edit(".rollout-spec.yaml", "spec:\n", f"spec:\n  {line}\n")
    repo.commit(f"Say {line}")


@pytest.mark.parametrize(
    "text", ["kind: [\n", "", "apiVersion: rollout-spec/v1\nkind: Component\nmetadata: {name: geo}\n"]
)
def test_a_version_whose_pin_cannot_be_verified_is_not_restored(repo: Repo, text: str) -> None:
    component = (
        'apiVersion: rollout-spec/v1\nkind: Component\nmetadata: {name: geo}\nspec: {type: feature, serving: ["1"]}\n'
    )
    repo.write("components/geo.yaml", component)
    old, mark = (repo.workspace / FRAUD).read_text("utf-8"), 'requires: {user-profile: "11"'
    assert old.count(mark) >= 2
    repo.write(FRAUD, old.replace(mark, 'requires: {geo: "1", user-profile: "11"', 1))
    repo.render()
    repo.commit("Let 40 need geo")
    assert repo.model().spec.versions["40"].requires == {
        "geo": "1", **(repo.model().spec.versions["39"].requires or {}),
    }  # fmt: skip
    repo.write("components/geo.yaml", text)
    repo.commit("Break geo")
    checked = repo.run("check", FRAUD)
    assert (checked.status, checked.out.count("components/geo.yaml:")) == (1, checked.out.count("\n")), checked.text
    answer = repo.breach("41", "latency-sla")
    assert answer.status == 0, answer.text
    assert "fraud 41 -> 39" in answer.out
    assert "40 was skipped: it pins geo" in answer.err
    assert "39 was chosen because components/geo.yaml does not load [pins]" in answer.out


@pytest.mark.parametrize("there", [None, "kind: [\n"], ids=["missing", "broken"])
def test_a_target_that_is_chosen_without_the_quarantines_from_elsewhere_is_a_draft(
    repo: Repo, there: str | None
) -> None:
    (repo.folder / "other").mkdir()
    if there is not None:
        repo.write("other/.rollout-spec.yaml", there)
    says(repo, "incidentsFrom: [other]")
    checked = repo.run("check", FRAUD)
    assert (checked.status, checked.out.count("error")) == (1, 1), checked.text
    assert repo.run("propose", "fraud", "42").status == 1
    answer = repo.breach("41", "latency-sla")
    assert answer.status == 0, answer.text
    assert "fraud 41 -> 40" in answer.out
    assert "the quarantines of other workspaces are unknown" in answer.out
    assert repo.pull_requests()[0]["draft"]


def test_a_policy_is_not_met_by_an_incident_that_nobody_can_read(repo: Repo) -> None:
    repo.write(
        "policies/calm.yaml",
        "apiVersion: rollout-spec/v1\nkind: PolicyPack\nmetadata: {name: calm}\nspec:\n  policies:\n"
        "    - name: nothing-open\n      expression: '!incidents.exists(i, i.spec.status == \"open\")'\n"
        "      message: an incident is open\n      why: One at a time.\n",
    )
    repo.edit(".rollout-spec.yaml", "policies: [baseline]", "policies: [policies/calm.yaml]")
    repo.commit("Ask for calm")
    assert repo.run("check", FRAUD).status == 0
    repo.write("incidents/fraud-42.yaml", incident("42"))
    assert "an incident is open [nothing-open]" in repo.run("check", FRAUD).out
    misspelt(repo, "42")
    checked = repo.run("check", FRAUD)
    assert checked.status == 1
    assert "`incidents` is not known: incidents/fraud-42.yaml does not load" in checked.out


def test_a_component_is_not_switched_under_a_rollout_that_nobody_can_read(repo: Repo) -> None:
    text = (repo.workspace / "components/tokenizer.yaml").read_text("utf-8")
    repo.write("components/tokenizer.yaml", text.replace('serving: ["1.4.2"]', 'serving: ["2.0"]\n  exclusive: true'))
    rollout = (repo.workspace / FRAUD).read_text("utf-8")
    at = rollout.index('    "41":')
    repo.write(FRAUD, rollout[:at] + rollout[at:].replace('tokenizer: "1.4.2"', 'tokenizer: "2.0"', 1))
    repo.render()
    repo.write("rollouts/churn.yaml", rollout.replace("name: fraud\n", "nam: churn\n"))
    repo.commit("Switch the tokenizer")
    answer = repo.breach("41", "latency-sla")
    assert "churn (which does not load) needs tokenizer 2.0" in answer.text, answer.text
    assert all(pull["draft"] for pull in repo.pull_requests())


def test_a_component_of_all_versions_that_does_not_load_leaves_the_choice_to_a_person(repo: Repo) -> None:
    """Whoever breaks a shared component must not leave stable without a rollback."""
    repo.write("components/tokenizer.yaml", "kind: [\n")
    repo.commit("Break it")
    answer = repo.breach("41", "latency-sla")
    assert answer.status == 0, answer.text
    assert "[pins]" in answer.out
    (pull,) = repo.pull_requests()
    assert pull["draft"]
    assert repo.live_at(pull["head"])["stable"] == "40"
