"""What is missing for a rollback is found by day: git, the remote, the token, the rules of the branch, the clock.

Nothing is changed anywhere. Each module has the checks of one thing; ``examination`` has their order.
"""

from rollout_spec.doctor.verdict import Check, Verdict

__all__ = ["Check", "Verdict"]
