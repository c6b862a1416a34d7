"""A repository whose commands run at a chosen time of the recorded traffic."""

from __future__ import annotations

from datetime import datetime, timedelta
from unittest import mock

from repo import NINE, Repo, Result, run


class Gated(Repo):
    """A repository whose commands run at a chosen time of the recorded traffic."""

    def command(self, *words: str, minutes: int = 40) -> Result:
        """Run a command some minutes after nine."""
        now = NINE + timedelta(minutes=minutes)

        def clock() -> datetime:
            return now

        names = ("commands.gate", "commands.reconcile", "step_options", "commands.rollback")
        patches = [mock.patch(f"rollout_spec.cli.{name}.clock", clock) for name in names]
        for each in patches:
            each.start()
        try:
            return run("--repo", str(self.workspace), *words)
        finally:
            for each in patches:
                each.stop()
