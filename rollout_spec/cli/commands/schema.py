"""Print the JSON Schema of a kind, for editors and other tools."""

from __future__ import annotations

import argparse
import sys

from rollout_spec.core import package_data as resources
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import did_you_mean, excerpt

_FILES = {
    "ModelRollout": "model-rollout",
    "Component": "component",
    "Incident": "incident",
    "Workspace": "workspace",
    "PolicyPack": "policy-pack",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("kind", metavar="KIND", help=", ".join(_FILES))


def run(arguments: argparse.Namespace) -> int:
    """Print the shipped schema."""
    if arguments.kind not in _FILES:
        raise UserError(f"there is no kind `{excerpt(arguments.kind)}`", hint=did_you_mean(arguments.kind, _FILES))
    sys.stdout.write(resources.read(f"schemas/{_FILES[arguments.kind]}.schema.json").decode())
    return 0
