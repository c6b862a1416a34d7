"""Requests and answers that a log holds apart, joined by an id."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from rollout_spec.core.inference import InferenceRecord, UnreadableRecord
from rollout_spec.core.text import excerpt
from rollout_spec.integrations.inference_logs.log_files import UNREADABLE, Entry, Located
from rollout_spec.integrations.inference_logs.scratch import Scratch

REQUEST = "request"
RESPONSE = "response"


@dataclass(frozen=True, slots=True)
class Half:
    """A request or an answer. ``key`` joins both, ``shown_id`` is the id in messages.

    ``fields`` can be written as JSON. ``is_shared`` says that another half of the same side has the key.
    """

    side: str
    key: str
    shown_id: str
    file: str
    line: int
    fields: dict[str, Any]
    is_shared: bool = False

    @property
    def entry(self) -> Entry:
        """Return the position of this half."""
        return Entry(self.file, self.line, {})


Build = Callable[[Half, Half | None], InferenceRecord]
"""Returns the record of a request and its answer, which may be missing."""


def join_halves(halves: Iterable[Half | UnreadableRecord], build: Build) -> Iterator[Located | UnreadableRecord]:
    """Yield a record for each request with its answer, in the order in which they are complete.

    Requests without an answer come last. Halves that wait lie in temporary storage. A caller may choose its id: two
    requests that wait with the same id are both unreadable, because an answer could belong to either.
    """
    with closing(Scratch()) as scratch:
        for half in halves:
            if isinstance(half, UnreadableRecord):
                yield half
                continue
            other = RESPONSE if half.side == REQUEST else REQUEST
            body = scratch.take(other, half.key)
            if body is None:
                yield from _keep(scratch, half)
                continue
            first = _read(body)
            pair = (half, first) if half.side == REQUEST else (first, half)
            yield from _pair(*pair, build)
        for body in scratch.rest(REQUEST):
            yield from _pair(_read(body), None, build)
        for body in scratch.rest(RESPONSE):
            half = _read(body)
            yield half.entry.unreadable(f"no request has the id `{excerpt(half.shown_id)}` of this answer")


def _keep(scratch: Scratch, half: Half) -> Iterator[UnreadableRecord]:
    """Keep a half until the other one comes. If another half waits with its key, neither can be joined."""
    if scratch.keep(half.side, half.key, _written(half)):
        return
    waiting = _read(scratch.take(half.side, half.key) or "")
    scratch.keep(half.side, half.key, _written(replace(waiting, is_shared=True)))
    yield half.entry.unreadable(_shared(half))


def _written(half: Half) -> str:
    """Return a half as JSON. Parquet has times that are not text."""
    values = [getattr(half, field.name) for field in fields(Half)]
    return json.dumps(values, default=lambda value: value.isoformat() if isinstance(value, datetime) else str(value))


def _read(body: str) -> Half:
    return Half(*json.loads(body))


def _pair(request: Half, response: Half | None, build: Build) -> Iterator[Located | UnreadableRecord]:
    shared = [half for half in (request, response) if half and half.is_shared]
    if shared:
        for half in (request, response):
            if half:
                yield half.entry.unreadable(_shared(shared[0]))
        return
    try:
        yield Located(request.entry, build(request, response))
    except UNREADABLE as error:
        yield request.entry.unreadable(str(error))


def _shared(half: Half) -> str:
    return f"two {half.side}s have the id `{excerpt(half.shown_id)}`, so that no answer belongs to one of them for sure"
