"""What refuses an object beside the definition of its kind: KServe's webhook, and the API server behind KServe.

Written from the sources, and not from our targets. KServe 0.20: ``pkg/apis/serving/v1beta1`` has the webhook in
``inference_service_validation.go`` and ``component.go``, ``pkg/validation/env_policy.go`` the variables,
``pkg/constants/constants.go`` the names of what its controller makes. Kubernetes:
``pkg/apis/core/validation/validation.go`` has what a Deployment and a Service may be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
DNS_1035_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_SUFFIXES = {"": 0, "n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def refusals(manifest: Mapping[str, Any]) -> list[str]:
    """Return why an object would be refused."""
    found = list(_metadata(manifest["metadata"]))
    if manifest["kind"] == "InferenceService":
        found += [*_webhook(manifest), *_deployed(manifest)]
    elif manifest["kind"] == "HTTPRoute":
        found += _services(manifest)
    return found


def _metadata(metadata: Mapping[str, Any]) -> Iterator[str]:
    if not DNS_SUBDOMAIN.fullmatch(metadata["name"]) or len(metadata["name"]) > 253:
        yield "metadata.name"
    if not DNS_LABEL.fullmatch(metadata["namespace"]) or len(metadata["namespace"]) > 63:
        yield "metadata.namespace"
    for name, value in metadata.get("labels", {}).items():
        if not LABEL_VALUE.fullmatch(value) or len(value) > 63:
            yield f"label {name}"
    size = sum(len((name + value).encode()) for name, value in metadata.get("annotations", {}).items())
    if size > 256 * 1024:
        yield "annotations"


def _webhook(manifest: Mapping[str, Any]) -> Iterator[str]:
    predictor = manifest["spec"]["predictor"]
    if not DNS_1035_LABEL.fullmatch(manifest["metadata"]["name"]):
        yield "the name of the InferenceService"
    least, most = predictor.get("minReplicas", 1), predictor.get("maxReplicas", 0)
    if least < 0 or most < 0:
        yield "replicas below 0"
    if most != 0 and least > most:
        yield "minReplicas above maxReplicas"
    if any(each["name"] == "PYTHONPATH" for each in predictor["model"].get("env", [])):
        yield "PYTHONPATH"
    if manifest["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] not in ("Standard", "Knative"):
        yield "the mode"


def _deployed(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Give what the API server refuses of the Deployment and the Service that KServe makes."""
    name, predictor = manifest["metadata"]["name"], manifest["spec"]["predictor"]
    service = f"{name}-predictor"
    if len(service) > 63 or not DNS_1035_LABEL.fullmatch(service):
        yield "the name of the Service"
    standard = manifest["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "Standard"
    if standard and len(f"isvc.{service}") > 63:
        yield "the label `app` of the pods"
    for key, value in predictor.get("labels", {}).items():
        if not LABEL_VALUE.fullmatch(value) or len(value) > 63:
            yield f"label {key} of the pods"
    account, model = predictor.get("serviceAccountName"), predictor["model"]
    if account is not None and (not DNS_SUBDOMAIN.fullmatch(account) or len(account) > 253):
        yield "serviceAccountName"
    if model.get("image", "") != model.get("image", "").strip():
        yield "image"
    if any(not each["name"] or "=" in each["name"] or not each["name"].isascii() for each in model.get("env", [])):
        yield "the name of a variable"
    devices = model.get("resources", {}).get("limits", {}).get("nvidia.com/gpu")
    if devices is not None and _amount(devices) % 1:
        yield "a part of a device"


def _amount(quantity: str) -> Fraction:
    number = re.match(r"[0-9.]+", str(quantity))
    assert number
    suffix = quantity[number.end() :]
    return Fraction(number[0]) * (1024 ** _BINARY[suffix] if suffix in _BINARY else Fraction(10) ** _SUFFIXES[suffix])


def _services(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Give the backends that no Service can be: its name is a DNS label (of RFC 1123, since Kubernetes 1.36)."""
    for rule in manifest["spec"]["rules"]:
        mirrors = [each["requestMirror"]["backendRef"] for each in rule.get("filters", [])]
        for backend in [*rule["backendRefs"], *mirrors]:
            if not DNS_LABEL.fullmatch(backend["name"]) or len(backend["name"]) > 63:
                yield "the name of a backend"
