"""Libraries of statistics that confirm our figures: scipy, statsmodels and scikit-learn."""

from __future__ import annotations

import warnings
from functools import cache
from importlib import import_module
from typing import Any

from real_servers import require


@cache
def _imported(name: str) -> Any | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # their own use of each other
        try:
            return import_module(name)
        except ImportError:
            return None


def oracle(name: str) -> Any:
    """Return a module such as ``scipy.stats``. Without it the test is skipped, or fails as `require` has it."""
    module = _imported(name)
    require(module, f"{name} is not installed")
    return module
