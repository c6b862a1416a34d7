"""The limits of a target on the names that it generates and on the records that it renders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from rollout_spec.core.findings import KeyPath, Problem, Severity
from rollout_spec.core.units import label
from rollout_spec.domain.targets.options import Fits, Misfit, misfit, with_defaults
from rollout_spec.spec.rollout import ModelRollout, VersionRecord
from rollout_spec.spec.target import RECORD, Limit, TargetDefinition

DEFAULT_NAMESPACE = "default"


class RecordFlaw(NamedTuple):
    """A field of a record that the target does not take.

    ``known`` is False if a pattern could not be tried on it.
    """

    path: KeyPath
    message: str
    severity: Severity
    known: bool = True


@dataclass(frozen=True)
class Limits:
    """The limits of one target, with the options that a rollout sets on it."""

    type: str
    definition: TargetDefinition
    options: Mapping[str, Any]
    fits: Fits

    def record_flaws(self, record: VersionRecord) -> Iterator[RecordFlaw]:
        """Give the fields of a record that the target refuses."""
        for field in self.definition.refuses:
            path = tuple(field.split("."))
            if _value(record, path) is not None:
                yield RecordFlaw(path, f"the target {self.type} refuses `{path[-1]}` in a record", "error")
        for limit in self._in_force:
            for field in limit.blanks & RECORD:
                path = tuple(field.split("."))
                value = _value(record, path)
                if value is not None and (wrong := self._wrong(limit, limit.filled({field: str(value)}))):
                    yield RecordFlaw(path, wrong.message, limit.severity, wrong.known)

    def name_problems(
        self, rollout: ModelRollout, backend: Callable[[str], str], backend_at: KeyPath | None
    ) -> Iterator[Problem]:
        """Give the problems with names. ``backend_at`` is the key that sets the names of backends, if any."""
        for limit in self._in_force:
            told: set[KeyPath] = set()
            for version in () if limit.blanks & RECORD else _versions(limit, rollout):
                at, on_key = _place(limit, version, rollout, backend_at)
                if at in told:
                    continue
                values = {
                    "rollout": rollout.metadata.name,
                    "namespace": rollout.metadata.namespace or DEFAULT_NAMESPACE,
                    "version": label(version),
                    "backend": backend(version) if "backend" in limit.blanks else "",
                }
                if wrong := self._wrong(limit, limit.filled(values)):
                    told.add(at)
                    yield Problem(at, wrong.message, _hint(limit), limit.severity, on_key=on_key)

    @cached_property
    def _in_force(self) -> list[Limit]:
        known = with_defaults(self.options, self.definition.options)
        return [
            limit for limit in self.definition.limits if all(known[name] == value for name, value in limit.when.items())
        ]

    def _wrong(self, limit: Limit, text: str) -> Misfit | None:
        wrong = misfit(text, limit, self.fits)
        return wrong._replace(message=f"{limit.what} ({self.type}): {wrong.message}") if wrong else None


def _versions(limit: Limit, rollout: ModelRollout) -> list[str]:
    """Return the versions that a limit is about, longest label first. One empty entry if it is about none."""
    if not limit.blanks & {"version", "backend"}:
        return [""]
    return sorted(rollout.spec.versions, key=len, reverse=True)


def _place(limit: Limit, version: str, rollout: ModelRollout, backend_at: KeyPath | None) -> tuple[KeyPath, bool]:
    """Return the key at which a problem with a limit is reported, and whether it is about the key itself."""
    if "backend" in limit.blanks and backend_at is not None:
        return backend_at, False
    if version and "namespace" not in limit.blanks:
        return ("spec", "versions", version), True
    field = "namespace" if "namespace" in limit.blanks and rollout.metadata.namespace else "name"
    return ("metadata", field), False


def _hint(limit: Limit) -> str | None:
    if limit.max_length is None:
        return None
    shorter = {"version": "the version", "rollout": "the rollout's name", "namespace": "the namespace"}
    named = [words for name, words in shorter.items() if name in limit.blanks]
    return f"shorten {', or '.join(named)}" if named else None


def _value(record: VersionRecord, path: tuple[str, ...]) -> Any:
    """Return a field of a record by its keys in YAML, None if it is absent."""
    value: Any = record
    for key in path:
        if isinstance(value, dict):
            value = value.get(key)
        elif value is not None:
            value = getattr(value, next(name for name, field in type(value).model_fields.items() if field.alias == key))
    return value
