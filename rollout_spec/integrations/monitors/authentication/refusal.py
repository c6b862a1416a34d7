"""The error of a request that is not authenticated."""

from __future__ import annotations

from rollout_spec.core.errors import UserError


class RefusedError(UserError):
    """A request without the evidence of its monitor. The message is for the log, not for the sender."""
