"""The test of policy packs: their examples are evaluated, and the wrong ones are findings."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from rollout_spec.core import package_data as resources
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Finding, Problem
from rollout_spec.core.text import did_you_mean
from rollout_spec.core.yaml.reader import MAX_BYTES
from rollout_spec.spec.kinds import is_pack_path
from rollout_spec.workflows.locate import around, find_from
from rollout_spec.workspace.loader import File, read_file
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.working_tree import WorkingTree

if TYPE_CHECKING:
    from rollout_spec.spec.policy_pack import PolicyPack


@dataclass(frozen=True)
class PolicyTest:
    """The findings of a test, and the numbers of tested policies and examples.

    ``unused`` are packs in `policies/` that the workspace does not name.
    """

    findings: Sequence[Finding]
    policies: int
    examples: int
    unused: tuple[str, ...] = ()


def run_examples(names: Sequence[str], start: Path) -> PolicyTest:
    """Evaluate the examples of policy packs.

    They are the named packs, else those of the workspace, else all shipped ones. UserError if a pack is unknown or does
    not load.
    """
    from rollout_spec.checks.policies.examples import run

    packs = _packs(names, start)
    findings = [_finding(name, problem, pack, file) for file, pack in packs for name, problem in run(pack)]
    policies = [policy for _, pack in packs if pack.model for policy in pack.model.spec.policies]
    examples = sum(len(policy.passes) + len(policy.fails) for policy in policies)
    return PolicyTest(sorted(findings), len(policies), examples, _unused(start) if not names else ())


def _unused(start: Path) -> tuple[str, ...]:
    """Return the packs in `policies/` that the workspace around a folder does not name."""
    here = around(start)
    if here is None:
        return ()
    repository = here.repository()
    named = {posixpath.normpath(path) for path in repository.settings.policies} if repository.settings else set()
    paths = (f"policies/{name}.yaml" for name in repository.names("policies"))
    return tuple(path for path in paths if path not in named)


def _packs(names: Sequence[str], start: Path) -> list[tuple[str, File[PolicyPack]]]:
    """Return the packs to test, each with the path to show. UserError if one does not load."""
    if names:
        return [(name if is_pack_path(name) else f"policies/{name}.yaml", _given(name, start)) for name in names]
    try:
        here = find_from(start)
    except UserError:  # no workspace
        empty = Repository(WorkingTree(start))
        return [(f"policies/{name}.yaml", _loaded(name, empty.pack(name))) for name in _shipped()]
    repository = here.repository()
    if repository.settings is None:
        raise UserError("the workspace does not load", hint="run `rollout-spec check` for the errors")
    return [
        (str(PurePosixPath(here.prefix) / name) if is_pack_path(name) else f"policies/{name}.yaml", _loaded(name, pack))
        for name, pack in ((name, repository.pack(name)) for name in repository.settings.policies)
    ]


def _given(name: str, start: Path) -> File[PolicyPack]:
    if not is_pack_path(name):
        return _loaded(name, Repository(WorkingTree(start)).pack(name))
    path = start / name
    if not path.is_file():
        return _loaded(name, None)
    with path.open("rb") as file:
        return _loaded(name, read_file(name, "PolicyPack", file.read(MAX_BYTES + 1)))


def _loaded(name: str, pack: File[PolicyPack] | None) -> File[PolicyPack]:
    if pack is None:
        raise UserError(f"no policy pack {name}", hint=did_you_mean(name, _shipped()))
    if pack.model is None:
        raise UserError(f"the policy pack {name} does not load", hint=f"run `rollout-spec check {name}` for the errors")
    return pack


def _shipped() -> list[str]:
    return [name.removesuffix(".yaml") for name in resources.names("policies")]


def _finding(name: str, problem: Problem, pack: File[PolicyPack], file: str) -> Finding:
    span = pack.document.span(problem.path, on_key=problem.on_key)
    return Finding.at(file, span, name, problem, "error")
