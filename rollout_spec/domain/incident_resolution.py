"""The end of an incident: the keys that it needs, the flags that write them, and the command."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rollout_spec.spec.incident import IncidentSpec

Verdict = Literal["bad", "cleared"]
VERDICTS: tuple[Verdict, ...] = ("cleared", "bad")
COMMAND = "rollout-spec incident"
FLAGS = {
    "reproduced": "--reproduced ENV=URL",
    "notReproduced": "--not-reproduced REASON",
    "rootCause": "--root-cause TEXT",
    "resolution": "--resolution TEXT",
}
"""The flag of `incident resolve` for each key."""


def missing_keys(spec: IncidentSpec, verdict: Verdict) -> tuple[str, ...]:
    """Return the keys that an incident needs before it can be resolved with a verdict.

    A blank text counts as none. So do the texts of an incident that was reopened: they explain another verdict.
    """
    if explains_another(spec, verdict):
        return ("reproduced", "rootCause", "resolution")
    is_reproduced = spec.reproduced is not None or (verdict == "cleared" and spec.not_reproduced is not None)
    given = {
        "reproduced": is_reproduced,
        "rootCause": bool((spec.root_cause or "").strip()),
        "resolution": bool((spec.resolution or "").strip()),
    }
    return tuple(key for key, is_given in given.items() if not is_given)


def explains_another(spec: IncidentSpec, verdict: Verdict) -> bool:
    """Return whether an incident has the other verdict, which a person has reopened."""
    return spec.verdict is not None and spec.verdict != verdict


def flags_for(keys: tuple[str, ...], verdict: Verdict) -> str:
    """Return the flags that write some keys, for a hint: ``--root-cause TEXT and --resolution TEXT``."""
    texts = []
    for key in keys:
        also = f" (or {FLAGS['notReproduced']})" if key == "reproduced" and verdict == "cleared" else ""
        texts.append(f"`{FLAGS[key]}`{also}")
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def resolve_command(name: str, spec: IncidentSpec, verdict: Verdict) -> tuple[str, ...]:
    """Return the command that resolves an incident: its beginning, and each missing flag."""
    flags = (FLAGS[key] for key in missing_keys(spec, verdict))
    return (f"{COMMAND} resolve {shlex.quote(name)} --{verdict}", *flags)
