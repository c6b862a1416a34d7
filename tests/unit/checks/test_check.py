"""A check tells what is wrong, where, once, and nothing that only follows; and it reads no more than it needs."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from terminals import HOSTILE, base, edit, on_a_terminal, write
from workspaces import BASE, Files, files_in, rendered, specs

from rollout_spec.checks.regressions import introduced
from rollout_spec.checks.reporters import REPORTERS, View
from rollout_spec.checks.rules import RULES
from rollout_spec.checks.runner import Report, check
from rollout_spec.cli import main
from rollout_spec.spec.kinds import WORKSPACE_FILE
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay
from rollout_spec.workspace.working_tree import WorkingTree

FRAUD = "rollouts/fraud.yaml"
PROFILE = "components/user-profile.yaml"
INCIDENT = """\
apiVersion: rollout-spec/v1
kind: Incident
metadata: {name: fraud-40}
spec:
  rollout: fraud
  failedVersion: "40"
  restoredVersion: "39"
  source: alertmanager
  observedAt: 2026-11-20T10:15:00Z
  status: open
"""
PACK = """\
apiVersion: rollout-spec/v1
kind: PolicyPack
metadata: {name: payments}
spec:
  policies:
    - {name: owned, expression: rollout.metadata.owner != null, message: somebody owns it, why: Somebody answers.}
"""


def check_of(files: Files, *paths: str, before: Files | None = None) -> Report:
    against = None if before is None else Repository(rendered(before))
    return check(Repository(rendered(files)), paths=paths or None, base=against)


def told(report: Report) -> list[str]:
    return [f"{each.file}:{each.line}:{each.column} {each.name}" for each in report.findings]


# Nothing that only follows.

EVERYTHING: Files = {
    ".rollout-spec.yaml": base(".rollout-spec.yaml")
    .replace("spec:", "spec:\n  policies: [policies/payments.yaml]\n  severity: {owned: info}")
    .encode(),
    "incidents/fraud-40.yaml": INCIDENT.encode(),
    "policies/payments.yaml": PACK.encode(),
    "rollouts/churn.yaml": base(FRAUD).replace("fraud", "churn").encode(),
}


@pytest.mark.parametrize("compared", [True, False], ids=["with a base", "without"])
@pytest.mark.parametrize("content", [b"spec: [", b"apiVersion: rollout-spec/v1\nmetadata: {}\n"], ids=["text", "model"])
@pytest.mark.parametrize("path", [*EVERYTHING, FRAUD, PROFILE, "components/tokenizer.yaml"])
def test_a_file_that_does_not_load_is_the_only_one_that_is_told_of(path: str, content: bytes, compared: bool) -> None:
    tree = Overlay(specs(EVERYTHING), manifests_of_everything())
    before = Repository(tree) if compared else None
    assert check(Repository(tree), base=before).findings == ()
    report = check(Repository(Overlay(tree, {path: content})), base=before)
    assert {finding.file for finding in report.findings} == {path}


@functools.cache
def manifests_of_everything() -> Files:
    return manifests_of(EVERYTHING)


def manifests_of(files: Files) -> Files:
    tree = rendered(files)
    folders = [f"manifests/{name}" for name in tree.names("manifests")]
    paths = [f"{folder}/{name}" for folder in folders for name in tree.names(folder)]
    return {path: tree.read(path) or b"" for path in paths}


def test_a_rollout_with_a_broken_reference_is_told_of_that_alone() -> None:
    text = base(FRAUD).replace("stage: canary-5", "stage: canary-6").replace("weight: 50%", "weight: 1%")
    text = text.replace('requires: {user-profile: "11"', 'requires: {user-profile: "10"')
    assert told(check_of({FRAUD: text.encode()}, before={})) == [f"{FRAUD}:40:12 references-exist"]


def test_a_warning_is_not_told_where_an_error_is() -> None:
    text = base(FRAUD).replace("merge: auto", "merge: no")
    assert told(check_of({FRAUD: text.encode()})) == [f"{FRAUD}:54:21 schema"]


def test_a_finding_is_told_once_though_its_file_is_named_twice() -> None:
    files = edit(FRAUD, "tier: critical", "tier: urgent")
    assert len(check_of(files, FRAUD, FRAUD).findings) == 1


def test_only_errors_that_an_earlier_report_had_not_are_introduced() -> None:
    earlier = check_of(edit(FRAUD, "tier: critical", "tier: urgent"))
    text = base(FRAUD).replace("tier: critical", "tier: urgent").replace("merge: auto", "merge: never")
    later = check_of({FRAUD: text.replace("owner: team-risk", "owner: no").encode()})
    assert [finding.path for finding in introduced(earlier, later)] == [("spec", "rollback", "merge")]
    assert introduced(later, later) == []


# Places.


@pytest.mark.parametrize(
    ("old", "new", "line", "columns", "path"),
    [
        pytest.param("weight: 5%", "weight: 5", 44, (32, 33), ("spec", "stages", 1, "weight"), id="a wrong value"),
        pytest.param("hold: 15m", "holds: 15m", 44, (36, 41), ("spec", "stages", 1, "holds"), id="an unknown key"),
        pytest.param("    stable:", "    stabel:", 38, (5, 11), ("spec", "live", "stabel"), id="a misspelled key"),
        pytest.param('    stable: "41"\n', "", 37, (3, 7), ("spec", "live"), id="a missing field"),
        pytest.param("name: shadow, ", "", 43, (7, 30), ("spec", "stages", 0), id="one of an entry of a list"),
        pytest.param(
            "name: latency-sla", "name: drift", 52, (14, 19), ("spec", "triggers", 4, "name"), id="a duplicate"
        ),
        pytest.param('"40", "39"', '"40", "40"', 41, (23, 27), ("spec", "live", "knownGood", 1), id="one in a list"),
        pytest.param("stage: canary-5", "stage: a\n    stage: b", 41, (5, 10), ("spec", "live", "stage"), id="a key"),
    ],
)
def test_a_finding_is_at_its_place(
    old: str, new: str, line: int, columns: tuple[int, int], path: tuple[str | int, ...]
) -> None:
    (finding,) = check_of(edit(FRAUD, old, new)).findings
    assert (finding.line, finding.end_line, finding.path) == (line, line, path)
    assert (finding.column, finding.end_column) == columns


def test_what_is_about_a_whole_file_is_at_its_beginning() -> None:
    (finding,) = check_of({"manifests/churn/kserve.yaml": b"kind: InferenceService\n"}).findings
    assert (finding.line, finding.column, finding.end_line, finding.end_column) == (1, 1, 1, 1)


def test_an_unknown_key_swallows_the_missing_field_that_it_misspells_and_no_other() -> None:
    report = check_of(edit(FRAUD, "- {name: shadow, mirror", "- {nam: shadow, mirror"))
    assert [finding.hint for finding in report.findings] == ["did you mean `name`?"]
    report = check_of(edit(FRAUD, "- {name: shadow, mirror", "- {comment: shadow, mirror"))
    assert sorted(finding.message for finding in report.findings) == [
        "`name` is missing",
        "there is no field `comment` here",
    ]


# Files, and the whole.


def test_a_path_concerns_that_file_alone() -> None:
    files = edit(PROFILE, '"11", "12"', '"13"')
    assert check_of(files, PROFILE, before={}).findings == ()
    assert told(check_of(files, FRAUD, before={})) == [
        f"{FRAUD}:12:32 rollback-ready",
        f"{FRAUD}:18:32 rollback-ready",
        f"{FRAUD}:24:32 pins-served",
        f"{FRAUD}:30:32 pins-served",
    ]
    assert check_of({"manifests/fraud/kserve.yaml": b"old\n"}, FRAUD).findings == ()


def test_a_rule_that_cannot_run_is_named_with_the_reason() -> None:
    def names(report: Report) -> dict[str, str]:
        return {each.name: each.reason for each in report.skipped}

    compared = {name for name, rule in RULES.items() if rule.NEEDS == "base"}
    assert names(check_of({}, before={})) == {}
    assert names(check_of({})).keys() == compared
    assert compared == {"versions-append-only", "incidents-kept", "one-step", "forge-unchanged", "arms-unchanged"}
    assert names(check_of({}, FRAUD)).keys() == {*compared, "manifests-current", "workspace-names-differ"}
    assert "--base" in names(check_of({}))["one-step"]
    assert "without paths" in names(check_of({}, FRAUD))["manifests-current"]


class Recorded(Overlay):
    """A tree that knows what was asked of it."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(WorkingTree(Path(os.devnull)), files)
        self.read_files: list[str] = []

    def read(self, path: str) -> bytes | None:
        self.read_files.append(path)
        return super().read(path)


def test_a_check_of_one_file_reads_a_handful() -> None:
    files = {".rollout-spec.yaml": base(".rollout-spec.yaml").encode()}
    for number in range(1000):
        spec, profile = base(FRAUD).replace("user-profile", f"profile-{number}"), f"components/profile-{number}.yaml"
        files[f"rollouts/fraud-{number}.yaml"] = spec.replace("name: fraud,", f"name: fraud-{number},").encode()
        files[profile] = base(PROFILE).replace("user-profile", f"profile-{number}").encode()
    files["components/tokenizer.yaml"] = base("components/tokenizer.yaml").encode()
    tree, before = Recorded(files), Recorded(files)
    report = check(Repository(tree), paths=["rollouts/fraud-500.yaml"], base=Repository(before))
    assert report.findings == ()
    components = {"components/profile-500.yaml", "components/tokenizer.yaml"}
    targets = {"templates/kserve/target.yaml", "templates/gateway-api/target.yaml"}
    for recorded in (tree, before):
        manifests = {path for path in recorded.read_files if path.startswith("manifests/fraud-500/")}
        others = set(recorded.read_files) - components - targets - manifests
        assert others == {".rollout-spec.yaml", "rollouts/fraud-500.yaml"}


# Severity.


def severities(words: str) -> Files:
    return edit(".rollout-spec.yaml", "spec:", f"spec:\n  severity: {words}")


ALONE = edit(FRAUD, '    knownGood: ["40", "39"]\n', "")
STALE = {"manifests/fraud/kserve.yaml": b"old\n"}


@pytest.mark.parametrize(
    ("files", "words", "expected"),
    [
        pytest.param(ALONE, "{}", ["warning"], id="a warning"),
        pytest.param(ALONE, "{rollback-ready: error}", ["error"], id="is raised"),
        pytest.param(ALONE, "{rollback-ready: info}", ["info"], id="or lowered"),
        pytest.param(STALE, "{}", ["error"], id="an error"),
        pytest.param(STALE, "{manifests-current: warning}", ["warning"], id="is lowered"),
        pytest.param(STALE, "{rollback-ready: warning}", ["error"], id="but not another rule's"),
    ],
)
def test_a_workspace_raises_and_lowers_rules(files: Files, words: str, expected: list[str]) -> None:
    report = check_of({**files, **severities(words)})
    assert [finding.severity for finding in report.findings] == expected
    assert report.failed == ("error" in expected)


@pytest.mark.parametrize("rule", [name for name, rule in RULES.items() if rule.UNCONDITIONAL])
def test_a_workspace_does_not_lower_what_is_unconditional(rule: str) -> None:
    files = {**edit(FRAUD, "tier: critical", "tier: urgent"), **severities(f"{{{rule}: info}}")}
    assert {(finding.name, finding.severity) for finding in check_of(files).findings} == {
        ("references-exist", "warning"),
        ("schema", "error"),
    }


# On disk, and in git.


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Make a git repository with two workspaces, each with the same rollout."""
    for name in ("prod", "staging"):
        own = edit(WORKSPACE_FILE, "name: acme-models", f"name: {name}")
        write(tmp_path / "environments" / name, {**files_in(BASE), **manifests_of({}), **own})
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message=Begin")
    return tmp_path


def findings_of(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str]]:
    status = main([*words, "--format", "json"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    return status, [f"{each['file']}:{each['line']} {each['name']}" for each in findings]


def test_files_are_told_by_their_paths_from_the_git_root(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prod = two / "environments" / "prod"
    write(prod, edit(FRAUD, "tier: critical", "tier: urgent"))
    expected = [f"environments/prod/{FRAUD}:3 schema"]
    assert findings_of(capsys, "--repo", str(prod), "check") == (1, expected)
    assert findings_of(capsys, "--repo", str(prod / "rollouts"), "check", "fraud.yaml") == (1, expected)
    assert findings_of(capsys, "--repo", str(two), "check", f"environments/prod/{FRAUD}") == (1, expected)


def test_files_are_told_by_their_paths_from_the_workspace_outside_git(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, {**files_in(BASE), **manifests_of({}), **edit(FRAUD, "tier: critical", "tier: urgent")})
    assert findings_of(capsys, "--repo", str(tmp_path / "rollouts"), "check") == (1, [f"{FRAUD}:3 schema"])


def test_workspaces_of_one_repository_know_nothing_of_each_other(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prod, staging = two / "environments" / "prod", two / "environments" / "staging"
    write(staging, {"incidents/fraud-42.yaml": INCIDENT.replace("40", "42").replace("39", "41").encode()})
    write(prod, edit(PROFILE, '"11", "12"', '"12", "11"'))
    assert findings_of(capsys, "--repo", str(prod), "check", "--base", "main") == (0, [])
    expected = [f"environments/staging/{FRAUD}:39 not-quarantined"]
    assert findings_of(capsys, "--repo", str(staging), "check", "--base", "main") == (1, expected)


def test_paths_in_several_workspaces_are_each_checked_in_their_own(
    two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("prod", "staging"):
        write(two / "environments" / name, edit(FRAUD, "stage: canary-5", "stage: full"))
    both = ("environments/prod", f"environments/staging/{FRAUD}")
    expected = [f"environments/{name}/{FRAUD}:37 one-step" for name in ("prod", "staging")]
    assert findings_of(capsys, "--repo", str(two), "check", *both) == (0, [])
    assert findings_of(capsys, "--repo", str(two), "check", *both, "--base", "main") == (1, expected)


def test_a_base_is_where_the_branch_and_head_parted(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prod = two / "environments" / "prod"
    git(two, "switch", "--quiet", "--create", "topic")
    write(prod, edit(FRAUD, "merge: auto", "merge: review"))
    git(two, "commit", "--quiet", "--all", "--message=Edit the rollout")
    git(two, "switch", "--quiet", "main")
    write(prod, edit(FRAUD, "stage: canary-5", "stage: ab-50"))
    git(two, "commit", "--quiet", "--all", "--message=Advance")
    git(two, "switch", "--quiet", "topic")
    assert findings_of(capsys, "--repo", str(prod), "check", FRAUD, "--base", "main") == (0, [])


# JSON.

OLD = b"# Rendered by rollout-spec from rollouts/churn.yaml: edit that file.\n"


def test_the_json_report_has_the_shape_that_is_documented(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prod = two / "environments" / "prod"
    write(prod, {**ALONE, "manifests/churn/kserve.yaml": OLD, PROFILE: b"spec: ["})
    assert main(["--repo", str(prod), "check", "--format", "json"]) == 1
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert list(report) == ["version", "findings", "skipped", "documentation"]
    assert report["version"] == 1
    assert {each["name"] for each in report["findings"]} == {"manifests-current", "rollback-ready", "yaml"}
    fields: dict[str, Any] = {
        "file": str,
        **dict.fromkeys(("line", "column", "endLine", "endColumn"), int),
        "path": list,
        **dict.fromkeys(("severity", "name", "message"), str),
        "hint": (str, type(None)),
    }
    for finding in report["findings"]:
        assert list(finding) == list(fields)
        assert all(isinstance(finding[field], kind) for field, kind in fields.items())
        assert finding["line"] >= 1 and finding["column"] >= 1
        assert (finding["endLine"], finding["endColumn"]) >= (finding["line"], finding["column"])
    assert ["spec", "live", "stable"] in [each["path"] for each in report["findings"]]
    assert {name: page.partition("#")[2] for name, page in report["documentation"].items()} == {
        name: name for name in ("manifests-current", "rollback-ready", "yaml")
    }
    compared = ["versions-append-only", "incidents-kept", "one-step", "forge-unchanged", "arms-unchanged"]
    assert [each["name"] for each in report["skipped"]] == compared
    assert all(list(each) == ["name", "why"] and each["why"] for each in report["skipped"])
    assert captured.err == "skipped 5 rules that need a base: --base REF, such as origin/main\n"


def test_the_json_report_of_nothing_is_one_too(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--repo", str(two / "environments" / "prod"), "check", "--base", "main", "--format", "json"]
    assert main(words) == 0
    out = json.loads(capsys.readouterr().out)
    assert out == {"version": 1, "findings": [], "skipped": [], "unexamined": 1}


# Text.

LINE = re.compile(r"^[^:]+:\d+:\d+: (error|warning|info): .+ \[[a-z-]+\]$")


def columns(text: str) -> list[int]:
    """Return the column of a terminal in which each character of a line begins."""
    found, column = [], 0
    for letter in text:
        found.append(column)
        wide = 2 if unicodedata.east_asian_width(letter) in "WF" else 0 if unicodedata.combining(letter) else 1
        column = (column // 8 + 1) * 8 if letter == "\t" else column + wide
    return [*found, column]


def plain(text: str) -> str:
    return re.sub(r"\x1b(\[[0-9;]*m|\]8;;.*?\x1b\\)", "", text)


@pytest.mark.parametrize(
    "description",
    [
        pytest.param("x", id="plain"),
        pytest.param("不正検知モデル", id="wide"),
        pytest.param("cafe\u0301", id="combining"),
        pytest.param('"a\tb",\t\towner: x', id="tabs"),
        pytest.param("x" * 200, id="long"),
        pytest.param("soft\u00adhyphen", id="invisible"),
    ],
)
def test_the_caret_is_under_the_value(description: str) -> None:
    line = f"metadata: {{name: fraud, description: {description}, tier: urgent}}"
    text = base(FRAUD).replace("metadata: {name: fraud, namespace: ml, owner: team-risk, tier: critical}", line)
    repository = Repository(specs({FRAUD: text.encode()}))
    report = check(repository, paths=[FRAUD])
    shown = REPORTERS["text"].report(report, View(lambda file: text.split("\n")))
    _, source, caret, *_ = shown.split("\n")
    value = source.index("urgent")
    assert columns(caret)[caret.index("^")] == columns(source)[value]
    assert columns(caret)[-1] == columns(source)[value + len("urgent")]
    assert caret.rstrip("^").replace("|", "").isspace()


def test_a_person_at_a_terminal_sees_the_line_the_caret_and_color(two: Path) -> None:
    prod = two / "environments" / "prod"
    write(prod, edit(FRAUD, "tier: critical", "tier: criticl"))
    shown = on_a_terminal(prod, "check", FRAUD)
    assert "\x1b[" in shown
    first, source, caret, hint, *rest = plain(shown).split("\n")
    assert first.startswith(f"environments/prod/{FRAUD}:3:64: error: ")
    assert LINE.fullmatch(first)
    assert source == "    3 | metadata: {name: fraud, namespace: ml, owner: team-risk, tier: criticl}"
    assert caret == f"{'':5} | {'':63}{'^' * 7}"
    assert hint.strip() == "help: did you mean `critical`?"
    assert rest == [""]


def test_no_color_is_heard(two: Path) -> None:
    prod = two / "environments" / "prod"
    write(prod, edit(FRAUD, "tier: critical", "tier: urgent"))
    shown = on_a_terminal(prod, "check", FRAUD, NO_COLOR="1")
    assert "\x1b[" not in shown
    assert "^^^^^^" in shown


def test_a_pipe_gets_one_line_for_each_finding(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prod = two / "environments" / "prod"
    write(prod, edit(FRAUD, "tier: critical", "tier: urgent, ownr: x"))
    assert main(["--repo", str(prod), "check", FRAUD]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(LINE.fullmatch(line) for line in lines)


# Strangers' words.


def harmless(text: str) -> bool:
    return all(letter == "\n" or letter.isprintable() for letter in text)


@pytest.mark.parametrize("form", REPORTERS)
def test_names_that_strangers_chose_cannot_move_the_cursor(form: str) -> None:
    text = base(FRAUD).replace("stage: canary-5", f"stage: canary-5\n    {json.dumps(HOSTILE)}: 1")
    report = check_of({FRAUD: text.encode(), f"components/{HOSTILE}.yml": b""})
    assert len(report.findings) == 2
    shown = REPORTERS[form].report(report, View())
    assert harmless(shown)
    if form == "json":
        files = [finding["file"] for finding in json.loads(shown)["findings"]]
        assert f"components/{HOSTILE}.yml" in files


@pytest.mark.parametrize("form", REPORTERS)
def test_a_file_whose_name_is_no_text_is_told_of(tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {**files_in(BASE), **manifests_of({})})
    (tmp_path / "components" / os.fsdecode(b"\xff\x1b[31m.yml")).write_bytes(b"")
    assert main(["--repo", str(tmp_path), "check", "--format", form]) == 1
    shown = capsys.readouterr().out
    assert harmless(shown)
    assert ("%FF%1B%5B31m.yml" if form == "sarif" else "\\udcff\\u001b[31m.yml") in shown
