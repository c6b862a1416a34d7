"""Regular expressions of RE2, which Prometheus and CEL use: matching takes linear time."""

from __future__ import annotations

from rollout_spec.checks.policies import cel as engine


def problem(expression: str) -> str | None:
    """Return why a text is not a regular expression of RE2, or None if it is."""
    values = engine.bind({"rollout": expression, "workspace": ""})
    verdict = engine.compile("workspace.matches(rollout)").judge(values)
    return verdict.why.removeprefix("invalid regular expression: ") if isinstance(verdict, engine.Failed) else None
