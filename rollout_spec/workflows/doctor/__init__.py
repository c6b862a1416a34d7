"""Checks of everything that a rollback needs: git, remote, token, branch protection, clock.

Changes nothing. Start with ``runner``, which has the order; ``examination`` runs it on a workspace, and each other
module checks one thing.
"""

from rollout_spec.workflows.doctor.result import DoctorResult, DoctorVerdict

__all__ = ["DoctorResult", "DoctorVerdict"]
