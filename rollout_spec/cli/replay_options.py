"""Options of ``replay`` about the server, the load and the outputs."""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from rollout_spec.cli import terminal
from rollout_spec.core import redaction
from rollout_spec.core.divergence import OutputKind
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt
from rollout_spec.core.units import is_version, parse_duration
from rollout_spec.domain.replay.output_forms import parse_override
from rollout_spec.workflows.replay import ServerOptions
from rollout_spec.workflows.replay.sending import Progress

T = TypeVar("T")
MOST_AT_ONCE = 64
MOST_PER_SECOND = 10_000
_MOST_REQUESTS = 1_000_000_000
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_FIXED = {"host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding", "expect"}
_SHOWN_SECONDS = 0.5
_HEADER_HELP = "send the header NAME with the value of the environment variable VAR"
_ENDPOINT_HELP = "the version behind an endpoint, for logs that name only the endpoint"
_KIND_HELP = "class, score, number, ranking or text (default: recognised)"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("--rate", metavar="N", type=_rate, default=10.0, help="the most requests per second (default: 10)")
    add("--concurrency", metavar="N", type=_concurrency, default=4, help="the most requests at once (default: 4)")
    add("--limit", metavar="N", type=_limit, default=1_000, help="the most requests of each version (default: 1000)")
    add("--timeout", metavar="TIME", type=_timeout, default=5.0, help="the time for one request (default: 5s)")
    add("--header-env", metavar="NAME=VAR", type=_header, action="append", default=[], help=_HEADER_HELP)
    add("--output-kind", metavar="NAME=KIND", type=_kind, action="append", default=[], help=_KIND_HELP)
    add("--journal", metavar="FILE", help="keep all answers in FILE, and go on from there")


def configure_logs(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments about facts that a log does not hold."""
    add = parser.add_argument
    add("--endpoint", metavar="NAME=V", type=_endpoint, action="append", default=[], help=_ENDPOINT_HELP)
    add("--segment-key", metavar="KEY", help="the key of the log's metadata that holds the segment")
    add("--labels", metavar="ADDRESS", help="the labels, if they are kept apart from the log")


def server_of(arguments: argparse.Namespace) -> ServerOptions:
    """Return the server of the arguments. UserError if a header's variable is not usable."""
    return ServerOptions(
        url=arguments.against,
        protocol=arguments.protocol,
        model=arguments.model,
        model_version=arguments.model_version,
        headers=_headers(arguments.header_env),
        timeout=arguments.timeout,
        rate=arguments.rate,
        concurrency=arguments.concurrency,
    )


def progress() -> Progress | None:
    """Return a callback that shows how many requests are replayed, None without a terminal."""
    if not terminal.is_watched(sys.stderr):
        return None
    last = 0.0

    def show(sent: int, failed: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _SHOWN_SECONDS:
            last = now
            print(f"\r\x1b[K{sent:,} requests sent, {failed:,} failed", end="\r", file=sys.stderr, flush=True)

    return show


def _headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    headers = {}
    for name, variable in pairs:
        value = os.environ.get(variable)
        if not value:
            message = f"--header-env {name}: the environment variable {excerpt(variable)} is not set"
            raise UserError(message, hint="it must hold the whole value, such as `Bearer …`")
        if not re.fullmatch(r"[!-~]([ -~]*[!-~])?", value):
            raise UserError(f"--header-env {name}: the value of {excerpt(variable)} is not one line of ASCII text")
        redaction.learn(value, *value.split())
        headers[name] = value
    return headers


def _header(text: str) -> tuple[str, str]:
    name, separator, variable = text.partition("=")
    if not separator or not variable or not _HEADER.fullmatch(name):
        raise argparse.ArgumentTypeError(f"expected NAME=VARIABLE, not `{excerpt(text)}`")
    if name.lower() in _FIXED:
        raise argparse.ArgumentTypeError(f"the header {name} is set by the connection")
    return name, variable


def _endpoint(text: str) -> tuple[str, str]:
    name, _, version = text.rpartition("=")
    if not name or not is_version(version):
        raise argparse.ArgumentTypeError(f"expected NAME=VERSION, not `{excerpt(text)}`")
    return name, version


def _kind(text: str) -> tuple[str, OutputKind]:
    return _checked(parse_override, text)


def _timeout(text: str) -> float:
    seconds = _checked(parse_duration, text).total_seconds()
    if not 0.01 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"expected a time from 10ms to 1h, not `{excerpt(text)}`")
    return seconds


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0.01 <= rate <= MOST_PER_SECOND:
        expected = f"expected requests per second, 0.01 to {MOST_PER_SECOND:,}"
        raise argparse.ArgumentTypeError(f"{expected}, not `{excerpt(text)}`")
    return rate


def _concurrency(text: str) -> int:
    return _whole(text, MOST_AT_ONCE)


def _limit(text: str) -> int:
    return _whole(text, _MOST_REQUESTS)


def _whole(text: str, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 1 <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 to {most:,}, not `{excerpt(text)}`")
    return int(text)


def _checked(parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
