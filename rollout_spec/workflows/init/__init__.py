"""A new rollout repository in a folder, beside the files that are there.

Start with ``plan``, which compares the wanted files with the folder. ``choices`` are the supported values of the flags,
``contents`` writes the files of a choice, ``installation`` finds a source from which CI can install this tool.
"""

from __future__ import annotations

from rollout_spec.workflows.init.choices import Choices
from rollout_spec.workflows.init.plan import NewRepository, create_repository

__all__ = ["Choices", "NewRepository", "create_repository"]
