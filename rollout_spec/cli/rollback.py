"""Open the pull request that takes the whole stack back to the version that is recorded as good.

rollout-spec rollback --breach FILE          a monitor's payload (Alertmanager's webhook, version 4); - reads stdin
rollout-spec rollback ROLLOUT --reason TEXT  a person says so; --version names the version that failed
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path

from rollout_spec.breach import Breach, Evidence
from rollout_spec.cli import place, terminal
from rollout_spec.errors import UserError
from rollout_spec.finding import Report
from rollout_spec.forges import Forge
from rollout_spec.landing import Base
from rollout_spec.reporters import REPORTERS, View
from rollout_spec.repository import Repository
from rollout_spec.response import Answer
from rollout_spec.rollback import Nothing, NoWayBack
from rollout_spec.spec.workspace import Forge as ForgeSettings
from rollout_spec.spec.workspace import Workspace
from rollout_spec.tree import WorkingTree


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("rollout", nargs="?", metavar="ROLLOUT", help="the rollout that a person takes back")
    parser.add_argument("--reason", metavar="TEXT", help="why, for the incident and the pull request")
    parser.add_argument(
        "--version", metavar="V", help="the version that failed; the candidate, else stable, where it is not named"
    )
    parser.add_argument("--breach", metavar="FILE", help="a monitor's payload; - reads stdin")
    parser.add_argument(
        "--dry-run", action="store_true", help="print the commit, its diff and the pull request; push nothing"
    )


def run(arguments: argparse.Namespace) -> int:
    """Answer each breach; the worst status counts."""
    breaches = _breaches(arguments)
    here = place.find(arguments)
    if here.git_root is None:
        raise UserError("a rollback is a commit, and this workspace is in no git repository", hint="git init")
    from rollout_spec.git import Git
    from rollout_spec.landing import find_base, forge_of

    git, settings = Git(here.git_root), _settings(here)
    base = find_base(git, settings, here.prefix)
    workspace = _workspace(base)
    if workspace.spec.forge is not None and workspace.spec.forge != settings:
        base = find_base(
            git, workspace.spec.forge, here.prefix
        )  # what is checked out may be old: the base says where it is
        workspace = _workspace(base)
    quiet = arguments.dry_run or workspace.spec.automation.mode == "dry-run"
    forge: Forge | None = None if quiet else forge_of(base, workspace.spec.forge)
    why = "this is a dry run" if arguments.dry_run else "the workspace's `automation.mode` is dry-run"
    told = [_answer(breach, base, workspace.metadata.name, forge, why) for breach in breaches]
    errors = [each for each in told if isinstance(each, UserError)]
    status = max((each.status if isinstance(each, UserError) else each for each in told), default=0)
    if errors:
        raise UserError("\n".join(error.message for error in errors), hint=errors[-1].hint, status=status)
    return status


def _answer(breach: Breach, base: Base, workspace: str, forge: Forge | None, why_quiet: str) -> int | UserError:
    """Answer one breach, and return the status; or what is wrong with it, which keeps no other from its answer."""
    from rollout_spec.response import answer

    if breach.workspace not in (None, workspace):
        told = f"{breach.rollout} {breach.version}: this breach is of workspace {breach.workspace}"
        terminal.say(f"{told}, and this is {workspace}")
        return 0
    try:
        outcome = answer(breach, base, forge)
    except UserError as error:
        return error
    _tell(outcome, base, why_quiet)
    return outcome.status


def _settings(here: place.Place) -> ForgeSettings | None:
    """Return where the base is, as what is checked out says it; None where that does not load."""
    settings = Repository(WorkingTree(here.workspace)).settings
    return settings.forge if settings else None


def _workspace(base: Base) -> Workspace:
    place.check_version(base.repository)
    file = base.repository.workspace
    if file is None or file.model is None:
        raise UserError(f"on {base.branch} ({base.commit[:12]}) the workspace's file is missing or does not load")
    return file.model


def _breaches(arguments: argparse.Namespace) -> list[Breach]:
    """Return what failed, one breach for each version, the earliest of those that tell of it."""
    if (arguments.rollout is None) == (arguments.breach is None):
        raise UserError("say what failed: ROLLOUT with --reason, or --breach FILE")
    if arguments.rollout is not None:
        return [_by_hand(arguments)]
    if arguments.reason or arguments.version:
        raise UserError("--reason and --version go with ROLLOUT; a payload says its own")
    from rollout_spec.monitors import MONITORS

    found, passed = MONITORS["alertmanager"].parse(_read(place.start_of(arguments), arguments.breach))
    for words in passed:
        terminal.say(f"passed over: {words}")
    if not found and not passed:
        terminal.say("the payload holds no alert")
    if not found and not all("not firing" in words or "cut off" in words for words in passed):
        raise UserError(
            "the payload tells of no breach that can be answered",
            hint="alerts carry the labels `rollout` and `version`",
        )
    chosen: dict[tuple[str | None, str, str | None], Breach] = {}
    for breach in sorted(found, key=lambda each: (each.observed_at, each.id)):
        chosen.setdefault((breach.workspace, breach.rollout, breach.version), breach)
    return list(chosen.values())


def _by_hand(arguments: argparse.Namespace) -> Breach:
    if not arguments.reason or not arguments.reason.strip():
        raise UserError("a rollback by hand needs a reason: --reason TEXT")
    now = datetime.now(UTC).replace(microsecond=0)
    told = "\0".join((arguments.rollout, arguments.version or "", arguments.reason, now.isoformat()))
    return Breach(
        id=f"manual-{hashlib.sha256(told.encode('utf-8', 'replace')).hexdigest()[:16]}",
        source="manual",
        rollout=arguments.rollout,
        version=arguments.version,
        observed_at=now,
        evidence=Evidence(summary=arguments.reason),
    )


def _read(start: Path, path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return (start / path).read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None


def _tell(outcome: Answer, base: Base, why_quiet: str) -> None:
    """Print what came of a breach; ``why_quiet`` says why nothing is pushed, where nothing is."""
    decision, who = outcome.decision, f"{outcome.breach.rollout} {outcome.breach.version or ''}".strip()
    if isinstance(decision, Nothing):
        terminal.say(decision.why)
    elif isinstance(decision, NoWayBack):
        terminal.say(
            f"{decision.rollout} {decision.failed} failed, and there is no way back: no known-good version can serve"
        )
        for version, reason in decision.passed_over:
            terminal.say(f"  {version}: {reason}")
    elif outcome.refused:
        terminal.say(f"{who}: the way back to {decision.restored} would bring what no change may bring:")
        sys.stderr.write(REPORTERS["text"].report(Report(tuple(outcome.refused)), View()))
    elif outcome.landed is None and outcome.change is not None and outcome.commit is not None:
        print(f"commit {outcome.commit}\nbranch {outcome.change.branch}\n\n{outcome.change.message}")
        print(base.git.diff(base.commit, outcome.commit))
        print(
            f"{'draft ' if outcome.change.draft else ''}pull request: {outcome.change.title}\n\n{outcome.change.body}"
        )
        terminal.say(f"nothing was pushed: {why_quiet}")
    elif outcome.landed is not None:
        landed = outcome.landed
        word = "adopted" if landed.adopted else "opened"
        if landed.pull_request.state == "merged":
            word = "merged already, and not opened again:"
        print(f"{word} pull request {landed.pull_request.number}: {landed.pull_request.url}")
        done = f"{decision.rollout} {decision.failed} -> {decision.restored}"
        print(f"{done}, branch {decision.branch}, commit {landed.commit}")
        for reason in decision.for_a_person:
            print(f"a draft for a person: {reason}")
