"""The files of a new repository: the shipped example, changed to fit the choices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rollout_spec.core import package_data as resources
from rollout_spec.core.yaml.format import block, inline
from rollout_spec.integrations.monitors import MONITORS
from rollout_spec.integrations.monitors.presets import PRESETS
from rollout_spec.render.drift import find_drift
from rollout_spec.spec.kinds import API_VERSION, MANIFESTS, OUTPUTS, WORKSPACE_FILE
from rollout_spec.workflows.init.choices import FORGES, Choices, is_kubernetes
from rollout_spec.workspace import scaffold
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay, Tree

HOOKS = ".pre-commit-config.yaml"
GITLAB = ".gitlab-ci.yml"
_ROLLOUT = "rollouts/fraud.yaml"
_EXAMPLE = ("rollouts/", "components/", *(f"{folder}/" for folder in OUTPUTS))
_GITHUB_WORKFLOWS = ".github/workflows/"
_GITLAB_JOBS = {".gitlab/rollout-spec.yml": "ci/gitlab.yml", ".gitlab/rollout-spec-drill.yml": "ci/gitlab-drill.yml"}
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "kserve": {"servingRuntime": "kserve-sklearnserver"},
    "gateway-api": {"gateway": {"name": "edge", "namespace": "gateways"}},
}
_AUTH: Mapping[str, Mapping[str, Any]] = {
    "grafana": {"hmac": {"env": "GRAFANA_KEY"}},
    "cloudevents": {"hmac": {"env": "CLOUDEVENTS_KEY"}, "style": "standard-webhooks"},
    "flagger": {"basic": {"user": "flagger", "password": {"env": "FLAGGER_PASSWORD"}}},
    "pagerduty": {"hmac": {"env": "PAGERDUTY_KEY"}},
}
_TOPIC = "arn:aws:sns:eu-west-1:123456789012:rollouts"


def is_example(path: str) -> bool:
    """Return whether a file belongs to the example rollout, which is written as a whole or not at all."""
    return path.startswith(_EXAMPLE)


def files_of(choices: Choices, name: str, prefix: str, below: Tree) -> dict[str, bytes]:
    """Return the files of a workspace by path, without those for the git root.

    ``prefix`` is its folder in the git repository, ``below`` are the files that are there.
    """
    settings = {WORKSPACE_FILE: _settings(choices, name).encode()}
    if choices.minimal:
        return settings
    files = {path: content for path, content in scaffold.files().items() if not _is_for_root(path)} | settings
    files = {path: content for path, content in files.items() if not path.startswith(tuple(OUTPUTS))}
    files[_ROLLOUT] = _with_targets(files[_ROLLOUT].decode(), choices).encode()
    if not any(is_kubernetes(target) for target in choices.targets):
        files = {path: content for path, content in files.items() if not path.startswith("deploy/")}
    folder = f"{prefix}/{MANIFESTS}" if prefix else MANIFESTS
    files |= {
        path: content.replace(b"manifests/", f"{folder}/".encode())
        for path, content in files.items()
        if path.startswith("deploy/")
    }
    repository = Repository(Overlay(below, files))
    drift = find_drift(repository.require_rollout("fraud"), repository)
    return dict(sorted((files | {each.path: each.wanted for each in drift if each.wanted is not None}).items()))


def files_of_root(choices: Choices, name: str, prefix: str) -> dict[str, bytes]:
    """Return the files for the root of a git repository: hooks and CI."""
    ci, files = choices.ci_or_default, {}
    if not choices.minimal:
        files[HOOKS] = _hooks(choices.requirement)
    if ci == "github":
        workflows = {path: content for path, content in scaffold.files().items() if path.startswith(_GITHUB_WORKFLOWS)}
        for path, content in workflows.items():
            own = path.replace("drill.", f"drill-{name}.") if prefix else path
            files[own] = _workflow(content.decode(), choices.requirement, prefix).encode()
    if ci == "gitlab":
        jobs = {path: resources.read(source).decode() for path, source in _GITLAB_JOBS.items()}
        files |= {path: _job(text, choices.requirement, prefix).encode() for path, text in jobs.items()}
        includes = "".join(f"  - local: {path}\n" for path in _GITLAB_JOBS)
        files[GITLAB] = f"include:\n{includes}".encode()
    return dict(sorted(files.items()))


def _is_for_root(path: str) -> bool:
    return path == HOOKS or path.startswith(_GITHUB_WORKFLOWS)


def _settings(choices: Choices, name: str) -> str:
    """Return the workspace file."""
    forge = {"type": FORGES[choices.forge], "repository": choices.repository, "baseUrl": choices.base_url}
    forge = {key: value for key, value in forge.items() if value is not None}
    service = _service(choices.monitor)
    if choices.minimal:
        lines = [f"apiVersion: {API_VERSION}", "kind: Workspace", *block({"metadata": {"name": name}}), "spec:"]
        return "\n".join([*lines, "  policies: [baseline]", f"  forge: {inline(forge)}", *service]) + "\n"
    text = resources.read(f"{scaffold.EXAMPLE}/{WORKSPACE_FILE}").decode()
    text = re.sub(r"(?m)^  name: .*$", lambda match: f"  name: {inline(name)}", text)
    if choices.forge != "local":
        text = re.sub(r"(?m)^  forge: .*$", lambda match: f"  forge: {inline(forge)}", text)
    return text + "".join(f"{line}\n" for line in service)


def _service(monitor: str) -> list[str]:
    """Return the lines that name a monitor for `rollout-spec serve`, if it needs settings."""
    if monitor not in MONITORS and monitor not in PRESETS:
        return []
    auth = _AUTH.get(monitor, {"bearer": {"env": f"{monitor.upper().replace('-', '_')}_TOKEN"}})
    settings: dict[str, Any] = {"type": "json", "preset": monitor} if monitor in PRESETS else {"type": monitor}
    settings |= {"topic": _TOPIC} if monitor == "cloudwatch" else {"auth": auth}  # SNS signs its messages
    return ["  service:", "    monitors:", f"      {monitor}: {inline(settings)}"]


def _with_targets(text: str, choices: Choices) -> str:
    """Return the example rollout with the chosen targets, and the metrics of their gateway."""
    head, key, tail = text.partition("\n  targets:")
    comment, _, lines = tail.partition("\n")
    known = {found[1]: line for line in lines.splitlines() if (found := re.search(r"type: ([a-z-]+)", line))}
    wanted = [known.get(target) or f"    - {inline(target_of(target))}" for target in choices.targets]
    if choices.gateway == "envoy":
        head = head.replace("metrics: istio", "metrics: envoy")
    return head + key + comment + "\n" + "".join(f"{line}\n" for line in wanted)


def target_of(name: str) -> dict[str, Any]:
    """Return a target with the options of the example."""
    return {"type": name, **_OPTIONS.get(name, {})}


def _hooks(requirement: str | None) -> bytes:
    """Return the configuration of pre-commit.

    It installs the hooks from a git repository if CI does, else it calls the ``rollout-spec`` on the PATH. pre-commit
    knows no folder of a repository, as in ``#subdirectory=tools``.
    """
    source = re.search(r" @ git\+(\S+)@([^@/#\s]+)$", requirement or "")
    if source is None:
        return resources.read(f"{scaffold.EXAMPLE}/{HOOKS}")
    return (
        "# Checks specs before they are committed: `pre-commit install` once.\n"
        'minimum_pre_commit_version: "3.2.0"\n'
        f"repos:\n  - repo: {inline(source[1], colons=True)}\n    rev: {inline(source[2])}\n    hooks:\n"
        "      - id: rollout-spec-check\n      - id: rollout-spec-check-all\n"
    ).encode()


def _workflow(text: str, requirement: str | None, prefix: str) -> str:
    """Return a workflow that installs a requirement, and drills one workspace."""
    if requirement is not None:
        lines = re.escape("          # What pip installs") + r".*\n" + r"          REQUIREMENT: .*"
        text = re.sub(lines, lambda match: f'          REQUIREMENT: "{requirement}"  # what pip installs', text)
    return text.replace('"$GITHUB_WORKSPACE" drill', f'"$GITHUB_WORKSPACE/{prefix}" drill') if prefix else text


def _job(text: str, requirement: str | None, prefix: str) -> str:
    """Return a job of GitLab, without its comment on how to include it from elsewhere."""
    _, name, job = text.partition("\nrollout-spec")
    job = name.lstrip() + job
    if requirement is not None:
        variable = f'ROLLOUT_SPEC_REQUIREMENT: "{requirement}"'
        job = re.sub(r'ROLLOUT_SPEC_REQUIREMENT: "".*', lambda match: variable, job)
    if prefix and job.startswith("rollout-spec-drill"):
        job = job.replace('ROLLOUT_SPEC_FOLDER: "."', f"ROLLOUT_SPEC_FOLDER: {inline(prefix)}")
    return f"# Written by `rollout-spec init`. Make a schedule on the default branch, for every night.\n{job}"
