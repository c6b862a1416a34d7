"""The rollback targets of a rollout, and the reasons against the other versions.

A rollback target is a known-good version that can still be restored.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import takewhile
from typing import TYPE_CHECKING

from rollout_spec.core.errors import UserError
from rollout_spec.domain.contracts.compatibility import Refusal, refusals
from rollout_spec.domain.pins import unrestorable_pins
from rollout_spec.domain.quarantine import quarantined, unknown_quarantines, versions_with_same_digest
from rollout_spec.domain.targets import definitions as catalog
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.domain.targets.limits import RecordFlaw
    from rollout_spec.spec.incident import Incident
    from rollout_spec.spec.rollout import ModelRollout


KEPT = 2
"""The number of known-good versions whose pins must stay satisfied, so that one of them may fail."""


def rollback_targets(rollout: ModelRollout, repository: Repository) -> list[str]:
    """Return the entries of ``knownGood`` that a rollback may restore, best first.

    They are recorded and not quarantined, do not have the digest of stable, and have no ``blocking_reason``. Their
    pins are satisfied, or can be by a switch of an exclusive component. The newest comes first. One with a
    ``compatibility_risk`` or that is ``untried`` comes after the others, one with a pin on a component that does not
    load comes last. Check, doctor, drill, render and rollback all use this function.
    """

    def ranked(here: Repository) -> tuple[ModelRollout, tuple[str, ...]]:
        pins = {version: unrestorable_pins(rollout, version, here) for version in _able(rollout, here)}
        targets = [version for version, missing in pins.items() if all(pin.is_unread for pin in missing)]
        targets.sort(key=lambda version: (bool(pins[version]), _is_doubted(rollout, version, here)))
        return rollout, tuple(targets)  # the rollout is kept alive, because its id is the key

    return list(repository.unrendered.once(("rollback targets", id(rollout)), ranked)[1])


def obstacles(rollout: ModelRollout, repository: Repository) -> dict[str, str]:
    """Return the entries of ``knownGood`` that cannot be restored, each with the reason."""
    barred = quarantined(rollout, repository) if rollout.spec.live.known_good else {}
    as_stable = versions_with_same_digest(rollout, rollout.spec.live.stable)
    reasons: dict[str, str] = {}
    for version in rollout.spec.live.known_good:
        if version in barred:
            same = barred[version].same_bytes(version)
            reasons[version] = f"{same + ', ' if same else ''}quarantined by {barred[version].description}"
        elif version not in rollout.spec.versions:
            reasons[version] = "it is not recorded"
        elif version in as_stable:
            reasons[version] = f"it has the same digest as {rollout.spec.live.stable}"
        elif reason := blocking_reason(rollout, version, repository):
            reasons[version] = reason
        elif pins := unrestorable_pins(rollout, version, repository):
            reasons[version] = ", ".join(pin.message for pin in pins)
    return reasons


def unreadable(rollout: ModelRollout, repository: Repository, target: str | None = None) -> tuple[File[Incident], ...]:
    """Return the incidents that do not load and bar versions of ``knownGood``.

    With a ``target``, only the versions before it count.
    """
    before = list(takewhile(lambda version: version != target, rollout.spec.live.known_good))
    barred = quarantined(rollout, repository) if before else {}
    quarantines = (barred[version] for version in before if version in barred)
    return tuple(
        {quarantine.file.path: quarantine.file for quarantine in quarantines if quarantine.incident is None}.values()
    )


def unsure(rollout: ModelRollout, target: str, repository: Repository) -> list[tuple[str, str]]:
    """Return the reasons to review the choice of a target, each with its guard: files that cannot be read."""
    files = (file.path for file in unreadable(rollout, repository, target))
    barred = [
        ("incident", f"{target} was chosen because {path} bars another version and is not a valid incident")
        for path in files
    ]
    hidden = [
        ("incident", f"the quarantines of other workspaces are unknown: {why}")
        for why in unknown_quarantines(rollout, repository)
    ]
    before = takewhile(lambda version: version != target, standing(rollout, repository))
    names = {
        pin.component for version in before for pin in unrestorable_pins(rollout, version, repository) if pin.is_unread
    }
    own = (pin for pin in unrestorable_pins(rollout, target, repository) if pin.is_unread)
    hidden += [("pins", f"cannot tell whether {target} can serve: {pin.message}") for pin in own]
    pins = [("pins", f"{target} was chosen because components/{name}.yaml does not load") for name in sorted(names)]
    tried = takewhile(lambda version: version != target, _able(rollout, repository))
    limits = [("target", message) for version in (*tried, target) if (message := untried(rollout, version, repository))]
    return [*barred, *hidden, *pins, *limits]


def blocking_reason(rollout: ModelRollout, version: str, repository: Repository) -> str | None:
    """Return why a recorded version cannot be restored even if its pins are satisfied, or None if it can.

    Its record has no address of its bytes, lacks a field that a target needs, or has one that a target refuses. Or its
    schema refuses the requests of callers that had to change for the schema of stable.
    """
    record = rollout.spec.versions[version]
    if record.artifact is None and record.parts is None:
        return "its record has neither `artifact` nor `parts`"
    for target in rollout.spec.targets:
        with suppress(UserError):  # references-exist says so
            definition = catalog.find(target.type, repository.tree)
            if definition and (fields := catalog.missing(record, definition)):
                names = ", ".join(f"`{field}`" for field in fields)
                return f"its record lacks {names}, which the target {target.type} needs"
    if message := next((flaw.message for flaw in _misfits(rollout, version, repository) if flaw.known), None):
        return message
    return next((refusal.message for refusal in refusals(rollout, version, repository) if refusal.moved), None)


def untried(rollout: ModelRollout, version: str, repository: Repository) -> str | None:
    """Return why it is unknown whether a target takes the record of a version, or None if it is known."""
    flaws = _misfits(rollout, version, repository)
    message = next((flaw.message for flaw in flaws if not flaw.known), None)
    return f"cannot tell whether {version} can serve: {message}" if message else None


def _misfits(rollout: ModelRollout, version: str, repository: Repository) -> tuple[RecordFlaw, ...]:
    """Return the errors of the targets about the record of a version.

    Limits that could not be checked are among them.
    """

    def found(here: Repository) -> tuple[ModelRollout, tuple[RecordFlaw, ...]]:
        flaws: list[RecordFlaw] = []
        for target in rollout.spec.targets:
            with suppress(UserError):  # references-exist says so
                definition = catalog.find(target.type, here.tree)
                if definition is not None:
                    flaws += catalog.limits(target, definition, here.tree).record_flaws(rollout.spec.versions[version])
        return rollout, tuple(flaw for flaw in flaws if flaw.severity == "error")

    return repository.unrendered.once(("record flaws", id(rollout), version), found)[1]


def _is_doubted(rollout: ModelRollout, version: str, repository: Repository) -> bool:
    unknown = untried(rollout, version, repository)
    return unknown is not None or compatibility_risk(rollout, version, repository) is not None


def compatibility_risk(rollout: ModelRollout, version: str, repository: Repository) -> Refusal | None:
    """Return the schema that may refuse requests if callers of stable are sent to a version, or None."""
    return next((refusal for refusal in refusals(rollout, version, repository) if not refusal.moved), None)


def standing(rollout: ModelRollout, repository: Repository) -> list[str]:
    """Return the entries of ``knownGood`` that are recorded and not quarantined, newest first."""
    spec = rollout.spec
    barred = quarantined(rollout, repository) if spec.live.known_good else {}
    return [version for version in spec.live.known_good if version in spec.versions and version not in barred]


def _able(rollout: ModelRollout, repository: Repository) -> list[str]:
    same = versions_with_same_digest(rollout, rollout.spec.live.stable)  # an incident of stable quarantines them too
    others = (version for version in standing(rollout, repository) if version not in same)
    return [version for version in others if blocking_reason(rollout, version, repository) is None]


def protected_versions(rollout: ModelRollout, repository: Repository) -> tuple[str, ...]:
    """Return the versions whose pins must stay satisfied: possible rollback targets.

    They are stable and the first two known-good versions that can be restored once their pins are satisfied.
    """
    return (rollout.spec.live.stable, *_able(rollout, repository)[:KEPT])
