"""Receive the breaches that monitors post, and open a rollback for each.

rollout-spec --repo MIRROR serve             listens on 127.0.0.1:8080, with an inbox in MIRROR
rollout-spec --repo MIRROR serve --host 0.0.0.0 --inbox postgresql://…
"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from rollout_spec.cli.workspace import start_anywhere
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt
from rollout_spec.core.units import parse_duration
from rollout_spec.workflows.secrets import INBOX

_MIB = 1024 * 1024


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=_port, default=8080, help="the port (default: 8080; 0: any free one)")
    parser.add_argument(
        "--inbox",
        metavar="URL",
        help=f"sqlite:///PATH or postgresql://… (default: ${INBOX}, else a file in the git folder)",
    )
    parser.add_argument("--log", choices=("text", "json"), default="text", help="the form of log lines (default: text)")
    parser.add_argument("--poll", type=_seconds, default=15.0, metavar="S", help="seconds between fetches of settings")
    parser.add_argument(
        "--lease", type=_seconds, default=15.0, metavar="S", help="seconds until another worker takes over"
    )
    parser.add_argument("--rate", type=_seconds, default=500.0, metavar="N", help="requests a second of one address")
    parser.add_argument(
        "--most-bytes", type=_bytes, default=_MIB, metavar="N", help="the largest body (default: 1 MiB)"
    )
    parser.add_argument(
        "--keep",
        type=_duration,
        default="30d",
        metavar="TIME",
        help="how long finished breaches are kept (default: 30d)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal ends it."""
    try:
        from rollout_spec.service.run import ServeOptions, serve
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        raise UserError(f"`serve` needs the library {library}", hint="pip install 'rollout-spec[serve]'") from None
    from rollout_spec.integrations.git.command import Plumbing
    from rollout_spec.workflows.locate import find_from
    from rollout_spec.workflows.newest import bare_root

    start = start_anywhere(arguments)
    root = bare_root(start) or find_from(start).git_root
    if root is None:
        raise UserError("the service needs git, but this workspace is not in a git repository", hint="run `git init`")
    default = f"sqlite:///{Path(Plumbing(root).folder).absolute() / 'rollout-spec' / 'inbox.sqlite3'}"
    inbox = arguments.inbox or os.environ.get(INBOX) or default
    return serve(
        ServeOptions(
            root,
            arguments.host,
            arguments.port,
            inbox,
            log_format=arguments.log,
            poll=arguments.poll,
            lease=arguments.lease,
            keep=arguments.keep,
            rate=arguments.rate,
            most_bytes=arguments.most_bytes,
        )
    )


def _seconds(text: str) -> float:
    """Return a positive number. ArgumentTypeError if it is not one."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError(f"expected a positive number, not `{text}`")
    return number


def _port(text: str) -> int:
    """Return a port. ArgumentTypeError if it is not one."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port, 0 to 65535, not `{text}`")
    return int(text)


def _bytes(text: str) -> int:
    """Return a number of bytes. ArgumentTypeError if it is none, or more than a payload may have."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1024 <= int(text) <= 8 * _MIB:
        raise argparse.ArgumentTypeError(f"expected a number of bytes, 1024 to {8 * _MIB}, not `{text}`")
    return int(text)


def _duration(text: str) -> float:
    """Return a duration in seconds. ArgumentTypeError if it is none, or below a minute."""
    try:
        seconds = parse_duration(text).total_seconds()
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; got `{excerpt(text)}`") from None
    if seconds < 60:
        raise argparse.ArgumentTypeError(f"expected at least a minute, not `{text}`")
    return seconds
