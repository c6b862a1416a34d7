"""Artifacts in OCI registries: ``oci://HOST/REPOSITORY@sha256:…``.

Source: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from rollout_spec.core import redaction
from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.registered import Examination
from rollout_spec.core.text import excerpt, one_line
from rollout_spec.integrations.http_connection import Connection, HttpAnswer, Request, Server, UnreachableError
from rollout_spec.integrations.registries.base import Credentials

SECONDS = 30.0
_MOST_BYTES = 4 << 20
"""The size of a manifest that registries must accept."""
_MOST_BLOBS = 200
_DEEPEST = 3
_ADDRESS = re.compile(
    r"oci://(?P<host>[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?)"
    r"/(?P<repository>[a-z0-9]+([._/-]+[a-z0-9]+)*)(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?@(?P<digest>sha256:[0-9a-f]{64})"
)
_TYPES = (
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json"
)
_LOOPBACK = ("localhost", "127.0.0.1")
_PARAMETER = re.compile(r'(realm|service)="([^"]{1,500})"')


class _NotFoundError(Exception):
    """A manifest or blob that the registry does not have."""


@dataclass(frozen=True)
class OciRegistries:
    """OCI registries.

    ``credentials`` are by host, and are sent to that host alone. Without them the access is anonymous. The
    connection is encrypted, except to this machine.
    """

    credentials: Mapping[str, Credentials] = field(default_factory=dict, repr=False)

    def examine(self, address: str) -> Examination:
        """Examine an artifact. UserError with status 3 if its registry does not answer."""
        match = _ADDRESS.fullmatch(address)
        if match is None:
            reason = "write it with its digest: oci://HOST/REPOSITORY@sha256:…"
            return Examination(address, "unreadable", reason=reason)
        repository = _Repository(match["host"], match["repository"], self.credentials.get(match["host"]))
        try:
            return repository.examine(address, match["digest"])
        except _NotFoundError as error:
            return Examination(address, "missing", reason=str(error))
        finally:
            repository.close()


class _Repository:
    """One repository of an OCI registry, over one connection."""

    def __init__(self, host: str, name: str, credentials: Credentials | None) -> None:
        scheme = "http" if host.partition(":")[0] in _LOOPBACK else "https"
        self._server = Server.at(f"{scheme}://{host}")
        self._name = name
        self._credentials = credentials
        own = {"Authorization": credentials.header()} if credentials is not None else {}
        self._headers: dict[str, str] = {"Accept": _TYPES, **own}
        self._asked = 0
        self._connection = Connection(self._server, {}, most_bytes=_MOST_BYTES)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def examine(self, address: str, digest: str) -> Examination:
        """Read a manifest by its digest, and ask for the parts that it lists."""
        body = self._get("GET", f"manifests/{digest}").body
        actual = f"sha256:{hashlib.sha256(body).hexdigest()}"
        if actual != digest:
            return Examination(address, "manifest", actual, len(body), 1)
        parts = list(self._all_parts(body))
        return Examination(address, "manifest", digest, sum(parts), len(parts))

    def _all_parts(self, body: bytes, depth: int = 0) -> Iterator[int]:
        """Ask for each part of a manifest, and yield its size. The manifests of an index are read too."""
        for kind, part, size in self._parts(body):
            self._asked += 1
            if self._asked > _MOST_BLOBS or depth > _DEEPEST:
                raise self._error(f"its manifests list more than {_MOST_BLOBS} parts, or are nested too deep")
            if kind == "blobs":
                self._get("HEAD", f"{kind}/{part}")
                yield size
                continue
            child = self._get("GET", f"{kind}/{part}").body
            if f"sha256:{hashlib.sha256(child).hexdigest()}" != part:
                raise self._error(f"the manifest {part} has other bytes")
            yield len(child)
            yield from self._all_parts(child, depth + 1)

    def _parts(self, body: bytes) -> Iterator[tuple[str, str, int]]:
        """Yield the kind, digest and size of each part of a manifest."""
        try:
            manifest = json.loads(body)
            children, layers = manifest.get("manifests", []), manifest.get("layers", [])
            listed = [("manifests", each) for each in children] + [("blobs", each) for each in layers]
            if "config" in manifest:
                listed.append(("blobs", manifest["config"]))
            parts = [(kind, str(each["digest"]), int(each.get("size", 0))) for kind, each in listed]
        except (ValueError, RecursionError, AttributeError, KeyError, TypeError):
            raise self._error("the manifest is not in the format of OCI") from None
        if len(parts) > _MOST_BLOBS or not all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for _, digest, _ in parts):
            raise self._error(f"the manifest lists more than {_MOST_BLOBS} parts, or a part without a sha256 digest")
        yield from parts

    def _get(self, method: str, path: str) -> HttpAnswer:
        """Return the answer about a part.

        A blob may lie on another host: that the registry redirects there is enough.
        """
        answer = self._send(method, path)
        if answer.status == 401 and "Authorization" not in self._headers:
            self._headers["Authorization"] = f"Bearer {self._anonymous_token(answer.challenge or '')}"
            answer = self._send(method, path)
        if answer.status == 404:
            raise _NotFoundError(f"the registry has no {path}")
        if answer.status == 200 or (method == "HEAD" and answer.status in (302, 303, 307, 308)):
            return answer
        hint = f"add `registry.oci: {{{self._server.host}: …}}`" if answer.status in (401, 403) else None
        raise self._error(f"it answered {answer.status} {answer.reason}", hint)

    def _send(self, method: str, path: str) -> HttpAnswer:
        target = f"/v2/{quote(self._name)}/{path}"
        try:
            return self._connection.send(Request(method, target, None, self._headers), SECONDS)
        except UnreachableError as error:
            raise self._error(str(error)) from None

    def _anonymous_token(self, challenge: str) -> str:
        """Return a token for everybody. The registry names the server of tokens, which gets no secret of ours."""
        found = dict(_PARAMETER.findall(challenge))
        parts = urlsplit(found.get("realm", ""))
        if not challenge.lower().startswith("bearer ") or parts.scheme != self._server.scheme or parts.query:
            raise self._error("it asks for credentials", f"add `registry.oci: {{{self._server.host}: …}}`")
        query = urlencode({"service": found.get("service", ""), "scope": f"repository:{self._name}:pull"})
        try:
            server = Server.at(f"{parts.scheme}://{parts.netloc}")
            with closing(Connection(server, {}, most_bytes=_MOST_BYTES)) as connection:
                answer = connection.send(Request("GET", f"{parts.path or '/'}?{query}"), SECONDS)
            fields: Any = json.loads(answer.body) if answer.status == 200 else {}
            token = fields.get("token") or fields.get("access_token")
        except (UnreachableError, UserError, ValueError, RecursionError, AttributeError):
            token = None
        if not isinstance(token, str) or not re.fullmatch(r"[!-~]{1,10000}", token):
            raise self._error("its server of tokens gives none for everybody")
        return token

    def _error(self, reason: str, hint: str | None = None) -> UserError:
        shown = one_line(redaction.redact(reason), 300)
        message = f"cannot read {excerpt(self._name)} from the registry at {self._server}: {shown}"
        return UserError(message, hint=hint, status=OUTSIDE)
