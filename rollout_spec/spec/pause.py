"""One file stops the automation: ``.rollout-spec-pause`` on the base, with a reason and an expiry."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from rollout_spec.spec.fields import Text
from rollout_spec.spec.model import Model
from rollout_spec.spec.workspace import Expiry, end_of


class PauseFile(Model):
    """Why no rollback is pushed, and until when."""

    reason: Text = Field(description="Why it is stopped.", examples=["the cluster is being moved, OPS-1181"])
    expires: Expiry = Field(description="When it goes on: after a date (its end, UTC), or at a time.")

    @property
    def ends(self) -> datetime:
        """The moment, in UTC, at which it holds no more."""
        return end_of(self.expires)
