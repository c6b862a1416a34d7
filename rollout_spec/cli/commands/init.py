"""Write a rollout repository that passes `rollout-spec check`.

It asks nothing. It writes a workspace, an example rollout with its components and manifests, files for Argo CD and
Flux, hooks for pre-commit, CI jobs, and JSON Schemas for editors. Files that are there stay as they are: for each that
differs, it prints what it would have written, and ends with 1. In a workspace it changes nothing.

rollout-spec init models --forge github --repository acme/models
rollout-spec init --minimal  only .rollout-spec.yaml, for a model of your own
rollout-spec init --install git+https://HOST/rollout-spec@COMMIT  for CI
"""

from __future__ import annotations

import argparse
import shlex
import sys

from rollout_spec.checks.reporters import REPORTERS, View
from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.cli.clock import clock
from rollout_spec.core.diff import patch
from rollout_spec.core.findings import Report
from rollout_spec.core.yaml.format import inline
from rollout_spec.workflows.init import Choices, NewRepository, create_repository
from rollout_spec.workflows.init.choices import CIS, FORGES, NONE, gateways, monitors, servings
from rollout_spec.workflows.init.contents import GITLAB, HOOKS, target_of
from rollout_spec.workflows.init.installation import own_requirement, parse_requirement
from rollout_spec.workflows.init.plan import LeftFile

_DEFAULTS = Choices()
_PASTE = {HOOKS: "under its `repos:`", GITLAB: "to its `include:`"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "folder", nargs="?", default=".", metavar="DIR", help="the directory, created if absent (default: here)"
    )
    parser.add_argument("--name", help="the workspace's name (default: that of the directory)")
    parser.add_argument("--minimal", action="store_true", help="only .rollout-spec.yaml, and CI if --ci names one")
    flags = (("forge", FORGES), ("serving", [*servings(), NONE]), ("gateway", gateways()), ("monitor", monitors()))
    for flag, values in flags:
        default = getattr(_DEFAULTS, flag)
        text = f"{', '.join(values)} (default: {default})"
        parser.add_argument(f"--{flag}", choices=list(values), default=default, metavar="NAME", help=text)
    parser.add_argument("--ci", choices=CIS, metavar="NAME", help=f"{', '.join(CIS)} (default: that of the forge)")
    parser.add_argument("--repository", metavar="OWNER/NAME", help="on the forge (default: read from `origin`)")
    parser.add_argument("--base-url", metavar="URL", help="the address of a self-hosted forge")
    parser.add_argument(
        "--install",
        metavar="SOURCE",
        help="what pip installs in CI: git+https://HOST/PATH@COMMIT, or a requirement (default: as this copy was)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the files; return 1 if a wanted file was not written."""
    fields = ("name", "forge", "repository", "base_url", "serving", "gateway", "monitor", "ci", "minimal")
    given = {field: getattr(arguments, field) for field in fields}
    requirement = parse_requirement(arguments.install) if arguments.install else own_requirement()
    choices = Choices(**given, requirement=requirement)
    done = create_repository(place.start_of(arguments), arguments.folder, choices, clock())
    if done.findings:
        return _refuse(done)
    _report(arguments.folder, done)
    for left in done.left:
        _show(left)
    if done.written:
        _advise(arguments.folder, choices, done)
    return 1 if done.left else 0


def _refuse(done: NewRepository) -> int:
    terminal.say("rollout-spec: nothing was written, because the check of this folder would fail:")
    sys.stderr.write(REPORTERS["text"].report(Report(done.findings), View()))
    terminal.say("  help: if these files are not for rollout-spec, use a folder of its own: `rollout-spec init ml`")
    return 1


def _report(folder: str, done: NewRepository) -> None:
    if done.exists:
        terminal.say(f"{folder} is a rollout repository already: its .rollout-spec.yaml exists. Nothing was changed")
    else:
        count = len(done.written)
        terminal.say(f"wrote {count} file{'' if count == 1 else 's'} to {folder}: the workspace {done.name}")
    if done.skipped:
        terminal.say("the example rollout was left out, because one of its files is there with other content")


def _show(left: LeftFile) -> None:
    """Print what would have been written: a part to paste, or a patch for `git apply`."""
    where = f"{left.path}, which belongs to the git root" if left.is_for_root else left.path
    if left.current is not None and left.path in _PASTE:
        terminal.say(f"kept {where}: add these lines {_PASTE[left.path]}")
        text = left.wanted.decode().partition("\nrepos:\n" if left.path == HOOKS else "include:\n")[2]
    else:
        state = "kept" if left.current is not None else "did not write"
        terminal.say(f"{state} {where}: `git apply` takes this patch")
        text = patch(left.path, left.current, left.wanted)
    sys.stdout.write(terminal.harmless(text) if terminal.is_watched(sys.stdout) else text)
    sys.stdout.flush()


def _advise(folder: str, choices: Choices, done: NewRepository) -> None:
    """Print the next steps."""
    start = "" if folder == "." else f"cd {shlex.quote(folder)} && "
    if choices.ci_or_default != NONE:
        if choices.requirement is not None:
            terminal.say(f"CI installs `{choices.requirement}`")
        else:
            at_root = done.has_git and folder != "."
            command = f"rollout-spec init {shlex.quote(folder)}" if at_root else f"{start}rollout-spec init"
            terminal.say(
                "CI cannot install rollout-spec yet: this copy is from a folder of this machine. Name a source:\n"
                f"  {command} --ci {choices.ci_or_default} --install git+https://HOST/PATH@COMMIT | git apply"
            )
    if choices.minimal:
        targets = " ".join(f"--target {shlex.quote(_target_text(name))}" for name in choices.targets)
        terminal.say(f"next: {start}rollout-spec bootstrap NAME {targets}")
    else:
        create = "" if done.has_git else "git init && "
        terminal.say(f"next: {start}{create}git add . && git commit -m 'Set up rollouts'")
        terminal.say("read rollouts/fraud.yaml, then add your own model: `rollout-spec bootstrap NAME`")
    if "deploy/argocd.yaml" in done.written:
        terminal.say("to apply the manifests: edit deploy/argocd.yaml or deploy/flux.yaml, and remove the other")
    if choices.monitor == "cloudwatch":
        terminal.say("edit the `topic` in .rollout-spec.yaml")


def _target_text(name: str) -> str:
    target = target_of(name)
    return name if name != "gateway-api" else inline(target)
