"""A file bears the name of what it holds, in the folder of its kind.

Everything here is found by name: a rollout's components, a version's incidents, the file that a rollback edits. A file
under another name would be read by nobody, or by mistake.

Fails::

    # rollouts/fraud.yaml
    metadata: {name: churn}

Passes::

    # rollouts/fraud.yaml
    metadata: {name: fraud}
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import WHOLE_FILE, Problem
from rollout_spec.core.units import label
from rollout_spec.spec.kinds import FOLDERS, WORKSPACE_FILE
from rollout_spec.spec.kinds import KINDS as ALL_KINDS

KINDS = frozenset(ALL_KINDS)
NEEDS = ""
UNCONDITIONAL = True

_COUNT = re.compile(r"(-([2-9]|[1-9][0-9]+))?")


def check(subject: Subject) -> Iterator[Problem]:
    """Compare ``metadata.name`` with the file's name, and the file's place with its kind."""
    file, name = subject.file, subject.model.metadata.name
    if file.kind == "Workspace":
        if file.path != WORKSPACE_FILE:
            yield Problem((), f"a Workspace is the file {WORKSPACE_FILE}, and this is {file.path}", span=WHOLE_FILE)
        return
    folder, _, rest = file.path.partition("/")
    home = next(folder for folder, kind in FOLDERS.items() if kind == file.kind)
    if file.path not in _listed(subject) and (folder != home or "/" in rest or not rest.endswith(".yaml")):
        yield Problem(
            (),
            f"a {file.kind} is a file {home}/<name>.yaml, and nobody reads {file.path}",
            f"move it to {home}/{name}.yaml",
            span=WHOLE_FILE,
        )
    elif name != file.stem:
        yield Problem(
            ("metadata", "name"),
            f"this is `{name}`, and its file is {file.stem}.yaml",
            f"rename one of them: {home}/{name}.yaml, or `name: {file.stem}`",
        )
    elif file.kind == "Incident":
        spec = subject.model.spec
        wanted = f"{spec.rollout}-{label(spec.failed_version)}"
        if not name.startswith(wanted) or not _COUNT.fullmatch(name.removeprefix(wanted)):
            words = f"an incident of {spec.rollout} {spec.failed_version} is called `{wanted}`, then `{wanted}-2`"
            yield Problem(("metadata", "name"), f"{words}, not `{name}`")


def _listed(subject: Subject) -> list[str]:
    """Return what the workspace lists by name or path: its policy packs may lie anywhere."""
    settings = subject.repository.settings
    return list(settings.policies) if subject.file.kind == "PolicyPack" and settings else []
