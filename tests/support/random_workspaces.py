"""Where a random history begins: a workspace whose rollouts have a way back, each file written in its own manner."""

from __future__ import annotations

import random
from collections.abc import Mapping

from workspaces import Files

from rollout_spec.render.drift import find_drift
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Tree

WORKSPACE = """\
apiVersion: rollout-spec/v1
kind: Workspace
metadata: {name: acme}
spec:
  forge: {type: local}
"""
STAGES = {
    "canary": "[{name: shadow, mirror: 20%, hold: 1h}, {name: canary, weight: 5%}, {name: full, weight: 100%}]",
    "blue-green": "[{name: warm, weight: 0%}, {name: full, weight: 100%}]",
    "header": "[{name: staff, match: {header: x-user, value: staff}}, {name: half, weight: 50%}, "
    "{name: all, weight: 100%}]",
}
LIVE = (
    '  live:\n    stable: "{stable}"   # the control arm\n    knownGood: [{known}]\n',
    '  live: {{stable: "{stable}", knownGood: [{known}]}}   # all in one line\n',
    "  # who answers\n  live:   # moved by steps alone\n    # newest first\n    knownGood:   # earlier ones\n{listed}"
    "    stable: '{stable}'\n",
)
ROLLOUT = """\
apiVersion: rollout-spec/v1
kind: ModelRollout
metadata: {{name: {name}, namespace: ml, owner: team-a}}
spec:
  service: {{host: {name}.ml.svc, requestsPerSecond: 10}}
  versions:
{records}{live}  stages: {stages}
  triggers:
    - {{name: serving-errors, type: threshold, metric: error_rate, above: 5%}}
    - {{name: spot-check, type: manual, reasons: [odd]}}
  rollback:
    window: 7d
  targets:
    - {{type: kserve}}
    - {{type: gateway-api, gateway: {{name: edge}}}}
"""
RECORD = (
    '    "{version}": {{artifact: "s3://m/{name}/{version}/", digest: "sha256:{digest}", {format}requires: {pins}}}\n'
)
COMPONENT = """\
apiVersion: rollout-spec/v1
kind: Component
metadata: {{name: {name}}}
spec: {{type: {type}, serving: [{serving}]{more}}}
"""
COMPONENTS = {
    "profile": ("feature", ("1", "2", "3"), ""),
    "event": ("schema", ("1.0", "1.1", "2.0", "2.1"), ', contract: "contracts/event/{version}.json"'),
    "engine": ("runtime", ("1",), ", exclusive: true"),
    "device": ("runtime", ("1",), ", exclusive: true, appliedBy: external"),
}
CONTRACTS = {
    "1.0": '{"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}}',
    "1.1": '{"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}, '
    '"additionalProperties": false}',
    "2.0": '{"type": "object", "required": ["amount", "currency"], "properties": {"amount": {"type": "number"}, '
    '"currency": {"type": "string"}}, "additionalProperties": false}',
    "2.1": '{"type": "object", "required": ["amount", "currency"], "properties": {"amount": {"type": "number"}, '
    '"currency": {"type": "string"}, "note": {"type": "string"}}, "additionalProperties": false}',
}
"""What callers send by each version. 1.0 leaves more open than 1.1; who sends 1.1 has to move for 2.0, not for 2.1."""
EVENT_PINS = ("1.0", "1.0", *CONTRACTS)


class DictTree:
    """Files in memory."""

    location = "."

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)

    def names(self, folder: str) -> list[str]:
        start = f"{folder}/" if folder not in ("", ".") else ""
        return sorted({path[len(start) :].split("/")[0] for path in self.files if path.startswith(start)})

    def converts_line_endings(self, path: str) -> bool:
        return False

    def elsewhere(self, path: str) -> Tree | None:
        return None

    def link(self, path: str) -> str | None:
        return None

    def links(self, folder: str) -> list[str]:
        return []

    def folders_with(self, name: str) -> dict[str, str]:
        return {}


def repository_of(files: Mapping[str, bytes]) -> Repository:
    """Read files anew, with nothing remembered."""
    return Repository(DictTree(files))


def begun(chance: random.Random) -> Files:
    """Return a workspace with two or three rollouts that have a way back, written in several manners."""
    files: dict[str, str] = {
        ".rollout-spec.yaml": WORKSPACE,
        "README.md": "# Rollouts\n",
    }
    for name, (kind, serving, more) in COMPONENTS.items():
        shown = ", ".join(f'"{version}"' for version in serving)
        files[f"components/{name}.yaml"] = COMPONENT.format(name=name, type=kind, serving=shown, more=more)
    files |= {f"contracts/event/{version}.json": text for version, text in CONTRACTS.items()}
    for name in ["fraud", "churn", "fraud-v2"][: chance.randint(2, 3)]:
        files[f"rollouts/{name}.yaml"] = _rollout(chance, name)
    content = {path: _ended(chance, path, text) for path, text in files.items()}
    repository = repository_of(content)
    for name in repository.names("rollouts"):
        file = repository.rollout(name)
        assert file is not None
        content |= {each.path: each.wanted for each in find_drift(file, repository) if each.wanted is not None}
    return content


def _ended(chance: random.Random, path: str, text: str) -> bytes:
    """Write a file with one of the line ends that there are, or none at its end."""
    if path.startswith(("rollouts/", "components/")):
        text = text.rstrip("\n") if chance.random() < 0.2 else text
        text = text.replace("\n", "\r\n") if chance.random() < 0.2 else text
    return text.encode()


def _rollout(chance: random.Random, name: str) -> str:
    """Write a rollout of version 3, with 2 and 1 known good."""
    needs = chance.choice([(0, 0), (1, 0), (0, 1), (0.6, 0.3)])
    pins = ['"1"'] if name == "fraud" else ['">=1"']  # of an exclusive component one rollout needs just this version
    records = "".join(_record(chance, name, version, needs, pins) for version in ("1", "2", "3"))
    listed = "".join(f'      - "{version}"   # {version} was fine\n' for version in ("2", "1"))
    live = chance.choice(LIVE).format(stable="3", known='"2", "1"', listed=listed)
    return ROLLOUT.format(
        name=name, records=records, live=live, stages=chance.choices(list(STAGES.values()), (2, 3, 1))[0]
    )


def _record(chance: random.Random, name: str, version: str, needs: tuple[float, float], own: list[str]) -> str:
    """Write a version's record; ``needs`` is how likely it is to pin each of the exclusive components."""
    pins = {"profile": chance.choice(['"1"', '"2"', '"3"']), "event": f'"{chance.choice(EVENT_PINS)}"'}
    if chance.random() < needs[0]:
        pins["engine"] = chance.choice(own)
    if chance.random() < needs[1]:
        pins["device"] = chance.choice(own)
    shown = "{" + ", ".join(f"{component}: {pin}" for component, pin in pins.items()) + "}"
    known = version == "3" or chance.random() < 0.95  # what a target needs may be lost before the target is there
    kind = "format: sklearn, " if known else ""
    return RECORD.format(name=name, version=version, digest=chance.randbytes(32).hex(), format=kind, pins=shown)
