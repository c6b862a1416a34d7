"""A file has the name of its object, and lies in the folder of its kind.

Objects are found by name: the components of a rollout, the incidents of a version, the file that a rollback edits. A
file under another name would not be read, or would be read by mistake.

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

from rollout_spec.checks.policies import pack_paths
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
    """Compare ``metadata.name`` with the file's name, and the folder with the kind."""
    file, name = subject.file, subject.model.metadata.name
    if file.kind == "Workspace":
        if file.path != WORKSPACE_FILE:
            yield Problem((), f"a Workspace must be the file {WORKSPACE_FILE}, not {file.path}", span=WHOLE_FILE)
        return
    folder, _, rest = file.path.partition("/")
    home = next(folder for folder, kind in FOLDERS.items() if kind == file.kind)
    is_named_pack = file.kind == "PolicyPack" and file.path in pack_paths(subject.repository)  # in any folder
    if not is_named_pack and (folder != home or "/" in rest or not rest.endswith(".yaml")):
        yield Problem(
            (),
            f"{file.path} is not read: a {file.kind} must be a file {home}/<name>.yaml",
            f"move it to {home}/{name}.yaml",
            span=WHOLE_FILE,
        )
    elif name != file.stem:
        yield Problem(
            ("metadata", "name"),
            f"the name is `{name}`, but the file is {file.stem}.yaml",
            f"rename one of them: {home}/{name}.yaml, or `name: {file.stem}`",
        )
    elif file.kind == "Incident":
        spec = subject.model.spec
        expected_name = f"{spec.rollout}-{label(spec.failed_version)}"
        if not name.startswith(expected_name) or not _COUNT.fullmatch(name.removeprefix(expected_name)):
            expected = f"expected `{expected_name}`, then `{expected_name}-2`"
            message = f"`{name}` is not the name of an incident of {spec.rollout} {spec.failed_version}: {expected}"
            yield Problem(("metadata", "name"), message)
