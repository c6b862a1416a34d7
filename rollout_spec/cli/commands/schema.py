"""Print the JSON Schema of a kind, for editors and other tools."""

from __future__ import annotations

import argparse
import sys

from rollout_spec.core import package_data as resources

_FILES = {
    "ModelRollout": "model-rollout",
    "Component": "component",
    "Incident": "incident",
    "Workspace": "workspace",
    "PolicyPack": "policy-pack",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("kind", metavar="KIND", choices=_FILES, help=", ".join(_FILES))


def run(arguments: argparse.Namespace) -> int:
    """Print the shipped schema."""
    sys.stdout.write(resources.read(f"schemas/{_FILES[arguments.kind]}.schema.json").decode())
    return 0
