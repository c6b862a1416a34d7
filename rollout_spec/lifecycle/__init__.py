"""A rollout and a step in, edits and words out: what a person does to ``live``, one reviewed commit at a time.

``steps`` decides what becomes of the file, ``first`` writes that of a new rollout, ``hold`` says whether a stage was
held long enough, ``proof`` what the step would bring, and ``words`` writes the commit and the pull request. No git, no
network, no clock.
"""

from __future__ import annotations

from rollout_spec.lifecycle.hold import Held, entry, held, needs_hold
from rollout_spec.lifecycle.steps import STEPS, Request, Taken, rendered, take

__all__ = ["STEPS", "Held", "Request", "Taken", "entry", "held", "needs_hold", "rendered", "take"]
