"""Log lines as text or JSON, each with the id of its breach and without secrets."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, MutableMapping
from datetime import UTC, datetime
from typing import Any

from rollout_spec.service.records import StoredBreach

_SHORTEST_SECRET = 4


class _BreachLog(logging.LoggerAdapter[logging.Logger]):
    """A logger that adds the id of a breach to each line."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Add the fields of the breach to a line."""
        return msg, {**kwargs, "extra": self.extra}


def breach_log(log: logging.Logger, row: StoredBreach) -> logging.LoggerAdapter[logging.Logger]:
    """Return a logger that adds the id, workspace and rollout of a breach to each line."""
    rollout = row.breach.rollout if row.breach else ""
    return _BreachLog(log, {"breach": row.id, "workspace": row.workspace, "rollout": rollout})


class Redactor(logging.Filter):
    """Replaces secrets in log lines. ``learn`` adds secrets as they are read."""

    def __init__(self) -> None:
        super().__init__()
        self._secrets: set[str] = set()

    def learn(self, secrets: Iterable[str]) -> None:
        """Add secrets. Very short ones are left out: they would blank out ordinary text."""
        self._secrets |= {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the message of a line by one without secrets. Return whether to write it: always."""
        record.msg, record.args = self.without_secrets(record.getMessage()), ()
        if record.exc_info:
            record.exc_text = self.without_secrets(logging.Formatter().formatException(record.exc_info))
        return True

    def without_secrets(self, text: str) -> str:
        """Return a text with each secret replaced by ``***``."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


class _JSONLines(logging.Formatter):
    """One JSON object for each line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        if record.exc_text:
            line["error"] = record.exc_text
        return json.dumps(line)


_FIELDS = ("breach", "workspace", "rollout", "monitor", "source")


class _TextLines(logging.Formatter):
    """Lines for people, with the fields of the breach. Control characters are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        fields = "".join(f" {name}={getattr(record, name)}" for name in _FIELDS if hasattr(record, name))
        message = (
            record.getMessage().encode("unicode_escape").decode("ascii")
            if not _is_plain(record)
            else record.getMessage()
        )
        return f"{time}Z {record.levelname.lower()} {message}{fields}" + (
            f"\n{record.exc_text}" if record.exc_text else ""
        )


def _is_plain(record: logging.LogRecord) -> bool:
    return record.getMessage().isprintable()


def set_up(form: str, redactor: Redactor) -> None:
    """Write all log lines to stderr in a form, ``text`` or ``json``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JSONLines() if form == "json" else _TextLines())
    handler.addFilter(redactor)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("uvicorn.access", "urllib3", "git"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
