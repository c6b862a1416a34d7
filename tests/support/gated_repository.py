"""A repository whose commands run at a chosen time of the recorded traffic."""

from __future__ import annotations

from datetime import datetime, timedelta
from unittest import mock

from repo import NINE, Repo, Result, run


def behave(repo: Repo, name: str, address: str, *, mode: str = "auto-merge", promote: str = "auto") -> None:
    """Let the example be judged by the Prometheus at an address, where its traffic is that of a scenario."""
    repo.edit(".rollout-spec.yaml", "http://prometheus:9090", address)
    path = "rollouts/fraud.yaml"
    text = (repo.workspace / path).read_text("utf-8")
    begin, end = text.index("    - name: drift"), text.index("    - name: expert-spot-check")
    repo.write(path, text[:begin] + text[end:])
    repo.edit(path, "namespace: ml\n", f"namespace: {name}\n")
    repo.edit(path, "    merge: auto ", f"    promote: {promote}\n    merge: auto ")
    repo.edit(path, ", approval: manual}", "}")
    workspace = (repo.workspace / ".rollout-spec.yaml").read_text("utf-8")
    repo.write(".rollout-spec.yaml", workspace.replace("mode: pull-request ", f"mode: {mode} "))
    repo.render()


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
