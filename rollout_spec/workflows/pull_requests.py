"""Delivery of a change: its branch is pushed and its pull request opened, or an existing one adopted.

An existing branch is adopted only if this process would build the same commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count

from rollout_spec.core.errors import ClosedByPersonError, UserError
from rollout_spec.core.pull_request import Interventions, ProposedChange, PullRequest
from rollout_spec.integrations.forges import Forge
from rollout_spec.workflows.base_branch import Base, build
from rollout_spec.workflows.branch_heads import Built, Heads
from rollout_spec.workflows.make_ready import Attest, Readiness

SUPERSEDED = "superseded"
"""The label of pull requests that this tool closed itself, so that no person refused them."""
_MOST_NAMES = 20
_TRIES = 5


@dataclass(frozen=True)
class DeliveredChange:
    """A delivered change and its pull request.

    ``adopted``: another process opened it before. ``superseded``: an older head of its branch was replaced. ``merged``:
    the forge merged it at once. ``notes`` list branches that were left unchanged, and failed requests.
    """

    commit: str
    pull_request: PullRequest
    adopted: bool
    superseded: bool = False
    merged: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Delivery:
    """A change to deliver. ``heads`` examines the head of its branch.

    ``answers`` returns whether a head of this tool is for the same breach, observed at ``observed``. ``ordered``: a
    person asks for the change, and a closed pull request does not stop it. ``taken`` are the branches on the remote, if
    already listed. ``records`` are the paths of the incidents in the change. ``attest`` sets the status of the commit
    that is ``built`` here, and of no other.
    """

    change: ProposedChange
    base: Base
    forge: Forge
    heads: Heads
    ordered: bool = False
    answers: Callable[[str], bool] = lambda head: False
    observed: datetime | None = None
    taken: Mapping[str, str] | None = None
    records: frozenset[str] = frozenset()
    attest: Attest | None = None
    built: str | None = None


def deliver(delivery: Delivery) -> DeliveredChange:
    """Push a change and open its pull request, or adopt an existing one.

    ClosedByPersonError with status 1 if a person closed its pull request for this breach.
    """
    remote = delivery.base.remote
    assert remote is not None
    commit, taken = build(delivery.change, delivery.base), delivery.taken
    delivery = replace(delivery, built=commit)
    for _ in range(_TRIES):
        if taken is None:
            taken = remote.branches(f"{delivery.change.branch.partition('/')[0]}*")
        delivered = _try_names(delivery, commit, taken)
        if delivered is not None and delivered.pull_request.state != "closed":
            return delivered
        taken = None  # another process pushed, or a person closed it meanwhile: try again
    raise UserError(
        f"{delivery.change.branch} on {remote.name} changed during each push", hint="run it again", status=1
    )


def _try_names(delivery: Delivery, commit: str, taken: Mapping[str, str]) -> DeliveredChange | None:
    """Try the possible names of the branch in order; None if another process wrote to one meanwhile."""
    base, forge, notes = delivery.base, delivery.forge, list[str]()
    assert base.remote is not None
    for branch in branch_names(delivery.change.branch, taken, instead=commit[:12]):
        if branch.count("/") and not branch.startswith(delivery.change.branch) and not notes:
            notes.append(f"another branch blocks the name {delivery.change.branch}: {branch} is used instead")
        change, head = replace(delivery.change, branch=branch), taken.get(branch)
        pull = forge.find(branch, base.branch)
        if pull is not None and pull.state == "merged":
            continue
        if pull is not None and pull.state == "closed":
            _refuse_if_closed(pull, delivery, commit)
            continue
        if head is None:
            if not base.remote.push_new(branch, commit):
                return None
            moved = pull is not None and pull.head_sha != commit
            return _open(replace(delivery, change=change), commit, pull, notes, replaced=moved)
        if not _fetch_head(base, branch, head):
            return None
        wanted = Built(delivery.change.edits, delivery.change.branch, delivery.records)
        state = delivery.heads.state(head, wanted)
        if state == "current":
            return _open(replace(delivery, change=change), head, pull, notes)
        if state == "outdated":
            changes = forge.interventions(pull) if pull is not None and not delivery.ordered else Interventions()
            if pull is not None and (changes.converted_to_draft or changes.cancelled_auto_merge):
                notes.append(f"{pull.url} is out of date, but was not updated because a person changed it")
                return DeliveredChange(head, pull, adopted=True, notes=tuple(notes))
            if not base.remote.replace(branch, head, commit):
                return None
            return _open(replace(delivery, change=change), commit, pull, notes, replaced=True)
        if state == "foreign":
            notes.append(_foreign_note(f"the branch {branch} on {base.remote.name}", head, pull))
    raise UserError(f"all {_MOST_NAMES} names {delivery.change.branch}-N are taken", hint="delete old branches")


def _fetch_head(base: Base, branch: str, head: str) -> bool:
    """Fetch the head of a branch. Return False if the branch moved or was deleted."""
    assert base.remote is not None
    try:
        base.remote.fetch_branches({branch: head})
    except UserError:
        if base.remote.branch(branch) == head:
            raise
        return False
    return base.git.has(head)


def _foreign_note(branch: str, head: str, pull: PullRequest | None) -> str:
    owner = f", of {pull.url}" if pull is not None else ""
    owner += ", which still has auto-merge," if pull is not None and pull.auto_merge_enabled else ""
    return f"{branch}{owner} has an unexpected commit ({head[:12]}) and was left unchanged"


def branch_names(branch: str, taken: Mapping[str, str], *, instead: str) -> Iterator[str]:
    """Yield the possible names of a branch: its own, then ``-2``, ``-3`` …, last ``-`` and ``instead``.

    Anybody who may push can take the first names beforehand, but nobody can guess the last one. Git allows no branch
    ``a/b`` beside a branch ``a``: a folder that is a branch gets ``.2``, which no workspace or rollout has in its name.
    """
    *folders, last = branch.split("/")
    path = ""
    for folder in folders:
        names = (f"{path}{folder}" if number == 1 else f"{path}{folder}.{number}" for number in count(1))
        path = next(name for name in names if name not in taken) + "/"
    for number in range(1, _MOST_NAMES + 1):
        name = f"{path}{last}" if number == 1 else f"{path}{last}-{number}"
        if number == _MOST_NAMES:
            name = f"{path}{last}-{instead}"
        if not any(each.startswith(f"{name}/") for each in taken):
            yield name


def _refuse_if_closed(pull: PullRequest, delivery: Delivery, commit: str) -> None:
    """Raise UserError if a person closed this pull request of this tool after the breach was observed."""
    if delivery.ordered or SUPERSEDED in pull.labels:
        return
    head, git, remote = pull.head_sha, delivery.base.git, delivery.base.remote
    if head != commit and remote is not None and not git.has(head):
        with suppress(UserError):  # its branch may be deleted; some forges still serve the commit
            remote.fetch_commit(head)
    if head != commit and not (git.has(head) and delivery.heads.is_ours(head)):
        return
    closed_after = delivery.observed is not None and pull.closed_at is not None and delivery.observed <= pull.closed_at
    if head == commit or closed_after or delivery.answers(head):
        raise ClosedByPersonError(
            f"{pull.url} was closed by a person and is not reopened for the same breach",
            hint="to roll back anyway, run `rollout-spec rollback ROLLOUT --reason TEXT`",
            status=1,
        )


def _open(
    delivery: Delivery, commit: str, existing: PullRequest | None, notes: list[str], *, replaced: bool = False
) -> DeliveredChange:
    """Open the pull request of a pushed branch, or update the existing one; then follow up."""
    change, base, forge = delivery.change, delivery.base, delivery.forge
    pull = forge.ensure_pull_request(change, commit, base.branch)
    if replaced and pull.state == "open":
        pull = forge.update(pull, change, commit)
        notes.append(f"{pull.url} was out of date and was rebuilt on {base.commit[:12]}")
        _comment(forge, pull, f"superseded-{commit[:12]}", _replacement_comment(base, commit), notes)
    is_new = existing is None or replaced
    return _follow_up(
        DeliveredChange(commit, pull, existing is not None, replaced, notes=tuple(notes)), delivery, fresh=is_new
    )


def _replacement_comment(base: Base, commit: str) -> str:
    return (
        f"**This was rebuilt on {base.commit}.** The previous commit was right on an older state of "
        f"`{base.branch}`, but is no longer right there. The new commit is {commit}."
    )


def _follow_up(delivered: DeliveredChange, delivery: Delivery, *, fresh: bool) -> DeliveredChange:
    """Label, request reviews, mark ready, attest and enable auto-merge. Failures become notes.

    Changes by a person stay as long as the head stays.
    """
    change, forge, pull, notes = delivery.change, delivery.forge, delivered.pull_request, list[str]()
    if pull.state != "open":
        return delivered
    try:
        notes += forge.label_and_request_review(pull, change.labels, change.reviewers)
    except UserError as error:
        notes.append(error.message)
    try:
        attest = delivery.attest if delivered.commit == delivery.built else None
        pull = Readiness(pull, delivered.commit, change, forge, fresh, attest).make_ready(notes)
    except UserError as error:
        notes.append(f"auto-merge is not enabled: {error.message}" + (f" ({error.hint})" if error.hint else ""))
    if notes:
        _comment(
            forge, pull, "not-done", "The forge did not do this:\n\n" + "\n".join(f"- {note}" for note in notes), notes
        )
    return replace(delivered, pull_request=pull, merged=pull.state == "merged", notes=(*delivered.notes, *notes))


def _comment(forge: Forge, pull: PullRequest, key: str, text: str, notes: list[str]) -> None:
    try:
        forge.comment(pull, key, text)
    except UserError as error:
        notes.append(error.message)
