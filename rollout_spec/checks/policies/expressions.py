"""Regular expressions as Prometheus and CEL read them, in RE2: each ends in time, and many of Python's are none."""

from __future__ import annotations

from rollout_spec.checks.policies import cel as engine


def problem(expression: str) -> str | None:
    """Return why a text is no regular expression of RE2, or None if it is one."""
    values = engine.bind({"rollout": expression, "workspace": ""})
    verdict = engine.compile("workspace.matches(rollout)").judge(values)
    return verdict.why.removeprefix("invalid regular expression: ") if isinstance(verdict, engine.Failed) else None
