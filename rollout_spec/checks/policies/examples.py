"""The examples of policies: parts of rollouts that show when a policy passes and when it fails.

An example is merged into the rollout of the example workspace (``examples/acme-models``): mappings merge, lists
replace, null removes a field, and an entry of a list needs no ``name``. Beside ``metadata`` and ``spec`` it may have
``base`` (part of a rollout too; null for none), ``components`` by name, ``incidents``, ``workspace`` (with
``inFlight``) and ``now``, which is by default Wednesday noon, November 18th, 2026.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any, Literal

from pydantic import ValidationError

from rollout_spec.checks.policies import cel_values as view
from rollout_spec.checks.policies import concerns
from rollout_spec.checks.policies.bindings import bound
from rollout_spec.checks.policies.cel import ExpressionError, Failed, Program
from rollout_spec.checks.policies.confined import examine, example_problems
from rollout_spec.checks.policies.programs import program_of
from rollout_spec.checks.policies.types import IN_FLIGHT
from rollout_spec.core import bounded_process as confined
from rollout_spec.core import package_data as resources
from rollout_spec.core.findings import KeyPath, Problem
from rollout_spec.core.text import did_you_mean
from rollout_spec.core.units import parse_time
from rollout_spec.core.yaml.document import parse
from rollout_spec.spec import model_of
from rollout_spec.spec.policy_pack import Policy, PolicyPack
from rollout_spec.spec.validation_errors import problems
from rollout_spec.workspace.loader import File

_SAMPLES = "examples/acme-models"
_NOON = "2026-11-18T12:00:00Z"
_INCIDENT = {
    "apiVersion": "rollout-spec/v1",
    "kind": "Incident",
    "metadata": {"name": "fraud-42"},
    "spec": {
        "rollout": "fraud",
        "failedVersion": "42",
        "restoredVersion": "41",
        "source": "manual",
        "observedAt": "2026-11-18T09:00:00Z",
        "status": "open",
    },
}
_BESIDE = ("base", "components", "incidents", "workspace", "now")
_SHOWN: tuple[Literal["passes", "fails"], ...] = ("passes", "fails")
_PARTS = ("apiVersion", "kind", "metadata", "spec", *_BESIDE)


class _Invalid(Exception):
    """An example that is not valid, with its problem."""

    def __init__(self, at: KeyPath, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.problem = Problem(at, message, hint, on_key=True)


def run(pack: File[PolicyPack]) -> Iterator[tuple[str, Problem]]:
    """Yield the problems of a pack's examples, and of policies without any, by policy."""
    assert pack.model is not None
    for index, policy in enumerate(pack.model.spec.policies):
        at: KeyPath = ("spec", "policies", index)
        try:
            for problem in _problems(policy, pack):
                yield policy.name, replace(problem, path=(*at, *problem.path))
        except ExpressionError:
            reason, hint = _reason(policy.expression, pack.path)
            message = f"the expression cannot be evaluated: {reason}"
            yield policy.name, Problem((*at, "expression"), message, hint)


def _reason(expression: str, path: str) -> tuple[str, str | None]:
    """Return why an expression cannot be evaluated, with a hint."""
    try:
        faults, fails = examine(expression, path)
    except ExpressionError as error:
        return error.message, error.hint
    except confined.StoppedError as stopped:
        return stopped.reason, stopped.hint
    if faults:
        return faults[0].message, faults[0].hint
    return fails or "it is not sound", "run `rollout-spec check` on this pack"


def _problems(policy: Policy, pack: File[PolicyPack]) -> Iterator[Problem]:
    """Yield the problems of a policy's examples. Raise ``ExpressionError`` if it cannot be evaluated."""
    paths: list[KeyPath] = [(field, number) for field in _SHOWN for number in range(len(getattr(policy, field)))]
    problems, count = example_problems(policy, pack.path), 0
    try:
        for path, problem in zip(paths, problems, strict=False):
            count += 1
            if problem:
                yield replace(problem, path=(*path, *problem.path))
        next(problems, None)  # without examples, compile it at least
    except confined.StoppedError as stopped:
        why = stopped.reason
        if stopped.has_run and count < len(paths):
            why += f" (in example {count + 1} of {len(paths)})"
        yield Problem(("expression",), why, stopped.hint)
        return
    for field in _SHOWN:
        if not getattr(policy, field):
            yield Problem(("name",), f"`{policy.name}` has no example that {field}", f"add one to `{field}`")


def example_problem(policy: Policy, program: Program, example: dict[str, Any], expected: bool) -> Problem | None:
    """Evaluate one example, and return its problem, at a path in it."""
    try:
        rollout, values = _values(example)
    except _Invalid as invalid:
        return invalid.problem
    if not concerns(policy.match, rollout):
        message = f"the policy's `match` leaves out the rollout of this example, {rollout.metadata.name}"
        return Problem((), message, "add the matching `metadata` to the example, such as `metadata: {name: …}`")
    verdict = bound(values, policy.expression).judge(program, policy.expression)
    if verdict is False and not expected and policy.message_expression is not None:
        return _message_problem(policy.message_expression, values)
    expectation = "pass" if expected else "fail"
    if isinstance(verdict, Failed):
        return Problem((), f"this should {expectation}, but cannot be evaluated: {verdict.why}")
    return (
        None
        if verdict is expected
        else Problem((), f"this should {expectation}, but {'fails' if expected else 'passes'}")
    )


def _message_problem(expression: str, values: dict[str, Any]) -> Problem | None:
    program = program_of(expression, gives_text=True)
    if program is None:
        return Problem((), "the policy fails, but its `messageExpression` cannot be evaluated")
    if not (bound(values, expression).text(program, expression) or "").strip():
        return Problem((), "the policy fails, but its `messageExpression` gives no text here")
    return None


def _values(example: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the model of an example's rollout, and the variables that an expression sees."""
    for name in example:
        if name not in _PARTS:
            raise _Invalid((name,), f"an example has no field `{name}`", did_you_mean(name, _PARTS))
    sample = _sample("rollouts/fraud.yaml")
    rollout = _read("ModelRollout", _merged(sample, {k: v for k, v in example.items() if k not in _BESIDE}), ())
    base = example.get("base")
    base_model = None if base is None else _read("ModelRollout", _merged(sample, base), ("base",))
    workspace, in_flight = _workspace(example.get("workspace") or {})
    try:
        now = parse_time(str(example.get("now", _NOON)))
    except ValueError as error:
        raise _Invalid(("now",), str(error)) from None
    return rollout, {
        "rollout": view.view(rollout),
        "base": base_model and view.view(base_model),
        "components": _components(example.get("components") or {}),
        "incidents": [
            view.view(_read("Incident", _merged(_INCIDENT, each), ("incidents", index)))
            for index, each in enumerate(example.get("incidents") or [])
        ],
        "workspace": {**view.view(workspace), IN_FLIGHT: in_flight},
        "now": view.time(now),
    }


def _workspace(part: Any) -> tuple[Any, list[str]]:
    fields = dict(part) if isinstance(part, dict) else part
    in_flight = fields.pop(IN_FLIGHT, ["fraud"]) if isinstance(fields, dict) else []
    if not isinstance(in_flight, list) or not all(isinstance(each, str) for each in in_flight):
        raise _Invalid(("workspace", IN_FLIGHT), "this must be a list of names of rollouts")
    return _read("Workspace", _merged(_sample(".rollout-spec.yaml"), fields), ("workspace",)), in_flight


def _components(parts: Any) -> dict[str, Any]:
    if not isinstance(parts, dict):
        raise _Invalid(("components",), "this must be a mapping of components by name")
    names = [name.removesuffix(".yaml") for name in resources.names(f"{_SAMPLES}/components")]
    components = {}
    for name in dict.fromkeys([*names, *parts]):
        sample = _sample(f"components/{name if name in names else names[0]}.yaml")
        if name not in parts or parts[name] is not None:
            part = _merged({"metadata": {"name": name}}, parts.get(name, {}))
            components[name] = view.view(_read("Component", _merged(sample, part), ("components", name)))
    return components


@cache
def _sample(path: str) -> Any:
    return parse(resources.read(f"{_SAMPLES}/{path}")).data


def _merged(below: Any, part: Any) -> Any:
    """Merge part of a document into a whole one."""
    if not isinstance(below, dict) or not isinstance(part, dict):
        return deepcopy(part)
    merged = dict(below)
    for key, value in part.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(below.get(key), value)
    return merged


def _read(kind: str, data: Any, at: KeyPath) -> Any:
    """Validate a part of an example, after naming the entries of its lists that have no name."""
    model = model_of(kind)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        for error_entry in error.errors():
            if error_entry["type"] == "missing" and error_entry["loc"][-1] == "name":
                _name(data, error_entry["loc"][:-1])
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = next(problems(error, data, model, lambda _: None))
        raise _Invalid((*at, *first.path), f"this is not a valid {kind}: {first.message}", first.hint) from None


def _name(data: Any, path: tuple[int | str, ...]) -> None:
    value: Any = data
    index: int | str | None = None
    for step in path:  # skip the tag of a union, which is not a key
        if (isinstance(value, list) and isinstance(step, int)) or (isinstance(value, dict) and step in value):
            value, index = value[step], step  # type: ignore[index]
    if isinstance(value, dict) and isinstance(index, int):
        value["name"] = f"entry-{index}"
