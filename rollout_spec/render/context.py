"""The data of templates: names, versions and traffic shares.

Templates do not compute the traffic split.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rollout_spec.core.errors import UserError
from rollout_spec.core.units import format_duration, format_share, label
from rollout_spec.domain import traffic
from rollout_spec.domain.metrics import queries as metrics
from rollout_spec.domain.metrics import selectors
from rollout_spec.domain.metrics.profiles import DEFAULT_PROFILE, PROFILES
from rollout_spec.domain.rollback_targets import rollback_targets
from rollout_spec.domain.targets.limits import DEFAULT_NAMESPACE
from rollout_spec.spec.rollout import ModelRollout, Resources, Serve, VersionRecord
from rollout_spec.spec.triggers import Latency, Threshold
from rollout_spec.workspace.repository import Repository

WORKLOADS = "kserve"
"""The target whose services receive the traffic, if a rollout has it."""


def service_name(rollout: str, version: str) -> str:
    """Return the name of a version's InferenceService, and by default of its Service."""
    return f"{rollout}-v{label(version)}"


def backend(rollout: ModelRollout, version: str, option: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the name and port of the service that receives the requests for a version."""
    name, service = service_name(rollout.metadata.name, version), rollout.spec.service
    option = option or {}
    if option.get("name"):
        name = str(option["name"]).replace("{rollout}", rollout.metadata.name).replace("{version}", label(version))
        return {"name": name, "port": option.get("port") or service.port}
    if any(target.type == WORKLOADS for target in rollout.spec.targets):
        return {"name": f"{name}-predictor", "port": option.get("port") or 80}
    return {"name": name, "port": option.get("port") or service.port}


def metric_arm(rollout: ModelRollout, version: str, option: Mapping[str, Any] | None) -> selectors.Arm:
    """Return the values that identify a version in metrics.

    ``option`` is the option `backend` of a target.
    """
    name = backend(rollout, version, option)["name"]
    return selectors.Arm(rollout.metadata.name, version, rollout.metadata.namespace or DEFAULT_NAMESPACE, name)


def workload_roles(rollout: ModelRollout, repository: Repository) -> dict[str, str]:
    """Return the versions with workloads, each as ``serving`` or ``standby``.

    Their order is that of the records. Stable is serving, and so is a candidate in any stage, even one of 0%: its
    workload must run before traffic moves to it. The rollback target of stable is on standby.
    """
    live = rollout.spec.live
    candidate = live.candidate if traffic.stage_of(rollout.spec) else None
    roles = {version: "serving" for version in (live.stable, candidate) if version is not None}
    for version in rollback_targets(rollout, repository)[:1]:
        roles.setdefault(version, "standby")
    return {version: roles[version] for version in rollout.spec.versions if version in roles}


def of_rollout(
    rollout: ModelRollout, repository: Repository, options: Mapping[str, Any], *, with_alerts: bool = True
) -> dict[str, Any]:
    """Return the data for every template of a rollout."""
    meta, service = rollout.metadata, rollout.spec.service
    return {
        "workspace": repository.workspace_name,
        "rollout": {
            "name": meta.name,
            "namespace": meta.namespace or DEFAULT_NAMESPACE,
            "owner": meta.owner,
            "tier": meta.tier,
            "description": meta.description,
            "labels": meta.labels or {},
        },
        "service": {"host": service.host, "port": service.port},
        "split": _split(rollout, options),
        "alerts": _alerts(rollout, repository, options) if with_alerts else [],
        "options": dict(options),
    }


def of_version(rollout: ModelRollout, version: str, role: str) -> dict[str, Any]:
    """Return the additional data for a template that is filled in once for each version."""
    record = rollout.spec.versions[version]
    serve = record.serve or Serve()
    asked = serve.resources or Resources()
    resources = {"cpu": asked.cpu, "memory": asked.memory, "nvidia.com/gpu": asked.gpu}
    return {
        "name": version,
        "label": label(version),
        "service": service_name(rollout.metadata.name, version),
        "role": role,
        "record": _record(record),
        "serve": {
            "runtime": serve.runtime,
            "image": serve.image,
            "resources": {name: quantity for name, quantity in resources.items() if quantity is not None},
            "env": dict(sorted((serve.env or {}).items())),
        },
    }


def _record(record: VersionRecord) -> dict[str, Any]:
    return {
        "model": record.model,
        "artifact": record.artifact,
        "digest": record.digest,
        "format": record.format,
        "runId": record.run_id,
        "datasetDigest": record.dataset_digest,
        "requires": dict(sorted((record.requires or {}).items())),
    }


def _split(rollout: ModelRollout, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the traffic split with shares as exact whole numbers: 0.5% of traffic is 5 of 1,000."""
    split = traffic.split(rollout.spec)
    scale = _scale(split.weight)
    arms = []
    for version, share in ((split.stable, 100 - split.weight), (split.candidate, split.weight)):
        if version is not None and share:
            arms.append(
                {"version": version, "weight": int(share * scale), **backend(rollout, version, options.get("backend"))}
            )
    data: dict[str, Any] = {"text": split.text, "arms": arms, "mirror": None, "match": None}
    if split.candidate is None:
        return data
    to_candidate = backend(rollout, split.candidate, options.get("backend"))
    if split.mirror:
        scale = _scale(split.mirror)
        data["mirror"] = {
            **to_candidate,
            "version": split.candidate,
            "numerator": int(split.mirror * scale),
            "denominator": 100 * scale,
        }
    if split.match:
        data["match"] = {
            **to_candidate,
            "version": split.candidate,
            "header": split.match.header,
            "value": split.match.value,
        }
    return data


def _scale(percent: Decimal) -> int:
    """Return the least power of ten that makes a share a whole number."""
    exponent = percent.normalize().as_tuple().exponent
    return 10 ** max(0, -exponent) if isinstance(exponent, int) else 1


def _alerts(rollout: ModelRollout, repository: Repository, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the alerts of a rollout. Most targets set no option that changes them."""
    key = ("alerts", id(rollout), id(repository.settings), repr(options.get("backend")), options.get("minimumRequests"))
    kept = rollout, repository.settings  # alive, because their ids are in the key
    return repository.recall(key, lambda: (kept, _alerts_of(rollout, repository, options)))[1]


def _alerts_of(rollout: ModelRollout, repository: Repository, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return an alert for each active threshold and latency trigger, on the candidate or else on stable."""
    spec = rollout.spec
    split = traffic.split(spec)
    version = split.candidate or split.stable
    moment = spec.live.stage if split.candidate else traffic.PROMOTED
    own = repository.settings.metrics if repository.settings else {}
    profile = PROFILES.get(spec.service.metrics or DEFAULT_PROFILE)
    if profile is None:
        raise UserError(f"there is no metric profile `{spec.service.metrics}`")
    arm = metric_arm(rollout, version, options.get("backend"))
    alerts = []
    for trigger in spec.triggers:
        if not isinstance(trigger, Threshold | Latency) or (
            trigger.during is not None and moment not in trigger.during
        ):
            continue
        if isinstance(trigger, Threshold):
            expression = metrics.threshold(trigger, profile, own, arm)
        else:
            expression = metrics.latency(trigger, profile, arm)
        alerts.append(
            {
                "trigger": trigger.name,
                "expression": metrics.guarded(expression, trigger.window, int(options.get("minimumRequests") or 0)),
                "for": selectors.duration(trigger.for_) if trigger.for_ else None,
                "version": version,
                "severity": trigger.severity,
                "moment": moment,
                "bound": _bound(trigger),
                "runbook": spec.rollback.runbook,
            }
        )
    return alerts


def _bound(trigger: Threshold | Latency) -> str:
    """Return the bound of a trigger as text: ``error_rate above 5%``."""
    if isinstance(trigger, Latency):
        return f"latency of the {format_share(trigger.quantile)} quantile above {format_duration(trigger.above)}"
    word, bound = ("above", trigger.above) if trigger.above is not None else ("below", trigger.below)
    assert bound is not None
    return f"{trigger.metric} {word} {format_share(bound.number) if bound.is_share else f'{bound.number:f}'}"
