"""Pages of cases say what is checked and what is found, to the byte."""

from __future__ import annotations

import re
from pathlib import Path

import folders
import pytest
import rule_cases
from expected_findings import Expected
from markdown_cases import sections
from overlays import Line, laid_over, lines_of, text_of
from rule_cases import RuleCase, cases_of, update
from rule_reports import findings_of, report_of
from workspaces import BASE

ROOT = folders.CHECKOUT
ROLLOUT = (BASE / "rollouts/fraud.yaml").read_bytes()
BELOW = """\
spec:
  live:
    stable: "41"
    # It is new.
    candidate: "42"
  stages:
    - {name: a}
    - {name: b}
"""


def over(text: str) -> str:
    return text_of(laid_over(lines_of(BELOW), lines_of(text)))


def case_of(text: str, rule: str = "stages-ascend") -> RuleCase:
    return RuleCase(rule, next(sections(["## a case", "", *text.removesuffix("\n").split("\n")])))


def block(text: str, language: str = "yaml") -> str:
    return f"```{language}\n{text}```\n"


@pytest.mark.parametrize(
    ("lines", "old", "new"),
    [
        ('spec:\n  live:\n    stable: "43"\n', 'stable: "41"', 'stable: "43"'),
        ("spec:\n  live:\n    candidate: null\n", '    # It is new.\n    candidate: "42"\n', ""),
        ("spec:\n  live:\n    stage: a\n", "  live:\n", "  live:\n    stage: a\n"),
        ('spec:\n  live:\n    stable: "41"\n    stage: a\n', '"41"\n', '"41"\n    stage: a\n'),
        ("spec:\n  stages:\n    - {name: c}\n", "    - {name: a}\n    - {name: b}\n", "    - {name: c}\n"),
        ("spec:\n  stages: [{name: c}]\n", "stages:\n    - {name: a}\n    - {name: b}\n", "stages: [{name: c}]\n"),
        ('spec: {live: {stable: "4,3"}}    # in braces\n', 'stable: "41"', 'stable: "4,3"'),
        (
            "spec:\n  live:\n    # It is old.\n    stable: '41'\n",
            '    stable: "41"',
            "    # It is old.\n    stable: '41'",
        ),
        ("spec:\n  live:\n    absent: null\n", "", ""),
        ("spec:\n  live:\n", "", ""),
        ("spec:\n  stages: [\n", "stages:\n    - {name: a}\n    - {name: b}\n", "stages: [\n"),
    ],
)
def test_lines_go_over_a_file_key_by_key(lines: str, old: str, new: str) -> None:
    assert over(lines) == BELOW.replace(old, new, 1)


def test_a_line_knows_where_in_the_example_it_comes_from() -> None:
    result = laid_over(lines_of(BELOW), [Line("spec:", 7), Line("  live:", 8), Line('    stable: "43"', 9)])
    assert [line.source for line in result] == [7, 8, 9, *[None] * 5]


def test_lines_that_are_no_keys_are_refused() -> None:
    with pytest.raises(AssertionError, match="no key of the mapping around it: nonsense"):
        over("spec:\nnonsense\n")


@pytest.mark.parametrize(
    ("text", "files"),
    [
        (block("spec: {}\n"), {"rollouts/fraud.yaml": ROLLOUT}),
        (block("# a.yaml\nb: 1\n"), {"a.yaml": b"b: 1\n"}),
        (block("# ../staging/a.yaml\nb: 1\n"), {"elsewhere/staging/a.yaml": b"b: 1\n"}),
        (block("# rollouts/fraud.yaml, in full\n"), {"rollouts/fraud.yaml": b""}),
        (block("# a.json, on the base\n{}\n", "json"), {}),
        (block("# rollouts, a link\n# incidents, a link\n"), {"links.txt": b"rollouts\nincidents\n"}),
        (block("# ../staging/a.yaml, deleted\n"), {"elsewhere/staging/deleted.txt": b"a.yaml\n"}),
        (block("# a.yaml, with escapes\n\\ufeffb:\\t\\xe9\\r\n\\\\n\\\n"), {"a.yaml": b"\xef\xbb\xbfb:\t\xe9\r\n\\n"}),
        (block("# components/tokenizer.yaml\napiVersion: v2\n"), {"components/tokenizer.yaml": b"apiVersion: v2\n"}),
        (block("# manifests/a.yaml\n-b\n+c\n", "diff"), {"manifests/a.yaml.diff": b"-b\n+c\n"}),
    ],
)
def test_a_block_has_the_bytes_of_a_file(text: str, files: dict[str, bytes]) -> None:
    assert case_of(text).case().after == files


def test_a_patch_changes_what_stands_in_the_file_once() -> None:
    case = case_of(block("# rollouts/fraud.yaml\n     stage: canary-5\n+    stage: full\n", "diff"))
    assert case.case().after["rollouts/fraud.yaml"] == ROLLOUT.replace(b"canary-5\n", b"canary-5\n    stage: full\n", 1)
    with pytest.raises(AssertionError, match="this stands 5 times in the text:\n      format: sklearn"):
        case_of(block("# rollouts/fraud.yaml\n-      format: sklearn\n", "diff")).case()


def test_a_comment_expects_a_finding_at_its_line() -> None:
    text = (
        'spec:\n  live:\n    stable: "43"    # error: [a] b; c # d\n'
        "    # warning:13: [e] f\n    stage: canary-5    # no finding\n"
    )
    case = case_of(block(text) + block("$ rollout-spec check x.yaml\nx.yaml:1:1: info: g [h]\n", "console"))
    assert case.case().paths == ["x.yaml"]
    assert case.case().after["rollouts/fraud.yaml"].count(b"[a] b") == 0
    assert case.expected() == [
        Expected("rollouts/fraud.yaml", 38, 5, "a", "b; c # d", "error"),
        Expected("rollouts/fraud.yaml", 38, 13, "e", "f", "warning"),
        Expected("x.yaml", 1, 1, "h", "g", "info"),
    ]


@pytest.mark.parametrize("comment", ["# error: a: b", "#error: [a] b", "# Error: [a] b", "# error:[a] b"])
def test_a_comment_that_is_nearly_an_expectation_is_refused(comment: str) -> None:
    with pytest.raises(AssertionError, match="write `# error: "):
        case_of(block(f"spec: {{}}    {comment}\n")).expected()


def test_a_comment_in_a_file_that_is_not_checked_is_refused() -> None:
    text = block("# rollouts/fraud.yaml, on the base\nspec:    # error: [a] b\n")
    with pytest.raises(AssertionError, match=r"stages-ascend\.md:5: this line is in no file that is checked"):
        case_of(text).expected()


def test_a_block_without_an_end_and_two_cases_of_one_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_cases, "CASES", tmp_path)
    page = tmp_path / "stages-ascend.md"
    page.write_text("## a case\n\n```yaml\nspec: {}\n", "utf-8")
    with pytest.raises(AssertionError, match="line 3: this block has no end"):
        cases_of(page)
    page.write_text("## a case\n\n## A case\n", "utf-8")
    with pytest.raises(AssertionError, match="two cases"):
        rule_cases.read_cases()


PAGE = """\
# stages-ascend

## one

It is about this.

```yaml
spec:    # error: [gone] it is no more
  stages:
    - {name: canary-5, weight: 5%}
    - {name: full, weight: 20%}
```

## two

```yaml
spec: {}
```

```console
$ rollout-spec check
a.yaml:1:1: error: it is no more [gone]
```
"""


def test_an_update_writes_findings_in_place_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_cases, "CASES", tmp_path)
    page = tmp_path / "stages-ascend.md"
    page.write_text(PAGE, "utf-8")
    one, two = cases_of(page)
    at = "rollouts/fraud.yaml"
    found = [
        Expected(at, 44, 28, "a", "b; c", "error"),
        Expected(at, 44, 30, "d", "e", "info"),
        Expected("x", 1, 1, "f", "g", "error"),
    ]
    assert update(one, found).expected() == found
    assert update(two, []).expected() == []
    written = PAGE.replace("    # error: [gone] it is no more", "").replace(
        "weight: 20%}\n```\n",
        "weight: 20%}    # error:28: [a] b; c\n    # info:30: [d] e\n```\n"
        "\n```console\n$ rollout-spec check\nx:1:1: error: g [f]\n```\n",
    )
    written = re.sub(r"\n```console\n\$ rollout-spec check\na\.yaml.*\n```\n", "", written)
    assert page.read_text("utf-8") == written
    assert update(cases_of(page)[0], []).expected() == []
    assert update(cases_of(page)[0], found).expected() == found
    assert page.read_text("utf-8") == written


def test_the_case_that_contributors_see_is_one() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    shown = re.findall(r"^````markdown\n(.*?)^````$", page, re.MULTILINE | re.DOTALL)[0]
    case = RuleCase("stages-ascend", next(sections(shown.removesuffix("\n").split("\n"))))
    assert case.section.name == "the-last-stage-is-below-the-one-before"
    assert [finding.name for finding in case.expected()] == ["stages-ascend"]
    assert findings_of(report_of(case.case())) == case.expected()
