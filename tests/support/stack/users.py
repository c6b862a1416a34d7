"""Users: they ask the router for predictions all the time, and note each answer."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from envoys import HOST

from stack.models import FEATURES

_BODY = json.dumps({"features": [0.5] * FEATURES}).encode()
_HEADERS = {"Host": HOST, "Content-Type": "application/json"}


@dataclass(frozen=True)
class Seen:
    """One request. ``status`` is 0 if the connection failed; ``version`` is None if no model answered."""

    at: float
    status: int
    version: str | None

    @property
    def is_answered(self) -> bool:
        """Return whether a model predicted."""
        return self.status == 200


class Users:
    """Users who keep a connection to the router each. ``note`` is called with each request."""

    def __init__(self, port: int, pause: float, note: Callable[[Seen], None] = lambda _: None) -> None:
        self._port, self._pause, self._note = port, pause, note
        self._ended = threading.Event()
        self.seen: list[Seen] = []

    def count(self, version: str | None, since: float = 0.0) -> int:
        """Return the number of answers by a version since a time."""
        return sum(each.version == version and each.at >= since for each in list(self.seen))

    def _ask(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self._ended.wait(self._pause):
            start = time.time()
            try:
                connection.request("POST", "/predict", _BODY, _HEADERS)
                response = connection.getresponse()
                response.read()
            except (OSError, HTTPException):
                connection.close()
                seen = Seen(start, 0, None)
            else:
                seen = Seen(start, response.status, response.headers["x-model-version"])
            self.seen.append(seen)
            self._note(seen)
        connection.close()

    @contextmanager
    def asking(self, number: int) -> Iterator[None]:
        """Let some users ask until the end of the block."""
        threads = [threading.Thread(target=self._ask, name="user") for _ in range(number)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()
