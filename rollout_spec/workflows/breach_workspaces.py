"""The workspaces that breaches name: this one, or others of the git repository."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rollout_spec.core.breach import Breach
from rollout_spec.workspace.namesakes import others_named
from rollout_spec.workspace.repository import Repository


@dataclass(frozen=True)
class ForeignBreach:
    """A breach of another workspace than ``own``.

    ``is_known``: the git repository has a workspace of that name. If not, the workspace may have been renamed since the
    firing rules were rendered.
    """

    breach: Breach
    own: str
    is_known: bool

    @property
    def status(self) -> int:
        """The exit status: 1 if the breach gets no response anywhere."""
        return 0 if self.is_known else 1


def split_by_workspace(breaches: Iterable[Breach], repository: Repository) -> tuple[list[Breach], list[ForeignBreach]]:
    """Return the breaches of this workspace, and those of others. A breach may name no workspace."""
    own, ours, foreign = repository.workspace_name, list[Breach](), list[ForeignBreach]()
    for breach in breaches:
        if breach.workspace in (None, own):
            ours.append(breach)
        else:
            foreign.append(ForeignBreach(breach, own, bool(others_named(breach.workspace, repository))))
    return ours, foreign
