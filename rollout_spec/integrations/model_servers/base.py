"""The parts of a protocol of a model server: a path, a request, and the reading of an answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

from rollout_spec.core.inference import InferenceRecord, Scalar, Tensor
from rollout_spec.core.replay import FailureKind
from rollout_spec.core.tensors import TensorError
from rollout_spec.integrations.json_text import JsonError, read_json


class UnusableAnswerError(Exception):
    """An answer that cannot be read, with the kind of the failure and the reason."""

    def __init__(self, kind: FailureKind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


@dataclass(frozen=True)
class ServedModel:
    """The model on a server. ``version`` is None if the server chooses it."""

    name: str
    version: str | None = None


class ServerProtocol(Protocol):
    """A module of this package."""

    def path(self, model: ServedModel, /) -> str:
        """Return the path of a prediction, behind the address of the server."""

    def request(self, record: InferenceRecord, /) -> bytes:
        """Return the body that asks for the prediction of a logged request."""

    def answer(self, body: bytes, record: InferenceRecord, /) -> tuple[Tensor, ...]:
        """Return the outputs of an answer. UnusableAnswerError or TensorError if it has another format."""


def object_of(body: bytes) -> dict[str, Any]:
    """Return the JSON object of an answer. UnusableAnswerError if it is none."""
    try:
        value = read_json(body)
    except JsonError as error:
        raise UnusableAnswerError("not-json", str(error)) from None
    if not isinstance(value, dict):
        raise TensorError("the answer is not a JSON object")
    return value


def encoded(fields: dict[str, Any]) -> bytes:
    """Return a JSON body."""
    return json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def json_value(value: Scalar) -> Scalar:
    """Return a value that strict JSON can hold: NaN and the infinities become null, as a missing value."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def rows_of(tensor: Tensor) -> list[Any]:
    """Return the values of a tensor as nested lists of its shape."""
    values: list[Any] = [json_value(value) for value in tensor.data]
    for size in reversed(tensor.shape[1:]):
        count = len(values) // size if size else 0
        values = [values[at * size : (at + 1) * size] for at in range(count)]
    return values
