"""A rollout says which versions of a model exist, which take traffic, how a new one comes in, and what takes it out."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from rollout_spec.spec.fields import (
    Digest,
    Duration,
    EnvName,
    HeaderName,
    HeaderValue,
    Host,
    MetricName,
    Model,
    Name,
    Number,
    Pin,
    Quantity,
    Split,
    Text,
    Time,
    Url,
    Version,
)
from rollout_spec.spec.metadata import ApiVersion, Metadata
from rollout_spec.spec.triggers import Trigger


class Service(Model):
    """Where callers reach the model, and how its traffic is measured."""

    host: Host = Field(description="The host name that callers use.")
    port: int = Field(80, ge=1, le=65535, description="The port of the versions' Services.", examples=[80])
    requests_per_second: Number | None = Field(
        None, gt=0, description="Expected load: detection, power and blast-radius figures come from it.", examples=[120]
    )
    metrics: Name | None = Field(
        None,
        description="A metric profile: what error_rate and latency mean on this stack. `generic` where absent.",
        examples=["istio", "envoy", "nginx", "generic"],
    )
    inference_log: Text | None = Field(
        None,
        description="Where inputs, outputs and version of each request are kept.",
        examples=["s3://inference-logs/fraud/"],
    )


class Part(Model):
    """One artifact of a model that is made of several."""

    name: Name = Field(description="What this part is.", examples=["base", "adapter"])
    artifact: Text = Field(description="Where its bytes are.", examples=["s3://models/chat/base/"])
    digest: Digest | None = Field(None, description="The digest of those bytes.")


class Resources(Model):
    """What one replica asks for, as Kubernetes quantities."""

    cpu: Quantity | None = Field(None, description="Processors.", examples=["2", "500m"])
    memory: Quantity | None = Field(None, description="Memory.", examples=["4Gi"])
    gpu: Quantity | None = Field(None, description="Devices named nvidia.com/gpu.", examples=["1"])


class Serve(Model):
    """What serves this version, where it is not what serves the others; it wins over the target's options."""

    runtime: Text | None = Field(None, description="The name of a serving runtime.", examples=["kserve-sklearnserver"])
    image: Text | None = Field(
        None,
        description="The image of the server; pin it by digest.",
        examples=["registry.example.com/sklearn@sha256:…"],
    )
    resources: Resources | None = Field(None, description="What one replica asks for.")
    env: dict[EnvName, str] | None = Field(
        None, description="Environment variables.", examples=[{"OMP_NUM_THREADS": "2"}]
    )


class VersionRecord(Model):
    """What one version is. A record that was merged never changes: it is what a rollback restores."""

    model: Text | None = Field(None, description="The registry entry.", examples=["models:/fraud/42"])
    artifact: Text | None = Field(None, description="Where the model's bytes are.", examples=["s3://models/fraud/42/"])
    digest: Digest | None = Field(None, description="The digest of those bytes.")
    format: Name | None = Field(None, description="The model's format.", examples=["sklearn", "xgboost", "onnx"])
    run_id: Text | None = Field(None, description="The training run that made it.")
    dataset_digest: Digest | None = Field(None, description="The digest of the data it was trained on.")
    metrics: dict[MetricName, Number] | None = Field(
        None, description="Offline metrics, on the holdout that the offline trigger means.", examples=[{"auc": 0.9131}]
    )
    requires: dict[Name, Pin] | None = Field(
        None,
        description="Pins on components: features, schemas, preprocessing, runtimes.",
        examples=[{"user-profile": "12", "tokenizer": ">=1.4,<2"}],
    )
    serve: Serve | None = Field(None, description="What serves this version.")
    parts: list[Part] | None = Field(
        None, min_length=1, description="The artifacts of a model that is made of several."
    )


class Live(Model):
    """The only block that moves traffic: promote and rollback edit this and nothing else."""

    stable: Version = Field(description="The version that serves; the control arm of comparisons.", examples=["41"])
    candidate: Version | None = Field(
        None, description="The version that is coming in; absent when none is.", examples=["42"]
    )
    stage: Name | None = Field(
        None, description="Where the candidate is; absent: it is proposed and takes no traffic.", examples=["canary-5"]
    )
    fixes: Name | None = Field(
        None, description="The open incident that the candidate mends; allows to skip stages.", examples=["fraud-41"]
    )
    known_good: list[Version] = Field(
        [],
        description="Earlier stable versions, newest first: where a rollback after promotion goes.",
        examples=[["40"]],
    )

    model_config = {
        "json_schema_extra": {
            "if": {"properties": {"candidate": {"type": "string"}}, "required": ["candidate"]},
            "else": {
                "properties": {
                    field: {"type": "null", "errorMessage": f"`{field}` is about a candidate, and there is none"}
                    for field in ("stage", "fixes")
                }
            },
        }
    }

    @model_validator(mode="after")
    def _no_candidate_no_stage(self) -> Live:
        field = "stage" if self.stage is not None else "fixes" if self.fixes is not None else None
        if self.candidate is None and field is not None:
            raise PydanticCustomError("misplaced", "`{at}` is about a candidate, and there is none", {"at": field})
        return self


class Match(Model):
    """Requests that carry this header value go to the candidate, whatever the weight."""

    header: HeaderName = Field(description="The name of the header.")
    value: HeaderValue = Field(description="Its value, exactly.", examples=["challenger"])


class Stage(Model):
    """One step of the way to full traffic."""

    name: Name = Field(description="What this step is called.", examples=["shadow", "canary-5", "full"])
    weight: Split | None = Field(
        None, description="The share of requests that the candidate answers; 0% where absent.", examples=["5%"]
    )
    mirror: Split | None = Field(
        None,
        description="The share of requests that is copied to the candidate, its answers thrown away.",
        examples=["20%"],
    )
    match: Match | None = Field(None, description="Requests that go to the candidate whatever the weight.")
    hold: Duration | None = Field(None, description="How long this stage lasts at least.", examples=["15m", "48h"])
    approval: Literal["manual"] | None = Field(None, description="`manual`: a person lets the candidate in.")


class RollbackSettings(Model):
    """How far the way back is automatic, and who reads about it."""

    merge: Literal["auto", "review"] = Field(
        "review", description="auto: hard triggers arm auto-merge when every guard holds; review: always a person."
    )
    reviewers: list[Text] | None = Field(None, description="Who is asked to review.", examples=[["team-risk"]])
    runbook: Url | None = Field(None, description="What the person on call reads.")
    window: Duration | None = Field(
        None, description="After a promotion hard triggers stay hard this long, then they are soft.", examples=["7d"]
    )
    drilled: Time | None = Field(
        None,
        description="When the way back from every state was last proven: `rollout-spec drill --record` writes it.",
        examples=["2026-11-20T10:15:00Z"],
    )


class Target(Model):
    """One set of manifests; the other fields are the target's own options (docs/targets.md)."""

    model_config = {"extra": "allow"}

    type: Name = Field(
        description="The name of a folder of templates.", examples=["kserve", "gateway-api", "prometheus"]
    )

    @property
    def options(self) -> dict[str, Any]:
        """The options as the user wrote them."""
        return dict(self.__pydantic_extra__ or {})


class RolloutSpec(Model):
    """What is served, and how it changes."""

    service: Service
    versions: dict[Version, VersionRecord] = Field(
        min_length=1, description="Append-only: a record that was merged never changes."
    )
    live: Live
    stages: list[Stage] = Field(min_length=1, description="The way to full traffic: ascending, the last one 100%.")
    triggers: list[Trigger] = Field([], description="What takes the candidate back.")
    rollback: RollbackSettings = Field(default_factory=lambda: RollbackSettings())
    targets: list[Target] = Field([], description="What is rendered.")

    @property
    def component_names(self) -> tuple[str, ...]:
        """The names of the components that any version pins, each once."""
        return tuple(dict.fromkeys(name for record in self.versions.values() for name in record.requires or {}))


class ModelRollout(Model):
    """One served model: its versions, its traffic, its triggers, its way back."""

    api_version: ApiVersion
    kind: Literal["ModelRollout"] = Field(description="What this file is.")
    metadata: Metadata
    spec: RolloutSpec
