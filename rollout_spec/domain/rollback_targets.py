"""A rollback of stable goes to an earlier version that was known to be good, and that can still serve."""

from __future__ import annotations

from contextlib import suppress
from itertools import takewhile
from typing import TYPE_CHECKING

from rollout_spec.core.errors import UserError
from rollout_spec.domain.contracts.compatibility import Refusal, refusals
from rollout_spec.domain.pins import unrestorable_pins
from rollout_spec.domain.quarantine import quarantined, unknown_quarantines, versions_with_same_digest
from rollout_spec.domain.targets import definitions as catalog
from rollout_spec.workspace.repository import File, Repository

if TYPE_CHECKING:
    from rollout_spec.spec.incident import Incident
    from rollout_spec.spec.rollout import ModelRollout


KEPT = 2
"""How many known-good versions keep what they pin, so that the way back stands even when one of them fails."""


def rollback_targets(rollout: ModelRollout, repository: Repository) -> list[str]:
    """Return the entries of ``knownGood`` to which a rollback may go, the best first.

    They are recorded, not quarantined, do not have the bytes of stable, can be served as ``flaw`` has it, and have
    their pins served, or would have once an exclusive component is switched. Newest first, but one that is in ``doubt``
    comes after those that are not, and one with a pin on a component that does not load comes last. Check, doctor,
    drill, render and rollback all ask this function.
    """

    def ranked(here: Repository) -> tuple[ModelRollout, tuple[str, ...]]:
        pins = {version: unrestorable_pins(rollout, version, here) for version in _able(rollout, here)}
        there = [version for version, missing in pins.items() if all(pin.is_unread for pin in missing)]
        there.sort(key=lambda version: (bool(pins[version]), compatibility_risk(rollout, version, here) is not None))
        return rollout, tuple(there)  # the rollout is kept: its id is the key

    return list(repository.once(("rollback targets", id(rollout)), ranked)[1])


def obstacles(rollout: ModelRollout, repository: Repository) -> dict[str, str]:
    """Return the entries of ``knownGood`` to which no rollback may go, each with the reason for a person."""
    away = quarantined(rollout, repository) if rollout.spec.live.known_good else {}
    same = versions_with_same_digest(rollout, rollout.spec.live.stable)
    found: dict[str, str] = {}
    for version in rollout.spec.live.known_good:
        if version in away:
            found[version] = f"quarantined by {away[version].description}"
        elif version not in rollout.spec.versions:
            found[version] = "it is not recorded"
        elif version in same:
            found[version] = f"it has the same digest as {rollout.spec.live.stable}"
        elif words := blocking_reason(rollout, version, repository):
            found[version] = words
        elif pins := unrestorable_pins(rollout, version, repository):
            found[version] = ", ".join(pin.message for pin in pins)
    return found


def unreadable(rollout: ModelRollout, repository: Repository, target: str | None = None) -> tuple[File[Incident], ...]:
    """Return the incidents that do not load and bar versions of ``knownGood``, or only those before a ``target``."""
    before = list(takewhile(lambda version: version != target, rollout.spec.live.known_good))
    away = quarantined(rollout, repository) if before else {}
    barring = (away[version] for version in before if version in away)
    return tuple({each.file.path: each.file for each in barring if each.incident is None}.values())


def unsure(rollout: ModelRollout, target: str, repository: Repository) -> list[tuple[str, str]]:
    """Return why a person should look at the choice of a target, each with its guard: files decided it unread."""
    files = (file.path for file in unreadable(rollout, repository, target))
    barred = [("incident", f"{target} was chosen since {path} cannot be read for what it is") for path in files]
    hidden = [
        ("incident", f"quarantines elsewhere cannot be known: {why}")
        for why in unknown_quarantines(rollout, repository)
    ]
    before = takewhile(lambda version: version != target, standing(rollout, repository))
    names = {
        pin.component for version in before for pin in unrestorable_pins(rollout, version, repository) if pin.is_unread
    }
    own = (pin for pin in unrestorable_pins(rollout, target, repository) if pin.is_unread)
    hidden += [("pins", f"whether {target} can serve is not known: {pin.message}") for pin in own]
    pins = [("pins", f"{target} was chosen since components/{name}.yaml does not load") for name in sorted(names)]
    return [*barred, *hidden, *pins]


def blocking_reason(rollout: ModelRollout, version: str, repository: Repository) -> str | None:
    """Say why a recorded version cannot come back, whatever is up; None where it can.

    Its record does not say where its bytes are, lacks a field that a target needs to render it, or has one that a
    target refuses; or its schema refuses what callers send, who had to move when the one of stable came.
    """
    record = rollout.spec.versions[version]
    if record.artifact is None and record.parts is None:
        return "its record does not say where its bytes are"
    for target in rollout.spec.targets:
        with suppress(UserError):  # references-exist says so
            definition = catalog.find(target.type, repository.tree)
            if definition and (fields := catalog.missing(record, definition)):
                shown = ", ".join(f"`{field}`" for field in fields)
                return f"its record lacks {shown}, which the target {target.type} needs"
            limits = catalog.limits(target, definition, repository.tree) if definition else None
            for _, words, severity in limits.record_flaws(record) if limits else ():
                if severity == "error":
                    return words
    return next((each.words for each in refusals(rollout, version, repository) if each.moved), None)


def compatibility_risk(rollout: ModelRollout, version: str, repository: Repository) -> Refusal | None:
    """Return the schema that may refuse something if callers of stable are sent to a version; None where none may."""
    return next((each for each in refusals(rollout, version, repository) if not each.moved), None)


def standing(rollout: ModelRollout, repository: Repository) -> list[str]:
    """Return the entries of ``knownGood`` that are recorded and not quarantined, newest first."""
    spec = rollout.spec
    away = quarantined(rollout, repository) if spec.live.known_good else {}
    return [version for version in spec.live.known_good if version in spec.versions and version not in away]


def _able(rollout: ModelRollout, repository: Repository) -> list[str]:
    same = versions_with_same_digest(rollout, rollout.spec.live.stable)  # an incident of stable quarantines them too
    there = (version for version in standing(rollout, repository) if version not in same)
    return [version for version in there if blocking_reason(rollout, version, repository) is None]


def protected_versions(rollout: ModelRollout, repository: Repository) -> tuple[str, ...]:
    """Return the versions that keep what they pin, for a rollback to go to.

    They are stable and the first two known-good ones that could serve, were what they pin up.
    """
    return (rollout.spec.live.stable, *_able(rollout, repository)[:KEPT])
