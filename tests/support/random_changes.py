"""Random changes of the workspaces in memory: most of them break something."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from changed_workspaces import OTHER, PREFIX, ROLLOUTS, WORKSPACE, Files, repository_of

from rollout_spec.core import package_data as resources
from rollout_spec.render.drift import find_drift

_MORE = ("", "  after: ../staging\n", "  incidentsFrom: [../staging]\n", "  waivers: []\n")
INCIDENT = """\
apiVersion: rollout-spec/v1
kind: Incident
metadata: {{name: {name}}}
spec:
  rollout: {rollout}
  failedVersion: "{version}"
  restoredVersion: null
  trigger: serving-errors
  source: alertmanager
  observedAt: 2026-11-20T10:15:00Z
  status: open
"""


Change = Callable[[random.Random, Files], None]


def _pick(chance: random.Random, files: Files, pattern: str) -> str | None:
    paths = sorted(path for path in files if re.fullmatch(pattern, path))
    return chance.choice(paths) if paths else None


def _replace(pattern: str, *edits: tuple[str, str]) -> Change:
    """Return the change of some text in a file whose path matches a pattern."""

    def change(chance: random.Random, files: Files) -> None:
        path, (old, new) = _pick(chance, files, pattern), chance.choice(edits)
        if path is not None:
            found = list(re.finditer(old, files[path]))
            match = chance.choice(found) if found else None
            if match:
                files[path] = files[path][: match.start()] + match.expand(new) + files[path][match.end() :]

    return change


def _remove(pattern: str) -> Change:
    def change(chance: random.Random, files: Files) -> None:
        path = _pick(chance, files, pattern)
        if path is not None:
            del files[path]

    return change


def _rename(chance: random.Random, files: Files) -> None:
    path = _pick(chance, files, rf"{PREFIX}/(rollouts|components|incidents)/.*")
    if path is not None:
        folder, _, name = path.rpartition("/")
        new = chance.choice(
            ["fraud-v2-v3.yaml", "shop.yaml", name.replace("yaml", "yml"), f"sub/{name}", "fraud-v3.yaml"]
        )
        text = files.pop(path)
        files[f"{folder}/{new}"] = re.sub("name: [a-z0-9-]+", f"name: {new.removesuffix('.yaml')}", text, count=1)


def _copy(chance: random.Random, files: Files) -> None:
    path = _pick(chance, files, rf"{PREFIX}/rollouts/[a-z0-9-]*\.yaml")
    if path is not None:
        name = chance.choice(["shop", "fraud-v3", "fraud-eu", "foo"])
        text = re.sub("metadata: {name: [a-z0-9-]+", f"metadata: {{name: {name}", files[path])
        if chance.random() < 0.5:
            text = re.sub(r"(?s)    candidate.*knownGood[^\n]*\n", "", text)
        files[f"{PREFIX}/rollouts/{name}.yaml"] = text


def _incident(chance: random.Random, files: Files) -> None:
    folder = chance.choice([PREFIX, PREFIX, OTHER])
    rollout, version = chance.choice([*ROLLOUTS, "foo"]), chance.choice("12345")
    name = chance.choice([f"{rollout}-{version}", f"{rollout}-{version}-2", f"foo-{version}", "odd", f"ads-{version}"])
    text = INCIDENT.format(name=name, rollout=rollout, version=version)
    text = chance.choice([text, text, text.replace("status", "stat"), text[: chance.randint(0, len(text))]])
    place = chance.choice(["", "", "", "sub/", "fraud-1/"])
    files[f"{folder}/incidents/{place}{name}.{chance.choice(['yaml', 'yaml', 'yml'])}"] = text


def _manifest(chance: random.Random, files: Files) -> None:
    path = _pick(chance, files, rf"{PREFIX}/(manifests|alerts)/.*")
    if path is not None:
        extra = f"{path.rpartition('/')[0]}/{chance.choice(['extra.yaml', 'kustomization.yml', 'notes.txt'])}"
        where = chance.choice([path, extra])
        files[where] = files.get(where, "apiVersion: v1\nkind: Secret\n") + "# edited\n"


def _render(chance: random.Random, files: Files) -> None:
    repository = repository_of(files)
    for file in map(repository.rollout, repository.names("rollouts")):
        if file and file.model and file.stem == file.model.metadata.name and chance.random() < 0.8:
            try:
                drifts = find_drift(file, repository)
            except Exception:
                continue
            for each in drifts:
                if each.wanted is not None:
                    files[f"{PREFIX}/{each.path}"] = each.wanted.decode()


def _workspace(chance: random.Random, files: Files) -> None:
    folder = chance.choice([PREFIX, PREFIX, OTHER])
    name = chance.choice(["prod", "prod", "staging"])
    policies = chance.choice(["[baseline]", "[baseline]", "[baseline, regulated]"])
    text = WORKSPACE.format(name=name, more=chance.choice(_MORE)).replace("[baseline]", policies)
    waiver = "[{policy: runbook-linked, rollout: fraud, reason: Soon., expires: 2027-01-01}]"
    files[f"{folder}/.rollout-spec.yaml"] = text.replace("waivers: []", f"waivers: {waiver}")


def _link(chance: random.Random, files: Files) -> None:
    path = _pick(chance, files, rf"{PREFIX}/.*")
    if path is not None:
        files[path] = "LINK"


def _escape(chance: random.Random, files: Files) -> None:
    """Write a key or a quoted value with an escape in it."""
    path = _pick(chance, files, rf"{PREFIX}/(rollouts|components)/[^/]*")
    if path is not None:
        word = chance.choice(["candidate", "host", "engine", "device", "contract", "exclusive", "fraud"])
        escaped = f'"{word[:-1]}\\u{ord(word[-1]):04x}"'
        files[path] = re.sub(rf"\b{word}(?=:)", lambda _: escaped, files[path])


def _block(chance: random.Random, files: Files) -> None:
    """Write a host in a block, below another one in a comment."""
    path = _pick(chance, files, _R)
    if path is not None:
        host = chance.choice([r"\1", "fraud.ml.svc"])
        files[path] = re.sub(r"    host: (\S+)", rf"    # host: other\n    host: >-\n      {host}", files[path])


def _pin(chance: random.Random, files: Files) -> None:
    """Let all versions of a rollout pin one more component, or one of them another version."""
    path = _pick(chance, files, _R)
    if path is not None:
        pin = chance.choice(['device: "1", ', 'profile: "1", ', 'engine: ">=1", '])
        more = re.sub(r"requires: \{", rf"requires: {{{pin}", files[path])
        other = re.sub(rf'(    "{chance.choice("1234")}": .*(?:device|profile|engine): )"1"', r'\1"2"', files[path])
        files[path] = chance.choice([more, other])


def _template(chance: random.Random, files: Files) -> None:
    """Put a shipped target into the workspace, perhaps with a mistake or under another name."""
    source = chance.choice(["kserve", "gateway-api"])
    name = chance.choice([source, source, "own"])
    for file in resources.names(f"templates/{source}"):
        text = resources.read(f"templates/{source}/{file}").decode()
        edits = [
            text,
            text + "# x\n",
            text.replace("name", "nome", 1),
            text.replace("owns: workloads", "owns: traffic"),
        ]
        files[f"{PREFIX}/templates/{name}/{file}"] = chance.choice(edits)
    path = _pick(chance, files, _R)
    if path is not None and name == "own":
        files[path] = files[path].replace(f"type: {source}", "type: own")


_R = rf"{PREFIX}/rollouts/[^/]*"
_ALL = r"envs/[^/]*/(rollouts|components|incidents)/[^/]*"
_RESOLVED = (
    "status: resolved\n  verdict: cleared\n  reproduced: {environment: staging}\n  rootCause: x\n  resolution: y"
)
CHANGES: tuple[Change, ...] = (
    _replace(_R, ("hold: 15m", "hold: 20m"), ("5%", "6%"), ("tier: standard", "tier: critical")),
    _replace(
        _R, ("stage: canary", "stage: full"), ('candidate: "4"', 'candidate: "2"'), ('stable: "3"', 'stable: "4"')
    ),
    _replace(_R, ('\n    candidate: "4"\n    stage: canary', ""), ("knownGood: .*", 'knownGood: ["1"]')),
    _replace(
        _R, ("host: .*", "host: fraud.ml.svc"), ("host: .*", "host: new.svc  # rollout-spec: ignore[one-owner] so")
    ),
    _replace(_R, ("(    host: .*)", r"\1  # rollout-spec: ignore[one-owner] agreed"), ("name: edge", "name: other")),
    _replace(_R, ('event: "1.0"', 'event: "1.1"'), ('event: "1.0"', 'event: ">=1"'), ('engine: "1"', 'engine: "2"')),
    _replace(_R, ('profile: "1"', 'profile: "2"'), ('profile: "1"', 'gone: "1"'), ('device: "1"', 'engine: ">=1"')),
    _replace(
        _R,
        ('"4": {', '"v3": {'),
        ('"4": {', '"2-3": {'),
        ("namespace: ml", "namespace: other"),
        ("    - {type: kserve}\n", ""),
    ),
    _replace(_ALL, ("spec:", "spec: ["), ("kind", "kinds"), (": ", ":\t")),
    _replace(rf"{OTHER}/rollouts/[^/]*", ('stable: "3"', 'stable: "4"'), ("spec:", "spec: ["), ("s3://", "gs://")),
    _replace(
        rf"{PREFIX}/components/[^/]*", (r"serving: \[.*?\]", 'serving: ["1"]'), (r"serving: \[.*?\]", 'serving: ["2"]')
    ),
    _replace(
        rf"{PREFIX}/components/[^/]*",
        ("exclusive: true", "exclusive: false"),
        ("type: feature", "type: feature, exclusive: true"),
    ),
    _replace(
        rf"{PREFIX}/components/[^/]*",
        ("contracts/event/", "contracts/"),
        ("type: feature", 'type: schema, contract: "src/{version}.json"'),
    ),
    _replace(rf"{PREFIX}/contracts/.*", ('"amount"', '"amount", "currency"'), ("object", "obj"), ("{", "[")),
    _replace(rf"{PREFIX}/incidents/[^/]*", ("status: open", _RESOLVED), ("rollout: .*", "rollout: churn")),
    _remove(_R),
    _remove(rf"{PREFIX}/(components|incidents|contracts)/.*"),
    _remove(rf"{PREFIX}/(manifests|alerts)/.*"),
    _remove(rf"{OTHER}/.*"),
    _rename,
    _copy,
    _copy,
    _incident,
    _incident,
    _manifest,
    _render,
    _render,
    _workspace,
    _link,
    _escape,
    _block,
    _pin,
    _template,
    _replace(
        rf"{PREFIX}/components/[^/]*",
        ("type: feature, serving.*\\]", 'type: feature, exclusive: true, serving: ["2"]'),
        ("type: feature,", "type: feature, exclusive: true,"),
    ),
)


def changed(chance: random.Random, files: Files, most: int) -> Files:
    """Return the files after some changes."""
    files = dict(files)
    for _ in range(chance.randint(0, most)):
        chance.choice(CHANGES)(chance, files)
    return files
