"""The files for a rollback by hand while git is down: restored manifests, and a README with the steps."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime

from rollout_spec.core.markdown import quoted
from rollout_spec.core.text import one_line
from rollout_spec.core.units import format_time
from rollout_spec.render.renderer import render
from rollout_spec.rollback import Rollback
from rollout_spec.rollback.components import ComponentSwitch
from rollout_spec.workspace.repository import Repository

README = "README.md"


@dataclass(frozen=True)
class OfflineRollback:
    """A rollback by hand. ``files`` are by their paths in the folder that is written, without the README.

    ``workloads`` are applied before ``routes``. ``other_files`` are not Kubernetes objects.
    """

    rollback: Rollback
    files: dict[str, bytes]
    workloads: tuple[str, ...]
    routes: tuple[str, ...]
    other_files: tuple[str, ...]


def prepare(rollback: Rollback, repository: Repository) -> OfflineRollback:
    """Render all manifests of a rollout in their state after a rollback, without the kustomization."""
    after = rollback.apply(repository)
    file = after.rollout(rollback.rollout)
    assert file is not None and file.model is not None
    manifests = [manifest for manifest in render(file.model, after) if manifest.target is not None]
    objects = [manifest for manifest in manifests if manifest.kubernetes]
    workloads = [manifest for manifest in objects if any(document.version for document in manifest.documents)]
    return OfflineRollback(
        rollback,
        {manifest.path: manifest.text.encode() for manifest in manifests},
        tuple(manifest.path for manifest in workloads),
        tuple(manifest.path for manifest in objects if manifest not in workloads),
        tuple(manifest.path for manifest in manifests if manifest not in objects),
    )


def readme(offline: list[OfflineRollback], source: str, now: datetime) -> str:
    """Return the steps by hand, in Markdown. ``source`` is the state that the files were rendered from."""
    rollbacks = [bundle.rollback for bundle in offline]
    moves = ", ".join(f"{rollback.rollout} {rollback.failed} -> {rollback.restored}" for rollback in rollbacks)
    parts = [
        f"# Rollback by hand: {moves}",
        f"Written at {format_time(now)}, from {source}. Nothing was pushed, and no cluster was contacted. Later merges "
        "are not included: read the differences before you apply them.",
        _suspend(rollbacks),
        *map(_apply, offline),
        _record(rollbacks),
        _resume(),
    ]
    return "\n\n".join(parts) + "\n"


def _suspend(rollbacks: list[Rollback]) -> str:
    folders = ", ".join(f"`manifests/{rollback.rollout}/`" for rollback in rollbacks)
    return f"""## 1. Suspend the sync

The tool that syncs {folders} undoes your changes unless you suspend it first. `APP` and `NAME` are the application that
syncs that folder. If another one generates it (an ApplicationSet, an app of apps), suspend that one too.

```sh
# Argo CD
argocd app set APP --sync-policy none
# Argo CD, without its server
kubectl -n argocd patch application APP --type merge -p '{{"spec": {{"syncPolicy": {{"automated": null}}}}}}'
# Flux
flux suspend kustomization NAME
```"""


def _apply(offline: OfflineRollback) -> str:
    rollback = offline.rollback
    lines = [f"## 2. Apply {rollback.rollout}", ""]
    lines += [f"Now: {rollback.before.text}. After this: {rollback.after.text}."]
    lines += [f"\n- {version} was skipped: {quoted(reason)}." for version, reason in rollback.skipped]
    lines += [f"\n- {_switch_text(switch, rollback.restored)}" for switch in rollback.switches]
    both = (*offline.workloads, *offline.routes)
    if both:
        lines += ["", "In this folder:", "", "```sh", f"kubectl diff {_files(both)}"]
        if offline.workloads:
            lines.append(f"kubectl apply {_files(offline.workloads)}    # wait until it is ready")
        if offline.routes:
            lines.append(f"kubectl apply {_files(offline.routes)}")
        lines.append("```")
    lines += [f"\n`{path}` is not a Kubernetes object: copy it to its own tool." for path in offline.other_files]
    return "\n".join(lines)


def _switch_text(switch: ComponentSwitch, restored: str) -> str:
    text = (
        f"{switch.component} is at {switch.served}, but {restored} needs {switch.required}. Switch it where it is "
        "deployed, before traffic moves."
    )
    return f"{text} But {switch.needed_by_text} {switch.served}." if switch.is_blocked else text


def _files(paths: tuple[str, ...]) -> str:
    return " ".join(f"-f {shlex.quote(path)}" for path in paths)


def _record(rollbacks: list[Rollback]) -> str:
    commands = "\n".join(map(_command, rollbacks))
    return f"""## 3. Record it, once git is back

Do this before the sync resumes. It opens the pull request, with the incident that keeps the failed version from coming
back. It renders the manifests that you applied, so the sync finds no difference. Merge it.

```sh
{commands}
```"""


def _command(rollback: Rollback) -> str:
    breach = rollback.breach
    reason = one_line(breach.evidence.summary) or "done by hand"
    command = ["rollout-spec", "rollback", rollback.rollout, "--version", rollback.failed]
    command += ["--at", format_time(breach.observed_at), "--reason", reason]
    return " ".join(map(shlex.quote, command))


def _resume() -> str:
    return """## 4. Resume the sync

After the merge:

```sh
# Argo CD; add --auto-prune and --self-heal if they were set
argocd app set APP --sync-policy automated
# Flux
flux resume kustomization NAME
```"""
