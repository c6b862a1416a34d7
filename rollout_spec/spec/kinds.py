"""A rollout repository holds five kinds of files, each kind in a folder of its own."""

from __future__ import annotations

API_VERSION = "rollout-spec/v1"
WORKSPACE_FILE = ".rollout-spec.yaml"

FOLDERS = {"rollouts": "ModelRollout", "components": "Component", "incidents": "Incident", "policies": "PolicyPack"}
"""Which kind each folder of a workspace holds."""

KINDS = ("ModelRollout", "Component", "Incident", "Workspace", "PolicyPack")
