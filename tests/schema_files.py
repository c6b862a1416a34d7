"""The JSON Schemas that are shipped."""

from __future__ import annotations

import re
from pathlib import Path

SCHEMAS = Path(__file__).parent.parent / "schemas"


def file_of(kind: str) -> Path:
    return SCHEMAS / (re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind).lower() + ".schema.json")
