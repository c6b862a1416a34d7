"""Rollouts: the versions of a model, its live state, its stages, triggers and targets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from rollout_spec.spec.fields import (
    Digest,
    EnvName,
    HeaderName,
    HeaderValue,
    Host,
    MetricName,
    Name,
    Pin,
    Quantity,
    Text,
    Url,
    Version,
)
from rollout_spec.spec.metadata import ApiVersion, Metadata
from rollout_spec.spec.model import Model
from rollout_spec.spec.quantities import Duration, Number, Split, Time
from rollout_spec.spec.triggers import Trigger

_LONGEST_WARMUP = timedelta(minutes=5)


class Service(Model):
    """The address of the model, and the metrics of its traffic."""

    host: Host = Field(description="The host name that callers use.")
    port: int = Field(80, ge=1, le=65535, description="The port of the versions' Services.", examples=[80])
    requests_per_second: Number | None = Field(
        None,
        gt=0,
        description="Expected load in requests per second, for figures of detection, power and blast radius.",
        examples=[120],
    )
    metrics: Name | None = Field(
        None,
        description="A metric profile, which defines error_rate and latency on this stack. `generic` if absent.",
        examples=["istio", "envoy", "nginx", "generic"],
    )
    inference_log: Text | None = Field(
        None,
        description="The location of logged inputs, outputs and versions of requests.",
        examples=["s3://inference-logs/fraud/"],
    )


class Part(Model):
    """One artifact of a model with several artifacts."""

    name: Name = Field(description="The name of this part.", examples=["base", "adapter"])
    artifact: Text = Field(description="The location of its bytes.", examples=["s3://models/chat/base/"])
    digest: Digest | None = Field(None, description="The digest of its bytes.")


class Resources(Model):
    """The resource requests of one replica, as Kubernetes quantities."""

    cpu: Quantity | None = Field(None, description="Processors.", examples=["2", "500m"])
    memory: Quantity | None = Field(None, description="Memory.", examples=["4Gi"])
    gpu: Quantity | None = Field(None, description="Devices named nvidia.com/gpu.", examples=["1"])


class Serve(Model):
    """Settings of the server for this version. They win over the target's options."""

    runtime: Text | None = Field(None, description="The name of a serving runtime.", examples=["kserve-sklearnserver"])
    image: Text | None = Field(
        None,
        description="The image of the server. Pin it by digest.",
        examples=["registry.example.com/sklearn@sha256:…"],
    )
    resources: Resources | None = Field(None, description="The resource requests of one replica.")
    env: dict[EnvName, str] | None = Field(
        None, description="Environment variables.", examples=[{"OMP_NUM_THREADS": "2"}]
    )


class VersionRecord(Model):
    """The record of one version. A merged record never changes, because a rollback restores it."""

    model: Text | None = Field(None, description="The registry entry.", examples=["models:/fraud/42"])
    artifact: Text | None = Field(
        None, description="The location of the model's bytes.", examples=["s3://models/fraud/42/"]
    )
    digest: Digest | None = Field(None, description="The digest of the model's bytes.")
    format: Name | None = Field(None, description="The model's format.", examples=["sklearn", "xgboost", "onnx"])
    run_id: Text | None = Field(
        None, description="The training run that produced it.", examples=["6f1c0e5ad3c84d0f8d9bb1f6a5e2c741"]
    )
    dataset_digest: Digest | None = Field(None, description="The digest of its training data.")
    metrics: dict[MetricName, Number] | None = Field(
        None, description="Offline metrics, for offline triggers.", examples=[{"auc": 0.9131}]
    )
    requires: dict[Name, Pin] | None = Field(
        None,
        description="Pins on components: features, schemas, preprocessing, runtimes.",
        examples=[{"user-profile": "12", "tokenizer": ">=1.4,<2"}],
    )
    serve: Serve | None = Field(None, description="Settings of the server for this version.")
    parts: list[Part] | None = Field(None, min_length=1, description="The artifacts of a model with several artifacts.")


class Live(Model):
    """The live state. Only this block moves traffic, and promote and rollback edit nothing else."""

    stable: Version = Field(description="The stable version, the control arm of comparisons.", examples=["41"])
    candidate: Version | None = Field(
        None, description="The version that is being rolled out; absent if there is none.", examples=["42"]
    )
    stage: Name | None = Field(
        None, description="The candidate's stage; absent: it is proposed, without traffic.", examples=["canary-5"]
    )
    fixes: Name | None = Field(
        None, description="The open incident that the candidate fixes. It may skip stages.", examples=["fraud-41"]
    )
    known_good: list[Version] = Field(
        [],
        description="Earlier stable versions, newest first: the rollback targets after promotion.",
        examples=[["40"]],
    )

    model_config = {
        "json_schema_extra": {
            "if": {"properties": {"candidate": {"type": "string"}}, "required": ["candidate"]},
            "else": {
                "properties": {
                    field: {"type": "null", "errorMessage": f"`{field}` needs a candidate, but there is none"}
                    for field in ("stage", "fixes")
                }
            },
        }
    }

    @model_validator(mode="after")
    def _no_candidate_no_stage(self) -> Live:
        field = "stage" if self.stage is not None else "fixes" if self.fixes is not None else None
        if self.candidate is None and field is not None:
            raise PydanticCustomError("misplaced", "`{at}` needs a candidate, but there is none", {"at": field})
        return self


class Match(Model):
    """Requests with this header value go to the candidate, whatever the weight."""

    header: HeaderName = Field(description="The name of the header.")
    value: HeaderValue = Field(description="Its value, exactly.", examples=["challenger"])


class Stage(Model):
    """One stage of a rollout."""

    name: Name = Field(description="The name of the stage.", examples=["shadow", "canary-5", "full"])
    weight: Split | None = Field(
        None, description="The share of requests that the candidate answers; 0% if absent.", examples=["5%"]
    )
    mirror: Split | None = Field(
        None,
        description="The share of requests that is copied to the candidate. Its answers are discarded.",
        examples=["20%"],
    )
    match: Match | None = Field(None, description="Requests that go to the candidate, whatever the weight.")
    hold: Duration | None = Field(None, description="The minimum duration of this stage.", examples=["15m", "48h"])
    approval: Literal["manual"] | None = Field(None, description="`manual`: a person must approve this stage.")
    warmup: Duration | None = Field(
        None,
        description="The time that `gate` does not count after a stage began; absent: a tenth of the hold, up to 5m.",
        examples=["2m", "0s"],
    )

    @property
    def warmup_time(self) -> timedelta:
        """The time that is not counted. Without a hold it is the longest default."""
        if self.warmup is not None:
            return self.warmup
        return _LONGEST_WARMUP if self.hold is None else min(self.hold / 10, _LONGEST_WARMUP)


class RollbackSettings(Model):
    """Settings of rollbacks: automation, reviewers and runbook."""

    merge: Literal["auto", "review"] = Field(
        "review", description="auto: hard triggers enable auto-merge if every guard passes; review: a person merges."
    )
    reviewers: list[Text] | None = Field(None, description="The requested reviewers.", examples=[["team-risk"]])
    runbook: Url | None = Field(None, description="The runbook for the person on call.")
    window: Duration | None = Field(
        None, description="Hard triggers stay hard this long after a promotion, then become soft.", examples=["7d"]
    )
    drilled: Time | None = Field(
        None,
        description="The time at which `rollout-spec drill --record` last verified the rollback from every state.",
        examples=["2026-11-20T10:15:00Z"],
    )
    promote: Literal["auto", "review"] = Field(
        "review", description="auto: a gated step may enable auto-merge; review: a person merges it."
    )


class Target(Model):
    """One set of manifests. The other fields are options of the target (docs/targets.md)."""

    model_config = {"extra": "allow"}

    type: Name = Field(
        description="The name of a folder of templates.", examples=["kserve", "gateway-api", "prometheus"]
    )

    @property
    def options(self) -> dict[str, Any]:
        """The options as the user wrote them."""
        return dict(self.__pydantic_extra__ or {})


class RolloutSpec(Model):
    """The versions of a rollout, its live state, and how it changes."""

    service: Service
    versions: dict[Version, VersionRecord] = Field(
        min_length=1, description="Append-only: a merged record never changes."
    )
    live: Live
    stages: list[Stage] = Field(min_length=1, description="The stages to full traffic, ascending; the last is 100%.")
    triggers: list[Trigger] = Field([], description="The conditions for a rollback.")
    rollback: RollbackSettings = Field(default_factory=lambda: RollbackSettings())
    targets: list[Target] = Field([], description="The manifests to render.")

    @property
    def component_names(self) -> tuple[str, ...]:
        """The names of the components that any version pins, each once."""
        return tuple(dict.fromkeys(name for record in self.versions.values() for name in record.requires or {}))


class ModelRollout(Model):
    """One served model: its versions, traffic, triggers and rollbacks."""

    api_version: ApiVersion
    kind: Literal["ModelRollout"] = Field(description="The kind of this file.")
    metadata: Metadata
    spec: RolloutSpec
