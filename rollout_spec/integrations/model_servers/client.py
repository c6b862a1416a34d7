"""The client of one model server: one prediction at a time, and each failure by its kind."""

from __future__ import annotations

import time
from collections.abc import Mapping

from rollout_spec.core import redaction
from rollout_spec.core.inference import InferenceRecord
from rollout_spec.core.replay import FailureKind, ReplayedAnswer, ReplayFailure
from rollout_spec.core.tensors import TensorError
from rollout_spec.core.text import one_line
from rollout_spec.integrations.http_connection import (
    AnswerTooLargeError,
    Connection,
    HttpAnswer,
    NoAnswerInTimeError,
    Server,
    UnreachableError,
)
from rollout_spec.integrations.model_servers.base import ServedModel, ServerProtocol, UnusableAnswerError

MOST_BYTES = 8 * 1024 * 1024
"""The largest answer to one request."""
_LONGEST_REASON = 300
_SHOWN_BYTES = 2_000


class ModelClient:
    """Predictions over one connection, which is kept open. One thread at a time may use it.

    ``headers`` are sent to the host of the address alone, because no redirect is followed.
    """

    def __init__(
        self, server: Server, protocol: ServerProtocol, model: ServedModel, headers: Mapping[str, str], timeout: float
    ) -> None:
        fixed = {"Content-Type": "application/json", "Accept": "application/json"}
        self._connection = Connection(server, {**fixed, **headers}, most_bytes=MOST_BYTES)
        self._protocol, self._path, self._timeout = protocol, protocol.path(model), timeout

    def close(self) -> None:
        """Close the connection. A request in another thread ends."""
        self._connection.close()

    def predict(self, record: InferenceRecord) -> ReplayedAnswer | ReplayFailure:
        """Return the answer to a logged request, or the failure."""
        body = self._protocol.request(record)
        start = time.monotonic()
        try:
            answer = self._connection.post(self._path, body, self._timeout)
        except AnswerTooLargeError as error:
            return _failure("too-large", str(error))
        except NoAnswerInTimeError as error:
            return _failure("timeout", str(error))
        except UnreachableError as error:
            return _failure("no-connection", str(error))
        latency = (time.monotonic() - start) * 1000
        if answer.status != 200:
            return _status_failure(answer)
        try:
            return ReplayedAnswer(self._protocol.answer(answer.body, record), latency)
        except UnusableAnswerError as error:
            return _failure(error.kind, str(error))
        except TensorError as error:
            return _failure("wrong-format", str(error))


def _status_failure(answer: HttpAnswer) -> ReplayFailure:
    kind: FailureKind = "server-error" if answer.status >= 500 else "refused"
    if 300 <= answer.status < 400:
        kind = "redirect"
    text = answer.body[:_SHOWN_BYTES].decode("utf-8", "replace")
    return _failure(kind, f"status {answer.status}: {text or answer.reason}")


def _failure(kind: FailureKind, reason: str) -> ReplayFailure:
    """Return a failure with a text of the server as one short line without secrets."""
    return ReplayFailure(kind, one_line(redaction.redact(reason), _LONGEST_REASON))
