"""A record that was merged never changes.

The record is what a rollback restores: its digest, its pins, what serves it. Were it edited, going back to version 41
would not be going back to what 41 was. Records are compared as values, so that formatting and comments are free.

Fails::

    spec:
      versions:
        "41": {metrics: {auc: 0.9200}}    # the base says 0.9131

Passes::

    spec:
      versions:
        "44": {artifact: s3://models/fraud/44/, format: sklearn}    # new
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import KeyPath, Problem
from rollout_spec.workspace.loader import File

KINDS = frozenset({"ModelRollout"})
NEEDS = "base"
UNCONDITIONAL = True


def check(subject: Subject) -> Iterator[Problem]:
    """Compare each record of the base with what it is now."""
    assert subject.base is not None
    merged, now = _records(subject.base.file(subject.file.path, subject.file.kind)), _records(subject.file)
    for version, record in merged.items():
        at: KeyPath = ("spec", "versions", version)
        if version not in now:
            words = f"the record of {version} is gone, and a record that was merged stays"
            yield Problem(at[:-1], words, "put it back; a version that is not live costs nothing", on_key=True)
        elif now[version] != record:
            where = _difference(record, now[version], at)
            words = f"this record of {version} was merged, and a record that was merged never changes"
            yield Problem(where, words, "put it back, and record a new version", on_key=where == at)


def _records(file: File[Any] | None) -> Mapping[str, Any]:
    """Return the records of a file as they are written; of one that does not load, those that can be read."""
    data: Any = file.document.data if file else None
    if file is not None and file.model is not None:
        records: Mapping[str, Any] = data["spec"]["versions"]
        return records
    spec = data.get("spec") if isinstance(data, Mapping) else None
    found = spec.get("versions") if isinstance(spec, Mapping) else None
    return {version: record for version, record in (found or {}).items() if _loads(record)} if file and found else {}


def _loads(record: object) -> bool:
    from pydantic import ValidationError

    from rollout_spec.spec.rollout import VersionRecord

    try:
        VersionRecord.model_validate(record)
    except ValidationError:
        return False
    return True


def _difference(before: Any, after: Any, at: KeyPath) -> KeyPath:
    """Return the path of the one value that differs, or of what holds all that do."""
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return at
    keys = [
        key for key in {**before, **after} if before.get(key) != after.get(key) or (key in before) != (key in after)
    ]
    if len(keys) != 1 or keys[0] not in after:
        return at
    return _difference(before.get(keys[0]), after[keys[0]], (*at, keys[0]))
