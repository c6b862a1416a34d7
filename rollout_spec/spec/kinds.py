"""The kinds of files of a workspace, their folders, and the pause file."""

from __future__ import annotations

API_VERSION = "rollout-spec/v1"
WORKSPACE_FILE = ".rollout-spec.yaml"

FOLDERS = {"rollouts": "ModelRollout", "components": "Component", "incidents": "Incident", "policies": "PolicyPack"}
"""The kind of the files in each folder of a workspace."""

MANIFESTS, ALERTS = "manifests", "alerts"
OUTPUTS = (MANIFESTS, ALERTS)
"""The folders with rendered files: one folder for each rollout in ``manifests/``, and flat files in ``alerts/``."""

PAUSE_FILE = ".rollout-spec-pause"
PAUSE = "Pause"
"""The kind of the pause file. It has no ``kind`` field, because people write it in a hurry."""
PAUSE_HINT = "write `reason: …` and `expires: …`, each on its own line"

KINDS = ("ModelRollout", "Component", "Incident", "Workspace", "PolicyPack")


def is_pack_path(reference: str) -> bool:
    """Return whether a workspace names a policy pack by its path, and not a shipped one by its name."""
    return "/" in reference or reference.endswith(".yaml")
