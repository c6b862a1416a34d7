"""An example is what a policy is understood by, and what holds it to that.

An example is part of a rollout, laid over the rollout of the example workspace (``examples/acme-models``): mappings
merge, lists replace, null takes a field away, and an entry of a list needs no ``name``. Beside ``metadata`` and
``spec`` it may have ``base`` (part of a rollout too; null where it has none), ``components`` by name, ``incidents``,
``workspace`` (with ``inFlight``) and ``now``; it is Wednesday noon, November 18th, 2026 where it has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any, Literal

from pydantic import ValidationError

from rollout_spec.checks.policies import cel_values as view
from rollout_spec.checks.policies import concerns, own
from rollout_spec.checks.policies.bindings import bound
from rollout_spec.checks.policies.cel import ExpressionError, Failed, Program
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
    """An example that shows nothing that could be: where in it, and what is wrong there."""

    def __init__(self, at: KeyPath, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.problem = Problem(at, message, hint, on_key=True)


def run(pack: File[PolicyPack]) -> Iterator[tuple[str, Problem]]:
    """Give the examples of a pack that do not show what they should, and the policies without one, by policy."""
    assert pack.model is not None
    for index, policy in enumerate(pack.model.spec.policies):
        at: KeyPath = ("spec", "policies", index)
        try:
            for problem in _told(policy, pack):
                yield policy.name, replace(problem, path=(*at, *problem.path))
        except ExpressionError:
            words = "the expression cannot be evaluated: `rollout-spec check` of this pack says why"
            yield policy.name, Problem((*at, "expression"), words)


def _told(policy: Policy, pack: File[PolicyPack]) -> Iterator[Problem]:
    """Give what is wrong with the examples of a policy. Raises ``Refused`` if it cannot be evaluated."""
    places: list[KeyPath] = [(field, number) for field in _SHOWN for number in range(len(getattr(policy, field)))]
    problems, done = own.shown(policy, pack.path), 0
    try:
        for place, problem in zip(places, problems, strict=False):
            done += 1
            if problem:
                yield replace(problem, path=(*place, *problem.path))
        next(problems, None)  # without an example it is compiled all the same
    except confined.StoppedError as stopped:
        why = stopped.reason
        if stopped.has_run and done < len(places):
            why += f" (asked about its example {done + 1} of {len(places)})"
        yield Problem(("expression",), why, stopped.hint)
        return
    for field in _SHOWN:
        if not getattr(policy, field):
            yield Problem(("name",), f"`{policy.name}` has no example that {field}", f"add one to `{field}`")


def shown(policy: Policy, program: Program, example: dict[str, Any], wanted: bool) -> Problem | None:
    """Evaluate one example; return what is wrong with it, at a path in it."""
    try:
        rollout, values = _values(example)
    except _Invalid as invalid:
        return invalid.problem
    if not concerns(policy.match, rollout):
        return Problem((), "the policy is not about such a rollout: see its `match`")
    verdict = bound(values, policy.expression).judge(program, policy.expression)
    word = "pass" if wanted else "fail"
    if isinstance(verdict, Failed):
        return Problem((), f"this should {word}, and cannot be evaluated: {verdict.why}")
    return None if verdict is wanted else Problem((), f"this should {word}, and {'fails' if wanted else 'passes'}")


def _values(example: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the rollout of an example as a model, and what an expression sees of all of it."""
    for name in example:
        if name not in _PARTS:
            raise _Invalid((name,), f"an example has no field `{name}`", did_you_mean(name, _PARTS))
    sample = _sample("rollouts/fraud.yaml")
    rollout = _read("ModelRollout", _merged(sample, {k: v for k, v in example.items() if k not in _BESIDE}), ())
    base = example.get("base")
    before = None if base is None else _read("ModelRollout", _merged(sample, base), ("base",))
    workspace, flying = _workspace(example.get("workspace") or {})
    try:
        now = parse_time(str(example.get("now", _NOON)))
    except ValueError as error:
        raise _Invalid(("now",), str(error)) from None
    return rollout, {
        "rollout": view.view(rollout),
        "base": before and view.view(before),
        "components": _components(example.get("components") or {}),
        "incidents": [
            view.view(_read("Incident", _merged(_INCIDENT, each), ("incidents", index)))
            for index, each in enumerate(example.get("incidents") or [])
        ],
        "workspace": {**view.view(workspace), IN_FLIGHT: flying},
        "now": view.time(now),
    }


def _workspace(part: Any) -> tuple[Any, list[str]]:
    given = dict(part) if isinstance(part, dict) else part
    flying = given.pop(IN_FLIGHT, ["fraud"]) if isinstance(given, dict) else []
    if not isinstance(flying, list) or not all(isinstance(each, str) for each in flying):
        raise _Invalid(("workspace", IN_FLIGHT), "this is a list of names of rollouts")
    return _read("Workspace", _merged(_sample(".rollout-spec.yaml"), given), ("workspace",)), flying


def _components(parts: Any) -> dict[str, Any]:
    if not isinstance(parts, dict):
        raise _Invalid(("components",), "this is a mapping of components by name")
    names = [name.removesuffix(".yaml") for name in resources.names(f"{_SAMPLES}/components")]
    found = {}
    for name in dict.fromkeys([*names, *parts]):
        sample = _sample(f"components/{name if name in names else names[0]}.yaml")
        if name not in parts or parts[name] is not None:
            part = _merged({"metadata": {"name": name}}, parts.get(name, {}))
            found[name] = view.view(_read("Component", _merged(sample, part), ("components", name)))
    return found


@cache
def _sample(path: str) -> Any:
    return parse(resources.read(f"{_SAMPLES}/{path}")).data


def _merged(below: Any, part: Any) -> Any:
    """Lay part of a document over a whole one."""
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
    """Read part of an example; entries of its lists are given names where they have none."""
    model = model_of(kind)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        for fault in error.errors():
            if fault["type"] == "missing" and fault["loc"][-1] == "name":
                _name(data, fault["loc"][:-1])
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = next(problems(error, data, model, lambda _: None))
        raise _Invalid((*at, *first.path), f"no {kind} is like this: {first.message}", first.hint) from None


def _name(data: Any, place: tuple[int | str, ...]) -> None:
    here: Any = data
    last: int | str | None = None
    for step in place:  # the tag of a union is no key
        if (isinstance(here, list) and isinstance(step, int)) or (isinstance(here, dict) and step in here):
            here, last = here[step], step  # type: ignore[index]
    if isinstance(here, dict) and isinstance(last, int):
        here["name"] = f"entry-{last}"
