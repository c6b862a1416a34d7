"""The file of a new rollout. Its first version is stable, and it has no rollback target yet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rollout_spec.core.findings import KeyPath
from rollout_spec.core.yaml.format import Quoted, block, inline
from rollout_spec.spec.kinds import API_VERSION
from rollout_spec.workspace.edits import spelled

_STAGES: tuple[dict[str, Any], ...] = (
    {"name": "canary-5", "weight": "5%", "hold": "1h"},
    {"name": "half", "weight": "50%", "hold": "24h"},
    {"name": "full", "weight": "100%", "hold": "24h"},
)
_TRIGGERS: tuple[dict[str, Any], ...] = (
    {"name": "serving-errors", "type": "threshold", "metric": "error_rate", "above": "5%", "window": "5m"},
    {"name": "latency-sla", "type": "latency", "quantile": "99%", "above": "250ms", "window": "5m", "for": "2m"},
)
_METADATA = ("namespace", "owner", "tier", "description")
_COPIED = ("namespace", "owner", "tier")
_SERVICE = ("host", "port", "requestsPerSecond", "metrics", "inferenceLog")
_WHY = {
    "versions": "append-only: a record that was merged never changes",
    "live": "the only block that moves traffic",
    "stages": "ascending; the last one is 100%",
    "triggers": "what takes a candidate back",
    "targets": "each one renders manifests",
}


def new_rollout(
    name: str, version: str, record: Mapping[str, Any], settings: Mapping[str, Any], example: Any = None
) -> str:
    """Return the text of a new rollout's file.

    Missing ``settings`` are copied from the data of an ``example``, except those that belong to one model alone: its
    host, description, labels, load, inference log, runbook, drill and backend.
    """
    spec: Mapping[str, Any] = example["spec"] if example else {}
    about: Mapping[str, Any] = example["metadata"] if example else {}
    metadata = {"name": name} | _chosen(_METADATA, settings, {key: about.get(key) for key in _COPIED})
    service = {key: value for key, value in spec.get("service", {}).items() if key in ("port", "metrics")}
    host = f"{name}.{metadata.get('namespace', 'default')}.svc.cluster.local"
    head = [
        "# yaml-language-server: $schema=../schemas/model-rollout.schema.json",
        f"apiVersion: {API_VERSION}",
        "kind: ModelRollout",
        "metadata:",
        *block(metadata, "  "),
        "spec:",
    ]
    sections = {
        "service": _chosen(_SERVICE, settings, {"host": host, **service}),
        "versions": {Quoted(version): spelled(record)},
        "live": {"stable": Quoted(version)},
        "stages": spec.get("stages") or _STAGES,
        "triggers": spec.get("triggers") or ([] if example else _TRIGGERS),
        "rollback": {"merge": "review"} | _shared(spec.get("rollback") or {}) | _rollback(settings),
        "targets": settings.get("targets") or [_without_own_backend(target) for target in spec.get("targets") or []],
    }
    return "\n".join([*head, *_sections(sections)]) + "\n"


def _chosen(names: Sequence[str], settings: Mapping[str, Any], otherwise: Mapping[str, Any]) -> dict[str, Any]:
    """Return the named fields that ``settings`` or ``otherwise`` have, in the order of the names."""
    given = {name: value for name, value in settings.items() if value is not None}
    fields = {name: given.get(name, otherwise.get(name)) for name in names}
    return {name: value for name, value in fields.items() if value is not None}


def _rollback(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: settings[name] for name in ("reviewers", "runbook") if settings.get(name)}


def _shared(rollback: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rollback settings that rollouts may share.

    A runbook describes one model, and ``drilled`` is the time of one model's drill.
    """
    return {name: value for name, value in rollback.items() if name not in ("runbook", "drilled")}


def _without_own_backend(target: Mapping[str, Any]) -> dict[str, Any]:
    """Return a target without the ``backend`` of one model.

    Its name has no `{rollout}`, so it names the example's own Services.
    """
    backend = target.get("backend")
    is_own = isinstance(backend, Mapping) and "{rollout}" not in str(backend.get("name"))
    return {name: value for name, value in target.items() if name != "backend" or not is_own}


def mentions(data: Any, name: str, at: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the paths of texts that contain a name.

    The rollout's own name, its records and its host are left out.
    """
    if isinstance(data, Mapping):
        for key, value in data.items():
            if (*at, key) not in (("metadata", "name"), ("spec", "versions"), ("spec", "service", "host")):
                yield from mentions(value, name, (*at, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from mentions(value, name, (*at, index))
    elif isinstance(data, str) and re.search(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", data):
        yield at


def _sections(sections: Mapping[str, Any]) -> Iterator[str]:
    """Give the lines of ``spec``, with a blank line between two sections and a comment on each section."""
    for name, value in sections.items():
        if name != "service":
            yield ""
        if not value:
            yield f"  {name}: []"
            continue
        yield f"  {name}:" + (f"    # {_WHY[name]}" if name in _WHY else "")
        if name == "versions":
            for version, record in value.items():
                yield f"    {inline(version)}:"
                yield from block(record, "      ")
        elif isinstance(value, Mapping):
            yield from block(value, "    ")
        else:
            yield from block({name: list(value)}, "  ")[1:]
