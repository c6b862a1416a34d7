"""A file of a log that is open, with errors for the user if the disk or the store fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from rollout_spec.core.errors import OUTSIDE, UserError, disk_error
from rollout_spec.core.text import escape, excerpt
from rollout_spec.integrations.storage import StoredFile, local_path, open_file


@contextmanager
def opened(file: StoredFile) -> Iterator[BinaryIO]:
    """Open a file. UserError if reading fails: a log that is read in part would be judged in part."""
    with open_file(file) as raw:
        try:
            yield raw
        except UserError:
            raise
        except Exception as error:  # each store raises errors of its own library
            if local_path(file.address) is None:
                message = f"cannot read {escape(file.address)}: {excerpt(str(error))}"
                raise UserError(message, status=OUTSIDE) from None
            if isinstance(error, OSError):
                raise disk_error(error, f"cannot read {escape(file.address)}") from None
            raise
