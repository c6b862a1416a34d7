"""Standard input of git processes: a temporary file, so that none waits for a pipe."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO, cast

from rollout_spec.core.errors import OUTSIDE, UserError, disk_error


@contextmanager
def standard_input(content: bytes | None) -> Iterator[BinaryIO | None]:
    """Open a temporary file with some content, None for none."""
    if content is None:
        yield None
        return
    with ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.TemporaryFile(buffering=0))
            rest = memoryview(content)
            while rest:
                rest = rest[file.write(rest) :]
            file.seek(0)
        except OSError as error:
            raise no_temporary_file(error) from None
        yield cast(BinaryIO, file)


def no_temporary_file(error: OSError) -> UserError:
    """Return the error for a folder of temporary files that cannot be written."""
    folder = tempfile.tempdir or os.environ.get("TMPDIR") or "the folder for temporary files"
    return disk_error(error, f"{folder} cannot be written", status=OUTSIDE)
