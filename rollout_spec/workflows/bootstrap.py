"""The options that a new rollout lacks, all at once: those without which its check fails.

Every option that was not given gets an example value. Then each is taken away again, and stays away if no error comes
back. So the demands of rules, of targets and of an organization's own policies are found alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from rollout_spec.core.findings import Finding, KeyPath
from rollout_spec.core.yaml.document import parse
from rollout_spec.lifecycle import Request, apply_step
from rollout_spec.lifecycle.bootstrap import mentions
from rollout_spec.lifecycle.default_targets import default_targets
from rollout_spec.lifecycle.options import OPTIONS
from rollout_spec.workflows.step import decide
from rollout_spec.workspace.repository import Repository

_FIRST = "1"
_DIGEST = "sha256:" + "0" * 64
_SCORE = Decimal("0.9")
_TARGETS: Sequence[Mapping[str, Any]] = (
    {"type": "kserve"},
    {"type": "gateway-api", "gateway": {"name": "edge", "namespace": "gateways"}},
    {"type": "prometheus-operator"},
)
_AT_TARGETS: KeyPath = ("spec", "targets")


@dataclass(frozen=True)
class MissingOption:
    """An option that must be given. ``reasons`` are the rules and policies that demand it."""

    option: str
    example: Any
    text: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gaps:
    """The missing options of a new rollout, and the errors that no option mends."""

    missing: tuple[MissingOption, ...] = ()
    errors: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class _Field:
    """A field that an option sets, with an example value."""

    option: str
    part: Literal["record", "settings"]
    name: str
    example: Any
    text: str


_FIELDS = (
    _Field("--artifact", "record", "artifact", "s3://models/{name}/{version}/", "the location of the model's bytes"),
    _Field("--format", "record", "format", "sklearn", "the model's format"),
    _Field("--digest", "record", "digest", _DIGEST, "the digest of those bytes"),
    _Field("--run-id", "record", "runId", "train-1", "the training run that produced it"),
    _Field("--dataset-digest", "record", "datasetDigest", _DIGEST, "the digest of its training data"),
    _Field("--metric", "record", "metrics", {}, "an offline metric, which a trigger compares"),
    _Field("--model", "record", "model", "models:/{name}/{version}", "the registry entry"),
    _Field("--inference-log", "settings", "inferenceLog", "s3://inference-logs/{name}/", "where requests are logged"),
    _Field("--runbook", "settings", "runbook", "https://runbooks.example.com/{name}", "for the person on call"),
    _Field("--owner", "settings", "owner", "team-{name}", "the responsible team"),
    _Field("--reviewer", "settings", "reviewers", ["team-{name}"], "a reviewer of rollbacks"),
    _Field("--requests-per-second", "settings", "requestsPerSecond", 100, "the expected load"),
    _Field("--tier", "settings", "tier", "standard", "critical, standard or experimental"),
    _Field("--namespace", "settings", "namespace", "ml", "the Kubernetes namespace of the manifests"),
    _Field("--description", "settings", "description", "Scores {name}.", "a description"),
)
"""The usual fields first: an unusual one is asked for only if no other field mends an error."""


def find_gaps(request: Request, repository: Repository, now: datetime) -> Gaps:
    """Return the missing options of ``bootstrap``.

    UserError if the rollout exists, or an option's value is wrong.
    """
    missing = []
    if request.version is None:
        missing.append(MissingOption("--version", _FIRST, "the first version"))
        request = replace(request, version=_FIRST)
    if not request.settings.get("like") and not request.settings.get("targets"):
        reason = default_targets(request.settings.get("namespace"), repository)
        if isinstance(reason, str):
            missing.append(
                MissingOption(
                    "--target", [dict(each) for each in _TARGETS], f"what renders the manifests; no default: {reason}"
                )
            )
            request = _with(request, "settings", "targets", list(_TARGETS))
    errors = _errors(request, repository, now) if request.record else ()
    if errors or not request.record:
        errors = _errors(_filled(request, repository), repository, now)
        if any(each.path[:2] == _AT_TARGETS for each in errors):  # they hide the errors of policies
            request = _with(request, "settings", "targets", list(_TARGETS))
        missing += _needed(request, repository, now)
    return Gaps(tuple(missing), errors)


def copied_mentions(request: Request, repository: Repository) -> list[str]:
    """Return the fields of a new rollout that contain the name of the rollout that it is copied from."""
    like = request.settings.get("like")
    if not like:
        return []
    content = apply_step(repository, request).edits[f"rollouts/{request.rollout}.yaml"] or b""
    return [".".join(map(str, path)) for path in mentions(parse(content).data, like) if path not in OPTIONS]


def _errors(request: Request, repository: Repository, now: datetime) -> tuple[Finding, ...]:
    """Return the errors of a new rollout."""
    return decide(request, repository, None, now=now).check.refused


def _with(request: Request, part: Literal["record", "settings"], name: str, value: Any) -> Request:
    """Return a request with another value of a field, None for no value."""
    fields = {**(request.record if part == "record" else request.settings), name: value}
    if value is None:
        del fields[name]
    return replace(request, record=fields) if part == "record" else replace(request, settings=fields)


def _value(request: Request, field: _Field) -> Any:
    return (request.record if field.part == "record" else request.settings).get(field.name) or None


def _filled(request: Request, repository: Repository) -> Request:
    """Return the request with an example value for every field that has none."""
    like = request.settings.get("like")
    example = repository.require_rollout(like).require_model() if like else None
    copied = set(example.metadata.model_dump(exclude_none=True)) if example else set()
    filled = request
    for field in _FIELDS:
        value = _value(request, field)
        if field.name == "metrics":
            triggers = example.spec.triggers if example else ()
            metrics = {trigger.metric: _SCORE for trigger in triggers if trigger.type == "offline"}
            filled = _with(filled, "record", "metrics", {**metrics, **(value or {})} or None)
        elif value is None and field.name not in copied - {"description"}:
            filled = _with(filled, field.part, field.name, _example(field.example, request))
    return filled


def _example(value: Any, request: Request) -> Any:
    if isinstance(value, list):
        return [_example(item, request) for item in value]
    return value.format(name=request.rollout, version=request.version) if isinstance(value, str) else value


def _needed(request: Request, repository: Repository, now: datetime) -> list[MissingOption]:
    """Return the options that an error would miss. The least usual ones are taken away first."""
    filled = _filled(request, repository)
    expected = _messages(_errors(filled, repository, now))
    needed: list[MissingOption] = []
    for field in reversed(_FIELDS):
        value = _value(filled, field)
        if value == _value(request, field):
            continue
        less = _with(filled, field.part, field.name, _value(request, field))
        found = _messages(_errors(less, repository, now)) if less.record else {("schema", "")}
        reasons = tuple(sorted({name for name, _ in found - expected}))
        if reasons:
            needed.append(MissingOption(field.option, list(_texts(value, request)), field.text, reasons))
        else:
            filled = less
    return needed[::-1]


def _texts(value: Any, request: Request) -> Iterator[Any]:
    """Yield the values of a repeated option: the entries of a list, or ``NAME=VALUE`` for each new metric."""
    if isinstance(value, Mapping):
        yield from (f"{key}={item}" for key, item in value.items() if key not in (request.record.get("metrics") or {}))
    else:
        yield from value if isinstance(value, list) else [value]


def _messages(errors: tuple[Finding, ...]) -> set[tuple[str, str]]:
    return {(each.name, each.message) for each in errors}
