"""Delivery of a change: its branch is pushed and its pull request opened, or an existing one adopted.

An existing branch is adopted only if this process would build the same commit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from rollout_spec.core.errors import ClosedByPersonError, UserError
from rollout_spec.core.pull_request import ProposedChange, PullRequest
from rollout_spec.integrations.forges import Forge
from rollout_spec.workflows.base_branch import Base, build
from rollout_spec.workflows.branch_heads import Built, Heads, HeadState
from rollout_spec.workflows.branch_names import MOST_NAMES, branch_names
from rollout_spec.workflows.hold import Hold, hold, is_changed_by_person, is_held, needs_hold
from rollout_spec.workflows.make_ready import Attest, Readiness
from rollout_spec.workflows.outdated import SUPERSEDED, close_armed

_TRIES = 5
_OUTDATED = "The previous commit was right on an older state of the base, but is no longer right there."
_UNNAMED = "The incident in the previous commit does not name the shared cause."
_MOST_SECONDS = 60.0
"""The time for the heads under the names of a branch to arrive: anybody may push one that takes hours."""


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
    that is ``built`` here, and of no other. ``holds``: an open pull request must not merge by itself.
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
    holds: Hold | None = None


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
    base, forge, notes, end = delivery.base, delivery.forge, list[str](), time.monotonic() + _MOST_SECONDS
    assert base.remote is not None
    for branch in branch_names(delivery.change.branch, taken, instead=commit[:12]):
        if branch.count("/") and not branch.startswith(delivery.change.branch) and not notes:
            notes.append(f"another branch blocks the name {delivery.change.branch}: {branch} is used instead")
        change, head = replace(delivery.change, branch=branch), taken.get(branch)
        pull = forge.find(branch, base.branch)
        if pull is not None and pull.state == "merged":
            continue
        if pull is not None and pull.state == "closed":
            _refuse_if_closed(pull, delivery, commit, end)
            continue
        if head is None:
            if not base.remote.push_new(branch, commit):
                return None
            moved = pull is not None and pull.head_sha != commit
            return _open(replace(delivery, change=change), commit, pull, notes, replaced=_OUTDATED if moved else "")
        arrived = _fetch_head(base, branch, head, end)
        if not arrived and base.remote.branch(branch) != head:
            return None
        wanted = Built(delivery.change.edits, delivery.change.branch, delivery.records)
        state = delivery.heads.state(head, wanted) if arrived else "foreign"
        if pull is not None and delivery.holds is None and _must_close(pull, state, change, delivery.heads):
            notes.append(close_armed(pull, forge))
            continue
        if state in ("current", "outdated"):
            is_right = state == "current"
            return _adopt(replace(delivery, change=change), head, commit, pull, notes, is_right=is_right)
        if state == "foreign":
            notes.append(_foreign_note(f"the branch {branch} on {base.remote.name}", head, pull, arrived))
    raise UserError(f"all {MOST_NAMES} names {delivery.change.branch}-N are taken", hint="delete old branches")


def _must_close(pull: PullRequest, state: HeadState, change: ProposedChange, heads: Heads) -> bool:
    """Return whether a pull request of this tool has auto-merge that the change may not have.

    That is so if the head was built when a gated step might still. One that a person lets merge stays.
    """
    if not pull.auto_merge_enabled or pull.draft or state not in ("current", "outdated"):
        return False
    return (state == "outdated" and change.draft) or (not change.auto_merge and heads.merges_itself(pull.head_sha))


def _adopt(
    delivery: Delivery, head: str, commit: str, pull: PullRequest | None, notes: list[str], *, is_right: bool
) -> DeliveredChange | None:
    """Adopt a head that this tool built, or replace it.

    None if another process wrote to its branch meanwhile. If it must be held, that comes before the push, so that
    nothing merges in between. A held head whose incident does not name the shared cause is replaced too.
    """
    base, forge, why, is_changed = delivery.base, delivery.forge, _OUTDATED, False
    assert base.remote is not None
    must_hold = delivery.holds is not None and pull is not None and needs_hold(pull)
    if pull is not None and not delivery.ordered and (must_hold or not is_right):
        is_changed = is_changed_by_person(pull, forge)
    if pull is not None and delivery.holds is not None:
        if must_hold:
            pull = hold(pull, delivery.holds.reason, forge, notes)
        if pull.state != "open":
            return DeliveredChange(head, pull, adopted=True, merged=pull.state == "merged", notes=tuple(notes))
        is_unnamed = is_held(pull) and head != commit and not delivery.holds.names_cause(head)
        if is_right and is_unnamed and not is_changed:
            is_right, why = False, _UNNAMED
    if is_right:
        return _open(delivery, head, pull, notes)
    if pull is not None and is_changed:
        notes.append(f"{pull.url} is out of date, but was not updated because a person changed it")
        return DeliveredChange(head, pull, adopted=True, notes=tuple(notes))
    if not base.remote.replace(delivery.change.branch, head, commit):
        return None
    return _open(delivery, commit, pull, notes, replaced=why)


def _fetch_head(base: Base, branch: str, head: str, end: float) -> bool:
    """Fetch the head of a branch. Return False if it does not arrive before ``end``."""
    assert base.remote is not None
    left = end - time.monotonic()
    with suppress(UserError):
        if left > 0:
            base.remote.fetch_branches({branch: head}, within=left)
    return base.git.has(head)


def _foreign_note(branch: str, head: str, pull: PullRequest | None, arrived: bool) -> str:
    why = "an unexpected commit" if arrived else "a commit that cannot be fetched"
    owner = f", of {pull.url}" if pull is not None else ""
    owner += ", which still has auto-merge," if pull is not None and pull.auto_merge_enabled else ""
    return f"{branch}{owner} has {why} ({head[:12]}) and was left unchanged"


def _refuse_if_closed(pull: PullRequest, delivery: Delivery, commit: str, end: float) -> None:
    """Raise UserError if a person closed this pull request of this tool after the breach was observed."""
    if delivery.ordered or SUPERSEDED in pull.labels:
        return
    head, git, remote = pull.head_sha, delivery.base.git, delivery.base.remote
    if head != commit and remote is not None and (left := end - time.monotonic()) > 0 and not git.has(head):
        with suppress(UserError):  # its branch may be deleted; some forges still serve the commit
            remote.fetch_commit(head, within=left)
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
    delivery: Delivery, commit: str, existing: PullRequest | None, notes: list[str], *, replaced: str = ""
) -> DeliveredChange:
    """Open the pull request of a pushed branch, or update the existing one; then follow up.

    ``replaced`` is why the head was replaced, empty if it was not.
    """
    change, base, forge = delivery.change, delivery.base, delivery.forge
    pull = forge.ensure_pull_request(change, commit, base.branch)
    if replaced and pull.state == "open":
        pull = forge.update(pull, change, commit)
        notes.append(f"{pull.url} was out of date and was rebuilt on {base.commit[:12]}")
        text = f"**This was rebuilt on {base.commit}.** {replaced} The new commit is {commit}."
        _comment(forge, pull, f"superseded-{commit[:12]}", text, notes)
    delivered = DeliveredChange(commit, pull, existing is not None, bool(replaced), notes=tuple(notes))
    return _follow_up(delivered, delivery, fresh=existing is None or bool(replaced))


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
