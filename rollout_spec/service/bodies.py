"""Bodies of requests, read within limits of size, time and memory."""

from __future__ import annotations

import asyncio

from fastapi import Request
from starlette.requests import ClientDisconnect

from rollout_spec.core.text import excerpt
from rollout_spec.integrations.monitors.json_body import media_type
from rollout_spec.service.problems import RejectedError

BODY_SECONDS = 10.0
_SMALL_BYTES = 64 * 1024
_MOST_BYTES_TOGETHER = 256 * 1024 * 1024
"""The memory of all bodies above 64 KiB that are read at the same time. Small ones are always read."""


class BodyReader:
    """Reads bodies of at most ``most_bytes`` bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held = 0

    async def read(self, request: Request) -> bytes:
        """Return the body of a request. RejectedError if it is encoded, too large, or too slow."""
        headers = dict(request.headers.items())
        encoding = headers.get("content-encoding", "").strip().lower()
        if encoding not in ("", "identity"):
            raise RejectedError(415, f"the body has the encoding {excerpt(encoding)}", "send it without compression")
        media_type(headers)
        if int(headers.get("content-length", "0")) > self._most_bytes:  # h11 has checked that it is a number
            raise self._too_large()
        content = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                await self._read_into(content, request)
            return bytes(content)
        except TimeoutError:
            raise RejectedError(408, f"the body did not come within {BODY_SECONDS:g} seconds") from None
        except ClientDisconnect:
            raise RejectedError(400, "the connection was closed before the end of the body") from None
        finally:
            self._held -= _beyond_small(len(content))

    async def _read_into(self, content: bytearray, request: Request) -> None:
        async for part in request.stream():
            before = _beyond_small(len(content))
            content += part
            self._held += _beyond_small(len(content)) - before
            if len(content) > self._most_bytes:
                raise self._too_large()
            if self._held > _MOST_BYTES_TOGETHER:
                raise RejectedError(503, "too many large bodies at the same time")

    def _too_large(self) -> RejectedError:
        return RejectedError(413, f"the body is larger than {self._most_bytes:,} bytes", "send fewer alerts in a post")


def is_small(request: Request) -> bool:
    """Return whether a request says that its body takes little memory."""
    size = request.headers.get("content-length")
    return size is not None and int(size) <= _SMALL_BYTES


def _beyond_small(size: int) -> int:
    return max(0, size - _SMALL_BYTES)
