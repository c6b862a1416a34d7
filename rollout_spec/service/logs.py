"""Log lines as text or JSON: one for each event, with the id of its breach and without secrets."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

from rollout_spec.core.redaction import redact
from rollout_spec.core.text import escape
from rollout_spec.service.records import StoredBreach

_FIELDS = ("breach", "workspace", "rollout", "monitor", "source")
_NOISY = ("uvicorn", "uvicorn.access", "urllib3", "git")


class _BreachLog(logging.LoggerAdapter[logging.Logger]):
    """A logger that adds the id of a breach to each line."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Add the fields of the breach to a line."""
        return msg, {**kwargs, "extra": self.extra}


def breach_log(log: logging.Logger, row: StoredBreach) -> logging.LoggerAdapter[logging.Logger]:
    """Return a logger that adds the id, workspace and rollout of a breach to each line."""
    rollout = row.breach.rollout if row.breach else ""
    return _BreachLog(log, {"breach": row.id, "workspace": row.workspace, "rollout": rollout})


def set_up(form: str) -> None:
    """Write all log lines to stderr in a form, ``text`` or ``json``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JSONLines() if form == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)


class JSONLines(logging.Formatter):
    """One JSON object for each event."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of an event."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage().rstrip()),
            **_fields(record),
        }
        error = self._error(record)
        return json.dumps({**line, "error": error} if error else line)

    def _error(self, record: logging.LogRecord) -> str:
        return redact(self.formatException(record.exc_info)) if record.exc_info else ""


class TextLines(JSONLines):
    """A line for people, with the fields of the breach. Control characters and line ends are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of an event."""
        time = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        parts = [f"{time}Z {record.levelname.lower()} {redact(record.getMessage().rstrip())}"]
        parts += [f"{name}={value}" for name, value in _fields(record).items()]
        parts += [error] if (error := self._error(record)) else []
        return escape(" ".join(parts))


def _fields(record: logging.LogRecord) -> dict[str, str]:
    """Return the fields of an event that it has, without secrets."""
    return {name: redact(str(getattr(record, name))) for name in _FIELDS if hasattr(record, name)}
