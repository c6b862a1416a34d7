"""Settings and variables that every git process is started with: no hook, prompt or foreign repository has a say."""

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
    "LC_ALL": "C",
}
_SHOWN = "ROLLOUT_SPEC_GIT_PASSWORD"  # the variable, and not what it holds


def command_line(words: Sequence[str]) -> list[str]:
    return ["git", *(word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")), *words]


def repository_environment(root: Path, folder: Path) -> dict[str, str]:
    """Return what a hook's environment may say of another repository, as it is for this one.

    GitPython takes no variable out of the environment, so that those which are there are set right.
    """
    shared = folder / "commondir"
    common = (folder / shared.read_text("utf-8").strip()).resolve() if shared.is_file() else folder
    return {
        "GIT_DIR": str(folder),
        "GIT_COMMON_DIR": str(common),
        "GIT_WORK_TREE": str(root),
        "GIT_INDEX_FILE": str(folder / "index"),
        "GIT_OBJECT_DIRECTORY": str(common / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": "",
        "GIT_SHALLOW_FILE": str(common / "shallow"),
        "GIT_GRAFT_FILE": os.devnull,
        "GIT_NAMESPACE": "",
        "GIT_PREFIX": "",
    }


def credential_environment(url: str, user: str, password: str) -> dict[str, str]:
    """Return the variables by which git shows a password to one host: a scheme with a host, and nothing behind it.

    Git asks a helper, whose text names the variable and holds no secret, so that the password is in no process list, no
    URL and no file; the empty helper before it keeps the owner's own from storing it.
    """
    first = int(count) if (count := os.environ.get("GIT_CONFIG_COUNT", "")).isdigit() else 0
    helper = f'!f() {{ test "$1" = get && printf "username=%s\\npassword=%s\\n" {user} "${_SHOWN}"; }}; f'
    told = {"GIT_CONFIG_COUNT": str(first + 2), _SHOWN: password, "GIT_TRACE_REDACT": "1"}
    for number, value in enumerate(("", helper), first):
        told |= {f"GIT_CONFIG_KEY_{number}": f"credential.{url}.helper", f"GIT_CONFIG_VALUE_{number}": value}
    return told
