"""The digest of a folder: that of the list that ``sha256sum`` prints for its files.

``find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum`` prints the same digest in the folder.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

_ESCAPED = frozenset("\\\n\r")
"""Characters that ``sha256sum`` escapes in names, in ways that differ between its versions."""


def tree_digest(files: Mapping[str, str]) -> str:
    """Return the digest of a folder from the hex digests of its files by path.

    ValueError if a path has a character that ``sha256sum`` escapes.
    """
    lines = []
    for path, digest in files.items():
        if _ESCAPED & set(path):
            raise ValueError(f"the name {path!r} has a line end or a backslash")
        lines.append((os.fsencode(f"./{path}"), digest))
    content = b"".join(b"%s  %s\n" % (digest.encode(), path) for path, digest in sorted(lines))
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
