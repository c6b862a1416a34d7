"""A version of a schema does not break the callers of the one that is still live.

The contract of a ``schema`` component is the JSON Schema of what callers send, one for each version. They do not know
which version of a model answers. Where a rollout splits its requests between two that pin different versions of the
schema, and where one pins a range that two served versions meet, the newer of these gets what is sent by the contract
of the older. So it accepts all that the older one accepted, and keeps each field that it required: no field more is
required, no type, list of values or bound is narrower, no object is closed. What is told is certain; what a contract
says with ``anyOf``, ``if`` and the like is not looked into, and neither is that of a component of another type.

Versions side by side that each model pins exactly break nobody, which is how a breaking version comes in: while a live
version of a model pins the older one that is a warning, for it stays up until its callers have moved. Live is what
takes requests, and what a rollback goes to. With a base, versions that leave with this change are compared too, and
what stood there already is a warning.

Source: backward compatibility, https://docs.confluent.io/platform/current/schema-registry/fundamentals/schema-evolution.html

Fails::

    # components/payment-event.yaml
    apiVersion: rollout-spec/v1
    kind: Component
    metadata: {name: payment-event}
    spec: {type: schema, serving: ["3.0", "3.1"], contract: "contracts/payment-event/{version}.json"}
    # contracts/payment-event/3.0.json
    {"type": "object", "required": ["amount"]}
    # contracts/payment-event/3.1.json
    {"type": "object", "required": ["amount", "currency"]}
    # rollouts/fraud.yaml
    spec:
      versions:
        "41": {requires: {payment-event: "3.0"}}
        "42": {requires: {payment-event: "3.1"}}    # and it gets requests without a currency
      live: {stable: "41", candidate: "42", stage: canary-5}

Passes::

    # components/payment-event.yaml
    apiVersion: rollout-spec/v1
    kind: Component
    metadata: {name: payment-event}
    spec: {type: schema, serving: ["3.0", "3.1"], contract: "contracts/payment-event/{version}.json"}
    # contracts/payment-event/3.0.json
    {"type": "object", "required": ["amount"]}
    # contracts/payment-event/3.1.json
    {"type": "object", "required": ["amount"], "properties": {"currency": {"type": "string"}}}
    # rollouts/fraud.yaml
    spec:
      versions:
        "41": {requires: {payment-event: "3.0"}}
        "42": {requires: {payment-event: "3.1"}}
      live: {stable: "41", candidate: "42", stage: canary-5}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from rollout_spec.contracts import place_of
from rollout_spec.eligibility import is_range, meets
from rollout_spec.errors import UserError
from rollout_spec.finding import Problem
from rollout_spec.rules.subject import Subject

if TYPE_CHECKING:
    from rollout_spec.contracts.reading import Schema
    from rollout_spec.dependents import Dependent, Dependents

    _Meeting = tuple[str, str, str, *tuple[Dependent, ...]]

KINDS = frozenset({"Component"})
NEEDS = ""
UNCONDITIONAL = False

_SHOWN, _NAMED = 3, 5
_REASONS = {  # why callers of an older version meet a newer one, the worst first: what is said of it, and the hint
    "split": (
        "{new} breaks callers of {old}, and {who} take requests of the same callers",
        "accept in {new} what {old} accepts, until no caller sends it",
    ),
    "range": (
        "{new} breaks callers of {old}, and both are in the range of {who}",
        "accept in {new} what {old} accepts, or pin one version exactly",
    ),
    "pin": (
        "{new} breaks callers of {old}, which is still pinned by {who}",
        "keep {old} up until its callers have moved",
    ),
}


def check(subject: Subject) -> Iterator[Problem]:
    """Read the contract of each version that is served; for a whole workspace, compare them."""
    spec = subject.model.spec
    if spec.type != "schema" or spec.contract is None:
        return
    if "{version}" not in spec.contract:
        words = "`{version}` is missing: each version has a contract of its own"
        hint = f"write `contracts/{subject.file.stem}/{{version}}.schema.json`"
        yield Problem(("spec", "contract"), words, hint)
        return
    schemas: dict[str, Schema] = {}
    for index, version in enumerate(spec.serving):
        found = _read(version, index, subject)
        if isinstance(found, Problem):
            yield found
        elif found is not None:
            schemas[version] = found
    if subject.whole and schemas:
        yield from _compared(subject, schemas)


def _read(version: str, index: int, subject: Subject) -> Schema | Problem | None:
    """Return the contract of a version, or what is wrong with it; None if it is a link."""
    from rollout_spec.contracts.reading import NotASchema, read_schema

    at = ("spec", "serving", index)
    path = place_of(subject.model.spec.contract, version)
    if path is None:
        return Problem(("spec", "contract"), "this leads out of the workspace", "put the contracts into the workspace")
    try:
        content = subject.repository.tree.read(path)
        if content is None and subject.repository.link(path) is not None:
            return None  # no-links says so
        if content is None:
            words = f"there is no {path}, so that nobody can say whose callers {version} breaks"
            return Problem(at, words, "put the JSON Schema of this version there", "warning")
        return read_schema(content)
    except UserError as error:
        return Problem(at, error.message, error.hint, "warning")
    except NotASchema as error:
        # What stood on the base is no reason to stay there, in a rollback least of all.
        stood = subject.base is not None and subject.base.tree.read(path) == content
        words = f"the contract of {subject.file.stem} {version} is no JSON Schema: {error}"
        return Problem(error.path, words, None, "warning" if stood else "error", file=path, span=error.span)


def _compared(subject: Subject, schemas: Mapping[str, Schema]) -> Iterator[Problem]:
    """Compare what callers of one version may meet in another."""
    from rollout_spec.contracts.breaking import breaks
    from rollout_spec.dependents import dependents

    serving: list[str] = subject.model.spec.serving
    schemas = {**_left(subject), **schemas}
    order = sorted(schemas, key=_order)
    if not any(breaks(schemas[one], schemas[two]) for pair in pairwise(order) for one, two in (pair, pair[::-1])):
        return  # else all rollouts are read
    found: dict[tuple[str, str], dict[str, list[Dependent]]] = {}
    for old, new, why, *who in _meetings(dependents(subject.file.stem, subject.repository), order, serving):
        found.setdefault((old, new), {}).setdefault(why, []).extend(who)
    for (old, new), reasons in found.items():
        changes = [str(change) for change in breaks(schemas[old], schemas[new])]
        if changes:
            why = next(why for why in _REASONS if why in reasons)
            words, hint = (text.format(old=old, new=new, who=_named(reasons[why])) for text in _REASONS[why])
            mild = why == "pin" or (why == "range" and _stood(subject, old, new))
            at = ("spec", "serving", serving.index(new))
            yield Problem(at, f"{words}: {_listed(changes, _SHOWN)}", hint, "warning" if mild else "error")


def _meetings(found: Dependents, order: Sequence[str], serving: Sequence[str]) -> Iterator[_Meeting]:
    """Give an older and a newer version whose callers meet, why they do, and which versions of models pin them."""

    def met(pin: str) -> list[str]:
        return [version for version in order if meets(version, pin)]

    for stable, candidate in found.splits:
        old, new = met(stable.pin)[-1:], met(candidate.pin)[-1:]
        if old and new and old != new and new[0] in serving:
            yield old[0], new[0], "split", stable, candidate
    for each in found.pins:
        versions = met(each.pin)
        if is_range(each.pin):
            yield from ((old, new, "range", each) for old, new in pairwise(versions) if new in serving)
        elif versions and versions[0] in serving:
            later = (version for version in order[order.index(versions[0]) + 1 :] if version in serving)
            yield from ((versions[0], new, "pin", each) for new in islice(later, 1))


def _left(subject: Subject) -> dict[str, Schema]:
    """Return the contracts of versions that leave with this change: who met them meets the others now."""
    from rollout_spec.contracts.reading import NotASchema, read_schema

    before = subject.before
    if subject.base is None or before is None or before.spec.contract is None:
        return {}
    found: dict[str, Schema] = {}
    for version in before.spec.serving:
        path = place_of(before.spec.contract, version)
        content = subject.base.tree.read(path) if path and version not in subject.model.spec.serving else None
        with suppress(NotASchema):
            if content is not None:
                found[version] = read_schema(content)
    return found


def _stood(subject: Subject, old: str, new: str) -> bool:
    """Were both served on the base already, by the contracts of now?"""
    before, now = subject.before, subject.model.spec
    if subject.base is None or before is None or before.spec.contract != now.contract:
        return False
    paths = [place_of(now.contract, version) or "" for version in (old, new)]
    return {old, new} <= {*before.spec.serving} and all(
        subject.base.tree.read(path) == subject.repository.tree.read(path) for path in paths
    )


def _order(version: str) -> list[tuple[int, str]]:
    """Order versions as people do: 9 before 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]{1,18})", version)]


def _named(who: Sequence[Dependent]) -> str:
    """Name versions by their rollouts: ``fraud (41, 42), churn (7)``."""
    versions: dict[str, dict[str, None]] = {}
    for each in who:
        versions.setdefault(each.rollout, {})[each.version] = None
    return _listed([f"{rollout} ({', '.join(found)})" for rollout, found in versions.items()], _NAMED)


def _listed(items: Sequence[str], most: int) -> str:
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more
