"""A git repository with two workspaces in memory, whose rollouts share components, incidents and hosts."""

from __future__ import annotations

from collections.abc import Mapping

from rollout_spec.render.drift import find_drift
from rollout_spec.workspace.commit_tree import CommitTree
from rollout_spec.workspace.repository import Repository

Files = dict[str, str]
PREFIX = "envs/prod"
OTHER = "envs/staging"
ROLLOUTS = ("fraud", "fraud-v2", "churn", "ads")

WORKSPACE = """\
apiVersion: rollout-spec/v1
kind: Workspace
metadata: {{name: {name}}}
spec:
  policies: [baseline]
{more}"""


_ROLLOUT = """\
apiVersion: rollout-spec/v1
kind: ModelRollout
metadata: {{name: {name}, namespace: ml, owner: team-a, tier: standard}}
spec:
  service:
    host: {name}.ml.svc
    requestsPerSecond: 10
  versions:
{records}  live:
    stable: "3"
    candidate: "4"
    stage: canary
    knownGood: ["2", "1"]
  stages: [{{name: canary, weight: 5%, hold: 15m}}, {{name: full, weight: 100%, hold: 1h}}]
  triggers:
    - {{name: serving-errors, type: threshold, metric: error_rate, above: 5%}}
  rollback: {{merge: auto, reviewers: [team-a], window: 7d, runbook: "https://example.com/{name}"}}
  targets:
    - {{type: kserve}}
    - {{type: gateway-api, gateway: {{name: edge}}}}
"""
_RECORD = (
    '    "{version}": {{artifact: "s3://m/{name}/{version}/", digest: "sha256:{digest}", format: sklearn, '
    "requires: {{{pins}}}}}\n"
)
_PINS = {
    "fraud": 'profile: "1", engine: "1"',
    "fraud-v2": 'profile: "1", event: "1.0"',
    "churn": 'engine: "1", event: "1.0"',
    "ads": 'device: "1"',
}
_COMPONENTS = {
    "device": 'type: feature, serving: ["1", "2"]',
    "profile": 'type: feature, serving: ["1", "2"]',
    "engine": 'type: runtime, serving: ["1"], exclusive: true',
    "event": 'type: schema, serving: ["1.0", "1.1"], contract: "contracts/event/{version}.json"',
    "unused": 'type: feature, serving: ["1"]',
}


class FilesOfCommits:
    """Commits in memory, by name."""

    def __init__(self, commits: Mapping[str, Mapping[str, str]]) -> None:
        self._commits = commits

    def read(self, commit: str, path: str) -> bytes | None:
        text = self._commits[commit].get(path)
        return None if text is None else text.encode()

    def names(self, commit: str, folder: str) -> list[str]:
        start = "" if folder == "." else f"{folder}/"
        return sorted({path[len(start) :].split("/")[0] for path in self._commits[commit] if path.startswith(start)})

    def link(self, commit: str, path: str) -> str | None:
        parts = path.split("/")
        above = ("/".join(parts[: length + 1]) for length in range(len(parts)))
        return next((each for each in above if self._commits[commit].get(each) == "LINK"), None)

    def folders_with(self, commit: str, name: str) -> list[str]:
        return sorted(path.rpartition("/")[0] for path in self._commits[commit] if path.rpartition("/")[2] == name)


def repository_of(files: Files, folder: str = PREFIX) -> Repository:
    """Read a workspace of some files anew, with nothing remembered."""
    links = {path for path, text in files.items() if text == "LINK"}
    reader = FilesOfCommits({"it": files})
    read = reader.read
    if links:
        reader.read = lambda commit, path: None if reader.link(commit, path) else read(commit, path)  # type: ignore[method-assign]
    return Repository(CommitTree(reader, "it", folder))


def begun() -> Files:
    """Return the files of a repository with two sound workspaces, and their manifests."""
    files: Files = {"README.md": "# Models\n", "src/app.py": "print()\n"}
    for folder in (PREFIX, OTHER):
        name = folder.rpartition("/")[2]
        files[f"{folder}/.rollout-spec.yaml"] = WORKSPACE.format(name=name, more="")
        for component, spec in _COMPONENTS.items():
            head = f"apiVersion: rollout-spec/v1\nkind: Component\nmetadata: {{name: {component}}}\n"
            files[f"{folder}/components/{component}.yaml"] = f"{head}spec: {{{spec}}}\n"
        for version in ("1.0", "1.1"):
            files[f"{folder}/contracts/event/{version}.json"] = '{"type": "object", "required": ["amount"]}'
        for rollout in ROLLOUTS if folder == PREFIX else ROLLOUTS[:2]:
            files[f"{folder}/rollouts/{rollout}.yaml"] = _rollout(rollout)
        files |= rendered(files, folder)
    return files


def rendered(files: Files, folder: str = PREFIX) -> Files:
    """Return the manifests of a workspace."""
    repository = repository_of(files, folder)
    manifests: Files = {}
    for file in map(repository.rollout, repository.names("rollouts")):
        assert file is not None
        drifts = find_drift(file, repository)
        manifests |= {f"{folder}/{each.path}": each.wanted.decode() for each in drifts if each.wanted is not None}
    return manifests


def _rollout(name: str) -> str:
    digests = {version: f"{ROLLOUTS.index(name)}{version}" * 32 for version in "1234"}
    records = (
        _RECORD.format(name=name, version=each, digest=digest, pins=_PINS[name]) for each, digest in digests.items()
    )
    return _ROLLOUT.format(name=name, records="".join(records))
