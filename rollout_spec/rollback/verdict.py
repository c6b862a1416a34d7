"""Every verdict says which guard decided: whoever reads it at night must know why nothing, or so much, was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Action = Literal["act", "draft", "notify", "ignore"]


@dataclass(frozen=True)
class Reason:
    """Why a guard does not let a rollback pass; ``guard`` is its name in the documentation (docs/rollback.md)."""

    guard: str
    message: str

    def __str__(self) -> str:
        return f"{self.message} [{self.guard}]"


@dataclass(frozen=True)
class GuardVerdict:
    """How far a breach may go by itself.

    ``act``: a pull request, which merges itself where ``arm``. ``draft``: a pull request that a person must look at.
    ``notify``: it is told, and nothing that moves traffic is pushed. ``ignore``: there is nothing to take back.
    ``held`` are the guards that would have held an automatic rollback, if a person ordered this one.
    """

    action: Action
    reasons: tuple[Reason, ...] = ()
    auto_merge: bool = False
    held: tuple[Reason, ...] = ()

    @property
    def summary(self) -> str:
        """Why, in one line."""
        if self.held and not self.reasons:
            return f"a person ordered it{self._armed}"
        return "; ".join(reason.message for reason in self.reasons) or f"every guard holds{self._armed}"

    @property
    def _armed(self) -> str:
        return ", and it merges itself" if self.auto_merge else ""

    @property
    def would_hold(self) -> str:
        """The guards that would have held an automatic rollback, in one line; empty if none would."""
        return "; ".join(map(str, self.held))

    @property
    def text(self) -> str:
        """The verdict in one line, with the guards that decided."""
        return f"{self.action}: " + ("; ".join(map(str, self.reasons)) or self.summary)
