"""The secrets that the settings name.

They are learned, so that no log line repeats them, and a missing one is reported before it is needed.
"""

from __future__ import annotations

from rollout_spec.core import redaction
from rollout_spec.integrations.forges import tokens
from rollout_spec.service.workspaces import Served, ServedWorkspace, monitors_of, settings_of
from rollout_spec.spec.secret import SecretPlace
from rollout_spec.workflows.monitors import secrets_of, unreadable_secret
from rollout_spec.workflows.secrets import read_available


def learn_tokens() -> None:
    """Learn the tokens of forges in the environment."""
    redaction.learn(*tokens())


def learn_secrets(workspace: ServedWorkspace) -> dict[str, str]:
    """Learn the secrets of a workspace's monitors and notifications.

    Return the reasons for those that cannot be read, by subject.
    """
    errors = {}
    for monitor in monitors_of(workspace):
        error = unreadable_secret(settings_of(workspace, monitor))
        if error is not None:
            errors[f"monitor {monitor} of {workspace.name}"] = error.message
    _, error = read_available(_places(workspace))
    if error is not None:
        errors[f"notifications of {workspace.name}"] = error.message
    return errors


def monitor_secrets(served: Served) -> frozenset[str]:
    """Return the secrets of all monitors of all workspaces."""
    settings = [settings_of(each, monitor) for each in served.workspaces.values() for monitor in monitors_of(each)]
    return frozenset(secret.strip() for each in settings for secret in secrets_of(each))


def _places(workspace: ServedWorkspace) -> list[SecretPlace]:
    """Return the places of the secrets of notifications."""
    service = workspace.settings.spec.service
    notifications = service.notify if service else []
    values = [getattr(each, name, None) for each in notifications for name in ("url", "bearer", "password")]
    return [value for value in values if isinstance(value, SecretPlace)]
