"""A rollback is proven before it is needed: done in memory, from each state there can be, and its result checked.

``states`` says where a rollout can come to from where it stands, and ``verdict`` what a rollback from there is worth.
 No git, no network, no clock.
"""

from __future__ import annotations

from rollout_spec.drill.states import Reach
from rollout_spec.drill.verdict import Drilled, Verdict, drill

__all__ = ["Drilled", "Reach", "Verdict", "drill"]
