"""Settings and environment variables of every git process.

No hook runs, nothing prompts, and variables of another repository have no effect.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.quotePath": "false",
    "core.splitIndex": "false",
    "push.gpgSign": "false",
    "push.followTags": "false",
    "push.recurseSubmodules": "no",
    "fetch.prune": "false",
    "fetch.recurseSubmodules": "false",
    "i18n.commitEncoding": "UTF-8",
    "i18n.logOutputEncoding": "UTF-8",
    "log.follow": "false",
    "log.showSignature": "false",
    "protocol.ext.allow": "never",
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "60",
    "gc.auto": "0",
    "color.ui": "false",
}
ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_GLOB_PATHSPECS": "0",
    "GIT_NOGLOB_PATHSPECS": "0",
    "GIT_ICASE_PATHSPECS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "LC_ALL": "C",
}
_SHOWN_BY = "ROLLOUT_SPEC_GIT_PASSWORD"  # the name of the variable, not its content


def command_line(arguments: Sequence[str]) -> list[str]:
    """Return the command line of git with our settings."""
    return ["git", *(word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")), *arguments]


def repository_environment(root: Path, folder: Path) -> dict[str, str]:
    """Return the variables that a hook may have set for another repository, with the values of this one.

    GitPython removes no variable from the environment, so each one that is set gets the right value.
    """
    commondir_file = folder / "commondir"
    common = (folder / commondir_file.read_text("utf-8").strip()).resolve() if commondir_file.is_file() else folder
    return {
        "GIT_DIR": str(folder),
        "GIT_COMMON_DIR": str(common),
        "GIT_WORK_TREE": str(root),
        "GIT_INDEX_FILE": str(folder / "index"),
        "GIT_OBJECT_DIRECTORY": str(common / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": "",
        "GIT_SHALLOW_FILE": str(common / "shallow"),
        "GIT_NAMESPACE": "",
        "GIT_PREFIX": "",
    }


def credential_environment(url: str, user: str, password: str) -> dict[str, str]:
    """Return the variables that let git send a password to one host. ``url`` is a scheme with a host.

    Git asks a helper. Its text names the variable and holds no secret, so the password is in no process list, URL or
    file. The empty helper before it keeps the owner's own helpers from storing the password. Git since 2.46 sends it
    with the first request, and needs no second one; older ones ignore that setting.
    """
    first = int(count) if (count := os.environ.get("GIT_CONFIG_COUNT", "")).isdecimal() else 0
    helper = f'!f() {{ test "$1" = get && printf "username=%s\\npassword=%s\\n" {user} "${_SHOWN_BY}"; }}; f'
    settings = [(f"credential.{url}.helper", ""), (f"credential.{url}.helper", helper)]
    if url.startswith("https://"):
        settings.append((f"http.{url}.proactiveAuth", "basic"))
    variables = {"GIT_CONFIG_COUNT": str(first + len(settings)), _SHOWN_BY: password, "GIT_TRACE_REDACT": "1"}
    for number, (name, value) in enumerate(settings, first):
        variables |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return variables
