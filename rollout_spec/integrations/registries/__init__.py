"""Model registries and the artifacts of their versions, within bounds of time and size.

Start with ``base``. ``mlflow`` reads and tags entries, ``artifacts`` examines bytes: those of files and object stores,
of an MLflow server (``mlflow_artifacts``) and of an OCI registry (``oci``). ``digest_cache`` remembers digests.
"""

from __future__ import annotations

from rollout_spec.integrations.registries.artifacts import Artifacts
from rollout_spec.integrations.registries.base import Credentials, ModelRegistry
from rollout_spec.integrations.registries.digest_cache import DigestCache
from rollout_spec.integrations.registries.mlflow import MlflowRegistry
from rollout_spec.integrations.registries.oci import OciRegistries

__all__ = ["Artifacts", "Credentials", "DigestCache", "MlflowRegistry", "ModelRegistry", "OciRegistries"]
