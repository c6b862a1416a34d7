"""The address of a server: a scheme, a host, a port and a path, without secrets."""

from __future__ import annotations

import re

from pydantic_core import PydanticCustomError

_SERVER = r"(?!.*[?#])https?://([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?(/[!-~]*)?"


def check_server_address(url: str, example: str) -> None:
    """Refuse a ``url`` with a user, a query or an invalid host, with the example of a valid one."""
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise PydanticCustomError(
            "secret_value", "a secret must not be written in this file: remove it from the address", {"at": "url"}
        )
    match = re.fullmatch(_SERVER, url)
    if match is None or not 0 < int(match["port"] or 1) < 65536:
        message = f"expected a host, with its port and path if needed: `{example}`"
        raise PydanticCustomError("misspelled", "{message}", {"message": message, "at": "url"})
