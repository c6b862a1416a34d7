"""Compare records with the model registry, and let its aliases follow the live versions.

rollout-spec registry verify [ROLLOUT…]    entries, runs, digests, metrics and artifacts against the records
rollout-spec registry sync [--dry-run]     champion, challenger and the tags of failed versions, as merged on the base

The exit status is 3 if the registry or a store did not answer: nothing is known of the rest then.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict

from rollout_spec.checks.reporters import REPORTERS
from rollout_spec.checks.reporters.base import json_text
from rollout_spec.cli import report_view as view
from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Report
from rollout_spec.reports.registry_text import VERSION, ArtifactRow, artifacts_json, artifacts_table
from rollout_spec.workflows.registry import AccessOptions, of_command_line, open_registry
from rollout_spec.workflows.registry_sync import Sync, synchronize
from rollout_spec.workflows.registry_verify import Verification, VerifyOptions, verify


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("action", choices=["verify", "sync"], metavar="verify|sync", help="compare, or move aliases")
    parser.add_argument("rollouts", nargs="*", metavar="ROLLOUT", help="names of rollouts to verify (default: all)")
    parser.add_argument("--format", choices=REPORTERS, default="text", help="the format (default: text)")
    parser.add_argument("--hash-all", action="store_true", help="read artifacts of any size, also remembered ones")
    parser.add_argument("--dry-run", action="store_true", help="print the changes of sync without making them")


def run(arguments: argparse.Namespace) -> int:
    """Verify or synchronize."""
    if arguments.action == "verify":
        if arguments.dry_run:
            raise UserError("--dry-run is for `registry sync`: verify changes nothing")
        return _verify(arguments)
    if arguments.rollouts or arguments.hash_all:
        raise UserError("`registry sync` takes neither ROLLOUT nor --hash-all: the whole workspace is synchronized")
    if arguments.format not in ("text", "json"):
        raise UserError(f"`registry sync` has no format {arguments.format}", hint="use text or json")
    return _sync(arguments)


def _verify(arguments: argparse.Namespace) -> int:
    here = place.find(arguments)
    repository = here.repository()
    settings = repository.settings
    options = of_command_line(here.workspace, hash_all=arguments.hash_all)
    asked = VerifyOptions(prefix=here.prefix, progress=terminal.progress("versions", many=20))
    with open_registry(settings.registry if settings else None, options) as access:
        result = verify(arguments.rollouts, repository, access, asked)
    rows = [ArtifactRow(each.rollout, each.version, each.role, each.examination) for each in result.artifacts]
    report = Report(result.findings)
    if arguments.format == "text":
        sys.stdout.write(terminal.harmless(artifacts_table(rows)))
        sys.stdout.write(REPORTERS["text"].report(report, view.for_person(here)))
    elif arguments.format == "json":
        sys.stdout.write(json_text(_json(result, rows)))
    else:
        sys.stdout.write(REPORTERS[arguments.format].report(report, view.for_program([here])))
    _say_failure(result.failure)
    return result.status


def _json(result: Verification, rows: list[ArtifactRow]) -> dict[str, object]:
    """Return ``{"version", "artifacts", "findings", "failure"}``."""
    findings = [
        {name: getattr(each, name) for name in ("file", "line", "column", "name", "severity", "message", "hint")}
        for each in result.findings
    ]
    failure = result.failure.message if result.failure is not None else None
    return {"version": VERSION, "artifacts": artifacts_json(rows), "findings": findings, "failure": failure}


def _sync(arguments: argparse.Namespace) -> int:
    here = place.find_anywhere(arguments)
    if here.git_root is None:
        raise UserError("`registry sync` follows the merged base, but this workspace is not in a git repository")
    from rollout_spec.workflows.newest import fetch_base

    base, workspace = fetch_base(here, here.git_root)
    settings = workspace.spec.registry
    with open_registry(settings, AccessOptions(environment=os.environ)) as access:
        aliases = settings.aliases if settings is not None else None
        done = synchronize(base.repository, access.required(), aliases, is_dry_run=arguments.dry_run)
    if arguments.format == "json":
        sys.stdout.write(json_text(_sync_json(done, is_dry_run=arguments.dry_run)))
    else:
        verb = "would change" if arguments.dry_run else "changed"
        lines = [f"{each.rollout}: {verb} {each.text}\n" for each in done.changes]
        sys.stdout.write(terminal.harmless("".join(lines) or "nothing to change\n"))
    for left_out in done.left_out:
        terminal.say(f"{left_out.rollout}: not synchronized: {left_out.reason}")
    _say_failure(done.failure)
    return done.status


def _sync_json(done: Sync, *, is_dry_run: bool) -> dict[str, object]:
    failure = done.failure.message if done.failure is not None else None
    return {
        "version": VERSION,
        "dryRun": is_dry_run,
        "changes": [asdict(each) for each in done.changes],
        "notSynchronized": [asdict(each) for each in done.left_out],
        "failure": failure,
    }


def _say_failure(failure: UserError | None) -> None:
    if failure is not None:
        terminal.say(
            f"not everything is known: {failure.message}" + (f"\n  help: {failure.hint}" if failure.hint else "")
        )
