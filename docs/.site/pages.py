"""A hook of MkDocs: links out of ``docs/`` lead to the files of the repository, and the search has a name."""

from __future__ import annotations

import posixpath
import re
from typing import Any

_LINK = re.compile(r"\]\((\.\./[^)\s]+)\)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Replace links that leave the folder of the pages by the address of the file on the forge."""
    here = posixpath.dirname(f"docs/{page.file.src_uri}")

    def address(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(here, match[1]))
        return match[0] if path.startswith("docs/") else f"]({config.extra['repository']}{path})"

    return _LINK.sub(address, markdown)


def on_post_page(output: str, *, page: Any, config: Any) -> str:
    """Name the dialog of the search for screen readers, which the theme does not."""
    return output.replace('role="dialog"', 'role="dialog" aria-label="Search"', 1)
