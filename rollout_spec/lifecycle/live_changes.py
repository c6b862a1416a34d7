"""The change of ``live`` that each step makes.

UserError if the request names something unknown or is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import did_you_mean
from rollout_spec.core.units import NAME
from rollout_spec.domain import transitions
from rollout_spec.domain.quarantine import quarantined
from rollout_spec.domain.rollback_targets import rollback_targets
from rollout_spec.lifecycle.step_result import REFUSED, Request
from rollout_spec.spec.rollout import Live, ModelRollout
from rollout_spec.workspace.repository import Repository

_RECORD = "record it first, or merge the pull request that does"


def _or_refuse(step: Callable[[], Live]) -> Live:
    """Return ``live`` after a step. A step that cannot be taken is refused with exit status 1, not 2."""
    try:
        return step()
    except UserError as error:
        raise UserError(error.message, hint=error.hint, status=REFUSED) from None


def _propose(rollout: ModelRollout, repository: Repository, request: Request) -> Live:
    _require_name(str(request.version), rollout.spec.versions, f"rollout {request.rollout} has no version", _RECORD)
    proposed = _or_refuse(lambda: transitions.propose(rollout.spec.live, str(request.version)))
    return _or_refuse(lambda: transitions.advance(proposed, _stages(rollout))) if request.advance else proposed


def _advance(rollout: ModelRollout, repository: Repository, request: Request) -> Live:
    stages, fixes = _stages(rollout), request.fixes
    if request.to is not None:
        _require_name(request.to, stages, "there is no stage")
    if fixes is not None:
        files = {file.stem: file.model for file in repository.incidents_of(request.rollout)}
        file = repository.incident(fixes) if re.fullmatch(NAME, fixes) else None
        if file is not None and file.model is None:
            hint = f"run `rollout-spec check {file.path}` to see why"
            raise UserError(f"{file.path} does not load", hint=hint, status=REFUSED)
        _require_name(fixes, files, f"{request.rollout} has no incident")
        incident = files[fixes]
        if incident is not None and incident.spec.status != "open":
            raise UserError(f"{fixes} is resolved, so it needs no fix", hint="advance without --fixes", status=REFUSED)
    return _or_refuse(lambda: transitions.advance(rollout.spec.live, stages, to=request.to, fixes=fixes))


def _retreat(rollout: ModelRollout, repository: Repository, request: Request) -> Live:
    stages, live = _stages(rollout), rollout.spec.live
    if request.to is not None:
        _require_name(request.to, stages, "there is no stage")
    current = stages.index(live.stage) if live.stage in stages else 0
    if request.to is None and live.stage is not None and current == 0:
        raise UserError(f"{live.stage} is the first stage", hint="withdraw the candidate", status=REFUSED)
    return _or_refuse(lambda: transitions.retreat(live, stages, request.to or stages[current - 1]))


def _withdraw(rollout: ModelRollout, repository: Repository, request: Request) -> Live:
    return _or_refuse(lambda: transitions.withdraw(rollout.spec.live))


def _promote(rollout: ModelRollout, repository: Repository, request: Request) -> Live:
    barred = quarantined(rollout, repository)
    return _or_refuse(lambda: transitions.promote(rollout.spec.live, _stages(rollout), barred))


def _retire(rollout: ModelRollout, repository: Repository, request: Request) -> Live:
    _require_name(str(request.version), rollout.spec.versions, f"rollout {request.rollout} has no version")
    targets = rollback_targets(rollout, repository)
    return _or_refuse(lambda: transitions.retire(rollout.spec.live, str(request.version), targets))


def _require_name(name: str, names: Mapping[str, Any] | list[str], message: str, otherwise: str | None = None) -> None:
    if name not in names:
        raise UserError(f"{message} `{name}`", hint=did_you_mean(name, names, otherwise))


def _stages(rollout: ModelRollout) -> list[str]:
    return [stage.name for stage in rollout.spec.stages]


STEPS: dict[str, Callable[[ModelRollout, Repository, Request], Live]] = {
    "propose": _propose,
    "advance": _advance,
    "retreat": _retreat,
    "withdraw": _withdraw,
    "promote": _promote,
    "retire": _retire,
}
"""The steps that change ``live``. ``bootstrap`` and ``record`` do not: they add a rollout or a record."""
