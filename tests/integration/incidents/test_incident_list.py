"""Incidents of the base, of the remote's branches and of the checkout are shown; an unreadable one is not left out."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from repo import Repo, Result
from repo import run as main_run
from terminals import HOSTILE, on_a_terminal

from rollout_spec.cli import main

pytestmark = pytest.mark.system

FLAGS = ("--reproduced", "staging=https://ci.example.com/7", "--root-cause", "A policy.", "--resolution", "Reverted.")


def run(repo: Repo, *words: str) -> Result:
    """Run the command two minutes after the last commit."""
    now = repo.clock[0] + timedelta(minutes=2)
    with mock.patch("rollout_spec.cli.commands.incident.clock", lambda: now):
        return repo.run("incident", *words)


def listed(repo: Repo, *words: str) -> list[dict[str, Any]]:
    done = run(repo, "list", "--format", "json", *words)
    assert done.status == 0, done.err
    found: list[dict[str, Any]] = json.loads(done.out)["incidents"]
    return found


def shown(repo: Repo, name: str, *words: str) -> dict[str, Any]:
    done = run(repo, "show", name, "--format", "json", *words)
    assert done.status == 0, done.err
    found: dict[str, Any] = json.loads(done.out)["incident"]
    return found


def states(repo: Repo, *words: str) -> list[tuple[str, str]]:
    return [(each["name"], each["state"]) for each in listed(repo, *words)]


@pytest.fixture
def rolled_back(repo: Repo) -> Repo:
    """Return the repository with a merged rollback of 42."""
    assert repo.breach().status == 0
    repo.merge("rollback/acme-models/fraud/42")
    return repo


def test_an_incident_from_its_branch_to_its_end(repo: Repo) -> None:
    assert run(repo, "list").out == ""
    assert "incidents on main at" in run(repo, "list").err
    assert repo.breach().status == 0
    [incident] = listed(repo)
    branch = repo.whole("rollback/acme-models/fraud/42")
    assert (incident["state"], incident["unmergedBranch"]) == ("unmerged", branch)
    assert shown(repo, "fraud-42")["commands"] == {}
    repo.merge("rollback/acme-models/fraud/42")
    [incident] = listed(repo)
    assert (incident["state"], incident["unmergedBranch"]) == ("open", None)
    assert (incident["trigger"], incident["versions"], incident["owner"]) == ("serving-errors", ["42"], "team-risk")
    detail = shown(repo, "fraud-42")
    assert detail["missing"] == ["verdict", "reproduced", "rootCause", "resolution"]
    assert detail["commands"]["cleared"].startswith("rollout-spec incident resolve fraud-42 --cleared --reproduced ")
    assert detail["quarantine"] == "42 is quarantined by incident fraud-42"
    repo.resolve("fraud-42", "cleared")
    assert states(repo) == []
    assert "1 resolved; --all lists the resolved ones" in run(repo, "list").err
    assert states(repo, "--all") == [("fraud-42", "cleared")]
    assert shown(repo, "fraud-42")["quarantine"] == "42 is not quarantined"


def test_the_block_of_an_incident(rolled_back: Repo) -> None:
    done = run(rolled_back, "show", "fraud-42")
    lines = done.out.splitlines()
    assert lines[0] == "fraud-42: open"
    assert "  evidence          fraud 42: error_rate above 5%" in lines
    assert "  link              http://prometheus.example.com:9090/graph?g0.expr=error_rate" in lines
    assert "Missing: verdict, reproduced, rootCause, resolution." in lines
    at = lines.index("  rollout-spec incident resolve fraud-42 --cleared \\")
    assert lines[at + 1] == "    --reproduced ENV=URL --root-cause TEXT --resolution TEXT"


def test_open_ones_come_first_and_the_newest_of_them(rolled_back: Repo) -> None:
    text = (rolled_back.workspace / "incidents/fraud-42.yaml").read_text("utf-8")
    resolved = (
        text.replace("status: open", "status: resolved")
        .replace("verdict: null", "verdict: bad")
        .replace("reproduced: null", "reproduced: {environment: staging}")
        .replace("rootCause: null", "rootCause: x")
        .replace("resolution: null", "resolution: y")
    )
    for name, content in {"42-2": resolved, "42-3": text.replace("2026-11-20T", "2026-11-21T")}.items():
        rolled_back.write(f"incidents/fraud-{name}.yaml", content.replace("name: fraud-42", f"name: fraud-{name}"))
    rolled_back.commit("More")
    expected = [("fraud-42-3", "open"), ("fraud-42", "open"), ("fraud-42-2", "bad")]
    assert states(rolled_back, "--all") == expected
    assert states(rolled_back) == expected[:2]


def test_what_cannot_be_read_is_listed(rolled_back: Repo) -> None:
    good = (rolled_back.workspace / "incidents/fraud-42.yaml").read_text("utf-8")
    rolled_back.write("incidents/fraud-40.yaml", "no incident\n")
    rolled_back.write("incidents/fraud-42-2.yaml", good.replace('failedVersion: "42"', 'failedVersion: "41"'))
    rolled_back.write("incidents/fraud-41.yml", good)
    rolled_back.write("incidents/old/fraud-41.yaml", good)
    (rolled_back.workspace / "incidents/fraud-42-3.yaml").symlink_to("fraud-42.yaml")
    rolled_back.commit("Break")
    found = {each["name"]: each for each in listed(rolled_back)}
    assert {name for name, each in found.items() if each["state"] == "unreadable"} == found.keys() - {"fraud-42"}
    assert found.keys() == {"fraud-42", "fraud-40", "fraud-42-2", "fraud-42-3", "fraud-41.yml", "old/fraud-41"}
    assert {each["note"] for each in found.values()} == {None}, "all of them are on the base"
    assert (found["fraud-40"]["versions"], found["fraud-40"]["problem"]) == (["40"], "the file does not load")
    assert found["fraud-42-2"]["versions"] == ["41", "42"]
    assert found["fraud-42-2"]["problem"] == "the file contradicts its name"
    done = run(rolled_back, "list")
    assert "fraud-40: the file does not load\n" in done.err
    assert "unreadable" in done.out
    detail = shown(rolled_back, "fraud-40")
    assert detail["quarantine"] == "40 is quarantined until the file is repaired"
    assert detail["findings"][0].startswith("incidents/fraud-40.yaml:1:1: ")
    assert "repair incidents/fraud-40.yaml" in run(rolled_back, "show", "fraud-40").out
    assert run(rolled_back, "show", "old/fraud-41").status == 0


def test_a_folder_that_is_a_link_is_no_empty_one(rolled_back: Repo) -> None:
    folder = rolled_back.workspace / "incidents"
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to("elsewhere")
    rolled_back.commit("Link")
    [record] = listed(rolled_back)
    assert (record["name"], record["state"]) == ("incidents", "unreadable")
    assert "incidents: the folder is a link or a submodule" in run(rolled_back, "list").err


def test_the_checkout_is_compared_with_the_base(rolled_back: Repo) -> None:
    assert rolled_back.run("incident", "resolve", "fraud-42", "--cleared", *FLAGS).status == 0
    detail = shown(rolled_back, "fraud-42")
    assert detail["state"] == "open"
    assert detail["note"] == "resolved as cleared in this checkout, and not merged"
    assert "Next: commit and merge incidents/fraud-42.yaml" in run(rolled_back, "show", "fraud-42").out
    assert "fraud-42: resolved as cleared in this checkout" in run(rolled_back, "list").err
    rolled_back.write("incidents/fraud-42.yaml", "nothing\n")
    assert shown(rolled_back, "fraud-42")["note"] == "edited in this checkout, and the file does not load"
    rolled_back.git("checkout", "-q", ".")
    rolled_back.write("incidents/fraud-40.yaml", "nothing\n")
    local = shown(rolled_back, "fraud-40")
    assert (local["state"], local["note"]) == ("unreadable", "only in this checkout, and not merged")
    assert local["findings"]


def test_a_branch_that_resolves_it_is_shown(rolled_back: Repo) -> None:
    assert rolled_back.run("incident", "resolve", "fraud-42", "--cleared", *FLAGS, "--pull-request").status == 0
    assert shown(rolled_back, "fraud-42")["resolvingBranches"] == ["resolve/acme-models/fraud/fraud-42"]
    assert "review the pull request of resolve/acme-models/fraud/fraud-42, which is named like its" in " ".join(
        run(rolled_back, "show", "fraud-42").out.split()
    )


def test_incidents_of_some_rollouts(rolled_back: Repo) -> None:
    text = (rolled_back.workspace / "rollouts/fraud.yaml").read_text("utf-8")
    rolled_back.write("rollouts/cards.yaml", text.replace("name: fraud", "name: cards"))
    rolled_back.commit("Cards")
    assert states(rolled_back, "fraud") == [("fraud-42", "open")]
    assert states(rolled_back, "cards") == []
    done = run(rolled_back, "list", "card")
    assert (done.status, done.out) == (2, "")
    assert "did you mean `cards`?" in done.err


@pytest.mark.parametrize("name", ["fraud-4", "fraud-24", "incidents/fraud-42.yaml", "../rollouts/fraud", "\x1b[31m"])
def test_only_the_exact_name_is_shown(rolled_back: Repo, name: str) -> None:
    done = run(rolled_back, "show", name)
    assert (done.status, done.out) == (2, "")
    assert "fraud-42`" in done.err
    assert "\x1b" not in done.err


def test_without_a_remote_the_known_base_is_shown(rolled_back: Repo) -> None:
    assert states(rolled_back, "--offline") == [("fraud-42", "open")]
    assert "unmerged incidents are unknown: --offline" in run(rolled_back, "list", "--offline").err
    rolled_back.git("remote", "set-url", "origin", str(rolled_back.remote.parent / "gone.git"))
    done = run(rolled_back, "show", "fraud-42")
    assert done.status == 0
    assert "git ls-remote failed" in done.err


def test_outside_git_the_files_are_shown(rolled_back: Repo, tmp_path: Path) -> None:
    (rolled_back.folder / ".git").rename(tmp_path / "git")
    assert states(rolled_back) == [("fraud-42", "open")]
    assert "not in a git repository" in run(rolled_back, "list").err


def test_a_mirror_has_incidents(rolled_back: Repo) -> None:
    mirror = rolled_back.remote.parent / "mirror.git"
    assert rolled_back.run("mirror", str(mirror)).status == 0
    done = main_run("--repo", str(mirror), "incident", "list", "--format", "json")
    assert [each["name"] for each in json.loads(done.out)["incidents"]] == ["fraud-42"]
    assert main_run("incident", "show", "--repo", str(mirror), "fraud-42").status == 0


def test_no_text_of_an_incident_moves_a_cursor(rolled_back: Repo) -> None:
    path = rolled_back.workspace / "incidents/fraud-42.yaml"
    hostile = "".join(f"\\U{ord(letter):08x}" for letter in HOSTILE) + "\\n::error::no\\n##[command]no"
    text = path.read_text("utf-8").replace("rootCause: null", f'rootCause: "{hostile}"')
    path.write_text(text.replace('summary: "fraud 42', f'summary: "{hostile}fraud 42'), "utf-8")
    rolled_back.write("incidents/fraud-41\x1b[31m\u202e\n::error::no.yaml", "no incident\n")
    rolled_back.commit("Hostile")
    for words in (["list", "--all"], ["show", "fraud-42"]):
        done = run(rolled_back, *words)
        assert done.status == 0
        assert all(line.isprintable() for line in done.text.splitlines())
        assert "\n::error" not in done.text
        assert "##[" not in done.text
    assert "\\u202e" in run(rolled_back, "show", "fraud-42").out
    assert HOSTILE in shown(rolled_back, "fraud-42")["rootCause"]
    assert run(rolled_back, "show", "fraud-42", "--format", "json").out.replace("\n", "").isprintable()


def test_only_a_terminal_has_colors(rolled_back: Repo) -> None:
    assert "\x1b[31mopen" in on_a_terminal(rolled_back.folder, "incident", "list")
    assert "\x1b" not in on_a_terminal(rolled_back.folder, "incident", "list", NO_COLOR="1")
    assert "\x1b" not in run(rolled_back, "list").out


@pytest.mark.parametrize("words", [[], ["resolv"], ["list", "--rollout", "fraud"], ["show"]])
def test_a_wrong_action_is_a_usage_error(words: list[str]) -> None:
    assert main_run("incident", *words).status == 2


def test_status_leads_to_the_incident(rolled_back: Repo) -> None:
    assert "`rollout-spec incident show fraud-42` shows it" in rolled_back.run("status").err


@pytest.mark.parametrize("words", [[], ["list"], ["show"], ["resolve"]])
def test_help_fits_80_columns(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["incident", *words, "--help"])
    assert all(len(line) <= 80 for line in capsys.readouterr().out.splitlines())
