"""A breach is answered: by a pull request, by a notice, or by saying why there is nothing to do."""

from __future__ import annotations

from dataclasses import dataclass

from rollout_spec.breach import Breach
from rollout_spec.change import Change
from rollout_spec.drill import new_findings
from rollout_spec.finding import Finding
from rollout_spec.forges import Forge
from rollout_spec.landing import Base, Landed, build, land
from rollout_spec.rollback import Nothing, NoWayBack, Rollback, Undone, failed_version, roll_back, undone_by
from rollout_spec.rollback.words import change as in_words


@dataclass(frozen=True)
class Answer:
    """What came of a breach. ``refused`` are the findings that the rollback would have brought."""

    breach: Breach
    decision: Rollback | NoWayBack | Nothing
    change: Change | None = None
    commit: str | None = None
    landed: Landed | None = None
    refused: tuple[Finding, ...] = ()

    @property
    def status(self) -> int:
        """The exit status: 1 where there is no way back, or the way back would bring findings."""
        return 1 if self.refused or isinstance(self.decision, NoWayBack) else 0


def answer(breach: Breach, base: Base, forge: Forge | None) -> Answer:
    """Decide, prove, and open the pull request; with no forge everything but the last.

    UserError where the rollout or version is unknown, or a person closed the pull request.
    """
    repository = base.repository
    decision = roll_back(repository, breach, _undone(breach, base))
    if not isinstance(decision, Rollback):
        return Answer(breach, decision)
    refused, stood = new_findings(repository, decision, prefix=base.prefix)
    if refused:
        return Answer(breach, decision, refused=tuple(refused))
    change = in_words(decision, repository, prefix=base.prefix, findings=tuple(stood))
    if forge is None:
        return Answer(breach, decision, change, build(change, base))
    landed = land(change, base, forge)
    return Answer(breach, decision, change, landed.commit, landed)


def _undone(breach: Breach, base: Base) -> Undone:
    """Find the commits that the rollback undoes, by walking the file's history to the one that proposed the version."""
    file = base.repository.rollout(breach.rollout)
    if file is None or file.model is None:
        return Undone()
    if base.git.is_shallow():
        return Undone(reason="this clone is shallow, and its history ends too early")
    return undone_by(failed_version(file.model.spec, breach), base.history(file.path))
