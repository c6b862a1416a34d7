"""Log lines: one for each event, without secrets."""

from __future__ import annotations

import json
import logging
import sys
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout_spec.core import redaction
from rollout_spec.service.logs import JSONLines, TextLines


def record(message: str, **fields: str) -> logging.LogRecord:
    event = logging.LogRecord("name", logging.WARNING, "file.py", 1, "%s", (message,), None)
    for name, value in fields.items():
        setattr(event, name, value)
    return event


@given(st.text(max_size=300), st.text(max_size=100))
def test_an_event_is_one_line(message: str, rollout: str) -> None:
    event = record(message, rollout=rollout)
    assert TextLines().format(event).isprintable()
    line = JSONLines().format(event)
    assert line.isprintable()
    assert json.loads(line)["message"] == message.rstrip()


def test_a_traceback_is_in_the_line_of_its_event() -> None:
    redaction.learn("a-secret-in-an-error")
    try:
        raise ValueError("it has a-secret-in-an-error")
    except ValueError:
        event = record("failed")
        event.exc_info = sys.exc_info()
    for lines in (TextLines(), JSONLines()):
        text = lines.format(event)
        assert text.isprintable()
        assert "ValueError: it has ***" in text


@pytest.mark.parametrize(
    "secret", ['with "quotes" and \\', "päss wörd", "a/b?c=d&e", "first line\nsecond line", "longer-than-another-one"]
)
def test_a_secret_is_replaced_in_each_form(secret: str) -> None:
    redaction.learn("longer")
    redaction.learn_basic("user", secret)
    assert secret not in redaction.redact(f"<{secret}>")
    assert "***" in redaction.redact(json.dumps({"x": secret}))
    encoded = b64encode(f"user:{secret}".encode()).decode()
    assert encoded not in redaction.redact(f"Basic {encoded}")
    assert redaction.redact("longer-than-another-one") == "***" or secret != "longer-than-another-one"


def test_a_very_short_secret_is_no_reason_to_blank_text_out() -> None:
    redaction.learn("a", "", "  ")
    assert redaction.redact("a banana") == "a banana"
