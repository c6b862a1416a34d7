"""The compatibility of an earlier version with the present requests of callers.

If stable fails, all its callers are sent to another version. Their requests follow the schema that stable reads: the
``contract`` of its pin on a ``schema`` component. The restored version reads by the contract of its own pin, which may
refuse these requests.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import join_some
from rollout_spec.domain.contracts import place_of
from rollout_spec.domain.pins import is_range, satisfies
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.spec.component import ComponentSpec
    from rollout_spec.spec.rollout import ModelRollout


@dataclass(frozen=True)
class Refusal:
    """A schema whose version ``reads`` refuses requests of its version ``sent``.

    ``reads`` belongs to an earlier version of a model. ``changes`` name the places in the schema, and show a request.
    ``moved``: the newer version of the schema removed something too, so callers had to change for it. If it removed
    nothing, callers may still send the old requests, and it is unknown whether the refused ones are ever sent.
    ``known``: both versions could be compared. If not, ``changes`` hold the reason.
    """

    component: str
    reads: str
    sent: str
    changes: tuple[str, ...]
    moved: bool
    known: bool = True

    @property
    def summary(self) -> str:
        """The reason against the earlier version, to be written after its name."""
        requests = f"requests that callers of {self.sent}"
        if not self.known:
            return f"reads {self.component} {self.reads}; cannot tell whether it refuses {requests} send"
        may = "" if self.moved else "may "
        return f"reads {self.component} {self.reads}, which refuses {requests} {may}send"

    @property
    def message(self) -> str:
        """The reason to skip the earlier version. It quotes the contract."""
        return f"it {self.summary}: {join_some(self.changes, 1)}"


def refusals(rollout: ModelRollout, version: str, repository: Repository) -> Iterator[Refusal]:
    """Give the schemas that refuse requests of the callers of stable if these are sent to another version.

    A refusal needs an instance that shows it. There is none for a contract that is missing, unreadable or not a JSON
    Schema, for a range that several served versions satisfy, and for an exclusive schema: it is switched in the same
    commit, for all. Contracts that take too long to compare are not ``known``: the rollback is then made as a draft.
    """
    versions = rollout.spec.versions
    ours, theirs = (
        versions[own].requires or {} if own in versions else {} for own in (rollout.spec.live.stable, version)
    )
    for name, pin in theirs.items():
        if ours.get(name, pin) == pin:
            continue
        component = repository.component(name)
        spec = component.model.spec if component and component.model else None
        if spec is None or spec.type != "schema" or spec.exclusive:
            continue
        sent, reads = (_read_by(own_pin, spec) for own_pin in (ours[name], pin))
        if sent is None or reads is None or sent == reads:
            continue
        contracts = [_contract(spec, schema_version, repository) for schema_version in (sent, reads)]
        if contracts[0] is None or contracts[1] is None:
            continue
        changes, moved, known = _compared(contracts[0], contracts[1], f"components/{name}.yaml")
        if changes:
            yield Refusal(name, reads, sent, changes, moved, known)


def _read_by(pin: str, component: ComponentSpec) -> str | None:
    """Return the single version of a component that a pin selects.

    None if a range selects several, or none.
    """
    if not is_range(pin):
        return pin
    versions = [version for version in component.serving if satisfies(version, pin)]
    return versions[0] if len(versions) == 1 else None


def _contract(component: ComponentSpec, version: str | None, repository: Repository) -> bytes | None:
    if component.contract is None or version is None or "{version}" not in component.contract:
        return None
    path = place_of(component.contract, version)
    with suppress(UserError):  # contracts-compatible says so
        return repository.tree.read(path) if path is not None else None
    return None


def _compared(sent: bytes, read: bytes, about: str) -> tuple[tuple[str, ...], bool, bool]:
    """Return the changes that ``read`` refuses, and two facts.

    The facts are whether ``sent`` removed something, and whether the changes and that are known.
    """
    from rollout_spec.core.bounded_process import StoppedError
    from rollout_spec.domain.contracts.comparison import refusals
    from rollout_spec.domain.contracts.json_schema import NotASchema, read_schema

    if sent == read:
        return (), False, True
    try:
        for content in (sent, read):
            read_schema(content)
        changes = refusals(sent, read, about)
        if not changes:
            return (), False, True
        messages = (f"{changes[0]}, as in {changes[0].shown}", *map(str, changes[1:]))
        return messages, bool(refusals(read, sent, about)), True
    except NotASchema:
        return (), False, True
    except StoppedError as stopped:
        return (stopped.reason,), False, False
    except UserError as error:
        return (error.message,), False, False
