"""The result of a replay in the evidence of its incident, in the working tree."""

from __future__ import annotations

from rollout_spec.core.errors import UserError
from rollout_spec.core.locks import Tell
from rollout_spec.core.yaml.entries import CannotEditError
from rollout_spec.workflows.checkout import open_checkout, retry_if_changed
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workspace.edits import with_replay


def write_evidence(incident: str, summary: str, here: WorkspaceLocation, tell: Tell) -> str:
    """Write the result into the incident's file, and return its path. Nothing is committed."""

    def attempt() -> str:
        repository = here.repository()
        file = repository.incident(incident)
        assert file is not None
        content = repository.tree.read(file.path)
        assert content is not None
        try:
            edited = with_replay(content, summary)
        except CannotEditError:
            message = f"{file.path} has a form that cannot be edited"
            raise UserError(message, hint=f"write `replay: {summary}` below its `evidence` by hand") from None
        with open_checkout(here.workspace, here.git_root, tell) as checkout:
            checkout.put(str((here.workspace / file.path).relative_to(checkout.root)), edited, content)
        return file.path

    return retry_if_changed(attempt)
