"""The body of an answer, read in parts: files that do not fit into the memory."""

from __future__ import annotations

import io
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse

from rollout_spec.integrations.http_connection import (
    Server,
    UnreachableError,
    new_connection,
    reason_of,
    target_and_headers,
)
from rollout_spec.integrations.http_proxies import proxy_for


class Download(io.RawIOBase):
    """The body of an answer. Each read waits at most as long as the connection may be silent."""

    def __init__(self, connection: HTTPConnection, response: HTTPResponse) -> None:
        self._connection = connection
        self._response = response

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes. OSError if the body ends early."""
        try:
            content = self._response.read1(size)
        except HTTPException as error:
            raise OSError(f"the answer ended early ({type(error).__name__})") from None
        if not content and self._response.length:
            raise OSError(f"the answer ended {self._response.length:,} bytes early")
        return content

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        super().close()


def download(server: Server, path: str, headers: Mapping[str, str], seconds: float) -> Download:
    """Get a file from a server, without redirects. UnreachableError if the server does not send it."""
    proxy = proxy_for(server.scheme, server.host, server.port)
    connection = new_connection(server, proxy, seconds)
    target, sent = target_and_headers(server, proxy, path, headers)
    try:
        connection.request("GET", target, None, sent)
        response = connection.getresponse()
    except (OSError, HTTPException) as error:
        connection.close()
        raise UnreachableError(reason_of(error)) from None
    if response.status != 200:
        connection.close()
        raise UnreachableError(f"it answered {response.status} in place of the file")
    return Download(connection, response)
