"""Which tests judge a mutant: those about the module that it is in, and not all that happen to call it.

``make mutants`` loads this as a plugin of pytest. mutmut gives each mutant the tests that call the function which it
changes; that is most of them for what every check calls, and nearly all of them say nothing about it. Tests that are
left out can only make a mutant survive that they would have killed, never the other way round.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import Phase, settings

RULES = "rollout_spec.checks.rules."
CASES = "tests/unit/rollback/test_rollback_cases.py::test_a_case_is_answered_as_it_was"
NEAREST = {
    "rollout_spec.rollback.": (
        "tests/unit/rollback/test_breach_values.py",
        "tests/unit/rollback/test_guards.py",
        "tests/unit/rollback/test_pull_request_body.py",
        "tests/unit/workflows/test_rebuilding.py",
        CASES,
        "tests/test_trigger_guards.py",
        "tests/unit/rollback/test_triage.py",
    ),
    "rollout_spec.domain.history.": (CASES, "tests/test_history.py"),
    "rollout_spec.domain.traffic.": (CASES, "tests/unit/domain/test_traffic.py"),
    "rollout_spec.domain.transitions.": (CASES, "tests/unit/domain/test_traffic.py"),
    "rollout_spec.domain.pins.": (
        "tests/test_rollback_targets.py",
        CASES,
        *(f"[{rule}/" for rule in ("arms-coexist", "pins-served", "rollback-ready")),
    ),
    "rollout_spec.domain.quarantine.": (
        "tests/test_rollback_targets.py",
        CASES,
        *(f"[{rule}/" for rule in ("not-quarantined", "rollback-ready")),
    ),
    "rollout_spec.domain.rollback_targets.": (
        "tests/test_rollback_targets.py",
        CASES,
        *(f"[{rule}/" for rule in ("one-step", "pins-served", "rollback-ready")),
    ),
}
"""What the ids of tests contain that are about a module, by how the name of its mutants begins."""

# Failures need no small examples here, and each run must see the same ones.
settings.register_profile("mutants", derandomize=True, database=None, phases=(Phase.explicit, Phase.generate))
settings.load_profile("mutants")


def pytest_configure(config: pytest.Config) -> None:
    """Drop from the command line what is not about the mutant under test."""
    mutant = os.environ.get("MUTANT_UNDER_TEST", "")
    wanted = next((parts for start, parts in NEAREST.items() if mutant.startswith(start)), ())
    if mutant.startswith(RULES):
        wanted = (f"[{mutant.removeprefix(RULES).partition('.')[0].replace('_', '-')}/",)
    near = [test for test in config.args if any(part in test for part in wanted)]
    config.args[:] = near or config.args
