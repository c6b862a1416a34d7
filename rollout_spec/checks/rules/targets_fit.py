"""The cluster accepts what the targets make of names and records.

A target derives names from a rollout's: an InferenceService `fraud-v42`, its Service `fraud-v42-predictor`. Kubernetes
and its extensions refuse names that are too long or malformed, a container with half a device, and some environment
variables. The limits of each target's cluster are in its `target.yaml` (`limits`, `refuses`), so that only the
rollout's own targets limit it. Names are checked for all versions, because a record cannot change later; other fields
of a record are checked if the version is rendered.

KServe makes a host from a version's name and its namespace, by a template of the cluster, and runs nothing if a part of
it is longer than 63 characters. The default template is assumed, and a name that is too long for it is a warning:
silence it if your cluster has another template.

A limit's pattern that cannot be tried within the limits of a workspace's templates is an error. With a base it is a
warning for a version that is served on the base: a rollback to it is a draft.

Fails::

    spec:
      targets:
        - {type: kserve}
        - {type: gateway-api, gateway: {name: edge}, backend: {name: "fraud_{version}"}}    # no Service name has `_`

Passes::

    spec:
      targets:
        - {type: kserve}
        - {type: gateway-api, gateway: {name: edge}, backend: {name: "fraud-{version}"}}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import KeyPath, Problem

if TYPE_CHECKING:
    from rollout_spec.domain.targets.limits import Limits
    from rollout_spec.spec.rollout import ModelRollout, Target

KINDS = frozenset({"ModelRollout"})
NEEDS = ""
UNCONDITIONAL = False


def check(subject: Subject) -> Iterator[Problem]:
    """Check names and records against the limits of the targets: one problem at each key, errors first."""
    reported: set[KeyPath] = set()
    for problem in sorted(_problems(subject), key=lambda problem: problem.severity != "error"):
        if problem.path not in reported:
            reported.add(problem.path)
            yield problem


def _problems(subject: Subject) -> Iterator[Problem]:
    from rollout_spec.domain.targets import definitions as catalog

    for index, target in enumerate(subject.model.spec.targets):
        try:
            definition = catalog.find(target.type, subject.repository.tree)
        except UserError:
            continue  # references-exist reports it
        if definition is not None and (definition.limits or definition.refuses):
            limits = catalog.limits(target, definition, subject.repository.tree)
            yield from _name_problems(subject, index, target, limits)
            yield from _record_problems(subject, limits)


def _name_problems(subject: Subject, index: int, target: Target, limits: Limits) -> Iterable[Problem]:
    """Return the problems with names. All that they depend on is in the key; `live` is not."""
    from rollout_spec.render import context as facts

    rollout: ModelRollout = subject.model
    option = target.options.get("backend")
    named = option.get("name") if isinstance(option, dict) else None
    backend_at: KeyPath | None = ("spec", "targets", index, "backend", "name") if named else None

    def backend(version: str) -> str:
        return str(facts.backend(rollout, version, option)["name"])

    def found() -> tuple[Limits, tuple[Problem, ...]]:
        return limits, tuple(limits.name_problems(rollout, backend, backend_at))  # keeps the definition alive

    names = rollout.metadata.name, rollout.metadata.namespace, tuple(rollout.spec.versions)
    types = tuple(each.type for each in rollout.spec.targets)
    key = ("name problems", names, types, index, id(limits.definition), repr(target.options))
    return subject.repository.recall(key, found)[1]


def _record_problems(subject: Subject, limits: Limits) -> Iterator[Problem]:
    from rollout_spec.render import context as facts

    rollout = subject.model
    for version in facts.workload_roles(rollout, subject.repository):
        for flaw in limits.record_flaws(rollout.spec.versions[version]):
            severity = "warning" if not flaw.known and _was_untried(subject, version) else flaw.severity
            yield Problem(("spec", "versions", version, *flaw.path), flaw.message, None, severity)


def _was_untried(subject: Subject, version: str) -> bool:
    """Return whether a version that served already could not be judged on the base either.

    If so, no rollback introduces the finding.
    """
    from rollout_spec.domain.rollback_targets import untried

    before, base = subject.before, subject.base
    if before is None or base is None or version not in (before.spec.live.stable, *before.spec.live.known_good):
        return False
    return untried(before, version, base) is not None
