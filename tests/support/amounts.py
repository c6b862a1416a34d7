"""How many examples the property tests try: a quarter, or all of them with `ROLLOUT_SPEC_THOROUGH=1`."""

from __future__ import annotations

import os

IS_THOROUGH = os.environ.get("ROLLOUT_SPEC_THOROUGH") == "1"


def examples(number: int) -> int:
    """Return how many of ``number`` examples are tried in this run."""
    return number if IS_THOROUGH else max(number // 4, 10)
