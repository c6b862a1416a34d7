"""A version of a schema does not break the callers of an older one that is still live.

The contract of a ``schema`` component is a JSON Schema of what callers send, one for each version. Callers do not know
which version of a model serves them. A newer version of the schema gets requests of the older one in two cases: a
rollout splits its requests between versions that pin different ones, or a range in a pin matches both. So the newer one
must accept all that the older one accepted, and keep each field that it required. A break is reported with a request
that shows it: a JSON Schema validator accepts it by the older contract and refuses it by the newer one. Fields can be
added: no request is assumed to have a field that only the newer contract names, if the older one allows any other
field. It is an error if a contract cannot be compared within the limits of a workspace's templates, or has an unknown
`$schema`. With a base, so is a new contract that its metaschema refuses, even if it is compared with none.

Versions side by side that each model pins exactly break nobody, so a breaking version can be introduced that way. It is
a warning while a live version of a model pins the older one, which must be served until its callers have moved. Live
versions are those that receive requests, and rollback targets. With a base, versions that this change removes are
compared too, and breaks that the base has already are warnings.

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
        "42": {requires: {payment-event: "3.1"}}    # gets requests without a currency
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
_REASONS = {  # why a newer version gets requests of an older one, the worst first: the message, and the hint
    "split": (
        "{new} breaks callers of {old}, and {who} receive requests of the same callers",
        "accept in {new} what {old} accepts, until no caller sends it",
    ),
    "range": (
        "{new} breaks callers of {old}, and both are in the range of {who}",
        "accept in {new} what {old} accepts, or pin one version exactly",
    ),
    "pin": (
        "{new} breaks callers of {old}, which is still pinned by {who}",
        "serve {old} until its callers have moved",
    ),
}


def check(subject: Subject) -> Iterator[Problem]:
    """Read the contract of each served version; in a check of the whole workspace, compare them."""
    spec = subject.model.spec
    if spec.type != "schema" or spec.contract is None:
        return
    if "{version}" not in spec.contract:
        message = "`{version}` is missing: each version needs its own contract"
        hint = f"write `contracts/{subject.file.stem}/{{version}}.schema.json`"
        yield Problem(("spec", "contract"), message, hint)
        return
    contents: dict[str, bytes] = {}
    for index, version in enumerate(spec.serving):
        content = _read(version, index, subject)
        if isinstance(content, Problem):
            yield content
        elif content is not None:
            contents[version] = content
    if subject.whole and contents:
        yield from _compared(subject, {**_removed(subject), **contents})


def _read(version: str, index: int, subject: Subject) -> bytes | Problem | None:
    """Return the contract of a version, or its problem, or None if it is a link."""
    from rollout_spec.domain.contracts.json_schema import NotASchema, read_schema

    at = ("spec", "serving", index)
    path = place_of(subject.model.spec.contract, version)
    if path is None:
        return Problem(
            ("spec", "contract"), "this path leads out of the workspace", "move the contracts into the workspace"
        )
    try:
        content = subject.repository.tree.read(path)
        if content is None and subject.repository.link(path) is not None:
            return None  # no-links reports it
        if content is None:
            message = f"cannot tell whose callers {version} breaks: there is no {path}"
            return Problem(at, message, "add the JSON Schema of this version", "warning")
        read_schema(content)
        if subject.whole and subject.base is not None and subject.base.tree.read(path) != content:
            from rollout_spec.domain.contracts.comparison import check_by_metaschema

            check_by_metaschema(content, path)  # what stood on the base is compared, and no more
        return content
    except UserError as error:
        return Problem(at, error.message, error.hint, "warning")
    except NotASchema as error:
        return _not_a_schema(version, error, path, content, subject)


def _not_a_schema(version: str, error: NotASchema, path: str, content: bytes | None, subject: Subject) -> Problem:
    """Return the problem of a contract that is not a JSON Schema."""
    # A problem that the base has already must not block a change, least of all a rollback.
    stood = subject.base is not None and subject.base.tree.read(path) == content
    message = f"the contract of {subject.file.stem} {version} is not a JSON Schema: {error}"
    return Problem(error.path, message, None, "warning" if stood else "error", file=path, span=error.span)


def _compared(subject: Subject, contents: Mapping[str, bytes]) -> Iterator[Problem]:
    """Compare each two contracts that may get the same requests."""
    from rollout_spec.domain.dependents import caller_overlaps, dependents, version_sort_key

    serving: list[str] = subject.model.spec.serving
    if len({*contents.values()}) < 2:
        return  # reading all rollouts takes long
    order = sorted(contents, key=version_sort_key)
    pairs: dict[tuple[str, str], dict[str, list[Dependent]]] = {}
    for old, new, why, *who in caller_overlaps(dependents(subject.file.stem, subject.repository), order, serving):
        pairs.setdefault((old, new), {}).setdefault(why, []).extend(who)
    reported: set[Problem] = set()
    for (old, new), reasons in pairs.items():
        for problem in _breaks(subject, (old, new), contents, reasons):
            if problem not in reported:  # a contract that is not a schema is compared with several
                reported.add(problem)
                yield problem


def _breaks(
    subject: Subject, pair: tuple[str, str], contents: Mapping[str, bytes], reasons: Mapping[str, Sequence[Dependent]]
) -> Iterator[Problem]:
    """Yield the breaks between two versions, or why they cannot be compared."""
    from rollout_spec.core.bounded_process import StoppedError
    from rollout_spec.domain.contracts.comparison import FlawError, breaks

    (old, new), spec = pair, subject.model.spec
    path = place_of(spec.contract, new) or ""
    try:
        changes = breaks(contents[old], contents[new], path)
    except FlawError as error:
        version = pair[error.which]
        if version in spec.serving:
            path_of_flaw = place_of(spec.contract, version) or ""
            yield _not_a_schema(version, error, path_of_flaw, contents[version], subject)
        return
    except (StoppedError, UserError) as error:
        why = error.reason if isinstance(error, StoppedError) else error.message
        severity: Severity = "warning" if _is_unchanged(subject, contents, pair) else "error"
        message = f"cannot tell whether {new} breaks callers of {old}: {why}"
        yield Problem((), message, error.hint, severity, file=path)
        return
    if changes:
        why = next(why for why in _REASONS if why in reasons)
        message, hint = (text.format(old=old, new=new, who=_named(reasons[why])) for text in _REASONS[why])
        is_mild = why == "pin" or (why == "range" and _was_on_base(subject, old, new))
        at = ("spec", "serving", spec.serving.index(new))
        details = f"{join_some([str(change) for change in changes], _SHOWN)}; {changes[0].witness_sentence(old, new)}"
        yield Problem(at, f"{message}: {details}", hint, "warning" if is_mild else "error")


def _removed(subject: Subject) -> dict[str, bytes]:
    """Return the contracts of versions that this change removes: their callers get the others now."""
    from rollout_spec.domain.contracts.json_schema import NotASchema, read_schema

    before = subject.before
    if subject.base is None or before is None or before.spec.contract is None:
        return {}
    contents: dict[str, bytes] = {}
    for version in before.spec.serving:
        path = place_of(before.spec.contract, version)
        content = subject.base.tree.read(path) if path and version not in subject.model.spec.serving else None
        with suppress(NotASchema):
            if content is not None:
                read_schema(content)
                contents[version] = content
    return contents


def _is_unchanged(subject: Subject, contents: Mapping[str, bytes], versions: Sequence[str]) -> bool:
    """Return whether the base has the same contracts of these versions, so that they block no rollback."""
    if subject.base is None:
        return False
    paths = {version: place_of(subject.model.spec.contract, version) or "" for version in versions}
    return all(subject.base.tree.read(path) == contents[version] for version, path in paths.items())


def _was_on_base(subject: Subject, old: str, new: str) -> bool:
    """Return whether the base serves both versions with the same contracts."""
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
    for dependent in who:
        versions.setdefault(dependent.rollout, {})[dependent.version] = None
    return join_some([f"{rollout} ({', '.join(numbers)})" for rollout, numbers in versions.items()], _NAMED)
