"""When git is down a person applies the restored manifests by hand; the rollback is recorded as soon as it is back."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime

from rollout_spec.core.markdown import quoted
from rollout_spec.core.text import one_line
from rollout_spec.core.units import format_time
from rollout_spec.core.yaml.document import parse
from rollout_spec.render.renderer import Manifest, render
from rollout_spec.rollback import Rollback
from rollout_spec.workspace.repository import Repository

README = "README.md"


@dataclass(frozen=True)
class OfflineRollback:
    """A rollback to be done by hand: files by their path in the folder that is written, README aside.

    ``workloads`` and ``routes`` are applied in this order; ``others`` are no objects of Kubernetes.
    """

    rollback: Rollback
    files: dict[str, bytes]
    workloads: tuple[str, ...]
    routes: tuple[str, ...]
    other_files: tuple[str, ...]


def prepare(rollback: Rollback, repository: Repository) -> OfflineRollback:
    """Render all manifests of a rollout as they are after a rollback."""
    after = rollback.apply(repository)
    file = after.rollout(rollback.rollout)
    assert file is not None and file.model is not None
    manifests = render(file.model, after)
    objects = [each for each in manifests if _is_kubernetes(each)]
    serving = [each for each in objects if any(document.version for document in each.documents)]
    return OfflineRollback(
        rollback,
        {each.path: each.text.encode() for each in manifests},
        tuple(each.path for each in serving),
        tuple(each.path for each in objects if each not in serving),
        tuple(each.path for each in manifests if each not in objects),
    )


def _is_kubernetes(manifest: Manifest) -> bool:
    """Does every document of a manifest say what object it is?"""
    data = [parse(document.text.encode()).data for document in manifest.documents]
    return bool(data) and all(isinstance(each, dict) and "apiVersion" in each and "kind" in each for each in data)


def readme(found: list[OfflineRollback], source: str, now: datetime) -> str:
    """Return what a person does with the files, in Markdown. ``source`` says what they were made from."""
    moves = ", ".join(f"{each.rollback.rollout} {each.rollback.failed} -> {each.rollback.restored}" for each in found)
    parts = [
        f"# By hand: {moves}",
        f"Written on {format_time(now)}, from {source}. Nothing was pushed, and no cluster was asked. What was merged "
        "after that is not in here: look at the differences before you apply them.",
        _suspend(found),
        *(_apply(each) for each in found),
        _record(found),
        _resume(),
    ]
    return "\n\n".join(parts) + "\n"


def _suspend(found: list[OfflineRollback]) -> str:
    folders = ", ".join(f"`manifests/{each.rollback.rollout}/`" for each in found)
    return f"""## 1. Suspend the sync

Whatever syncs {folders} undoes what you apply, unless it is suspended first. `APP` and `NAME` are what applies that
folder; an application that is made by another one (an ApplicationSet, an app of apps) is put back by that one, so
suspend that too.

```sh
# Argo CD
argocd app set APP --sync-policy none
# Argo CD, without its server
kubectl -n argocd patch application APP --type merge -p '{{"spec": {{"syncPolicy": {{"automated": null}}}}}}'
# Flux
flux suspend kustomization NAME
```"""


def _apply(emergency: OfflineRollback) -> str:
    rollback = emergency.rollback
    lines = [f"## 2. Apply {rollback.rollout}", ""]
    lines += [f"Now: {rollback.before.text}. After this: {rollback.after.text}."]
    lines += [f"\n- {version} was passed over: {quoted(reason)}." for version, reason in rollback.skipped]
    lines += [
        f"\n- {each.component} is at {each.served} and {rollback.restored} needs {each.required}: switch it where it is "
        f"deployed, before traffic moves"
        f"{f'; {each.needed_by_text} it as it is' if each.is_blocked else ''}."
        for each in rollback.switches
    ]
    both = (*emergency.workloads, *emergency.routes)
    if both:
        lines += ["", "In this folder:", "", "```sh", f"kubectl diff {_files(both)}"]
        lines += (
            [f"kubectl apply {_files(emergency.workloads)}    # wait until it is ready"] if emergency.workloads else []
        )
        lines += [f"kubectl apply {_files(emergency.routes)}"] if emergency.routes else []
        lines += ["```"]
    lines += [f"\n`{path}` is no object of Kubernetes: put it where it is read." for path in emergency.other_files]
    return "\n".join(lines)


def _files(paths: tuple[str, ...]) -> str:
    return " ".join(f"-f {shlex.quote(path)}" for path in paths)


def _record(found: list[OfflineRollback]) -> str:
    commands = "\n".join(_command(each.rollback) for each in found)
    return f"""## 3. Record it, once git is back

Before the sync resumes. This opens the pull request, with the incident that keeps what failed from coming back; it
renders what was applied here, so that the sync finds nothing to change. Merge it.

```sh
{commands}
```"""


def _command(rollback: Rollback) -> str:
    breach = rollback.breach
    words = ["rollout-spec", "rollback", rollback.rollout, "--version", rollback.failed]
    words += ["--at", format_time(breach.observed_at), "--reason", one_line(breach.evidence.summary) or "done by hand"]
    return " ".join(map(shlex.quote, words))


def _resume() -> str:
    return """## 4. Resume the sync

Once that is merged:

```sh
# Argo CD; add --auto-prune and --self-heal where they were set
argocd app set APP --sync-policy automated
# Flux
flux resume kustomization NAME
```"""
