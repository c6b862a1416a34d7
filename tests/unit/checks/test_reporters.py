"""A report is read by its format's own parser and comes out as it went in, whatever strangers wrote into it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import folders
import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from lxml import etree
from real_servers import npm_package
from rule_cases import rule_cases
from rule_reports import report_of
from terminals import HOSTILE, edit, on_a_terminal, write
from workspaces import BASE, files_in, specs

from rollout_spec.checks.explanations import Explanation
from rollout_spec.checks.reporters import REPORTERS, View, github, sarif, text
from rollout_spec.checks.reporters.base import message_with_hint, shown
from rollout_spec.checks.reporters.fingerprints import fingerprints, structural_path
from rollout_spec.checks.rules import RULES
from rollout_spec.cli import main, terminal
from rollout_spec.core.findings import Finding, Report, Silenced, Skipped
from rollout_spec.core.yaml.document import parse

ROLLOUT = "rollouts/fraud.yaml"
XSD = etree.XMLSchema(file=str(folders.TESTS / "formats" / "junit-10.xsd"))

# What a stranger may write; in names of files all but halves of characters, save those that stand for bytes.
letters = st.characters(exclude_categories=["Cs"]) | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF)
odd = st.sampled_from([HOSTILE, "]]>", "::error::x", "%0A", "a:b,c=d", "[x](y)", "<&", "\ud800"])
texts = st.text(letters | st.characters(categories=["Cs"]), max_size=20) | odd
files = st.text(letters, min_size=1, max_size=20) | st.sampled_from([ROLLOUT, "a b/ü.yaml", "100%.yaml"])
spans = st.tuples(*[st.integers(1, 10_000)] * 4)


@st.composite
def found(draw: st.DrawFn) -> Finding:
    line, column, lines, columns = draw(spans)
    return Finding(
        file=draw(files),
        line=line,
        column=column,
        name=draw(st.sampled_from(["schema", "stages-ascend", "owned"])),
        message=draw(texts),
        severity=draw(st.sampled_from(["error", "warning", "info"])),
        end_line=line + lines // 5_000,
        end_column=column + columns if lines < 5_000 else columns,
        path=tuple(draw(st.lists(texts | st.integers(0, 9), max_size=4))),
        hint=draw(texts) or None,
    )


sources: st.SearchStrategy[Any] = st.sampled_from(["comment", "waiver"])


@st.composite
def reports(draw: st.DrawFn) -> Report:
    said = draw(st.lists(found(), max_size=8, unique=True))
    cut = draw(st.integers(0, len(said)))
    silenced = [
        Silenced(each, by, draw(texts), "2026-12-31T00:00:00Z" if by == "waiver" else None)
        for each in said[cut:]
        for by in [draw(sources)]
    ]
    skipped = draw(st.lists(st.builds(Skipped, st.sampled_from(["one-step", "schema"]), texts), max_size=2))
    return Report(tuple(said[:cut]), tuple(skipped), tuple(silenced))


def finding(name: str = "schema", severity: Any = "error", **fields: Any) -> Finding:
    return Finding(**{"file": ROLLOUT, "line": 1, "column": 1, "message": "x", **fields}, name=name, severity=severity)


# Every format.


@pytest.mark.parametrize("form", REPORTERS)
@given(report=reports())
@settings(max_examples=examples(40), deadline=None)
def test_a_report_is_harmless_and_always_the_same(form: str, report: Report) -> None:
    told = REPORTERS[form].report(report, View())
    assert all(letter == "\n" or letter.isprintable() for letter in told)
    assert told == REPORTERS[form].report(report, View())
    assert told == "" or told.endswith("\n")
    assert told.encode().decode() == told


def whole(text: str) -> str:
    """Write halves of characters as a program reads them in JSON."""
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)


EMPTY: dict[str, Callable[[str], bool]] = {
    "text": lambda told: told == "",
    "json": lambda told: json.loads(told) == {"version": 1, "findings": [], "skipped": []},
    "sarif": lambda told: json.loads(told)["runs"][0]["results"] == [],
    "junit": lambda told: outcomes_in(told) == {("rollout-spec", "check"): "passed"},
    "github": lambda told: told == "",
    "gitlab": lambda told: json.loads(told) == [],
}


@pytest.mark.parametrize("form", REPORTERS)
def test_a_report_of_nothing_is_one_too(form: str) -> None:
    assert EMPTY[form](REPORTERS[form].report(Report(()), View()))


# JSON.


def deep(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(map(deep, value))
    return whole(value) if isinstance(value, str) else value


def test_json_tells_what_is_silenced_where_something_is() -> None:
    quiet = Silenced(finding(), "waiver", "moving", "2026-12-31T00:00:00Z")
    told = json.loads(REPORTERS["json"].report(Report((), (), (quiet,)), View()))
    assert list(told) == ["version", "findings", "skipped", "silenced"]
    (entry,) = told["silenced"]
    assert (entry["name"], entry["by"], entry["reason"], entry["until"]) == (
        *("schema", "waiver", "moving"),
        "2026-12-31T00:00:00Z",
    )


@given(report=reports())
@settings(max_examples=examples(40), deadline=None)
def test_json_comes_out_as_it_went_in(report: Report) -> None:
    told = json.loads(REPORTERS["json"].report(report, View()))
    keys = ("file", "line", "column", "message", "hint", "severity", "name", "path")
    assert [[each[key] for key in keys] for each in told["findings"]] == [
        [deep(getattr(each, key)) for key in keys] for each in report.findings
    ]
    assert json.dumps(told, ensure_ascii=False).encode()


def explained(name: str) -> Explanation | None:
    """Return the explanation of a rule; a policy of the workspace has no page."""
    return Explanation(name, "What.", "", shipped=name != "owned")


def test_every_format_for_programs_leads_to_the_explanation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rollout_spec.checks.explanations._project_url", lambda word: "https://example.org/rules.md")
    report, view = Report((finding("owned"), finding("schema"))), View(explain=explained)
    address = "https://example.org/rules.md#schema"
    assert json.loads(REPORTERS["json"].report(report, view))["documentation"] == {"schema": address}
    rules = json.loads(REPORTERS["sarif"].report(report, view))["runs"][0]["tool"]["driver"]["rules"]
    assert [rule.get("helpUri") for rule in rules] == [None, address]
    failures = etree.fromstring(REPORTERS["junit"].report(report, view).encode()).findall(".//failure")
    assert [failure.text.splitlines()[-1] == address for failure in failures] == [False, True]


# SARIF.


def run_of(report: Report, view: View | None = None) -> dict[str, Any]:
    run: dict[str, Any] = json.loads(sarif.report(report, view or View()))["runs"][0]
    return run


@pytest.mark.real
@given(report=reports())
@settings(max_examples=examples(25), deadline=None)
def test_sarif_fits_its_schema(report: Report) -> None:
    if not VALIDATOR:
        schema = npm_package("@microsoft/jest-sarif") / "lib" / "schemas" / "sarif-2.1.0-rtm.5.json"
        VALIDATOR.append(Draft4Validator(json.loads(schema.read_text("utf-8"))))
    explained = View(explain=lambda name: Explanation(name, "What.", "Why.", "warning", fails=("a: 1\n",)))
    for view in (View(), explained):
        VALIDATOR[0].validate(json.loads(sarif.report(report, view)))


VALIDATOR: list[Draft4Validator] = []


@given(report=reports())
@settings(max_examples=examples(40), deadline=None)
def test_sarif_comes_out_as_it_went_in(report: Report) -> None:
    run = run_of(report)
    told = {
        (
            unquote(place["artifactLocation"]["uri"], errors="surrogateescape"),
            *(place["region"][key] for key in ("startLine", "startColumn", "endLine", "endColumn")),
            run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"],
            bool(result.get("suppressions")),
        )
        for result in run["results"]
        for place in [result["locations"][0]["physicalLocation"]]
    }
    assert told == {
        (each.file, each.line, each.column, each.end_line, each.end_column, each.name, quiet)
        for group, quiet in ((report.findings, False), ([each.finding for each in report.silenced], True))
        for each in group
    }
    assert all(
        result["ruleId"] == run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] for result in run["results"]
    )
    assert {"suppressions" in result for result in run["results"]} <= {bool(report.silenced)}
    notes = run["invocations"][0]["toolConfigurationNotifications"]
    assert [each["associatedRule"]["id"] for each in notes] == [each.name for each in report.skipped]
    assert all("](" not in result["message"]["text"] for result in run["results"])


@pytest.mark.parametrize("rule", RULES)
def test_no_result_is_at_a_line_that_is_not_there(rule: str) -> None:
    case = next(each for each in rule_cases().values() if each.rule == rule and each.expected()).case()
    tree, results = specs(case.after), run_of(report_of(case))["results"]
    assert results
    for place in (result["locations"][0]["physicalLocation"] for result in results):
        region, content = place["region"], tree.read(unquote(place["artifactLocation"]["uri"]))
        if content is None:  # a manifest, or a file that is gone: it is told of as a whole
            assert set(region.values()) == {1}
            continue
        lines = parse(content).lines
        assert 1 <= region["startLine"] <= region["endLine"] <= len(lines)
        assert 1 <= region["startColumn"] <= len(lines[region["startLine"] - 1]) + 1
        assert 1 <= region["endColumn"] <= len(lines[region["endLine"] - 1]) + 1


def test_sarif_keeps_to_what_github_takes_and_the_worst_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MOST", 50)
    many = [finding("pins-served", "warning", line=line) for line in range(1, sarif.MOST + 3)]
    run = run_of(Report((*many, finding(line=9)), (), (Silenced(finding("owned"), "comment", "known"),)))
    assert len(run["results"]) == sarif.MOST
    assert run["results"][0]["level"] == "error"
    (note,) = run["invocations"][0]["toolConfigurationNotifications"]
    assert note["message"]["text"].startswith(f"4 of {sarif.MOST + 4} findings are left out")


def test_sarif_says_what_a_rule_demands_and_where_that_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    explanation = Explanation("schema", "Every field is known.", "A typo is all traffic.", fails=("wieght: 5%\n",))
    view = View(explain=lambda name: explanation if name == "schema" else None)
    (rule,) = run_of(Report((finding(),)), view)["tool"]["driver"]["rules"]
    assert rule["shortDescription"]["text"] == "Every field is known."
    assert "```yaml\nwieght: 5%\n```" in rule["help"]["markdown"]
    assert rule["helpUri"] == "https://github.com/rollout-spec/rollout-spec/blob/main/docs/rules.md#schema"
    monkeypatch.setattr("rollout_spec.checks.explanations._project_url", lambda word: f"https://example.org/{word}")
    driver = run_of(Report((finding(),)), view)["tool"]["driver"]
    assert driver["informationUri"] == "https://example.org/Homepage"
    assert driver["rules"][0]["helpUri"] == "https://example.org/Rules#schema"


def test_a_suppression_says_by_what_and_why() -> None:
    quiet = (
        Silenced(finding("owned", line=1), "comment", "known"),
        Silenced(finding("owned", line=2), "waiver", "moving", "2026-12-31T00:00:00Z"),
    )
    results = run_of(Report((finding(line=3),), (), quiet))["results"]
    assert [result["suppressions"] for result in results] == [
        [],
        [{"kind": "inSource", "status": "accepted", "justification": "known"}],
        [{"kind": "external", "status": "accepted", "justification": "moving (until 2026-12-31T00:00:00Z)"}],
    ]


# Fingerprints.

DATA = {
    "spec": {"stages": [{"name": "a", "weight": 5}, {"name": "b", "weight": 1}], "live": {"knownGood": ["41", "40"]}}
}
LATER = {"spec": {"stages": [{"name": "new"}, *DATA["spec"]["stages"]], "live": {"knownGood": ["42", "41", "40"]}}}


def test_a_fingerprint_survives_an_entry_that_is_put_in_before_it() -> None:
    for at, then in (((*["spec", "stages"], 1, "weight"), 2), ((*["spec", "live", "knownGood"], 1), 2)):
        moved = tuple(then if isinstance(step, int) else step for step in at)
        first, second = finding(path=at), finding(path=moved, line=7, message="in other words", hint="try this")
        before, after = fingerprints([first], lambda file: DATA), fingerprints([second], lambda file: LATER)
        assert before[first] == after[second]


def test_what_has_no_name_goes_by_its_index() -> None:
    assert structural_path(("a", 1, "b", 0), {"a": [{}, {"b": [{"type": "kserve"}]}]}) == [
        "a",
        1,
        "b",
        ["type", "kserve"],
    ]
    assert structural_path(("a", 5, "b"), {"a": []}) == ["a", 5, "b"]
    assert structural_path(("0", 0), {"0": "text"}) == ["0", 0]


@given(found=st.lists(found(), unique=True, max_size=20))
@settings(max_examples=examples(60), deadline=None)
def test_no_two_fingerprints_are_the_same(found: list[Finding]) -> None:
    known = fingerprints(found)
    assert known.keys() == set(found)
    assert len(set(known.values())) == len(found)
    assert known == fingerprints(reversed(found))


@pytest.mark.parametrize("other", [{"file": "rollouts/churn.yaml"}, {"name": "owned"}, {"path": ("spec",)}])
def test_a_fingerprint_is_that_of_a_rule_at_a_place(other: dict[str, Any]) -> None:
    one = finding()
    assert fingerprints([one])[one] != next(iter(fingerprints([replace(one, **other)]).values()))


@pytest.mark.parametrize("form", ["sarif", "gitlab"])
def test_check_knows_entries_by_their_names(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def known() -> set[str]:
        assert main(["--repo", str(tmp_path), "check", ROLLOUT, "--format", form]) == 1
        told = capsys.readouterr().out
        return set(re.findall(r'"(?:fingerprint|structuralPath/v1)": "([0-9a-f]{64})"', told))

    write(tmp_path, {**files_in(BASE), **edit(ROLLOUT, "weight: 50%", "weight: 1%")})
    before = known()
    now = (tmp_path / ROLLOUT).read_text("utf-8")
    more = now.replace("  stages:\n", "  stages:\n    - {name: dark, mirror: 1%, hold: 1h}\n").replace(
        "spec:", "\nspec:", 1
    )
    (tmp_path / ROLLOUT).write_text(more, "utf-8")
    assert known() == before != set()


# JUnit.


def outcomes_in(told: str) -> dict[tuple[str, str], str]:
    """Return how each test went, by its suite and its name, as a reader of Jenkins' dialect sees it."""
    tree = etree.fromstring(told.encode())
    XSD.assertValid(tree)
    went = {}
    for suite in tree:
        outcomes = [next((each.tag for each in case if each.tag in ("failure", "skipped")), "passed") for case in suite]
        assert int(suite.get("tests")) == len(suite)
        assert int(suite.get("failures")) == outcomes.count("failure")
        assert int(suite.get("skipped")) == outcomes.count("skipped")
        for case, outcome in zip(suite, outcomes, strict=True):
            assert case.get("classname") == suite.get("name")
            went[suite.get("name"), case.get("name")] = outcome
    return went


@given(report=reports())
@settings(max_examples=examples(60), deadline=None)
def test_junit_fails_for_errors_alone(report: Report) -> None:
    told = REPORTERS["junit"].report(report, View())
    went = outcomes_in(told)
    failed = {(shown(each.file), each.name) for each in report.findings if each.severity == "error"}
    assert {key for key, outcome in went.items() if outcome == "failure"} == failed
    inside = "".join(etree.fromstring(told.encode()).itertext())
    for each in (*report.findings, *(silenced.finding for silenced in report.silenced)):
        assert f"{shown(each.file)}:{each.line}:{each.column}: {each.severity}: {message_with_hint(each)}" in inside


def test_junit_says_what_was_skipped_and_silenced() -> None:
    report = Report(
        (finding("owned", "warning"),), (Skipped("one-step", "no base"),), (Silenced(finding(), "comment", "why"),)
    )
    told = REPORTERS["junit"].report(report, View())
    assert outcomes_in(told) == {
        (ROLLOUT, "owned"): "passed",
        (ROLLOUT, "schema"): "passed",
        ("rollout-spec", "one-step"): "skipped",
    }
    assert "(silenced by comment: why)" in told


# GitHub.


def commands(told: str) -> list[tuple[str, dict[str, str], str]]:
    """Read commands as GitHub's runner does: https://github.com/actions/runner, ActionCommand.TryParseV2."""
    parsed = []
    for line in told.splitlines():
        assert line.startswith("::")
        head, data = line[2 : (end := line.index("::", 2))], line[end + 2 :]
        command, _, rest = head.partition(" ")
        pairs = (pair.split("=", 1) for pair in rest.split(",") if pair)
        properties = {key: undone(value, {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ","}) for key, value in pairs}
        parsed.append((command, properties, undone(data, {"%0D": "\r", "%0A": "\n"})))
    return parsed


def undone(text: str, escapes: dict[str, str]) -> str:
    for escape, letter in escapes.items():
        text = text.replace(escape, letter)
    return text.replace("%25", "%")


@given(report=reports())
@settings(max_examples=examples(60), deadline=None)
def test_github_gets_one_command_for_each_finding(report: Report) -> None:
    told = commands(github.report(report, View()))
    names = {"error": "error", "warning": "warning", "info": "notice"}
    assert len(told) == len(report.findings)
    for each in report.findings:
        properties = {
            "file": shown(each.file),
            "line": str(each.line),
            "endLine": str(each.end_line),
            "col": str(each.column),
            **({"endColumn": str(each.end_column)} if each.end_line == each.line else {}),
            "title": each.name,
        }
        message = f"{shown(each.file)}:{each.line}:{each.column}: {message_with_hint(each)} [{each.name}]"
        assert (names[each.severity], properties, message) in told


COMMANDING = (
    "::set-output name=x::y%0A::add-mask::z\n::stop-commands::k\r##[add-mask]z##vso[task]\u2028::error::q,title=r"
)


def commanded(log: str) -> set[str]:
    """Return the commands that a runner takes from the lines of a log, also in the older form."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", log)]
    new = {line[2:].partition(" ")[0].partition(":")[0] for line in lines if line.startswith("::")}
    return new | {
        found for line in lines if not line.startswith("::") for found in re.findall(r"##(?:vso)?\[([\w-]+)", line)
    }


@pytest.mark.parametrize("name", ["github", "text", "json", "sarif", "gitlab", "junit"])
@pytest.mark.parametrize("quotes", [False, True])
def test_what_strangers_wrote_commands_no_runner(name: str, quotes: bool) -> None:
    for file in (COMMANDING, f"  {COMMANDING}", f"rollouts/{COMMANDING}.yaml"):
        hostile = Finding(file, 1, 1, "owned", COMMANDING, hint=COMMANDING, path=(COMMANDING,))
        told = REPORTERS[name].report(Report((hostile,)), View(lines_of=(lambda _: [COMMANDING]) if quotes else None))
        assert commanded(told) == ({"error"} if name == "github" else set()), told
    assert commanded(f"a\n {COMMANDING}") == {"set-output", "stop-commands", "add-mask", "task"}


def test_what_is_said_commands_no_runner(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say(f"waived: x\n{COMMANDING}\n  help: ::y")
    told = capsys.readouterr().err
    assert (commanded(told), told.count("\n")) == (set(), 4)


def test_github_is_told_the_worst_first_and_what_it_will_not_show() -> None:
    many = [finding("owned", severity, line=line) for line in range(1, 13) for severity in ("info", "warning", "error")]
    told = commands(github.report(Report(tuple(many)), View()))
    first, rest = told[0], [command for command, *_ in told[1:]]
    assert first == (
        "notice",
        {"title": "rollout-spec"},
        "7 of 36 findings are only in the log of this step: GitHub shows 10 of a kind",
    )
    assert rest == ["error"] * 12 + ["warning"] * 12 + ["notice"] * 12
    assert len(commands(github.report(Report(tuple(many[:30])), View()))) == 30


# GitLab.


@given(report=reports())
@settings(max_examples=examples(40), deadline=None)
def test_gitlab_comes_out_as_it_went_in(report: Report) -> None:
    told = json.loads(REPORTERS["gitlab"].report(report, View()))
    severities = {"error": "major", "warning": "minor", "info": "info"}
    assert [(each["check_name"], each["location"], each["severity"], each["description"]) for each in told] == [
        (
            each.name,
            {"path": whole(each.file), "lines": {"begin": each.line, "end": each.end_line}},
            severities[each.severity],
            message_with_hint(each),
        )
        for each in report.findings
    ]
    assert len({each["fingerprint"] for each in told}) == len(told)


# Text.


def test_a_link_leads_to_the_line_and_to_the_documentation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rollout_spec.checks.explanations._project_url", lambda word: "https://example.org/rules.md")
    view = View(lambda file: ["x"], False, "file://host/a", None, lambda name: Explanation(name, "What.", ""))
    told = text.report(Report((finding(file="b c/ü.yaml", hint="y"),)), view)
    assert told.splitlines()[0] == (
        "\x1b]8;;file://host/a/b%20c/%C3%BC.yaml#1\x1b\\b c/ü.yaml:1:1\x1b]8;;\x1b\\: error: x "
        "[\x1b]8;;https://example.org/rules.md#schema\x1b\\schema\x1b]8;;\x1b\\]"
    )


@pytest.mark.parametrize(("term", "expected"), [("xterm", True), ("dumb", False)])
def test_links_are_for_terminals_that_are_not_dumb(term: str, expected: bool, tmp_path: Path) -> None:
    write(tmp_path, {**files_in(BASE), **edit(ROLLOUT, "tier: critical", "tier: urgent")})
    told = on_a_terminal(tmp_path, "check", ROLLOUT, TERM=term, NO_COLOR="1")
    assert (f"{(tmp_path / ROLLOUT).as_posix()}#3\x1b\\{ROLLOUT}:3:64\x1b]8;;\x1b\\: error" in told) is expected


@pytest.mark.parametrize(
    ("environment", "watched", "expected"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, True),
        ({"CI": "true"}, True, False),
        ({"CI": "true", "FORCE_HYPERLINK": "1"}, False, True),
        ({"FORCE_HYPERLINK": "0"}, True, False),
        ({"FORCE_HYPERLINK": ""}, True, True),
    ],
)
def test_links_may_be_forced(
    environment: dict[str, str], watched: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: watched)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert terminal.links(stream) is expected


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (Report(()), "no findings"),
        (Report((), files=1), "no findings in 1 file"),
        (Report((), files=1200), "no findings in 1,200 files"),
        (Report((finding(), finding(line=2), finding("owned", "warning"))), "2 errors, 1 warning"),
        (
            Report(
                (), (), (Silenced(finding(), "comment", "x"), Silenced(finding(line=2), "waiver", "x", "2026-12-31"))
            ),
            "no findings; 1 silenced by comment, 1 waived until 2026-12-31",
        ),
        (
            Report((), (), tuple(Silenced(finding(line=n), "waiver", "x", f"202{n}-12-31") for n in (9, 8))),
            "no findings; 2 waived, the first until 2028-12-31",
        ),
    ],
)
def test_the_summary_counts_what_is_silenced_too(report: Report, line: str) -> None:
    assert text.summary(report) == line
