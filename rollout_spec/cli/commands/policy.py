"""Test policies: `policy test [PACK…]` runs the examples of policy packs.

A PACK is the name of a shipped pack, or a path. Default: the packs of the workspace; outside of a workspace, all
shipped ones. An example is a part of a rollout, merged into the one that `init` writes: mappings merge, lists replace,
null removes a field. An example with the wrong result is a finding, and so is a policy without a passing and a failing
example.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from rollout_spec.checks.reporters import REPORTERS, View
from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.core import package_data as resources
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Finding, Problem, Report
from rollout_spec.core.text import did_you_mean
from rollout_spec.core.yaml.reader import MAX_BYTES
from rollout_spec.spec.kinds import is_pack_path
from rollout_spec.workflows import locate as location
from rollout_spec.workspace.loader import File, read_file
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.working_tree import WorkingTree

if TYPE_CHECKING:
    from rollout_spec.spec.policy_pack import PolicyPack


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("action", choices=["test"], metavar="test", help="run the examples")
    parser.add_argument("packs", nargs="*", metavar="PACK", help="names of shipped packs, or paths")


def run(arguments: argparse.Namespace) -> int:
    """Run the examples of each pack, and print the wrong ones."""
    from rollout_spec.checks.policies.examples import run as run_examples

    packs = _packs(arguments)
    findings = [_finding(name, problem, pack, file) for file, pack in packs for name, problem in run_examples(pack)]
    sys.stdout.write(REPORTERS["text"].report(Report(tuple(sorted(findings))), View()))
    policies = [policy for _, pack in packs if pack.model for policy in pack.model.spec.policies]
    examples = sum(len(policy.passes) + len(policy.fails) for policy in policies)
    verdict = f"{len(findings)} wrong" if findings else "all pass"
    terminal.say(f"{_count(len(policies), 'policy', 'policies')}, {_count(examples, 'example', 'examples')}: {verdict}")
    return 1 if findings else 0


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _packs(arguments: argparse.Namespace) -> list[tuple[str, File[PolicyPack]]]:
    """Return the packs to test, each with the path to show. UserError if one does not load."""
    start = place.start_of(arguments)
    if arguments.packs:
        return [
            (name if is_pack_path(name) else f"policies/{name}.yaml", _given(name, start)) for name in arguments.packs
        ]
    try:
        here = location.find_from(start)
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
