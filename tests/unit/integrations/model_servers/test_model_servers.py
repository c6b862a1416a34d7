"""Requests and answers of both protocols, and a server that answers anything."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from http_answers import AnswerServer, Prepared
from hypothesis import given
from hypothesis import strategies as st

from rollout_spec.core import redaction
from rollout_spec.core.inference import InferenceRecord, Tensor
from rollout_spec.core.replay import ReplayedAnswer, ReplayFailure
from rollout_spec.core.tensors import TensorError, read_tensor
from rollout_spec.integrations.http_connection import Server
from rollout_spec.integrations.model_servers import PROTOCOLS, ModelClient, ServedModel, client

X = Tensor("x", "FP64", (2, 2), [1.0, float("nan"), 3.0, None])


def record(*inputs: Tensor, outputs: tuple[Tensor, ...] = (Tensor("y", "FP64", (2,), [0.1, 0.2]),)) -> InferenceRecord:
    """Return a logged request."""
    return InferenceRecord("id-1", None, "fraud", "42", inputs, outputs)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    yield


def sent(protocol: str, *inputs: Tensor) -> Any:
    """Return the body of a request."""
    return json.loads(PROTOCOLS[protocol].request(record(*inputs)), parse_constant=lambda name: pytest.fail(name))


def test_a_request_of_the_open_inference_protocol() -> None:
    data = [1.0, None, 3.0, None]
    assert sent("v2", X) == {
        "id": "id-1",
        "inputs": [{"name": "x", "shape": [2, 2], "datatype": "FP64", "data": data}],
    }
    assert PROTOCOLS["v2"].path(ServedModel("a/b?", "1.0")) == "/v2/models/a%2Fb%3F/versions/1.0/infer"
    assert PROTOCOLS["v2"].path(ServedModel("fraud")) == "/v2/models/fraud/infer"


def test_a_request_of_mlflow() -> None:
    columns = (Tensor("amount", "FP64", (2,), [1.5, 2.5]), Tensor("country", "BYTES", (2, 1), ["CH", "DE"]))
    frame = {"columns": ["amount", "country"], "data": [[1.5, "CH"], [2.5, "DE"]]}
    assert sent("mlflow", *columns) == {"dataframe_split": frame}
    assert sent("mlflow", X) == {"inputs": [[1.0, None], [3.0, None]]}
    assert sent("mlflow", X, columns[0]) == {"inputs": {"x": [[1.0, None], [3.0, None]], "amount": [1.5, 2.5]}}


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=6, max_size=6)
    | st.lists(st.text(st.characters(codec="utf-8")), min_size=6, max_size=6),
    st.sampled_from([(6,), (2, 3), (1, 6), (3, 2, 1)]),
)
def test_a_tensor_survives_the_request(values: list[Any], shape: tuple[int, ...]) -> None:
    given_tensor = Tensor("x", "BYTES" if isinstance(values[0], str) else "FP64", shape, values)
    (fields,) = sent("v2", given_tensor)["inputs"]
    assert read_tensor(fields) == given_tensor


@pytest.mark.parametrize(
    ("predictions", "tensors"),
    [
        ([0.5, 1], [("y", "FP64", (2,), [0.5, 1.0])]),
        (["a", "b"], [("y", "BYTES", (2,), ["a", "b"])]),
        ([[1, 2], [3, 4]], [("y", "INT64", (2, 2), [1, 2, 3, 4])]),
        ([{"p": 0.5}, {"p": 0.7}], [("p", "FP64", (2,), [0.5, 0.7])]),
        ({"p": [0.5, 0.7], "c": ["a", "b"]}, [("p", "FP64", (2,), [0.5, 0.7]), ("c", "BYTES", (2,), ["a", "b"])]),
    ],
)
def test_an_answer_of_mlflow(predictions: Any, tensors: list[Any]) -> None:
    answer = PROTOCOLS["mlflow"].answer(json.dumps({"predictions": predictions}).encode(), record(X))
    assert answer == tuple(Tensor(*each) for each in tensors)


def test_an_unnamed_answer_of_mlflow_keeps_its_name_if_the_log_has_several_outputs() -> None:
    outputs = (Tensor("a", "FP64", (1,), [1.0]), Tensor("b", "FP64", (1,), [1.0]))
    (tensor,) = PROTOCOLS["mlflow"].answer(b'{"predictions": [1.0]}', record(X, outputs=outputs))
    assert tensor.name == "predictions"


OUTPUT = {"name": "y", "datatype": "FP64", "shape": [2], "data": [0.5, 0.7]}


def ask(answer: Prepared, protocol: str = "v2", **headers: str) -> tuple[ReplayedAnswer | ReplayFailure, AnswerServer]:
    """Return the outcome of one request, and the server."""
    with AnswerServer(answer) as server:
        asking = ModelClient(Server.at(server.address), PROTOCOLS[protocol], ServedModel("fraud"), headers, 5.0)
        try:
            return asking.predict(record(X)), server
        finally:
            asking.close()


def answered(**changes: Any) -> Prepared:
    """Return an answer with a changed output."""
    return Prepared(json.dumps({"outputs": [{**OUTPUT, **changes}]}).encode())


@pytest.mark.parametrize("answer_id", ["id-2", 1, ["id-1"]])
def test_an_answer_to_another_request_is_not_compared(answer_id: object) -> None:
    """A proxy or server may mix up the answers of two requests."""
    outcome, _ = ask(Prepared(json.dumps({"id": answer_id, "outputs": [OUTPUT]}).encode()))
    assert isinstance(outcome, ReplayFailure) and outcome.kind == "wrong-format"
    assert outcome.message.startswith("the answer is for another request: its id is ")


@pytest.mark.parametrize("answer_id", ["id-1", "", None])
def test_an_answer_may_repeat_the_id_of_its_request(answer_id: object) -> None:
    outcome, _ = ask(Prepared(json.dumps({"id": answer_id, "outputs": [OUTPUT]}).encode()))
    assert isinstance(outcome, ReplayedAnswer)


def test_an_id_comes_back_as_it_was_sent() -> None:
    asked = InferenceRecord("a\ud800", None, "fraud", "42", (X,), ())
    sent_id = json.loads(PROTOCOLS["v2"].request(asked))["id"]
    assert PROTOCOLS["v2"].answer(json.dumps({"id": sent_id, "outputs": [OUTPUT]}).encode(), asked)


def test_an_answer_has_its_outputs_and_its_time() -> None:
    outcome, server = ask(answered())
    assert isinstance(outcome, ReplayedAnswer)
    assert outcome.outputs == (Tensor("y", "FP64", (2,), [0.5, 0.7]),) and 0 < outcome.latency_ms < 5000
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/v2/models/fraud/infer")
    assert asked.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (Prepared(b"{", 500), "server-error", "status 500: {"),
        (Prepared(b'{"error": "no\x1b[2J"}', 404), "refused", 'status 404: {"error": "no [2J"}'),
        (Prepared(b"", 302, {"Location": "http://elsewhere/"}), "redirect", "status 302"),
        (Prepared(b"<html>"), "not-json", "not JSON"),
        (Prepared(b"[" * 100_000), "not-json", "levels of JSON"),
        (Prepared(b"[]"), "wrong-format", "not a JSON object"),
        (Prepared(b"{}"), "wrong-format", "no `outputs`"),
        (Prepared(b'{"outputs": [%s]}' % b",".join([b"{}"] * 2000)), "wrong-format", "more than 1000 outputs"),
        (answered(shape=[3]), "wrong-format", "`y` has 2 values, but its shape is 3"),
        (answered(shape=[-2]), "wrong-format", "no `shape`"),
        (answered(datatype="INT64"), "wrong-format", "`y` is INT64, but has the value"),
        (answered(data=["a", "b"]), "wrong-format", "`y` holds numbers, but has the value `a`"),
        (Prepared(raw=b"nonsense\r\n\r\n"), "no-connection", "BadStatusLine"),
        (Prepared(b"{}", length=100), "no-connection", "ended"),
    ],
)
def test_an_answer_that_cannot_be_read_is_a_failure(answer: Prepared, kind: str, message: str) -> None:
    outcome, server = ask(answer, Authorization="Bearer geheim-123")
    assert isinstance(outcome, ReplayFailure)
    assert outcome.kind == kind and message in outcome.message
    assert len(server.asked) == 1 and server.asked[0].headers["authorization"] == "Bearer geheim-123"


def test_an_answer_that_is_too_large_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MOST_BYTES", 1 << 20)
    outcome, _ = ask(Prepared(b" " * (2 << 20)))
    assert outcome == ReplayFailure("too-large", "its answer is larger than 1 MiB")


def test_a_server_that_repeats_a_secret_does_not_show_it() -> None:
    redaction.learn("geheim-456")
    outcome, _ = ask(Prepared(b"bad token geheim-456", 401), Authorization="Bearer geheim-456")
    assert outcome == ReplayFailure("refused", "status 401: bad token ***")


KEYS = st.sampled_from(["outputs", "predictions", "name", "datatype", "shape", "data"])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_an_answer_or_an_error_that_is_expected(value: Any) -> None:
    body = json.dumps({"outputs": value, "predictions": value}).encode()
    for protocol in PROTOCOLS.values():
        try:
            tensors = protocol.answer(body, record(X))
        except TensorError:
            continue
        assert all(isinstance(tensor, Tensor) for tensor in tensors)
