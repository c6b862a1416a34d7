"""The optional module `pyarrow`, which reads and writes Parquet."""

from __future__ import annotations

from typing import Any

from rollout_spec.core.errors import UserError

INSTALL = "pip install 'rollout-spec[replay]'"


def import_parquet(subject: str, hint: str = INSTALL) -> Any:
    """Return the module `pyarrow.parquet`. UserError if it is not installed.

    ``subject`` is what needs it, at the start of the message.
    """
    try:
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise UserError(f"{subject} needs the Python module `pyarrow`", hint=hint) from None
    return parquet
