"""What policies see, what they find, and that no expression hangs, fills the memory, or passes by mistake.

A case of evaluation is a file in ``cases/policies``: expressions with what each must give, on one workspace.
"""

from __future__ import annotations

import gc
import re
import resource
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import folders
import pytest
from hypothesis import given
from hypothesis import strategies as st
from repo import run
from workspaces import laid_over, specs

from rollout_spec.checks import policies
from rollout_spec.checks.policies import cel as engine
from rollout_spec.checks.policies import cel_values as view
from rollout_spec.checks.policies import examples, positions, programs
from rollout_spec.checks.policies import sample_documents as samples
from rollout_spec.checks.policies import types as shape
from rollout_spec.checks.policies.bindings import Values, values
from rollout_spec.checks.policies.cel import ExpressionError, Failed
from rollout_spec.checks.policies.type_check import faults
from rollout_spec.checks.policies.waivers import waiver_for
from rollout_spec.checks.regressions import new_findings
from rollout_spec.checks.rules import policies_sound
from rollout_spec.checks.rules.base import Subject
from rollout_spec.checks.runner import check as checked
from rollout_spec.core import package_data as resources
from rollout_spec.core.findings import Problem
from rollout_spec.core.yaml.document import parse
from rollout_spec.domain import transitions
from rollout_spec.spec import KINDS, model_of
from rollout_spec.spec.policy_pack import Policy
from rollout_spec.spec.rollout import ModelRollout, Stage
from rollout_spec.spec.workspace import Waiver
from rollout_spec.workspace.edits import with_live
from rollout_spec.workspace.loader import read_file
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.working_tree import WorkingTree

ROOT = folders.CHECKOUT
EXAMPLE = ROOT / "examples/acme-models"
CASES = sorted((folders.CASES / "policies").glob("*.yaml"))
DOCUMENTED = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SHIPPED = [name.removesuffix(".yaml") for name in resources.names("policies")]


def workspace(files: Mapping[str, str], packs: str = "[policies/ours.yaml]") -> Repository:
    """Return the example workspace with files laid over it, which names these packs."""
    settings = (EXAMPLE / ".rollout-spec.yaml").read_text().replace("policies: [baseline]", f"policies: {packs}")
    edits = {".rollout-spec.yaml": settings, **files}
    return Repository(laid_over(WorkingTree(EXAMPLE), {path: text.encode() for path, text in edits.items()}))


def pack(*demands: Mapping[str, Any]) -> str:
    """Spell a pack of policies called p0, p1 …, which point nowhere in particular."""
    lines = ["apiVersion: rollout-spec/v1", "kind: PolicyPack", "metadata: {name: ours}", "spec:", "  policies:"]
    for index, demand in enumerate(demands):
        fields = {"name": f"p{index}", "message": "no", "why": "why", **demand}
        lines.append("    - " + ", ".join(["{" + ", ".join(f"{k}: {quoted(v)}" for k, v in fields.items()) + "}"]))
    return "\n".join(lines) + "\n"


def quoted(value: Any) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value).replace("'", '"')


def told(repository: Repository, base: Repository | None = None, rollout: str = "fraud") -> list[tuple[str, Problem]]:
    file = repository.rollout(rollout)
    assert file is not None
    return list(policies.check(file, repository, base, NOW))


def names(repository: Repository, base: Repository | None = None) -> list[str]:
    return [name for name, _ in told(repository, base)]


def asks(*expressions: str, **files: str) -> Repository:
    demands = [{"expression": each} for each in expressions]
    return workspace({"policies/ours.yaml": pack(*demands), **files})


# What is seen.


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_an_expression_gives_what_it_must(case: Path) -> None:
    given = parse(case.read_bytes()).data
    repository = workspace(given.get("files", {}))
    before = workspace(given["base"]) if "base" in given else None
    file = repository.rollout("fraud")
    assert file is not None and file.model is not None, file
    for expression, wanted in given["expressions"].items():
        seen = values(file, repository, before, NOW, expression)
        assert isinstance(seen, Values)
        verdict = seen.judge(engine.compile(expression), expression)
        answer = f"fails: {verdict.why}" if isinstance(verdict, Failed) else verdict
        assert (expression, answer) == (expression, wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_every_model_is_seen(kind: str) -> None:
    """A view has exactly the fields of the shape, which is made from the model."""

    def agrees(seen: Any, expected: shape.Shape, at: str) -> None:
        if isinstance(seen, dict) and expected.fields is not None:
            assert set(seen) >= set(expected.fields), at
            assert expected.item or set(seen) == set(expected.fields), at
            for name, value in seen.items():
                agrees(value, expected.fields.get(name, shape.ANY), f"{at}.{name}")
        elif isinstance(seen, dict):
            for name, value in seen.items():
                agrees(value, expected.item or shape.ANY, f"{at}[{name}]")
        elif isinstance(seen, list):
            for value in seen:
                agrees(value, expected.item or shape.ANY, f"{at}[]")
        elif expected.kinds and seen is not None:
            kinds = {str: "text", bool: "boolean", int: "number", float: "number"}
            kinds |= {view.CelDuration: "duration", view.CelTime: "time"}
            assert kinds[type(seen)] in expected.kinds, at

    for file in sorted((folders.TESTS / "good").glob("*.yaml")):
        read = read_file(file.name, None, file.read_bytes())
        if read.kind == kind and read.model:
            agrees(view.view(read.model), shape.shape_of(model_of(kind)), kind)
    agrees(samples._record(model_of(kind), True), shape.shape_of(model_of(kind)), kind)
    agrees(samples._record(model_of(kind), False), shape.shape_of(model_of(kind)), kind)


def test_a_share_of_traffic_is_zero_where_there_is_none_and_all_else_is_null() -> None:
    seen = view.view(Stage(name="canary"))
    assert seen == {
        "name": "canary",
        "weight": 0.0,
        "mirror": 0.0,
        "match": None,
        "hold": None,
        "approval": None,
        "warmup": None,
    }


def test_a_field_that_is_added_is_seen() -> None:
    class Longer(Stage):
        colour: str | None = None
        patience: timedelta | None = None

    seen = view.view(Longer(name="canary", colour="blue", patience=timedelta(minutes=3)))
    assert (seen["colour"], seen["patience"]) == ("blue", timedelta(minutes=3))
    assert "colour" in (shape.shape_of(Longer).fields or {})


def test_a_text_does_not_end_at_a_nul() -> None:
    """The engine would: ``"ok\\0 not"`` would equal ``"ok"``. No file that has one loads either."""
    assert view.text("team-risk\0 not") == "team-risk\ufffd not"


def test_a_text_that_is_too_long_to_look_at_is_no_pass() -> None:
    text = (EXAMPLE / "rollouts/fraud.yaml").read_text()
    long = text.replace("description: Scores", f"description: {'x' * 20_000} Scores")
    [(name, problem)] = told(asks("rollout.metadata.name != null", **{"rollouts/fraud.yaml": long}))
    assert (name, problem.severity) == ("p0", "error")
    assert "20,032 characters" in problem.message


def test_what_adds_looks_at_short_texts_only() -> None:
    expression = "rollout.spec.versions.all(v, (rollout.metadata.description + rollout.metadata.description + v) != v)"
    text = (EXAMPLE / "rollouts/fraud.yaml").read_text()
    long = text.replace("description: Scores", f"description: {'x' * 2_000} Scores")
    assert names(asks(expression)) == []
    [(_, problem), *others] = told(asks(expression, "rollout.spec.stages != []", **{"rollouts/fraud.yaml": long}))
    assert "2,032 characters" in problem.message and others == []


@pytest.mark.parametrize("count", [view.MOST_ENTRIES, view.MOST_ENTRIES + 1])
def test_a_list_that_is_too_long_to_go_through_is_no_pass(count: int) -> None:
    """As long as it may be, it takes a fraction of a second, and of the memory that a check may have."""
    labels = "\n".join(f"    l{number}: x" for number in range(count))
    text = (
        (EXAMPLE / "rollouts/fraud.yaml")
        .read_text()
        .replace("  tier: critical", f"  tier: critical\n  labels:\n{labels}\n ", 1)
    )
    loops = " && ".join(["rollout.metadata.labels.filter(l, true) != []"] * 3)
    repository = asks(loops, **{"rollouts/fraud.yaml": text})
    start, peak = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert names(repository) == (["p0"] if count > view.MOST_ENTRIES else [])
    assert time.process_time() - start < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 400 * 1024


def test_what_is_in_flight_is_known_after_an_edit_too() -> None:
    repository = asks('workspace.inFlight == ["fraud"]', "workspace.inFlight == []")
    assert names(repository) == ["p1"]
    text = (EXAMPLE / "rollouts/fraud.yaml").read_text()
    quiet = text.replace('    candidate: "42"', "").replace("    stage: canary-5", "")
    assert quiet != text
    assert names(repository.edited({"rollouts/fraud.yaml": "\n".join(quiet.splitlines()).encode()})) == ["p0"]


def test_a_candidate_is_counted_however_its_key_is_spelled() -> None:
    text = (EXAMPLE / "rollouts/fraud.yaml").read_text()
    spelled = re.sub("candidate(?!:)", "", text).replace('    candidate: "42"', '    "c\\u0061ndidate": "42"')
    assert "candidate" not in spelled
    assert names(asks('workspace.inFlight == ["fraud"]', **{"rollouts/fraud.yaml": spelled})) == []


# What passes.


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("rollout.spec.stages[9].weight > 1.0", "there is no entry 9 in a list of 4"),
        ('rollout.spec.versions["41"].metrics["f1"] > 0.5', 'there is no entry "f1"'),
        ("rollout.metadata.labels.size() > 0", "size"),
        ("dyn(1)", "gives a number, not true or false"),
        ('dyn("true")', "gives a text, not true or false"),
        ("null", "gives null, not true or false"),
        ('dyn("x") && true', "cannot be computed"),
    ],
)
def test_only_true_passes(expression: str, why: str) -> None:
    repository = asks(expression)
    file = repository.rollout("fraud")
    assert file is not None
    given = values(file, repository, None, NOW, expression)
    assert isinstance(given, Values)
    verdict = given.judge(engine.compile(expression), expression)
    assert isinstance(verdict, Failed) and why in verdict.why


def test_an_expression_that_fails_on_a_rollout_is_an_error_whatever_its_severity() -> None:
    expression = 'rollout.spec.versions["41"].metrics["f1"] > 0.5'
    repository = workspace({"policies/ours.yaml": pack({"expression": expression, "severity": "info"})})
    [(name, problem)] = told(repository)
    assert (name, problem.severity, problem.path) == ("p0", "error", ("metadata", "name"))
    assert 'there is no entry "f1"' in problem.message
    elsewhere = workspace({"policies/ours.yaml": pack({"expression": expression, "at": "spec.versions"})})
    assert [problem.path for _, problem in told(elsewhere)] == [("spec", "versions")]


@pytest.mark.parametrize("expression", ["rollout.spec.(", "true || rollout.spec.stagse == null", "rollout.spec.stages"])
def test_a_policy_that_is_not_sound_is_told_at_its_pack_and_nowhere_else(expression: str) -> None:
    repository = asks(expression, "false")
    assert names(repository) == ["p1"]
    file = repository.pack("policies/ours.yaml")
    assert file is not None
    assert [each.severity for each in policies_sound.check(Subject(file, repository))] == ["error"]


@pytest.mark.parametrize(
    ("match", "about"),
    [
        ("{tier: [critical]}", True),
        ("{tier: [standard, experimental]}", False),
        ("{names: [fraud]}", True),
        ("{names: [other], tier: [critical]}", False),
        ("{labels: {team: risk}}", False),
        ("{}", True),
    ],
)
def test_a_policy_is_about_the_rollouts_that_it_matches(match: str, about: bool) -> None:
    text = pack({"expression": "false"}).replace("name: 'p0'", f"name: 'p0', match: {match}")
    assert names(workspace({"policies/ours.yaml": text})) == (["p0"] if about else [])


@pytest.mark.parametrize(
    ("at", "path", "on_key"),
    [
        ("spec.stages", ("spec", "stages"), True),
        ("spec.live.stable", ("spec", "live", "stable"), False),
        ("spec.stages[1].weight", ("spec", "stages", 1, "weight"), False),
        ("spec.stages[0].weight", ("spec", "stages", 0, "weight"), True),
        (None, ("metadata", "name"), False),
    ],
)
def test_a_finding_points_where_the_policy_says(at: str | None, path: Any, on_key: bool) -> None:
    demand = {"expression": "false", "severity": "warning"} | ({"at": at} if at else {})
    [(_, problem)] = told(workspace({"policies/ours.yaml": pack(demand)}))
    assert problem == Problem(path, "no", None, "warning", on_key)


def test_of_two_policies_with_one_name_the_first_speaks() -> None:
    text = pack({"expression": "false", "name": "errors-watched"})
    repository = workspace({"policies/ours.yaml": text}, "[baseline, policies/ours.yaml]")
    assert len(policies.policies_of(repository)) == len({each.name for each in policies.policies_of(repository)})
    assert names(repository) == []


def test_packs_are_read_once_for_a_repository() -> None:
    repository = asks("true")
    assert policies.policies_of(repository) is policies.policies_of(repository)


# What is wrong with an expression.


@pytest.mark.parametrize(
    "expression",
    [
        "rollout.spec.stages.filter(s, s.weight > 0.0)[0].weight <= 5.0",
        "rollout.spec.versions.all(v, rollout.spec.versions[v].digest != null)",
        "rollout.spec.versions[rollout.spec.live.stable].metrics.auc > 0.9",
        "([rollout.spec.live.stable] + rollout.spec.live.knownGood).all(v, v in rollout.spec.versions)",
        "rollout.spec.stages.map(s, s.weight + s.mirror).exists(w, w == 100.0)",
        'rollout.spec.targets.exists(t, t.type == "kserve" && t.servingRuntime == "x")',
        "rollout.spec.triggers.all(t, t.above == 5.0 || t.above == duration('1s'))",
        "base == null || rollout.spec.versions == base.spec.versions",
        "now.getHours('Europe/Berlin') < 17 && now - duration('1h') < now",
        "incidents.exists_one(i, i.spec.observedAt < timestamp('2026-01-01T00:00:00Z'))",
        "workspace.inFlight.size() < 5 && 'psi' in workspace.spec.metrics",
        "rollout.spec.rollback.window == null ? true : rollout.spec.rollback.window >= duration('24h')",
        "has(rollout.metadata.labels) && dyn(rollout).anything.at.all == 1",
        "rollout.spec.triggers.all(t, t.for == null || t.for < t.window)",
        "rollout.spec.versions.all(v, rollout.spec.versions[v].model == 'models:/' + rollout.metadata.name + '/' + v)",
    ],
)
def test_a_sound_expression_has_no_faults(expression: str) -> None:
    assert faults(engine.compile(expression).tree()) == []


@pytest.mark.parametrize(
    ("expression", "words", "marked"),
    [
        ("rollout.spec.stages.map(s, s.nme).exists(w, w == 'x')", "no field `nme`", "nme"),
        ("rollout['spec']['stagess'].size() > 0", "no field `stagess`", "'stagess'"),
        ("rollout.spec.stages[0].name.first == 'a'", "a text, which has no fields", "first"),
        ("has(rollout.spec.nope)", "no field `nope`", "nope"),
        ("true || !has((rollout.spec).nope)", "no field `nope`", "nope"),
        ("has(rollout.nope.spec)", "no field `nope`", "nope"),
        ("has(rollout.spec.stages[0].name.first)", "a text, which has no fields", "first"),
        ("rollout.spec.stages.all(s, has(s.nme) || s.weight > 1.0)", "no field `nme`", "nme"),
        ("has(rollout.spec.stages.filter(s, has(s.name))[0].nme) ? true : false", "no field `nme`", "nme"),
        ("rollout.spec.stages['canary'].weight > 1.0", "the index of a list must be a number", "'"),
        ("rollout.spec.versions[42].digest != null", "the key of a mapping must be a text", "4"),
        ("'canary' in rollout.spec.service.port", "not a number", "i"),
        ("42 in rollout.spec.live.knownGood", "a number never equals a text", "in"),
        ("rollout.spec.service.port + rollout.metadata.name == 'x'", "`+` cannot take", "+"),
        ("!rollout.spec.stages", "`!` takes true or false", "r"),
        ("rollout.metadata.name ? true : false", "`?` takes true or false", "r"),
        ("now + now > now", "", ""),
        ("size(rollout.spec.service.port) > 1", "`size` takes", "("),
        ("rollout.spec.stages.all(s, s.hold > now)", "cannot compare a duration with a time", ">"),
    ],
)
def test_a_fault_is_found_where_it_stands(expression: str, words: str, marked: str) -> None:
    try:
        found = faults(engine.compile(expression).tree())
    except ExpressionError as refused:  # what the engine's own checker knows already
        assert refused.message
        return
    assert len(found) == (1 if words else 0)
    for each in found:
        assert words in each.message
        assert expression[each.at : each.at + each.length] == marked


@given(st.text(alphabet="rolutspecagbm.[]()&|!=<>+-*?:'\"0123 \n", max_size=60))
def test_no_text_is_more_than_refused(text: str) -> None:
    try:
        program = engine.compile(text)
    except ExpressionError as refused:
        assert refused.message and refused.line >= 1 and refused.column >= 1
    else:
        faults(program.tree())
        assert program.judge(samples.full()) in (True, False) or isinstance(program.judge(samples.full()), Failed)


_FIELDS = sorted({name for s in shape.variables()["rollout"].fields.values() for name in s.fields or {}})  # type: ignore[union-attr]


@given(st.sampled_from(_FIELDS), st.integers(0, 30), st.sampled_from("abcxyz"))
def test_a_misspelt_field_is_found_behind_any_or(field: str, at: int, letter: str) -> None:
    misspelt = field[: at % (len(field) + 1)] + letter + field[at % (len(field) + 1) :]
    section = "spec" if field in (shape.variables()["rollout"].fields or {})["spec"].fields else "metadata"  # type: ignore[operator]
    known = (shape.variables()["rollout"].fields or {})[section].fields or {}
    found = faults(engine.compile(f"true || rollout.{section}.{misspelt} == null").tree())
    assert [each.message for each in found] == ([] if misspelt in known else [f"there is no field `{misspelt}` here"])


@pytest.mark.parametrize(
    "block",
    [
        "e: a && b",
        "e: 'a && b'",
        'e: "a && b"',
        "e: |\n  a &&\n    b\n",
        "e: >-\n  a &&\n  b\nf: 1",
        "e: a &&\n  b   # why\n",
        "e: >\n\n  a\n\n  && b\n",
    ],
)
def test_an_offset_in_an_expression_is_a_place_in_the_file(block: str) -> None:
    document = parse(block.encode())
    value = document.data["e"]
    span = positions.span_at(document, ("e",), value.index("b"))
    assert block.split("\n")[span.line - 1][span.column - 1 : span.end_column - 1] == "b"


def test_where_quotes_hide_the_place_all_of_the_expression_is_marked() -> None:
    document = parse(rb'e: "\x61 && b"')
    assert positions.span_at(document, ("e",), 5) == document.span(("e",))


# Bounds.

MANY = "[" + ",".join(["1"] * 100) + "]"
BOMBS = {
    "loops in loops": f"{MANY}.all(a, {MANY}.all(b, {MANY}.all(c, true)))",
    "parentheses": "(" * 1000 + "true" + ")" * 1000,
    "lists in lists": "[" * 1000 + "]" * 1000 + " == []",
    "fields of fields": "rollout" + ".a" * 1500 + " == 1",
    "sums": " + ".join(["1"] * 1000) + " > 0",
    "negations": "!" * 4000 + "true",
    "length": "true && " * 5000 + "true",
    "conditions": "true ? " * 500 + "true" + " : true" * 500,
    "repeated repetition": '"a".matches("((((a{1,100}){1,100}){1,100}){1,100})")',
    "backtracking": f'"{"a" * 2000}".matches("^(a+)+$b")',
    "doubled texts": '["x"]' + ".map(x, x + x)" * 25 + "[0].size() > 0",
    "doubled names": '["x"]' + "".join(f".all(a{n}, [a{n} + a{n}]" for n in range(9)) + " != []" + ")" * 9,
    "many texts": f"{MANY}.all(a, ({' + '.join(['rollout.metadata.name'] * 9)}).size() > 0)",
    "doubled lists": "[[1]]" + ".map(x, x + x)" * 25 + "[0].size() > 0",
    "lists of themselves": "[[1]]" + ".map(x, [x, x])" * 25 + " == []",
    "maps of themselves": "[{'a': 1}]" + ".map(x, {'a': x, 'b': x})" * 20 + " == []",
    "maps in maps": "[1]" + "".join(f".map(x, {MANY[:41]}].map(y, x))" for _ in range(8)) + " == []",
    "texts in loops": f"{MANY}.all(a, {MANY}.all(b, (string(rollout.metadata.name) + 'x').size() > 0))",
}


@pytest.mark.parametrize("name", BOMBS)
def test_no_expression_hangs_or_fills_the_memory(name: str) -> None:
    """It is refused, passed over as not sound, or ended by the engine, and never more than a fraction of a second."""
    expression = BOMBS[name]
    peak, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    program = programs.program_of(expression)
    if program is not None:
        verdict = program.judge(samples.full())
        assert isinstance(verdict, bool | Failed)
    assert time.process_time() - start < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 64 * 1024


@pytest.mark.parametrize(
    "name", [name for name in BOMBS if name.startswith(("doubled", "many", "maps", "lists of", "texts"))]
)
def test_what_could_fill_the_memory_is_never_evaluated(name: str) -> None:
    assert programs.program_of(BOMBS[name]) is None


def test_ten_thousand_rollouts_take_no_more_memory_than_one() -> None:
    """In a process of its own, since others have used memory before."""
    program = textwrap.dedent("""
        import gc, resource, sys
        from datetime import UTC, datetime
        from pathlib import Path
        from rollout_spec.checks import policies
        from rollout_spec.workspace.repository import Repository
        from rollout_spec.workspace.working_tree import WorkingTree

        repository = Repository(WorkingTree(Path(sys.argv[1])))
        rollout, now = repository.rollout("fraud"), datetime(2026, 11, 20, tzinfo=UTC)
        for turn in range(3000):
            assert not list(policies.check(rollout, repository, None, now))
            if turn == 500:
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """)
    done = subprocess.run(
        [sys.executable, "-c", program, str(EXAMPLE)], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert int(done.stdout) < 4 * 1024


def test_a_check_without_policies_does_not_load_the_engine(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom rollout_spec.cli import main\n"
        "main(sys.argv[1:])\n"
        "starts = ('cel_expr', 'rollout_spec.checks.policies.cel')\n"
        "print([name for name in sys.modules if name.startswith(starts)])"
    )
    for path, text in (("rollouts/fraud.yaml", None), (".rollout-spec.yaml", "policies: [baseline]")):
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True)
        file.write_text((EXAMPLE / path).read_text().replace(text or "\0", "policies: []"))
    for component in (EXAMPLE / "components").iterdir():
        (tmp_path / "components").mkdir(exist_ok=True)
        (tmp_path / "components" / component.name).write_bytes(component.read_bytes())
    arguments = ["--repo", str(tmp_path), "check", "rollouts/fraud.yaml"]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


# Packs that are shipped, and their examples.


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_pack_is_sound_and_shows_what_it_says(name: str) -> None:
    file = Repository(WorkingTree(ROOT)).pack(name)
    assert file is not None and file.model is not None, file
    assert list(policies_sound.check(Subject(file, Repository(WorkingTree(ROOT))))) == []
    assert list(examples.run(file)) == []


def test_shipped_policies_have_names_of_their_own() -> None:
    repository = workspace({}, "[" + ", ".join(SHIPPED) + "]")
    packs = [repository.pack(name) for name in SHIPPED]
    wanted = [policy.name for file in packs if file and file.model for policy in file.model.spec.policies]
    assert sorted(each.name for each in policies.policies_of(repository)) == sorted(wanted)


def test_no_shipped_policy_stands_in_the_way_of_a_rollback() -> None:
    """Whatever is wrong with the records and whenever it is: what is found after a rollback was found before it."""
    from rollout_spec.workflows.drill import drill

    text = (EXAMPLE / "rollouts/fraud.yaml").read_text().replace("      runId: c0ffee0a1b2c4d5e8f90a1b2c3d4e5f6\n", "")
    text = text.replace("metrics: {auc: 0.9077}", "metrics: {auc: 0.1}")
    text = text.replace('{user-profile: "11", payment-event: "3.1", tokenizer: "1.4.2"}', '{tokenizer: ">=1.4,<2"}', 1)
    repository = workspace({"rollouts/fraud.yaml": text}, "[" + ", ".join(SHIPPED) + "]")
    christmas = datetime(2026, 12, 25, 3, tzinfo=UTC)
    found = list(drill(repository, "fraud", now=christmas))
    assert found and [(each.state, each.failed, each.why) for each in found if each.fails] == []


EXAMPLES = """apiVersion: rollout-spec/v1
kind: PolicyPack
metadata: {name: ours}
spec:
  policies:
    - name: small
      match: {tier: [critical]}
      expression: rollout.spec.stages[0].weight <= 5.0
      message: small
      why: why
      passes:
        - {spec: {stages: [{weight: 5%}, {weight: 100%}]}}
        - {spec: {stages: [{weight: 50%}, {weight: 100%}]}}
        - {spec: {stages: [{wieght: 5%}]}}
        - {metadata: {tier: standard}}
        - {stages: []}
      fails:
        - {spec: {stages: [{weight: 5%}]}}
        - {spec: {stages: []}}
        - {now: tomorrow}
        - {base: {spec: {live: {stable: 41}}}}
    - {name: bare, expression: "true", message: m, why: w}
    - {name: broken, expression: "rollout.spc == null", message: m, why: w, passes: [{}], fails: [{}]}
"""


def test_policy_test_says_what_examples_do_not_show(tmp_path: Path) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text(EXAMPLES)
    done = run("--repo", str(tmp_path), "policy", "test", "ours.yaml")
    assert done.status == 1
    assert done.out.splitlines() == [
        "ours.yaml:13:11: error: this should pass, but fails [small]",
        "ours.yaml:14:29: error: this is not a valid ModelRollout: there is no field `wieght` here; "
        "did you mean `weight`? [small]",
        "ours.yaml:15:11: error: the policy's `match` leaves out the rollout of this example, fraud; "
        "add the matching `metadata` to the example, such as `metadata: {name: …}` [small]",
        "ours.yaml:16:12: error: an example has no field `stages` [small]",
        "ours.yaml:18:11: error: this should fail, but passes [small]",
        "ours.yaml:19:19: error: this is not a valid ModelRollout: this is empty, but needs at least one entry [small]",
        "ours.yaml:20:12: error: a time is RFC 3339 with a zone: `2026-11-20T10:15:00Z` [small]",
        "ours.yaml:21:33: error: this is not a valid ModelRollout: expected a version, which is text; got `41`; "
        "write one value here [small]",
        "ours.yaml:22:14: error: `bare` has no example that fails; add one to `fails` [bare]",
        "ours.yaml:22:14: error: `bare` has no example that passes; add one to `passes` [bare]",
        "ours.yaml:23:34: error: the expression cannot be evaluated: there is no field `spc` here; "
        "did you mean `spec`? [broken]",
    ]
    assert done.err == "3 policies, 11 examples: 11 wrong\n"


def test_policy_test_runs_the_packs_that_are_asked_for(tmp_path: Path) -> None:
    assert "10 policies" in run("--repo", str(EXAMPLE), "policy", "test").err
    assert "16 policies" in run("--repo", str(tmp_path), "policy", "test").err
    assert "6 policies" in run("--repo", str(tmp_path), "policy", "test", "regulated").err
    assert run("--repo", str(tmp_path), "policy", "test").status == 0


@pytest.mark.parametrize("words", [("test", "regulate"), ("test", "policies/none.yaml"), ("tset",), ("test", "a.yaml")])
def test_policy_test_says_what_it_cannot_use(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "a.yaml").write_text("a: [")
    assert run("--repo", str(tmp_path), "policy", *words).status == 2


# Waivers.


@pytest.mark.parametrize(
    ("expires", "last"),
    [
        ("2026-12-31", "2026-12-31T23:59:59+00:00"),
        ("9999-12-31", "9999-12-31T23:59:59+00:00"),
        ("2026-12-31T12:00:00+01:00", "2026-12-31T10:59:59+00:00"),
    ],
)
def test_a_waiver_holds_until_it_ends(expires: str, last: str) -> None:
    waiver = Waiver(policy="p", rollout="r", reason="why", expires=expires)
    assert timedelta(0) < waiver.ends - datetime.fromisoformat(last) <= timedelta(seconds=1)


def test_a_waiver_is_for_one_policy_and_one_rollout_until_it_ends() -> None:
    settings = (EXAMPLE / ".rollout-spec.yaml").read_text()
    line = "  waivers: [{policy: small, rollout: fraud, reason: OPS-1, expires: 2026-11-20}]\n"
    repository = workspace({".rollout-spec.yaml": settings + line})
    found = waiver_for("small", "fraud", repository, NOW)
    assert found is not None and (found.reason, found.expires) == ("OPS-1", "2026-11-20")
    assert waiver_for("small", "fraud", repository, NOW + timedelta(hours=12)) is None
    assert waiver_for("small", "other", repository, NOW) is None
    assert waiver_for("large", "fraud", repository, NOW) is None


def test_a_view_is_of_numbers_that_the_engine_knows() -> None:
    """A Decimal would be cut to an integer there."""
    rollout = ModelRollout.model_validate(parse((EXAMPLE / "rollouts/fraud.yaml").read_bytes()).data)
    todo: list[Any] = [view.view(rollout)]
    while todo:
        here = todo.pop()
        assert not isinstance(here, Decimal | timedelta) or isinstance(here, view.CelDuration)
        todo += here.values() if isinstance(here, dict) else here if isinstance(here, list) else ()
    gc.collect()


# Messages.


def message(expression: str, **fields: str) -> tuple[str, str | None]:
    """Return the message and the hint of a policy that fails, whose message is an expression."""
    demand = {"expression": "rollout == null", "message": "plain", "messageExpression": expression, **fields}
    [(_, problem)] = told(workspace({"policies/ours.yaml": pack(demand)}))
    return problem.message, problem.hint


def test_a_message_names_what_is_wrong() -> None:
    text = '"the record of " + rollout.spec.live.candidate + " lacks `runId`"'
    assert message(text, hint="record it") == ("the record of 42 lacks `runId`", "record it")


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("'in ' + workspace.metadata.name", "in acme-models"),
        ("'in flight: ' + string(workspace.inFlight.size())", "in flight: 1"),
        ("components['tokenizer'].metadata.owner", "team-nlp"),
    ],
)
def test_a_message_may_name_other_variables_than_the_expression(expression: str, text: str) -> None:
    assert message(expression) == (text, None)


@pytest.mark.parametrize(
    "expression",
    [
        "rollout.spec.versions['none'].model",
        "1 / 0 == 1 ? 'a' : 'b'",
        "' '",
        "rollout",
        "true",
        "spec",
        "'",
        "rollout.spec.stages.map(s, s.name + s.name + s.name + s.name + s.name + s.name)[0]",
        "'x'.matches('(((x+)+)+)+y') ? 'a' : ''",
    ],
)
def test_a_message_that_cannot_be_evaluated_is_the_plain_one(expression: str) -> None:
    assert message(expression) == ("plain", None)


def test_a_message_is_one_short_line() -> None:
    text, _ = message(r"'a\nb' + '" + "x" * 600 + "'")
    assert text == f"a b{'x' * 496}…"


def test_a_rollback_is_not_refused_because_a_message_changes() -> None:
    text = 'rollout.spec.live.candidate == null ? "a" : "b"'
    repository = workspace({"policies/ours.yaml": pack({"expression": "rollout == null", "messageExpression": text})})
    file = repository.rollout("fraud")
    assert file is not None
    assert file.model is not None
    edits = {file.path: with_live(file.content, transitions.withdraw(file.model.spec.live))}
    new, left = new_findings(repository, edits, now=NOW)
    assert "p0" not in [each.name for each in new]
    assert [each.message for each in left if each.name == "p0"] == ["a"]


def test_an_expression_of_a_message_is_checked() -> None:
    demands = [
        {"expression": "true", "messageExpression": text} for text in ("'a' + rollout.spc", "1 == 1", "'", "'a'")
    ]
    file = read_file("policies/ours.yaml", "PolicyPack", pack(*demands).encode())
    problems = list(policies_sound.check(Subject(file, workspace({}))))
    assert {each.path[2] for each in problems} == {0, 1, 2}
    assert {each.path[3] for each in problems} == {"messageExpression"}
    assert "this gives true or false; a message must be a text" in [each.message for each in problems]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_policy_says_what_to_do(name: str) -> None:
    shipped = read_file(f"policies/{name}.yaml", "PolicyPack", resources.read(f"policies/{name}.yaml"))
    assert shipped.model is not None
    assert [each.name for each in shipped.model.spec.policies if each.hint is None] == []


# The documentation.

BLOCKS = [parse(block.encode()).data for block in DOCUMENTED.findall((ROOT / "docs/policies.md").read_text("utf-8"))]


def test_the_documented_pack_is_sound_and_shows_what_it_says() -> None:
    text = next(b for b in DOCUMENTED.findall((ROOT / "docs/policies.md").read_text("utf-8")) if "PolicyPack" in b)
    file = read_file("policies/payments.yaml", "PolicyPack", text.encode())
    assert file.model is not None, file.problems
    assert list(policies_sound.check(Subject(file, workspace({})))) == []
    assert list(examples.run(file)) == []


def test_the_documented_waivers_are_some() -> None:
    [waivers] = [block["spec"]["waivers"] for block in BLOCKS if "waivers" in block["spec"]]
    assert [Waiver.model_validate(each).policy for each in waivers] == ["first-stage-small"]


def test_the_page_has_every_variable_and_bound() -> None:
    page = (ROOT / "docs/policies.md").read_text("utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(engine.VARIABLES) == list(shape.variables())
    for bound in (engine.LONGEST_EXPRESSION, view.LONGEST_TEXT, view.LONGEST_SUMMAND, view.MOST_ENTRIES):
        assert f"{bound:,}" in page
    assert all(f"`{name}`" in page for name in SHIPPED)


def test_a_pack_that_is_not_there_is_no_silent_pass() -> None:
    head = b"apiVersion: rollout-spec/v1\nkind: Workspace\nmetadata: {name: prod}\n"
    workspace = head + b"spec: {policies: [policies/gone.yaml]}\n"
    repository = Repository(specs({".rollout-spec.yaml": workspace}))
    report = checked(repository, paths=["rollouts/fraud.yaml"], now=datetime(2026, 11, 20, tzinfo=UTC))
    told = [(each.file, each.severity, each.message) for each in report.findings]
    assert (".rollout-spec.yaml", "error", "there is no policy pack policies/gone.yaml") in told


def test_a_pack_that_the_workspace_does_not_name_is_said(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "models")
    pack = tmp_path / "models/policies/costs.yaml"
    pack.parent.mkdir()
    pack.write_text(EXAMPLES)
    told = "policies/costs.yaml is not used: name it under `policies` in .rollout-spec.yaml\n"
    done = run("--repo", str(tmp_path / "models"), "policy", "test")
    assert (done.status, done.err.endswith(told)) == (0, True), done.text
    assert told not in run("--repo", str(tmp_path / "models"), "policy", "test", "policies/costs.yaml").err
    settings = tmp_path / "models/.rollout-spec.yaml"
    settings.write_text(settings.read_text().replace("[baseline]", "[baseline, ./policies/costs.yaml]"))
    assert told not in run("--repo", str(tmp_path / "models"), "policy", "test").err


def test_the_same_edited_files_are_compared_with_each_base() -> None:
    text = '"it was " + (base == null ? "absent" : base.metadata.name)'
    repository = workspace({"policies/ours.yaml": pack({"expression": "rollout == null", "messageExpression": text})})
    after = repository.edited({"rollouts/other.yaml": None})
    file = after.rollout("fraud")
    assert file is not None
    messages = [next(policies.check(file, after, base, NOW))[1].message for base in (repository, None, repository)]
    assert messages == ["it was fraud", "it was absent", "it was fraud"]
    repository = asks("base != null")
    after = repository.edited({"rollouts/other.yaml": None})
    found = [len(list(policies.check(file, after, base, NOW))) for base in (None, repository, None)]
    assert found == [1, 0, 1]


@pytest.mark.parametrize(("field", "gives_text"), [("expression", False), ("message_expression", True)])
def test_the_examples_of_the_reference_are_sound(field: str, gives_text: bool) -> None:
    shown = Policy.model_fields[field].examples
    assert shown and not any(programs.unsound(str(each), gives_text) for each in shown)
