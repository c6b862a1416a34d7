"""The search for witnesses: instances that one schema accepts and the next refuses.

It runs in a confined process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

from jsonschema.exceptions import ValidationError

from rollout_spec.core.bounded_process.budget import OutOfTimeError
from rollout_spec.core.findings import KeyPath
from rollout_spec.domain.contracts.candidates import Candidates
from rollout_spec.domain.contracts.comparison import ContractChange
from rollout_spec.domain.contracts.exact import key
from rollout_spec.domain.contracts.gone import gone
from rollout_spec.domain.contracts.guarding import Work, WorkDoneError
from rollout_spec.domain.contracts.json_schema import NotASchema, Schema, read_schema
from rollout_spec.domain.contracts.judging import Judge, PlainJudge, check_schema, spelled
from rollout_spec.domain.contracts.naming import naming
from rollout_spec.domain.contracts.reasons import Reason, reasons
from rollout_spec.domain.contracts.unlisted import rests_on_open_fields

_MOST_WORK = 100_000
"""The maximum of evaluated keywords for one comparison: about a second of work."""
_MOST_CANDIDATES = 1500
_MOST_CHANGES = 10
_FEW = 1
_DEEPEST = 2500
_MOST_ERRORS, _LONGEST = 20, 4000


def prepare() -> None:
    """Raise Python's recursion limit for deep judgements: the stack of the processor has room for them."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), _DEEPEST))


def check(content: bytes) -> Iterator[list[Any] | None]:
    """Give the one answer for a schema: why its metaschema refuses it, and where, or None."""
    prepare()
    try:
        _checked(content)
    except NotASchema as error:
        yield [str(error), list(error.path)]
    else:
        yield None


@lru_cache(maxsize=4)  # a contract that is new is checked, and then compared
def _checked(content: bytes) -> Schema:
    schema = read_schema(content)
    check_schema(schema)
    return schema


def compare(contents: tuple[bytes, bytes]) -> Iterator[dict[str, Any]]:
    """Give the single answer for two schemas, as bytes of their files."""
    prepare()
    schemas: list[Schema] = []
    for at, content in enumerate(contents):
        try:
            schemas.append(_checked(content))
        except NotASchema as error:
            yield {"flaw": [at, str(error), list(error.path)]}
            return
    (before, after), (old, new) = contents, schemas
    comparison = Comparison(before, after, old, new)
    if not comparison.has_known_dialects:
        yield {"unknown": "dialect"}
        return
    comparison.run()
    if comparison.is_unknown:
        yield {"unknown": "work"}
    else:
        yield {"changes": [change.data() for change in comparison.changes()]}


class Comparison:
    """The search for witnesses. ``is_unknown``: even one instance takes more work than allowed."""

    def __init__(self, before: bytes, after: bytes, old: Schema, new: Schema) -> None:
        self._work = Work(_MOST_WORK)
        self._old, self._new = Judge(old, self._work), Judge(new, self._work)
        self._plain = PlainJudge(before), PlainJudge(after)
        self._names = naming(old), naming(new)
        self._found: dict[KeyPath, tuple[tuple[int, int], ContractChange]] = {}
        self.judged = 0
        self.is_unknown = False

    @property
    def has_known_dialects(self) -> bool:
        """Return whether the library knows the dialects of both schemas, in all their parts."""
        return self._old.is_known and self._new.is_known

    def run(self) -> None:
        """Judge all candidates, or as many as the work allows."""
        try:
            for instance in islice(Candidates((self._old, self._new)).all(), _MOST_CANDIDATES):
                self._judge(instance)
        except WorkDoneError:
            few = self.judged < _FEW and not self._work.loops
            self.is_unknown = not self._found and (few or self._work.explodes)

    def changes(self) -> list[ContractChange]:
        """Return the changes, the one with the simplest witness first."""
        simplest_first = sorted(self._found.values(), key=lambda entry: entry[0])
        return [change for _, change in simplest_first[:_MOST_CHANGES]]

    def _judge(self, instance: Any) -> None:
        if not self._old.accepts(instance):
            return
        verdict = self._new.accepts(instance)
        self.judged += verdict is not None
        if verdict is False:
            self._keep(instance, reasons(self._errors(instance), self._names[0].fields), refuses=True)
        elif verdict:
            self._keep(instance, gone(instance, (self._old, self._new), self._names), refuses=False)

    def _errors(self, instance: Any) -> list[ValidationError]:
        errors: list[ValidationError] = []
        try:
            for error in islice(self._new.errors(instance), _MOST_ERRORS):
                errors.append(error)
        except (WorkDoneError, OutOfTimeError, MemoryError):
            raise
        except Exception:  # the first one is certain
            return errors
        return errors

    def _keep(self, instance: Any, why: list[Reason], *, refuses: bool) -> None:
        """Keep an instance as the witness of each reason for which it is the simplest one yet."""
        size = len(why), len(key(instance))
        better = [reason for reason in why if reason[0] not in self._found or size < self._found[reason[0]][0]]
        if not better or (refuses and rests_on_open_fields(instance, self._old, self._names)):
            return
        if self._is_confirmed(instance, refuses):
            for path, message in better:
                witness = spelled(instance)[:_LONGEST]
                self._found[path] = size, ContractChange(path, message, witness, refuses)

    def _is_confirmed(self, instance: Any, refuses: bool) -> bool:
        old, new = self._plain
        return old.accepts(instance) is True and new.accepts(instance) is (not refuses)
