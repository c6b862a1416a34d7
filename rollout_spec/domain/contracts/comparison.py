"""The comparison of two versions of a contract: a break is certain only if an instance shows it.

The search for instances runs in a confined process, because anybody who can open a pull request can write contracts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rollout_spec.core import bounded_process as confined
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import KeyPath
from rollout_spec.core.text import excerpt
from rollout_spec.domain.contracts.json_schema import NotASchema, pointer

_TASK = "rollout_spec.domain.contracts.witnesses:compare"
_CHECK = "rollout_spec.domain.contracts.witnesses:check"
_UNKNOWN = {
    "work": (
        "it takes too much work to judge what these contracts accept",
        "make them simpler: fewer alternatives in alternatives",
    ),
    "dialect": (
        "`$schema` of one of these contracts names no dialect that is known here, or a part of it names its own",
        'write `"$schema": "https://json-schema.org/draft/2020-12/schema"` at the top, and none below it',
    ),
}
"""The reasons why a comparison is not possible, each with its hint."""
_SHOWN = 200


@dataclass(frozen=True)
class ContractChange:
    """One change that breaks callers, with an instance that shows it.

    ``path`` is the place in the new schema, ``message`` the change, ``witness`` the JSON that the old schema accepts.
    ``refuses``: the new schema refuses it. If not, the new schema accepts it and no longer reads a required field.
    """

    path: KeyPath
    message: str
    witness: str
    refuses: bool = True

    def __str__(self) -> str:
        return f"{pointer(self.path)}: {self.message}"

    def data(self) -> list[Any]:
        """Return this as plain data."""
        return [list(self.path), self.message, self.witness, self.refuses]

    def witness_sentence(self, old: str, new: str) -> str:
        """Return the sentence that shows the instance, by the names of both versions."""
        verdict = "is refused" if self.refuses else "is not read in full"
        return f"this request was accepted by {old} and {verdict} by {new}: `{self.shown}`"

    @property
    def shown(self) -> str:
        """The instance as a message shows it."""
        return excerpt(self.witness, _SHOWN)


class FlawError(NotASchema):
    """One of two contracts is not a JSON Schema. ``which`` is 0 for the old one, 1 for the new one."""

    def __init__(self, which: int, message: str, path: KeyPath) -> None:
        super().__init__(message, path)
        self.which = which


def check_by_metaschema(content: bytes, about: str) -> None:
    """Raise ``NotASchema`` if its metaschema refuses a contract, or cannot be asked."""
    try:
        [answer] = confined.ask(_CHECK, content, 1, about)
    except confined.StoppedError as stopped:
        raise NotASchema(f"it cannot be judged: {stopped.reason}") from None
    except UserError as error:
        raise NotASchema(f"it cannot be judged: {error.message}") from None
    if answer is not None:
        message, path = answer
        raise NotASchema(message, tuple(path))


def breaks(old: bytes, new: bytes, about: str) -> list[ContractChange]:
    """Return the changes from one contract to the next that certainly break callers of the old one.

    ``about`` is the file of the new one. Raises ``FlawError``, or ``confined.StoppedError`` if the comparison exceeds
    its limits.
    """
    answer = _answer(old, new, about) if old != new else {"changes": []}
    if "flaw" in answer:
        which, message, path = answer["flaw"]
        raise FlawError(which, message, tuple(path))
    if "unknown" in answer:
        why, hint = _UNKNOWN[answer["unknown"]]
        stopped = confined.StoppedError("time", why)
        stopped.hint = hint
        raise stopped
    changes = answer["changes"]
    return [ContractChange(tuple(path), message, witness, refuses) for path, message, witness, refuses in changes]


@lru_cache(maxsize=16)  # a drill compares the same two many times; an exceeded limit is not cached
def _answer(old: bytes, new: bytes, about: str) -> dict[str, Any]:
    [answer] = confined.ask(_TASK, (old, new), 1, about)
    return dict(answer)


def refusals(old: bytes, new: bytes, about: str) -> list[ContractChange]:
    """Return the changes by which the new contract certainly refuses an instance that the old one accepts."""
    return [change for change in breaks(old, new, about) if change.refuses]
