"""Callers send what the schema of the version that answers them says; the schema of an earlier one may refuse it.

Where stable fails, all its callers are sent to another version, as where a split sends them to both: they do not know
which version answers. What they send now is what stable reads by the ``contract`` of its own pin on a ``schema``
component. The restored version reads by the contract of its pin.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollout_spec.core.errors import UserError
from rollout_spec.domain.contracts import place_of
from rollout_spec.domain.pins import is_range, satisfies
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.spec.component import ComponentSpec
    from rollout_spec.spec.rollout import ModelRollout


@dataclass(frozen=True)
class Refusal:
    """A schema, in the version that an earlier version of a model ``reads``, refuses what it takes as ``sent`` now.

    ``changes`` say where, and show a request. ``moved``: the newer version of the schema took something away too, so
    that callers had to move when it came. Where it took nothing away they may send what they always did, and nobody
    knows whether what is refused is ever sent. ``known``: both could be compared; else ``changes`` say why not.
    """

    component: str
    reads: str
    sent: str
    changes: tuple[str, ...]
    moved: bool
    known: bool = True

    @property
    def summary(self) -> str:
        """What is wrong with the earlier version; what it is called is to come before."""
        if not self.known:
            return (
                f"reads {self.component} {self.reads}; whether it refuses what callers of {self.sent} send is not known"
            )
        may = "" if self.moved else "may "
        return f"reads {self.component} {self.reads}, which refuses what callers of {self.sent} {may}send"

    @property
    def words(self) -> str:
        """Why the earlier version is passed over, for a person; it quotes the contract."""
        more = f" and {len(self.changes) - 1} more" if len(self.changes) > 1 else ""
        return f"it {self.summary}: {self.changes[0]}{more}"


def refusals(rollout: ModelRollout, version: str, repository: Repository) -> Iterator[Refusal]:
    """Give the schemas that refuse what callers of stable send, if they are sent to another version.

    Only what an instance proves is told: nothing of a contract that is missing, unreadable or no JSON Schema, nothing
    of a range that several served versions meet, and nothing of an exclusive schema: it goes back in the same commit,
    for all. Contracts that take too long to compare are told as not known: they keep no rollback from being
    made, and let none merge itself.
    """
    versions = rollout.spec.versions
    ours, theirs = (
        versions[each].requires or {} if each in versions else {} for each in (rollout.spec.live.stable, version)
    )
    for name, pin in theirs.items():
        if ours.get(name, pin) == pin:
            continue
        component = repository.component(name)
        spec = component.model.spec if component and component.model else None
        if spec is None or spec.type != "schema" or spec.exclusive:
            continue
        sent, reads = (_read_by(each, spec) for each in (ours[name], pin))
        if sent is None or reads is None or sent == reads:
            continue
        contracts = [_contract(spec, each, repository) for each in (sent, reads)]
        if contracts[0] is None or contracts[1] is None:
            continue
        changes, moved, known = _compared(contracts[0], contracts[1], f"components/{name}.yaml")
        if changes:
            yield Refusal(name, reads, sent, changes, moved, known)


def _read_by(pin: str, component: ComponentSpec) -> str | None:
    """Return the one version that a pin leads to; None where several or none are served of a range."""
    if not is_range(pin):
        return pin
    met = [version for version in component.serving if satisfies(version, pin)]
    return met[0] if len(met) == 1 else None


def _contract(component: ComponentSpec, version: str | None, repository: Repository) -> bytes | None:
    if component.contract is None or version is None or "{version}" not in component.contract:
        return None
    path = place_of(component.contract, version)
    with suppress(UserError):  # contracts-compatible says so
        return repository.tree.read(path) if path is not None else None
    return None


def _compared(sent: bytes, read: bytes, about: str) -> tuple[tuple[str, ...], bool, bool]:
    """Return what the schema that is read refuses, whether the one that is sent took something away, and is known."""
    from rollout_spec.core.bounded_process import Stopped
    from rollout_spec.domain.contracts.comparison import refusals
    from rollout_spec.domain.contracts.json_schema import NotASchema, read_schema

    if sent == read:
        return (), False, True
    try:
        for each in (sent, read):
            read_schema(each)
        changes = refusals(sent, read, about)
        if not changes:
            return (), False, True
        words = (f"{changes[0]}, as in {changes[0].shown}", *map(str, changes[1:]))
        return words, bool(refusals(read, sent, about)), True
    except NotASchema:
        return (), False, True
    except Stopped as stopped:
        return (stopped.why,), False, False
    except UserError as error:
        return (error.message,), False, False
