"""The failed version of a breach whose monitor named none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import join_some
from rollout_spec.domain import traffic
from rollout_spec.workspace.repository import Repository

_HINT = "name the version in the alert, or run `rollout-spec rollback {} --version V --reason TEXT`"


def with_version(breach: Breach, repository: Repository) -> Breach:
    """Return a breach with its failed version. UserError if that is not certain.

    A breach about the rollout concerns its only version with traffic, one about the candidate the candidate. A breach
    that names its version, and one of a person, stays as it is.
    """
    if breach.about is None or breach.version is not None:
        return breach
    spec = repository.require_rollout(breach.rollout).require_model().spec
    hint = _HINT.format(breach.rollout)
    if breach.about == "candidate":
        if spec.live.candidate is None:
            message = f"{breach.rollout} has no candidate, but {breach.source} reports that its rollout failed"
            raise UserError(message, hint=hint)
        return replace(breach, version=spec.live.candidate, about=None)
    versions = traffic.split(spec).versions
    if len(versions) > 1:
        message = f"{breach.rollout}: the alert names no version, but {join_some(versions, 8)} receive requests"
        raise UserError(message, hint=hint)
    return replace(breach, version=versions[0], about=None)


def with_versions(breaches: Iterable[Breach], repository: Repository) -> tuple[list[Breach], list[UserError]]:
    """Return the breaches whose failed version is certain, and the errors of the others."""
    certain, errors = list[Breach](), list[UserError]()
    for breach in breaches:
        try:
            certain.append(with_version(breach, repository))
        except UserError as error:
            errors.append(error)
    return certain, errors
