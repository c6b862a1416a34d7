"""The Open Inference Protocol, version 2, as JSON over HTTP: KServe, MLServer, Triton, OpenVINO.

Source: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

from urllib.parse import quote

from rollout_spec.core.inference import InferenceRecord, Tensor
from rollout_spec.core.tensors import TensorError, read_tensor
from rollout_spec.core.text import excerpt
from rollout_spec.integrations.model_servers.base import ServedModel, encoded, json_value, object_of

_MOST_OUTPUTS = 1_000


def path(model: ServedModel) -> str:
    """Return the path of a prediction."""
    version = f"/versions/{quote(model.version, safe='')}" if model.version is not None else ""
    return f"/v2/models/{quote(model.name, safe='')}{version}/infer"


def request(record: InferenceRecord) -> bytes:
    """Return a request with the inputs of a record, under its id."""
    return encoded({"id": record.request_id, "inputs": [_fields(tensor) for tensor in record.inputs]})


def answer(body: bytes, record: InferenceRecord) -> tuple[Tensor, ...]:
    """Return the outputs of an answer. TensorError if it has the id of another request."""
    fields = object_of(body)
    outputs, answered = fields.get("outputs"), fields.get("id")
    if answered not in (None, "", _sent_id(record.request_id)):
        raise TensorError(f"the answer is for another request: its id is {excerpt(str(answered))}")
    if not isinstance(outputs, list) or not outputs:
        raise TensorError("the answer has no `outputs`")
    if len(outputs) > _MOST_OUTPUTS:
        raise TensorError(f"the answer has more than {_MOST_OUTPUTS} outputs")
    return tuple(read_tensor(output) for output in outputs)


def _sent_id(request_id: str) -> str:
    """Return an id as it was sent: halves of characters became `?`."""
    return request_id.encode("utf-8", "replace").decode()


def _fields(tensor: Tensor) -> dict[str, object]:
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "datatype": tensor.datatype,
        "data": [json_value(value) for value in tensor.data],
    }
