"""Traffic, workloads, hosts and objects in the cluster have one owner each.

If two targets own the traffic of a rollout, each splits it, and the one that is applied last decides. A controller that
moves weights itself, such as Argo Rollouts or Flagger, overwrites those from git, and undoes a rollback too. If two
targets own the workloads, each version runs twice, which is a warning. If two rollouts have one host at one gateway,
the router follows the older route, and the stages and rollbacks of the other have no effect. If one host is more
specific it wins, so only equal hosts are reported (in a check of the whole workspace). Two targets with one output
file overwrite each other. Version ``1-v2`` of ``fraud``
and version ``2`` of ``fraud-v1`` are both named ``fraud-v1-v2`` in the cluster, where one would overwrite the other.

Source: https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule

Fails::

    # rollouts/churn.yaml
    apiVersion: rollout-spec/v1
    kind: ModelRollout
    metadata: {name: churn, namespace: ml}
    spec:
      service: {host: fraud.ml.svc.cluster.local, metrics: istio}    # the host of another rollout
      versions:
        "7": {artifact: s3://models/churn/7/, format: sklearn}
      live: {stable: "7"}
      stages: [{name: full, weight: 100%}]
      targets:
        - {type: kserve}
        - {type: gateway-api, gateway: {name: edge}}

Passes::

    # rollouts/churn.yaml
    apiVersion: rollout-spec/v1
    kind: ModelRollout
    metadata: {name: churn, namespace: ml}
    spec:
      service: {host: churn.ml.svc.cluster.local, metrics: istio}
      versions:
        "7": {artifact: s3://models/churn/7/, format: sklearn}
      live: {stable: "7"}
      stages: [{name: full, weight: 100%}]
      targets:
        - {type: kserve}
        - {type: gateway-api, gateway: {name: edge}}
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import Problem
from rollout_spec.core.text import excerpt
from rollout_spec.core.units import label
from rollout_spec.render.outputs import output_path
from rollout_spec.spec.kinds import MANIFESTS
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.spec.rollout import ModelRollout
    from rollout_spec.spec.target import TargetDefinition

KINDS = frozenset({"ModelRollout", "Workspace"})
NEEDS = ""
UNCONDITIONAL = False

_INFIX = "-v"


def check(subject: Subject) -> Iterator[Problem]:
    """Check the targets and object names of a rollout, or the hosts of a whole workspace."""
    if subject.file.kind == "Workspace":
        if subject.whole and "hosts" not in subject.settled:
            yield from _hosts(subject.repository)
        return
    yield from _targets(subject.model, subject.repository)
    yield from _objects(subject.file, subject.repository)


def _targets(rollout: ModelRollout, repository: Repository) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    writers = {f"{MANIFESTS}/{rollout.metadata.name}/kustomization.yaml": "the list of manifests"}
    for index, target in enumerate(rollout.spec.targets):
        definition = _definition(target.type, repository)
        if definition is None:
            continue
        at, owns = ("spec", "targets", index, "type"), definition.owns
        first = owners.setdefault(owns, target.type)
        if owns in ("traffic", "workloads") and first != target.type:
            message = f"{first} and {target.type} both own the {owns} of this rollout"
            yield Problem(at, message, "keep one of them", "error" if owns == "traffic" else "warning")
        path = output_path(target.type, definition, rollout.metadata.name)
        if path in writers:
            message = f"{writers[path]} and {target.type} are both rendered to {path}"
            yield Problem(at, message, "keep one of them, or set `output` in the `target.yaml` of one")
        writers.setdefault(path, target.type)


def _definition(target: str, repository: Repository) -> TargetDefinition | None:
    from rollout_spec.core.errors import UserError
    from rollout_spec.domain.targets import definitions as catalog

    try:
        return catalog.find(target, repository.tree)
    except UserError:
        return None  # references-exist reports it


def _objects(file: File[ModelRollout], repository: Repository) -> Iterator[Problem]:
    """Find versions whose objects have the names of another rollout's."""
    for infix in re.finditer(f"(?={_INFIX})", file.stem):
        other = _rollout(file.stem[: infix.start()], repository)
        if other is None or file.model is None or _namespace(other) != _namespace(file.model):
            continue
        if not other.spec.targets or not file.model.spec.targets:
            continue
        versions = {label(version): version for version in other.spec.versions}
        for version in file.model.spec.versions:
            name = f"{file.stem}{_INFIX}{label(version)}"
            twin = versions.get(name[infix.start() + len(_INFIX) :])
            if twin is not None:
                message = (
                    f"{other.metadata.name} {twin} has the name `{name}` too, in the namespace {_namespace(other)}"
                )
                hint = "give this version another name, or the rollout"
                yield Problem(("spec", "versions", version), message, hint, on_key=True)


def _rollout(name: str, repository: Repository) -> ModelRollout | None:
    file = repository.rollout(name)
    return file.model if file else None


def _namespace(rollout: ModelRollout) -> str:
    from rollout_spec.domain.targets.limits import DEFAULT_NAMESPACE

    return rollout.metadata.namespace or DEFAULT_NAMESPACE


def _hosts(repository: Repository) -> Iterator[Problem]:
    """Find hosts that several rollouts claim at one gateway. Only files that may share a host are parsed.

    A route of one listener, a ``section`` of its gateway, does not claim the other listeners.
    """
    from rollout_spec.domain.host_claims import claims, rollouts_by_host

    sharing = {name for names in rollouts_by_host(repository).values() if len(names) > 1 for name in names}
    taken: dict[tuple[str, str, str], dict[str | None, str]] = {}
    for name in sorted(sharing):
        owners: list[tuple[str, str]] = []
        for host, target, place, section in claims(name, repository):
            others = taken.setdefault((host, target, place), {})
            first = next(iter(others.values()), None) if section is None else None
            owner = others.get(section) or others.get(None) or first
            owners += [(owner, place)] if owner is not None else []
            others.setdefault(section, name)
        for owner, place in owners[:1]:
            message = f"{owner} has the same host, {excerpt(place)}"
            hint = "give one of them another host, or another gateway"
            yield Problem(("spec", "service", "host"), message, hint, file=f"rollouts/{name}.yaml")
