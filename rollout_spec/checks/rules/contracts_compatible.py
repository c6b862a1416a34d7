"""A version of a schema does not break the callers of the one that is still live.

The contract of a ``schema`` component is the JSON Schema of what callers send, one for each version. They do not know
which version of a model answers. Where a rollout splits its requests between two that pin different versions of the
schema, and where one pins a range that two served versions meet, the newer of these gets what is sent by the contract
of the older. So it accepts all that the older one accepted, and keeps each field that it required. A break is told with
a request that proves it: a JSON Schema validator accepts it by the older contract and refuses it by the newer one. No
request has a field that only the newer one names, where the older one lets any other field pass: so fields are added.
Contracts that cannot be compared within the limits of a workspace's templates, or whose `$schema` is not known, are an
error. With a base, so is a new contract that its metaschema refuses, also if there is none to compare it with.

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

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Problem, Severity
from rollout_spec.core.text import join_some
from rollout_spec.domain.contracts import place_of

if TYPE_CHECKING:
    from rollout_spec.domain.contracts.json_schema import NotASchema
    from rollout_spec.domain.dependents import Dependent

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
    contents: dict[str, bytes] = {}
    for index, version in enumerate(spec.serving):
        found = _read(version, index, subject)
        if isinstance(found, Problem):
            yield found
        elif found is not None:
            contents[version] = found
    if subject.whole and contents:
        yield from _compared(subject, {**_left(subject), **contents})


def _read(version: str, index: int, subject: Subject) -> bytes | Problem | None:
    """Return the contract of a version, or what is wrong with it; None if it is a link."""
    from rollout_spec.domain.contracts.json_schema import NotASchema, read_schema

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
        read_schema(content)
        if subject.whole and subject.base is not None and subject.base.tree.read(path) != content:
            from rollout_spec.domain.contracts.comparison import check_by_metaschema

            check_by_metaschema(content, path)  # what stood on the base is compared, and no more
        return content
    except UserError as error:
        return Problem(at, error.message, error.hint, "warning")
    except NotASchema as error:
        return _flaw(version, error, path, content, subject)


def _flaw(version: str, error: NotASchema, path: str, content: bytes | None, subject: Subject) -> Problem:
    """Say that a contract is no JSON Schema."""
    # What stood on the base is no reason to stay there, in a rollback least of all.
    stood = subject.base is not None and subject.base.tree.read(path) == content
    words = f"the contract of {subject.file.stem} {version} is no JSON Schema: {error}"
    return Problem(error.path, words, None, "warning" if stood else "error", file=path, span=error.span)


def _compared(subject: Subject, contents: Mapping[str, bytes]) -> Iterator[Problem]:
    """Compare what callers of one version may meet in another."""
    from rollout_spec.domain.dependents import caller_overlaps, dependents, version_sort_key

    serving: list[str] = subject.model.spec.serving
    if len({*contents.values()}) < 2:
        return  # else all rollouts are read
    order = sorted(contents, key=version_sort_key)
    found: dict[tuple[str, str], dict[str, list[Dependent]]] = {}
    for old, new, why, *who in caller_overlaps(dependents(subject.file.stem, subject.repository), order, serving):
        found.setdefault((old, new), {}).setdefault(why, []).extend(who)
    told: set[Problem] = set()
    for (old, new), reasons in found.items():
        for problem in _broken(subject, (old, new), contents, reasons):
            if problem not in told:  # one that is no schema is compared with several
                told.add(problem)
                yield problem


def _broken(
    subject: Subject, pair: tuple[str, str], contents: Mapping[str, bytes], reasons: Mapping[str, Sequence[Dependent]]
) -> Iterator[Problem]:
    """Say what breaks callers of the first of two versions in the second, or that nobody can say."""
    from rollout_spec.core.bounded_process import StoppedError
    from rollout_spec.domain.contracts.comparison import FlawError, breaks

    (old, new), spec = pair, subject.model.spec
    path = place_of(spec.contract, new) or ""
    try:
        changes = breaks(contents[old], contents[new], path)
    except FlawError as error:
        version = pair[error.which]
        if version in spec.serving:
            place = place_of(spec.contract, version) or ""
            yield _flaw(version, error, place, contents[version], subject)
        return
    except (StoppedError, UserError) as error:
        why = error.reason if isinstance(error, StoppedError) else error.message
        severity: Severity = "warning" if _is_unchanged(subject, contents, pair) else "error"
        words = f"nobody can say whether {new} breaks callers of {old}: {why}"
        yield Problem((), words, error.hint, severity, file=path)
        return
    if changes:
        why = next(why for why in _REASONS if why in reasons)
        words, hint = (text.format(old=old, new=new, who=_named(reasons[why])) for text in _REASONS[why])
        mild = why == "pin" or (why == "range" and _stood(subject, old, new))
        at = ("spec", "serving", spec.serving.index(new))
        shown = f"{join_some([str(change) for change in changes], _SHOWN)}; {changes[0].witness_sentence(old, new)}"
        yield Problem(at, f"{words}: {shown}", hint, "warning" if mild else "error")


def _left(subject: Subject) -> dict[str, bytes]:
    """Return the contracts of versions that leave with this change: who met them meets the others now."""
    from rollout_spec.domain.contracts.json_schema import NotASchema, read_schema

    before = subject.before
    if subject.base is None or before is None or before.spec.contract is None:
        return {}
    found: dict[str, bytes] = {}
    for version in before.spec.serving:
        path = place_of(before.spec.contract, version)
        content = subject.base.tree.read(path) if path and version not in subject.model.spec.serving else None
        with suppress(NotASchema):
            if content is not None:
                read_schema(content)
                found[version] = content
    return found


def _is_unchanged(subject: Subject, contents: Mapping[str, bytes], versions: Sequence[str]) -> bool:
    """Return whether the base has the same contracts of these versions: a rollback is not kept up by them."""
    if subject.base is None:
        return False
    paths = {version: place_of(subject.model.spec.contract, version) or "" for version in versions}
    return all(subject.base.tree.read(path) == contents[version] for version, path in paths.items())


def _stood(subject: Subject, old: str, new: str) -> bool:
    """Were both served on the base already, by the contracts of now?"""
    before, now = subject.before, subject.model.spec
    if subject.base is None or before is None or before.spec.contract != now.contract:
        return False
    paths = [place_of(now.contract, version) or "" for version in (old, new)]
    return {old, new} <= {*before.spec.serving} and all(
        subject.base.tree.read(path) == subject.repository.tree.read(path) for path in paths
    )


def _named(who: Sequence[Dependent]) -> str:
    """Name versions by their rollouts: ``fraud (41, 42), churn (7)``."""
    versions: dict[str, dict[str, None]] = {}
    for each in who:
        versions.setdefault(each.rollout, {})[each.version] = None
    return join_some([f"{rollout} ({', '.join(found)})" for rollout, found in versions.items()], _NAMED)
