"""A change becomes a branch and a pull request; one that is there is adopted only if this process would build it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count

from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import Interventions, ProposedChange, PullRequest
from rollout_spec.integrations.forges import Forge
from rollout_spec.workflows.base_branch import Base, build
from rollout_spec.workflows.branch_heads import Built, Heads

SUPERSEDED = "superseded"
"""The label of pull requests that this tool closed itself: nobody said no to them."""
_MOST_NAMES = 20
_TRIES = 5


@dataclass(frozen=True)
class DeliveredChange:
    """A delivered change, with its branch as the head of ``pull_request``.

    ``adopted``: another process had opened it before. ``superseded``: an older head on its branch was replaced.
    ``merged``: the forge had nothing to wait for. ``notes`` say what was left alone, and what the forge did not do.
    """

    commit: str
    pull_request: PullRequest
    adopted: bool
    superseded: bool = False
    merged: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Delivery:
    """A change on its way. ``heads`` examines what is on its branch; ``answers`` says of a head of ours whether it is
    about the same breach, observed at ``observed``. ``ordered``: a person asks for it, and no closed one stops it.
    ``taken`` are the branches on the remote, if they were listed already. ``records`` are the paths of the incidents
    that the change writes.
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


def deliver(delivery: Delivery) -> DeliveredChange:
    """Push a change and open its pull request, or adopt the one that is there.

    UserError with status 1 if a person closed its pull request for this very breach.
    """
    remote = delivery.base.remote
    assert remote is not None
    commit, taken = build(delivery.change, delivery.base), delivery.taken
    for _ in range(_TRIES):
        if taken is None:
            taken = remote.branches(f"{delivery.change.branch.partition('/')[0]}*")
        landed = _try(delivery, commit, taken)
        if landed is not None and landed.pull_request.state != "closed":
            return landed
        taken = None  # another process wrote there, or a person closed it meanwhile: look again
    raise UserError(f"others keep writing to {delivery.change.branch} on {remote.name}", hint="run it again", status=1)


def _try(delivery: Delivery, commit: str, taken: Mapping[str, str]) -> DeliveredChange | None:
    """Go through the names that the branch may have; None if another process wrote to one meanwhile."""
    base, forge, notes = delivery.base, delivery.forge, list[str]()
    assert base.remote is not None
    for branch in branch_names(delivery.change.branch, taken, instead=commit[:12]):
        if branch.count("/") and not branch.startswith(delivery.change.branch) and not notes:
            notes.append(f"a branch is in the way of {delivery.change.branch}: {branch} is used instead")
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
            return _landed(replace(delivery, change=change), commit, pull, notes, replaced=moved)
        try:
            base.remote.fetch_branches({branch: head})
        except UserError:
            if base.remote.branch(branch) == head:
                raise
            return None  # it moved, or is gone
        if not base.git.has(head):
            return None
        wanted = Built(delivery.change.edits, delivery.change.branch, delivery.records)
        state = delivery.heads.state(head, wanted)
        if state == "current":
            return _landed(replace(delivery, change=change), head, pull, notes)
        if state == "outdated":
            hands = forge.interventions(pull) if pull is not None and not delivery.ordered else Interventions()
            if pull is not None and (hands.drafted or hands.disarmed):
                notes.append(f"{pull.url} is out of date, and was left as it is: a person changed it")
                return DeliveredChange(head, pull, adopted=True, notes=tuple(notes))
            if not base.remote.replace(branch, head, commit):
                return None
            return _landed(replace(delivery, change=change), commit, pull, notes, replaced=True)
        if state == "foreign":
            of = f", of {pull.url}" if pull is not None else ""
            more = ", which still merges itself" if pull is not None and pull.armed else ""
            where = f"the branch {branch} on {base.remote.name}{of}{more}"
            notes.append(f"{where} holds something else ({head[:12]}): left alone")
    raise UserError(f"there are {_MOST_NAMES} branches {delivery.change.branch}-N already", hint="delete old ones")


def branch_names(branch: str, taken: Mapping[str, str], *, instead: str) -> Iterator[str]:
    """Give the names that a branch may have: its own, then ``-2``, ``-3`` …, at last ``-`` and ``instead``.

    Anybody who may push can take the first ones beforehand; the last one nobody can guess.

    Git makes no ``a/b`` beside a branch ``a``. A folder whose name is a branch gets ``.2``, which no name of a
    workspace or rollout has.
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
    """UserError if a person closed this pull request, which is ours, after the breach was seen."""
    if delivery.ordered or SUPERSEDED in pull.labels:
        return
    head, git, remote = pull.head_sha, delivery.base.git, delivery.base.remote
    if head != commit and remote is not None and not git.has(head):
        with suppress(UserError):  # its branch may be gone; some forges still give its commit
            remote.fetch_commit(head)
    if head != commit and not (git.has(head) and delivery.heads.is_ours(head)):
        return
    seen = delivery.observed is not None and pull.closed_at is not None and delivery.observed <= pull.closed_at
    if head == commit or seen or delivery.answers(head):
        raise UserError(
            f"{pull.url} was closed by a person, and is not opened again for the same breach",
            hint="a person who wants it back runs `rollout-spec rollback ROLLOUT --reason TEXT`",
            status=1,
        )


def _landed(
    delivery: Delivery, commit: str, known: PullRequest | None, notes: list[str], *, replaced: bool = False
) -> DeliveredChange:
    """Open the pull request of a branch that is pushed, or bring the known one up to date; then follow up."""
    change, base, forge = delivery.change, delivery.base, delivery.forge
    pull = forge.ensure_pull_request(change, commit, base.branch)
    if replaced and pull.state == "open":
        pull = forge.update(pull, change, commit)
        notes.append(f"{pull.url} was out of date, and was built anew on {base.commit[:12]}")
        _say(forge, pull, f"superseded-{commit[:12]}", _why_replaced(base, commit), notes)
    fresh = known is None or replaced
    return _follow_up(
        DeliveredChange(commit, pull, known is not None, replaced, notes=tuple(notes)), delivery, fresh=fresh
    )


def _why_replaced(base: Base, commit: str) -> str:
    return (
        f"**This was built anew, on {base.commit}.** What was here before was right on an older state of "
        f"`{base.branch}`, and would not be what this tool does there now. The new commit is {commit}."
    )


def _follow_up(landed: DeliveredChange, delivery: Delivery, *, fresh: bool) -> DeliveredChange:
    """Label, ask for reviews, mark ready, arm. The pull request is there: what fails of this is said.

    What a person did to it stays as long as its head does.
    """
    change, forge, pull, notes = delivery.change, delivery.forge, landed.pull_request, list[str]()
    if pull.state != "open":
        return landed
    try:
        notes += forge.label_and_request_review(pull, change.labels, change.reviewers)
    except UserError as error:
        notes.append(error.message)
    try:
        pull = _ready_and_armed(pull, landed.commit, change, forge, notes, fresh=fresh)
    except UserError as error:
        notes.append(f"it does not merge itself: {error.message}" + (f" ({error.hint})" if error.hint else ""))
    if notes:
        _say(
            forge, pull, "not-done", "What the forge did not do:\n\n" + "\n".join(f"- {note}" for note in notes), notes
        )
    return replace(landed, pull_request=pull, merged=pull.state == "merged", notes=(*landed.notes, *notes))


def _ready_and_armed(
    pull: PullRequest, commit: str, change: ProposedChange, forge: Forge, notes: list[str], *, fresh: bool
) -> PullRequest:
    """Mark a pull request ready and arm it, as far as the change asks for it and no person decided otherwise."""
    wants_ready, wants_arm = pull.draft and not change.draft, change.arm and not pull.armed
    if not wants_ready and not wants_arm and pull.head_sha == commit:
        return pull
    hands = Interventions() if fresh else forge.interventions(pull)
    if pull.head_sha != commit and not hands.drafted and not hands.disarmed:
        pull = forge.update(pull, change, commit)  # a forge on disk does not see that its branch has moved
    if wants_ready and hands.drafted:
        notes.append("it stays a draft: a person made it one")
    elif wants_ready:
        pull = forge.ready(pull)
    if wants_arm and not pull.draft and hands.disarmed:
        notes.append("it does not merge itself: a person took that back")
    elif wants_arm and not pull.draft:
        pull = forge.enable_auto_merge(pull, commit)
    return pull


def _say(forge: Forge, pull: PullRequest, key: str, text: str, notes: list[str]) -> None:
    try:
        forge.comment(pull, key, text)
    except UserError as error:
        notes.append(error.message)
