"""The JSON Schemas that are shipped."""

from __future__ import annotations

import re
from pathlib import Path

import folders

SCHEMAS = folders.CHECKOUT / "schemas"


def file_of(kind: str) -> Path:
    return SCHEMAS / (re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind).lower() + ".schema.json")
