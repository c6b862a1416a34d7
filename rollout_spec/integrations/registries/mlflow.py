"""The registry of an MLflow server, over its REST API.

This is not MLflow's own client: that one takes credentials from the environment for any address, follows redirects,
reads answers of any size, repeats a request for minutes, and reports its use to its makers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlencode

from rollout_spec.core import redaction
from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.registered import ModelAddress, RegistryEntry, TrainingRun
from rollout_spec.core.text import one_line
from rollout_spec.integrations.http_connection import Connection, HttpAnswer, Request, Server, UnreachableError
from rollout_spec.integrations.registries import mlflow_answers as answers
from rollout_spec.integrations.registries.base import Credentials

P = ParamSpec("P")
T = TypeVar("T")
SECONDS = 30.0
"""The time for one request and its answer."""
_MOST_BYTES = 16 << 20
_LONGEST_REASON = 300
_API = "/api/2.0/mlflow"
_ADDRESS_HINT = "write `http://mlflow:5000` or `https://example.com/mlflow`"
_HINTS = {
    401: "check `registry.auth` in .rollout-spec.yaml",
    403: "check `registry.auth` in .rollout-spec.yaml, and the permissions of its user in MLflow",
    404: "check the path of `registry.url` in .rollout-spec.yaml",
}


class MlflowRegistry:
    """An MLflow server. Its credentials go to this server alone, because no redirect is followed."""

    def __init__(self, url: str, credentials: Credentials | None = None, *, timeout: float = SECONDS) -> None:
        self.server = Server.at(url, _ADDRESS_HINT)
        self.headers = {"Accept": "application/json"}
        if credentials is not None:
            self.headers["Authorization"] = credentials.header()
        self._connection = Connection(self.server, self.headers, most_bytes=_MOST_BYTES)
        self._timeout = timeout
        self._lock = Lock()

    def close(self) -> None:
        """Close the connection. A later request opens a new one."""
        with self._lock:
            self._connection.close()

    def entry(self, address: ModelAddress) -> RegistryEntry | None:
        """Return an entry with the address of its bytes, None if there is none."""
        if address.version is None:
            return None
        query = {"name": address.name, "version": address.version}
        answer = self.get(f"{_API}/model-versions/get", query)
        if answer is None:
            return None
        place = self.get(f"{_API}/model-versions/get-download-uri", query)
        return self.read(answers.entry_of, answer, address, answers.artifact_of(place) if place else None)

    def run(self, run_id: str) -> TrainingRun | None:
        """Return a training run, None if there is none."""
        answer = self.get(f"{_API}/runs/get", {"run_id": run_id})
        return None if answer is None else self.read(answers.run_of, answer, run_id)

    def aliases(self, model: str) -> Mapping[str, str] | None:
        """Return the versions of a model by alias, None if there is no such model."""
        answer = self.get(f"{_API}/registered-models/get", {"name": model})
        return None if answer is None else self.read(answers.aliases_of, answer)

    def set_alias(self, model: str, alias: str, version: str) -> None:
        """Let an alias name a version."""
        self._change("POST", "registered-models/alias", {"name": model, "alias": alias, "version": version})

    def remove_alias(self, model: str, alias: str) -> None:
        """Remove an alias. The version stays."""
        self._change("DELETE", "registered-models/alias", {"name": model, "alias": alias})

    def set_tag(self, address: ModelAddress, name: str, value: str) -> None:
        """Set a tag of an entry."""
        fields = {"name": address.name, "version": address.version, "key": name, "value": value}
        self._change("POST", "model-versions/set-tag", fields)

    def _change(self, method: str, path: str, fields: Mapping[str, str | None]) -> None:
        body = json.dumps(fields).encode()
        answer = self._send(Request(method, f"{_API}/{path}", body, {"Content-Type": "application/json"}))
        if answer.status != 200:
            raise self._refusal(answer)

    def get(self, path: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        """Return the answer to a question, None if the server says that the thing does not exist."""
        answer = self._send(Request("GET", f"{path}?{urlencode(query)}"))
        if answer.status == 404 and answers.error_of(answer.body)[0] == answers.MISSING:
            return None
        if answer.status != 200:
            raise self._refusal(answer)
        return self.read(answers.parse, answer.body)

    def read(self, reader: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """Return the result of a reader of answers. UserError if the answer is not in the format of the API."""
        try:
            return reader(*arguments, **options)
        except answers.UselessError as error:
            hint = "check `registry.url` in .rollout-spec.yaml"
            raise self.error(f"unusable answer: {error}", hint) from None

    def _send(self, request: Request) -> HttpAnswer:
        try:
            with self._lock:
                return self._connection.send(request, self._timeout)
        except UnreachableError as error:
            raise self.error(str(error)) from None

    def _refusal(self, answer: HttpAnswer) -> UserError:
        if 300 <= answer.status < 400:
            location = f" to {answer.location}" if answer.location else ""
            hint = "write the final address in `registry.url`"
            return self.error(f"it redirects{location}, and no redirect is followed", hint)
        reason = answers.error_of(answer.body)[1]
        return self.error(f"it answered {answer.status}: {reason or answer.reason}", _HINTS.get(answer.status))

    def error(self, reason: str, hint: str | None = None) -> UserError:
        """Return the error of this server, with status 3."""
        shown = one_line(redaction.redact(reason), _LONGEST_REASON)
        return UserError(f"cannot use the registry at {self.server}: {shown}", hint=hint, status=OUTSIDE)
