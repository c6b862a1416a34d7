"""A merged record never changes.

A rollback restores a record: its digest, its pins, its serving settings. If it were edited, a rollback to 41 would not
restore the original 41. Records are compared as values, so formatting and comments may change.

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
    """Compare each record with that on the base."""
    assert subject.base is not None
    merged, now = _records(subject.base.file(subject.file.path, subject.file.kind)), _records(subject.file)
    for version, record in merged.items():
        at: KeyPath = ("spec", "versions", version)
        if version not in now:
            message = f"the merged record of {version} was removed"
            yield Problem(at[:-1], message, "restore it: a version that is not live costs nothing", on_key=True)
        elif now[version] != record:
            path = _difference(record, now[version], at)
            message = f"this changes the merged record of {version}"
            yield Problem(path, message, "restore it, and record a new version", on_key=path == at)


def _records(file: File[Any] | None) -> Mapping[str, Any]:
    """Return the records of a file as written, or only the valid ones if the file does not load."""
    data: Any = file.document.data if file else None
    if file is not None and file.model is not None:
        records: Mapping[str, Any] = data["spec"]["versions"]
        return records
    spec = data.get("spec") if isinstance(data, Mapping) else None
    versions = spec.get("versions") if isinstance(spec, Mapping) else None
    return {name: record for name, record in (versions or {}).items() if _loads(record)} if file and versions else {}


def _loads(record: object) -> bool:
    from pydantic import ValidationError

    from rollout_spec.spec.rollout import VersionRecord

    try:
        VersionRecord.model_validate(record)
    except ValidationError:
        return False
    return True


def _difference(before: Any, after: Any, at: KeyPath) -> KeyPath:
    """Return the path of the only value that differs, or of the mapping with all differences."""
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return at
    keys = [
        key for key in {**before, **after} if before.get(key) != after.get(key) or (key in before) != (key in after)
    ]
    if len(keys) != 1 or keys[0] not in after:
        return at
    return _difference(before.get(keys[0]), after[keys[0]], (*at, keys[0]))
