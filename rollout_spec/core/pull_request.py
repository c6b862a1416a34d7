"""A change that we want on a forge: files, a commit message, a branch and a pull request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class ProposedChange:
    """What becomes one commit on one branch and one pull request.

    ``edits`` maps paths from the git root to new bytes, or to None where the file goes. ``message`` is the whole commit
    message. ``draft`` asks a person to look before anything merges; ``arm`` asks the forge to merge once checks pass.
    """

    branch: str
    message: str
    edits: Mapping[str, bytes | None]
    date: datetime
    title: str
    body: str
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    draft: bool = False
    arm: bool = False


@dataclass(frozen=True)
class PullRequest:
    """A pull request (GitLab: merge request) as a forge records it.

    ``state`` is open, merged or closed (and not merged: a person said no). ``armed``: the forge merges it once its
    checks pass. ``merge_sha`` is the commit that its merge put on the base, where that is not ``head_sha``.
    ``closed_at`` is the time in UTC at which it was closed without a merge, if the forge knows it.
    """

    number: int
    url: str
    state: str
    head: str
    base: str
    head_sha: str
    draft: bool = False
    labels: tuple[str, ...] = field(default_factory=tuple)
    armed: bool = False
    merge_sha: str | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True)
class Interventions:
    """Changes that a person made to a pull request at its present head.

    ``drafted``: a person converted it to a draft. ``disarmed``: a person cancelled its auto-merge.
    """

    drafted: bool = False
    disarmed: bool = False
