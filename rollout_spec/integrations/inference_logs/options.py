"""Facts about a log that its entries do not hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class LogOptions:
    """Facts about a log, given by the caller.

    ``endpoints`` has the version of each endpoint, or of each inference service, for logs that name only these.
    ``version_keys`` are the keys of annotations and metadata that may hold the version, the first match counts. The
    first one is the annotation of our manifests for KServe. ``segment_key`` is the key of metadata that holds
    the segment. ``labels`` is the address of a file or folder with the labels, for formats that keep them apart.
    """

    endpoints: Mapping[str, str] = field(default_factory=dict)
    version_keys: tuple[str, ...] = ("rollout-spec/version", "model-version", "model_version", "version")
    segment_key: str | None = None
    labels: str | None = None
