"""What is rendered: a case is a folder in ``cases/render``, and a new one is no Python.

A case holds what differs from the workspace in ``cases/render/_base`` (see ``workspaces.laid_over``), and the manifests
of one rollout in ``expected/``: of the one that it lays over, else of ``fraud``. ``ROLLOUT_SPEC_UPDATE=1`` writes those
anew; read what it writes.
"""

from __future__ import annotations

import os
import re
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import folders
import pytest
import yaml
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from nested_data import replaced
from workspaces import files_in, laid_over

from rollout_spec.checks.runner import check
from rollout_spec.core.errors import UserError
from rollout_spec.domain.metrics.profiles import PROFILES
from rollout_spec.render.renderer import Manifest, RenderError, render
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay, Tree
from rollout_spec.workspace.working_tree import WorkingTree

CASES = folders.CASES / "render"
BASE = CASES / "_base"
NAMES = sorted(folder.name for folder in CASES.iterdir() if folder != BASE)
UPDATE = os.environ.get("ROLLOUT_SPEC_UPDATE") == "1"

some = settings(max_examples=examples(50), deadline=None, database=None, derandomize=True)


def case_of(name: str) -> tuple[str, Tree]:
    """Return the rollout of a case, and its tree."""
    files = {path: content for path, content in files_in(CASES / name).items() if not path.startswith("expected/")}
    laid = [Path(path).name.partition(".")[0] for path in files if path.startswith("rollouts/")]
    return (laid or ["fraud"])[0], laid_over(WorkingTree(BASE), files)


def rendered(tree: Tree, rollout: str) -> list[Manifest]:
    repository = Repository(tree)
    file = repository.rollout(rollout)
    assert file and file.model, file and (file.document.problems, file.problems)
    return render(file.model, repository)


@pytest.mark.parametrize("name", NAMES)
def test_a_case_renders_what_is_expected(name: str) -> None:
    rollout, tree = case_of(name)
    report = check(Repository(tree), paths=[f"rollouts/{rollout}.yaml"])
    assert not report.failed, report.findings
    folder = f"manifests/{rollout}/"
    texts = {manifest.path.removeprefix(folder): manifest.text.encode() for manifest in rendered(tree, rollout)}
    expected = CASES / name / "expected"
    if UPDATE:
        shutil.rmtree(expected, ignore_errors=True)
        for file, text in texts.items():
            (expected / file).parent.mkdir(parents=True, exist_ok=True)
            (expected / file).write_bytes(text)
    assert texts == files_in(expected)


def test_every_profile_has_a_case() -> None:
    assert {f"profile-{name}" for name in PROFILES} <= set(NAMES)


def test_a_workspace_of_another_name_is_named_in_alerts() -> None:
    workspace = (BASE / ".rollout-spec.yaml").read_text().replace("acme", "acme-eu")
    tree = Overlay(WorkingTree(BASE), {".rollout-spec.yaml": workspace.encode()})
    (rules,) = rendered(tree, "churn")
    labels = [rule["labels"] for rule in data_of(rules)["groups"][0]["rules"]]
    assert {each["workspace"] for each in labels} == {"acme-eu"}


@pytest.mark.parametrize(
    ("case", "boundary", "spellings"),
    [
        ("profile-istio", "250", ["250", "250.0"]),
        ("profile-generic", "0.25", ["0.25"]),
        ("bounds", "1800000", ["1800000", "1800000.0", "1.8e+06"]),
    ],
)
def test_a_boundary_is_found_however_it_is_written(case: str, boundary: str, spellings: list[str]) -> None:
    """Prometheus 3 writes boundaries anew: https://prometheus.io/docs/prometheus/latest/migration/."""
    text = (CASES / case / "expected" / "alerts" / "churn.yaml").read_text("utf-8")
    patterns = [each.replace("\\\\", "\\") for each in re.findall(r'le=~"(.*?)"', text)]
    (pattern,) = [each for each in patterns if re.fullmatch(each, boundary)]
    assert all(re.fullmatch(pattern, each) for each in spellings)
    assert not any(re.fullmatch(pattern, each) for each in ("2500", "0x25", "10.25", "250.01", "+Inf"))


def data_of(manifest: Manifest) -> Any:
    (data,) = yaml.load_all(manifest.text, yaml.CSafeLoader)
    return data


# Values: whatever a user writes comes out as it is.

ONE_LINE = st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1).filter(str.strip)
ANY = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
AWKWARD = st.sampled_from(
    (
        "no",
        "1.10",
        "0x1F",
        "12:30",
        "~",
        "null",
        "'",
        '"',
        "a: b",
        "- a",
        "{{ x }}",
        "{% if %}",
        "a #b",
        "*a",
        "&a",
        "!a",
    )
)
SHARE = st.integers(1, 999_999).map(lambda millionths: Fraction(millionths, 1_000_000))
OWN = {
    "templates/own/target.yaml": b"description: All that is told.\nowns: workloads\ntemplates: [{file: all.yaml.j2}]\n",
    "templates/own/all.yaml.j2": (
        b"description: {{ rollout.description }}\n"
        b"labels: {{ rollout.labels }}\n"
        b"entries:\n{% for key, value in rollout.labels.items() %}\n  - {{ key }}: {{ value }}\n{% endfor %}\n"
        b"list: {{ rollout.labels.items() | list }}\n"
    ),
}


def fraud() -> Any:
    return yaml.load((BASE / "rollouts" / "fraud.yaml").read_bytes(), yaml.CSafeLoader)


def percent(share: Fraction) -> str:
    text = f"{share.numerator * 100 * 10_000 // share.denominator:05}"
    return f"{int(text[:-4])}.{text[-4:]}%"


@some
@given(
    ONE_LINE | AWKWARD,
    ONE_LINE | AWKWARD,
    st.dictionaries(st.from_regex(r"[A-Z_]{1,9}", fullmatch=True), ANY | AWKWARD),
)
def test_texts_of_a_record_come_out_as_they_are(artifact: str, image: str, env: dict[str, str]) -> None:
    serve = {"image": image, "runtime": image, "env": env}
    record = {"artifact": artifact, "format": "no", "serve": serve}
    data = replaced(fraud(), ("spec", "versions", "41"), record)
    manifest = render(ModelRollout.model_validate(data), Repository(WorkingTree(BASE)))[0]
    _, stable, _ = yaml.load_all(manifest.text, yaml.CSafeLoader)
    model = stable["spec"]["predictor"]["model"]
    assert model["storageUri"] == artifact
    assert model["image"] == model["runtime"] == image
    assert model["modelFormat"] == {"name": "no"}
    assert {each["name"]: each["value"] for each in model.get("env", ())} == env


@some
@given(
    ANY | AWKWARD,
    st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=99) | AWKWARD, ANY | AWKWARD
    ),
)
def test_texts_in_a_template_of_ones_own_come_out_as_they_are(description: str, labels: dict[str, str]) -> None:
    data = fraud()
    data["metadata"] |= {"description": description, "labels": labels}
    data["spec"]["targets"] = [{"type": "own"}]
    manifest, *_ = render(ModelRollout.model_validate(data), Repository(Overlay(WorkingTree(BASE), OWN)))
    pairs = [[key, value] for key, value in labels.items()]
    assert data_of(manifest) == {
        "description": description,
        "labels": labels,
        "entries": [{key: value} for key, value in pairs] or None,
        "list": pairs,
    }


@some
@given(SHARE, SHARE)
def test_shares_of_a_route_are_exact(weight: Fraction, mirror: Fraction) -> None:
    stage = {"name": "canary", "weight": percent(weight), "mirror": percent(mirror)}
    data = replaced(fraud(), ("spec", "stages", 1), stage)
    data["spec"]["targets"] = [{"type": "gateway-api", "gateway": {"name": "edge"}}]
    manifest, *_ = render(ModelRollout.model_validate(data), Repository(WorkingTree(BASE)))
    (rule,) = data_of(manifest)["spec"]["rules"]
    stable, candidate = (backend["weight"] for backend in rule["backendRefs"])
    assert 0 < stable < 1_000_000
    assert 0 < candidate < 1_000_000
    assert Fraction(candidate, stable + candidate) == weight
    copied = rule["filters"][0]["requestMirror"]
    fraction = copied.get("fraction") or {"numerator": copied["percent"], "denominator": 100}
    assert Fraction(fraction["numerator"], fraction["denominator"]) == mirror


@some
@given(SHARE, SHARE)
def test_shares_of_envoy_are_exact(weight: Fraction, mirror: Fraction) -> None:
    stage = {"name": "canary", "weight": percent(weight), "mirror": percent(mirror)}
    data = replaced(fraud(), ("spec", "stages", 1), stage)
    data["spec"]["targets"] = [{"type": "envoy"}]
    (manifest,) = render(ModelRollout.model_validate(data), Repository(WorkingTree(BASE)))
    (routes,) = data_of(manifest)["resources"]
    route = routes["virtual_hosts"][0]["routes"][0]["route"]
    stable, candidate = (cluster["weight"] for cluster in route["weighted_clusters"]["clusters"])
    assert 0 < stable + candidate < 2**32
    assert Fraction(candidate, stable + candidate) == weight
    copied = route["request_mirror_policies"][0]["runtime_fraction"]["default_value"]
    denominator = {"HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}[copied["denominator"]]
    assert Fraction(copied["numerator"], denominator) == mirror


# Templates of an organization's own: data comes in, text goes out, and nothing else happens.


def own_target(template: str, *, file: str = "own.yaml.j2") -> str:
    """Render fraud with a template, and return the text without the line on top."""
    target = f"description: Ours.\nowns: workloads\ntemplates: [{{file: {file}}}]\n"
    spec = (BASE / "rollouts" / "fraud.yaml").read_text("utf-8")
    edits: dict[str, bytes | None] = {
        "rollouts/fraud.yaml": (spec[: spec.index("    - {type: kserve}")] + "    - {type: own}\n").encode(),
        "templates/own/target.yaml": target.encode(),
        "templates/own/own.yaml.j2": template.encode(),
    }
    (manifest,) = rendered(Overlay(WorkingTree(BASE), edits), "fraud")
    assert manifest.path == "manifests/fraud/own.yaml"
    return manifest.text.partition("\n")[2]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("who: {{ rollout.name }}", "who: fraud\n"),
        ("a: {{ 'no' }}\nb: {{ ['1.10', {'no': 1}] }}", 'a: "no"\nb: ["1.10", {"no": 1}]\n'),
        ("{% for arm in split.arms if arm.weight > 50 %}\n- {{ loop.index }}\n{% endfor %}", "- 1\n"),
        ("{% set ns = namespace(n=0) %}{% for arm in split.arms %}{% set ns.n = ns.n + arm.weight %}{% endfor %}\n"
         "all: {{ ns.n }}", "all: 100\n"),
        ("{% macro double(n) %}{{ n * 2 }}{% endmacro %}\ntwice: {{ double(21) | int }}", "twice: 42\n"),
        ("names: {{ split.arms | map(attribute='name') | map('upper') | list }}",
         "names: [FRAUD-V41, FRAUD-V2026-11-B]\n"),
        ("host: {{ service.host.split('.')[0] ~ ':' ~ service.port }}", 'host: "fraud:8080"\n'),
        ("none: {{ rollout.tier }}\nyes: {{ rollout.tier is none }}", "none: null\nyes: true\n"),
        ("{% if alerts %}\n{% for alert in alerts %}\n- {{ alert['for'] }}\n{% endfor %}\n{% endif %}", "- null\n"),
    ],
)  # fmt: skip
def test_a_template_of_ones_own_is_filled_in(template: str, text: str) -> None:
    assert own_target(template) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        # what is not there
        ("a: 1\nb: {{ nope }}", ":2: 'nope' is undefined"),
        ("a: {{ rollout.nope }}", ":1: 'dict object' has no attribute 'nope'"),
        ("a: {{ rollout.nope.deeper }}", ":1: 'dict object' has no attribute 'nope'"),
        ("a: {{ rollout.name | nope }}", ":1: No filter named 'nope'"),
        ("a: {{ open('/etc/hostname') }}", ":1: 'open' is undefined"),
        ("{% include 'other.j2' %}", ": there is no template `other.j2`"),
        ("{% include '../../rollouts/fraud.yaml' %}", ": there is no template `../../rollouts/fraud.yaml`"),
        ("a: 1\n\n{% if %}\n", ":3: Expected an expression"),
        ("a: {{ rollout.name", ":1: unexpected end of template"),
        # what is not for templates
        ("a: 1\nb: {{ rollout.name.__class__ }}", ":2: access to attribute '__class__' of 'str' object is unsafe"),
        ("a: {{ ''['__class__'] }}", ":1: access to attribute '__class__'"),
        ("a: {{ rollout['items'].__self__ }}", "unsafe"),
        ("a: {{ rollout.name.format(rollout) }}", "unsafe"),
        ("a: {{ rollout.update({'name': 'x'}) }}", "unsafe"),
        ("a: {{ namespace.__init__.__globals__ }}", "unsafe"),
        ("a: {{ cycler('a') }}", "'cycler' is undefined"),
        # what would take forever
        ("a: 1\n{% for n in range(10**9) %}{% endfor %}", ":2: `**` does not work here"),
        ("{% for n in range(1000000000) %}{% endfor %}", ":1: Range too big"),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "more than 100,000 steps"),
        ("{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}\na: {{ m(1) }}", ":1: maximum recursion depth exceeded"),
        ("{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}\na: {{ m(99) }}", "produces"),
        ("{% for x in [1] recursive %}{{ loop([1, 1]) }}{% endfor %}", ":1: recursive loops are not allowed"),
        ("{% set ns = namespace(x=9) %}{% for n in range(99) %}{% set ns.x = ns.x * ns.x %}{% endfor %}", "this num"),
        ("a: {{ 9 ** 99 ** 99 }}", "`**` does not work here"),
        ("a: {{ lipsum(1000000000) }}", "'lipsum' is undefined"),
        # what would be gigabytes
        ("a: 1\nb: {{ 'x' * 2147483648 }}", ":2: `*` does not work here"),
        ("a: {{ [1] * 2147483648 }}", "`*` does not work here"),
        ("a: {{ '%2147483648d' % 1 }}", "`%` does not work here"),
        ("a: {{ '%2147483648d' | format(1) }}", "No filter named 'format'"),
        ("a: {{ '{:2147483648}'.format(1) }}", "unsafe"),
        ("a: {{ 'x'.center(2147483648) }}", "unsafe"),
        ("a: {{ 'x' | center(2147483648) }}", "No filter named 'center'"),
        ("a: {{ (1).to_bytes(2147483648, 'big') }}", "unsafe"),
        ("{% set ns = namespace(x='x') %}{% for n in range(40) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}", "produces"),
        ("{% set ns = namespace(x='x') %}{% for n in range(40) %}{% set ns.x %}{{ ns.x }}{{ ns.x }}{% endset %}"
         "{% endfor %}", "produces more than 4,194,304 characters"),
        ("{% set x %}{% for n in range(99999) %}" + "x" * 10_000 + "{% endfor %}{% endset %}", "produces more than"),
        ("{% set x %}{% for n in range(99999) %}{{ '" + "x" * 10_000 + "' }}{% endfor %}{% endset %}", "produces more"),
        ("{% for n in range(99999) %}" + "- " * 1000 + "\n{% endfor %}", "produces more than"),
        # what is no manifest
        ("a: [", ": the rendered text is not a manifest: line 1: this is not YAML"),
        ("a: 1\na: 2", ": the rendered text is not a manifest: line 2: `a` is a duplicate key"),
        ("a: 1\n---\nb: 2", "not a manifest: line 2: a second document begins here"),
        ("", "not a manifest: line 1: this file is empty"),
        ("a: x{{ rollout.labels }}: 1", "not a manifest: line 1"),
        ("a: &a 1\nb: *a", "not a manifest: line 1: `&a` is an anchor"),
        ("a: " + "[" * 99, "not a manifest: line 1: this is nested more than 64 levels deep"),
    ],
)  # fmt: skip
def test_a_template_that_goes_wrong_is_an_error_that_names_it(template: str, message: str) -> None:
    with pytest.raises(RenderError) as told:
        own_target(template)
    assert told.value.message.startswith("templates/own/own.yaml.j2")
    assert message in told.value.message
    assert told.value.target == 0


def test_a_template_that_is_not_there_is_named() -> None:
    with pytest.raises(RenderError, match=r"^templates/own/x\.j2: there is no template `x\.j2`$"):
        own_target("", file="x.j2")


def test_a_template_cannot_be_a_file_outside_its_folder() -> None:
    with pytest.raises(RenderError, match="there is no template"):
        own_target("", file="../../rollouts/fraud.yaml")


def test_a_template_that_went_wrong_leaves_nothing_behind() -> None:
    for _ in range(3):
        with pytest.raises(RenderError, match="steps"):
            own_target("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}")
        assert own_target("{% for a in range(60000) %}{% endfor %}\na: 1") == "a: 1\n"


def test_a_target_that_is_nowhere_is_an_error() -> None:
    data = replaced(fraud(), ("spec", "targets"), [{"type": "kserve"}, {"type": "nowhere"}])
    with pytest.raises(RenderError, match="there is no target `nowhere`") as told:
        render(ModelRollout.model_validate(data), Repository(WorkingTree(BASE)))
    assert told.value.target == 1


@pytest.mark.parametrize(
    "trigger",
    [
        {"name": "x", "type": "threshold", "metric": "error_rate", "above": "5%", "window": "0s"},
        {"name": "x", "type": "threshold", "metric": "error_rate", "above": "5%", "window": "106752d"},
        {"name": "x", "type": "threshold", "metric": "error_rate", "above": "5%", "for": "999999d"},
        {"name": "x", "type": "latency", "quantile": "99%", "above": "1s", "window": "0ms"},
    ],
)
def test_a_duration_that_prometheus_does_not_take_is_an_error(trigger: dict[str, str]) -> None:
    data = replaced(fraud(), ("spec", "triggers"), [trigger])
    with pytest.raises(UserError, match="Prometheus does not accept a duration of"):
        render(ModelRollout.model_validate(data), Repository(WorkingTree(BASE)))


@pytest.mark.parametrize("interval", ["30", "1x", "-5s", "999999d"])
def test_an_interval_is_a_duration(interval: str) -> None:
    spec = (BASE / "rollouts" / "churn.yaml").read_text("utf-8").replace(
        "{type: prometheus}", f'{{type: prometheus, interval: "{interval}"}}'
    )  # fmt: skip
    tree = Overlay(WorkingTree(BASE), {"rollouts/churn.yaml": spec.encode()})
    (finding,) = [each for each in check(Repository(tree), paths=["rollouts/churn.yaml"]).findings if each.line > 25]
    assert "duration" in finding.message
    assert finding.path == ("spec", "targets", 0, "interval")
