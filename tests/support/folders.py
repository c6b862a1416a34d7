"""Folders of the checkout: the cases, the example and the rest."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parent.parent
CHECKOUT = TESTS.parent
CASES = TESTS / "cases"
EXAMPLE = CHECKOUT / "examples" / "acme-models"
