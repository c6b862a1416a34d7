"""The pause file, which stops all automation.

It is ``.rollout-spec-pause`` on the base, with a reason and an expiry.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from rollout_spec.spec.fields import Text
from rollout_spec.spec.model import Model
from rollout_spec.spec.workspace import Expiry, end_of


class PauseFile(Model):
    """The reason and the end of a pause."""

    reason: Text = Field(description="The reason of the pause.", examples=["the cluster is being moved, OPS-1181"])
    expires: Expiry = Field(description="The end of the pause: a date, through its end (UTC), or a time.")

    @property
    def ends(self) -> datetime:
        """The end of the pause, in UTC."""
        return end_of(self.expires)
