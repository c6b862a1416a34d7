"""The verdict of the guards on a rollback, with the guards that decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Action = Literal["act", "draft", "notify", "ignore"]


@dataclass(frozen=True)
class Reason:
    """The reason of one guard. ``guard`` is its name in the documentation (docs/rollback.md)."""

    guard: str
    message: str

    def __str__(self) -> str:
        return f"{self.message} [{self.guard}]"


@dataclass(frozen=True)
class GuardVerdict:
    """The limits of automation for one breach.

    ``act``: a pull request, with auto-merge if ``auto_merge``. ``draft``: a pull request that a person must review.
    ``notify``: a report only; nothing that moves traffic is pushed. ``ignore``: there is nothing to roll back.
    ``held`` are the guards that would have held an automatic rollback, if a person ordered this one.
    """

    action: Action
    reasons: tuple[Reason, ...] = ()
    auto_merge: bool = False
    held: tuple[Reason, ...] = ()

    @property
    def summary(self) -> str:
        """The reasons in one line."""
        if self.held and not self.reasons:
            return f"a person ordered it{self._merge_text}"
        return "; ".join(reason.message for reason in self.reasons) or f"no guard objects{self._merge_text}"

    @property
    def _merge_text(self) -> str:
        return ", and it merges automatically" if self.auto_merge else ""

    @property
    def text(self) -> str:
        """The verdict in one line, with the guards that decided."""
        return f"{self.action}: " + ("; ".join(map(str, self.reasons)) or self.summary)
