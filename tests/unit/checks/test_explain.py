"""What is explained is true: each example does what it says, and the page that publishes them is not stale."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import folders
import pytest
from example_files import files_of, parts_of
from overlays import Line
from rule_cases import Case
from rule_reports import report_of
from workspaces import BASE, Files, files_in, rendered

from rollout_spec.checks.documentation import explain, explanations, of_rule, page
from rollout_spec.checks.rules import RULES
from rollout_spec.cli import main
from rollout_spec.core import package_data as resources
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay
from rollout_spec.workspace.working_tree import WorkingTree

PAGE = folders.CHECKOUT / "docs" / "rules.md"
UPDATE = os.environ.get("ROLLOUT_SPEC_UPDATE") == "1"
PACK = """\
apiVersion: rollout-spec/v1
kind: PolicyPack
metadata: {name: payments}
spec:
  policies:
    - name: owned
      severity: warning
      match: {tier: [critical], labels: {pci: "yes"}}
      expression: rollout.metadata.owner != null
      message: "somebody \\e[31m owns it"
      why: Somebody answers.
      fails: [{metadata: {owner: null}}]
"""


# Examples.


def found_in(rule: str, example: str) -> tuple[set[str], set[str]]:
    """Return the rules that find something in an example, and those that find an error."""
    parts = list(parts_of([Line(line) for line in example.rstrip("\n").split("\n")]))
    after, before = files_of(parts), files_of(parts, on_the_base=True)
    if rule == "manifests-current":
        after |= manifests()
    compared = bool(before) or RULES[rule].NEEDS == "base"
    report = report_of(Case(rule, after, before if compared else None, None))
    assert rule not in {skipped.name for skipped in report.skipped}
    return {each.name for each in report.findings}, {
        each.name for each in report.findings if each.severity == "error" and each.name in RULES
    }


def manifests() -> Files:
    """Return what the base workspace renders."""
    tree = rendered({})
    folders = [f"manifests/{name}" for name in tree.names("manifests")]
    return {
        f"{folder}/{name}": tree.read(f"{folder}/{name}") or b"" for folder in folders for name in tree.names(folder)
    }


@pytest.mark.parametrize("rule", RULES)
def test_the_examples_of_a_rule_do_what_they_say(rule: str) -> None:
    explanation = of_rule(rule)
    assert explanation.fails, "its docstring ends with examples: `Fails::` and `Passes::`"
    assert explanation.passes, "its docstring ends with examples: `Fails::` and `Passes::`"
    for example in explanation.fails:
        assert rule in found_in(rule, example)[0], example
    for example in explanation.passes:
        found, errors = found_in(rule, example)
        assert rule not in found, example
        assert not errors, example


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_says_what_must_hold_and_why(rule: str) -> None:
    explanation = of_rule(rule)
    assert explanation.summary.endswith(".")
    assert explanation.body
    assert "::" not in explanation.text()
    assert "``" not in explanation.text()


# The page.


def test_the_page_about_rules_is_not_stale() -> None:
    if UPDATE:
        PAGE.write_text(page(), "utf-8")
    assert PAGE.read_text("utf-8") == page(), "ROLLOUT_SPEC_UPDATE=1 writes it anew"


def test_the_page_has_an_anchor_for_each_rule_and_shipped_policy() -> None:
    anchors = re.findall(r"^### (\S+)$", page(), re.MULTILINE)
    assert anchors == [each.name for each in explanations()]
    assert len(set(anchors)) == len(anchors)
    assert re.findall(r"\]\(#(\S+)\)", page()) == anchors


# The command.


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(list(words))
    output = capsys.readouterr()
    return status, output.out, output.err


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Path]:
    for path, content in {**files_in(BASE), "policies/payments.yaml": PACK.encode()}.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    yield tmp_path


def test_a_rule_is_explained_anywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, output, _ = told(capsys, "--repo", str(tmp_path), "explain", "stages-ascend")
    assert status == 0
    assert output.startswith("stages-ascend (rule)\n\nEach stage gives the candidate more traffic ")
    assert "\nFails:\n\n    " in output
    assert "\nPasses:\n\n    " in output
    assert output.endswith("\n\nhttps://github.com/rollout-spec/rollout-spec/blob/main/docs/rules.md#stages-ascend\n")
    assert max(map(len, output.splitlines())) <= 100
    assert "\x1b" not in output


def test_a_shipped_policy_is_explained_anywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policies = {each.pack: each.name for each in explanations() if each.pack}
    assert policies
    for pack, name in policies.items():
        status, output, _ = told(capsys, "--repo", str(tmp_path), "explain", name)
        assert status == 0
        assert output.startswith(f"{name} (policy of {pack})\n\n")
        assert "\nExpression:\n\n    " in output


def test_a_policy_of_the_workspace_is_explained_in_it(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, output, _ = told(capsys, "--repo", str(workspace), "explain", "owned")
    assert status == 0
    assert output.splitlines() == [
        "owned (policy of payments)",
        "",
        r"Somebody \u001b[31m owns it.",
        "",
        "Somebody answers.",
        "",
        "Severity: warning. It applies to rollouts with tier critical and labels pci=yes.",
        "",
        "Expression:",
        "",
        "    rollout.metadata.owner != null",
        "",
        "Fails:",
        "",
        "    metadata: {owner: null}",
    ]


def test_without_a_name_all_are_listed(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, output, _ = told(capsys, "--repo", str(workspace), "explain")
    names = re.findall(r"^  (\S+)  ", output, re.MULTILINE)
    shipped = [each.name for each in explanations()]
    assert status == 0
    assert sorted(names) == sorted([*shipped, "owned"])
    assert names[: len(RULES)] == list(RULES)
    packs = ["payments", *(name.removesuffix(".yaml") for name in resources.names("policies"))]
    assert re.findall(r"^Policies of (\S+)$", output, re.MULTILINE) == packs


@pytest.mark.parametrize(
    ("name", "hint"),
    [("stage-ascend", "did you mean `stages-ascend`?"), ("x" * 40, "run `rollout-spec explain` for a list")],
)
def test_a_name_that_nobody_knows_is_told_with_the_nearest(
    name: str, hint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, output, said = told(capsys, "--repo", str(tmp_path), "explain", name)
    assert (status, output) == (2, "")
    assert f"no rule or policy `{name}`\n  help: {hint}" in said


def test_a_pack_that_does_not_load_hides_no_other(workspace: Path) -> None:
    (workspace / "policies" / "broken.yaml").write_text("spec: [")
    assert explain("owned", Repository(WorkingTree(workspace))) is not None


def test_a_pack_that_the_workspace_names_by_its_path_is_known() -> None:
    named = (BASE / ".rollout-spec.yaml").read_bytes() + b"  policies: [more/payments.yaml]\n"
    tree = Overlay(WorkingTree(BASE), {".rollout-spec.yaml": named, "more/payments.yaml": PACK.encode()})
    found = explain("owned", Repository(tree))
    assert found is not None
    assert (found.pack, found.url) == ("payments", None)
