"""A rollout repository holds five kinds of files, each kind in a folder of its own, and perhaps one that pauses it."""

from __future__ import annotations

API_VERSION = "rollout-spec/v1"
WORKSPACE_FILE = ".rollout-spec.yaml"

FOLDERS = {"rollouts": "ModelRollout", "components": "Component", "incidents": "Incident", "policies": "PolicyPack"}
"""Which kind each folder of a workspace holds."""

PAUSE_FILE = ".rollout-spec-pause"
PAUSE = "Pause"
"""What that file holds: no kind that says its name, for it is written in a hurry."""
PAUSE_HINT = "write `reason: …` and `expires: …`, each on a line"

KINDS = ("ModelRollout", "Component", "Incident", "Workspace", "PolicyPack")


def is_pack_path(reference: str) -> bool:
    """Return whether a workspace names a policy pack by its path, and not a shipped one by its name."""
    return "/" in reference or reference.endswith(".yaml")
