"""A change that is proposed to a forge: files, a commit message, a branch and a pull request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class ProposedChange:
    """The contents of one commit on a new branch, and of its pull request.

    ``edits`` maps paths from the git root to new bytes, or to None to delete the file. ``message`` is the whole commit
    message. ``draft`` opens a draft, so that a person must act before it merges.
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
    auto_merge: bool = False


@dataclass(frozen=True)
class PullRequest:
    """A pull request (GitLab: merge request) as a forge records it.

    ``state`` is open, merged or closed (without a merge: a person rejected it). ``merge_sha`` is the commit of the
    merge on the base, if it differs from ``head_sha``. ``closed_at`` is the time in UTC at which it was closed without
    a merge, if the forge knows it.
    """

    number: int
    url: str
    state: str
    head: str
    base: str
    head_sha: str
    draft: bool = False
    labels: tuple[str, ...] = field(default_factory=tuple)
    auto_merge_enabled: bool = False
    merge_sha: str | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True)
class Interventions:
    """The changes that a person made to a pull request at its current head."""

    converted_to_draft: bool = False
    cancelled_auto_merge: bool = False
