"""Answers to leased breaches: each becomes a pull request, a notice, or the reason for no action."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import ClosedByPersonError, UserError
from rollout_spec.rollback import NoAction, NoRollbackTarget, Rollback
from rollout_spec.service.records import State, StoredBreach
from rollout_spec.service.rows import with_end
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.breach_order import would_be_acted_on
from rollout_spec.workflows.breach_version import with_version
from rollout_spec.workflows.hold import SHARED_CAUSE
from rollout_spec.workflows.respond import BreachResponse, FailedResponse, Responder, respond_to_all
from rollout_spec.workspace.repository import Repository

Key = tuple[str, str | None]
"""A rollout and its failed version."""
Checkpoint = Callable[[Sequence[StoredBreach], Mapping[str, Any]], None]
"""Stores the outcome so far of breaches, with its branch, before a push."""


@dataclass(frozen=True)
class Answer:
    """The result of one try for one stored breach.

    ``steps`` are names of steps with a text. ``error`` is set if the breach has to be tried again. ``delay`` is the
    time until the next look at a pull request, in seconds.
    """

    row: StoredBreach
    state: State
    outcome: Mapping[str, Any]
    steps: tuple[tuple[str, str], ...] = ()
    error: str | None = None
    delay: float = 1.0

    @property
    def is_news(self) -> bool:
        """Return whether people get a message: the outcome differs from that of the last try."""
        if self.error is not None or self.row.dry_run:
            return False
        return _gist(self.outcome) != _gist(self.row.outcome)


def _gist(outcome: Mapping[str, Any]) -> tuple[Any, ...]:
    pull = outcome.get("pullRequest") or {}
    return outcome.get("verdict"), outcome.get("refused"), pull.get("url"), pull.get("state"), outcome.get("findings")


def answer_all(
    rows: Sequence[StoredBreach],
    responder: Responder,
    others: Iterable[Breach],
    checkpoint: Checkpoint = lambda *_: None,
) -> Iterator[Answer]:
    """Answer breaches of one workspace together, and yield the answer to each as soon as it is known.

    ``others`` are all recent breaches of the workspace: those that automation would act on count for a shared cause.
    ``checkpoint`` is called before each push.
    """
    if not rows:
        return
    repository, rows_by_key = responder.base.repository, dict[Key, list[StoredBreach]]()
    breaches: list[Breach] = []
    for row in rows:
        try:
            assert row.breach is not None
            breach = _answerable(with_end(row.breach, row.ended_at), repository)
        except UserError as error:
            yield failed(row, error) if _is_unreadable(row, repository) else _refused(row, error)
            continue
        rows_by_key.setdefault((breach.rollout, breach.version), []).append(row)
        breaches.append(breach)
    concurrent = tuple(_acted_on(others, breaches, responder))

    def save(response: BreachResponse) -> None:
        assert response.change is not None
        about = [row for key in _keys(response) for row in rows_by_key.get(key, ())]
        if about:
            checkpoint(about, {**_answer(about[0], response).outcome, "branch": response.change.branch})

    responder = replace(responder, before_push=save)
    for result in respond_to_all(list(dict.fromkeys(breaches)), responder, concurrent=concurrent):
        for row in (row for key in _keys(result) for row in rows_by_key.pop(key, ())):
            yield failed(row, result.error) if isinstance(result, FailedResponse) else _answer(row, result)
    for row in (row for group in rows_by_key.values() for row in group):
        yield failed(row, UserError("this breach got no response"))


def counts_since(base: Base, now: datetime) -> float:
    """Return the time since which breaches may count for a shared cause."""
    # A minute is for clocks that differ.
    return (now - base.automation.shared_cause.within - timedelta(minutes=1)).timestamp()


def _answerable(breach: Breach, repository: Repository) -> Breach:
    """Return a breach with its version. UserError if the rollout or version does not exist."""
    rollout = repository.require_rollout(breach.rollout)
    breach = with_version(breach, repository)
    if rollout.model is not None and breach.version not in rollout.model.spec.versions:
        raise UserError(f"{breach.rollout} has no version {breach.version}")
    return breach


def _is_unreadable(row: StoredBreach, repository: Repository) -> bool:
    """Return whether the rollout is there but does not load: somebody may mend it, so the breach is kept."""
    rollout = repository.rollout(row.breach.rollout) if row.breach else None
    return rollout is not None and rollout.model is None


def _acted_on(others: Iterable[Breach], own: Sequence[Breach], responder: Responder) -> Iterator[Breach]:
    """Yield breaches that automation would act on, for the shared causes of ``own`` ones.

    One of each version is enough if it is near all of them, and one of equal ones, so a flood of alerts costs little.
    """
    examined = set[tuple[object, ...]]()
    base, moments, counted = responder.base, [each.observed_at for each in own], set[Key]()
    if not moments:
        return
    earliest, latest, within = min(moments), max(moments), base.automation.shared_cause.within
    for other in others:
        times = (other.observed_at, other.ended_at)
        facts = (other.rollout, other.version, other.about, other.trigger, other.source, *times)
        if (other.rollout, other.version) in counted or facts in examined:
            continue
        examined.add(facts)
        try:
            breach = _answerable(other, base.repository)
            if not would_be_acted_on(breach, base, responder.now):
                continue
        except UserError:
            continue
        if latest - within <= breach.observed_at <= earliest + within:
            counted.add((other.rollout, other.version))
        yield breach


def _keys(result: BreachResponse | FailedResponse) -> list[Key]:
    """Return the versions that a response is about, its own first."""
    keys = [(result.breach.rollout, result.breach.version)]
    if isinstance(result, BreachResponse) and isinstance(result.decision, Rollback):
        keys += [(part.rollout, part.failed) for part in result.decision.parts]
    return list(dict.fromkeys(keys))


def _refused(row: StoredBreach, error: UserError) -> Answer:
    """Return the answer to a breach that no later try can answer."""
    return Answer(row, "refused", {"refused": _text(error)}, (("refused", error.message),))


def failed(row: StoredBreach, error: UserError) -> Answer:
    """Return the answer to a breach after an error: another try, unless a person decided against it."""
    if isinstance(error, ClosedByPersonError):
        return _refused(row, error)
    outcome = {**row.outcome, "error": _text(error)}
    state: State = "watching" if row.state == "watching" else "waiting"
    return Answer(row, state, outcome, (("failed", error.message),), error=error.message)


def has_shared_cause(outcome: Mapping[str, Any]) -> bool:
    """Return whether an outcome has the guard of a shared cause."""
    return any(reason["guard"] == SHARED_CAUSE for reason in outcome.get("reasons", ()))


def _text(error: UserError) -> str:
    return f"{error.message} ({error.hint})" if error.hint else error.message


def _answer(row: StoredBreach, response: BreachResponse) -> Answer:
    verdict, decision, delivered = response.verdict, response.decision, response.delivered
    outcome: dict[str, Any] = {
        "verdict": verdict.action,
        "autoMerge": verdict.auto_merge,
        "reasons": [{"guard": each.guard, "message": each.message} for each in verdict.reasons],
        "notes": list(response.notes),
        "base": response.base.commit,
        "commit": response.commit,
    }
    steps = [("decided", verdict.text)]
    if isinstance(decision, Rollback):
        parts = [{"rollout": each.rollout, "failed": each.failed, "restored": each.restored} for each in decision.parts]
        outcome |= {"rollback": parts, "incident": decision.incident}
    elif isinstance(decision, NoRollbackTarget):
        outcome |= {"incident": decision.incident, "noTarget": [f"{name}: {why}" for name, why in decision.skipped]}
    if response.refused:
        outcome["findings"] = [f"{each.file}:{each.line}: {each.message} [{each.name}]" for each in response.refused]
        steps.append(("refused", f"the rollback would introduce an error: {outcome['findings'][0]}"))
    state: State = "done"
    if delivered is not None:
        pull = delivered.pull_request
        outcome["pullRequest"] = {"number": pull.number, "url": pull.url, "branch": pull.head, "state": pull.state}
        steps.append(("adopted" if delivered.adopted else "pull request", pull.url))
        if pull.state == "merged":
            steps.append(("merged", pull.url))
        state = "watching" if pull.state == "open" else "done"
    elif _may_change(response, row):
        state = "waiting"
    return Answer(row, state, outcome, tuple(steps))


def _may_change(response: BreachResponse, row: StoredBreach) -> bool:
    """Return whether the same breach may get another verdict later: a pause ends, or an error is mended."""
    if row.dry_run or isinstance(response.decision, NoAction):
        return False
    return bool(response.refused) or any(each.guard == "pause" for each in response.verdict.reasons)
