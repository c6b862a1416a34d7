"""The runs of commands on a page of the documentation, and the keys of their JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator

BLOCK = re.compile(r"(?<=^```console\n)\$ rollout-spec (.*)\n([^`]*)(?=^```$)", re.MULTILINE)
"""A block of ``console``: the arguments of a command, and its output."""


def keys(data: object) -> Iterator[str]:
    """Yield the keys of nested data, without those of ``shares``, which are versions."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield name
            if name != "shares":
                yield from keys(value)
    elif isinstance(data, list):
        for each in data:
            yield from keys(each)
