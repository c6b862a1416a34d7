"""The possible names of the branch of a change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count

MOST_NAMES = 20


def branch_names(branch: str, taken: Mapping[str, str], *, instead: str) -> Iterator[str]:
    """Yield the possible names of a branch: its own, ``-2``, ``-3`` …, last ``-`` and ``instead``.

    Anybody who may push can take the first names beforehand, but nobody can guess the last one. Git allows no branch
    ``a/b`` beside a branch ``a``: a folder that is a branch gets ``.2``, which no workspace or rollout has in its name.
    """
    *folders, last = branch.split("/")
    path = ""
    for folder in folders:
        names = (f"{path}{folder}" if number == 1 else f"{path}{folder}.{number}" for number in count(1))
        path = next(name for name in names if name not in taken) + "/"
    for number in range(1, MOST_NAMES + 1):
        name = f"{path}{last}" if number == 1 else f"{path}{last}-{number}"
        if number == MOST_NAMES:
            name = f"{path}{last}-{instead}"
        if not any(each.startswith(f"{name}/") for each in taken):
            yield name
