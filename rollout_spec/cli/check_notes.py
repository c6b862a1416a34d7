"""Lines about a check, beside its report: what was left out, and where the findings are explained."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from rollout_spec.checks.reporters import View
from rollout_spec.checks.reporters.base import documentation
from rollout_spec.cli import terminal
from rollout_spec.core.findings import Report, Skipped

_NEEDS = "this needs "
_UNLINKED = ("text", "github", "gitlab")
"""The formats without the addresses of explanations."""


def notes(report: Report) -> list[str]:
    """Return lines about skipped rules, rollouts that were not examined, and waivers."""
    return [*_skipped(report.skipped), *_unexamined(report.unexamined), *_waived(report)]


def explained(report: Report, report_format: str, view: View) -> Iterator[str]:
    """Yield a line with the explanation of the findings, if the format has no address of it."""
    has_links = report_format == "text" and terminal.links(sys.stdout)
    if not report.findings or report_format not in _UNLINKED or has_links:
        return
    rules = sorted({finding.name for finding in report.findings})
    page = next((page for rule in rules if (page := documentation(rule, view))), None)
    is_one = len(rules) == 1
    address = page if page is None or is_one else page.partition("#")[0]
    command = f"`rollout-spec explain {rules[0] if is_one else 'NAME'}`"
    yield f"why, with examples: {command}{f', or {address}' if address else ''}"


def _waived(report: Report) -> list[str]:
    return [
        f"waived until {each.until}: {each.finding.name} in {each.finding.file}: {each.reason}"
        for each in report.silenced
        if each.by == "waiver"
    ]


def _unexamined(rollouts: int) -> list[str]:
    if not rollouts:
        return []
    noun, them = ("rollout was", "it") if rollouts == 1 else ("rollouts were", "them")
    return [f"{rollouts:,} {noun} not examined: nothing that decides about {them} differs from the base"]


def _skipped(skipped: Sequence[Skipped]) -> list[str]:
    """Return at most one line: how many rules need what. The JSON report has their names."""
    names: dict[str, list[str]] = {}
    for each in skipped:
        names.setdefault(each.reason, []).append(each.name)
    parts = [_skipped_for(reason, rules, is_only=len(names) == 1) for reason, rules in names.items()]
    count = f"{len(skipped)} rules: " if len(parts) > 1 else ""
    return [f"skipped {count}{'; '.join(parts)}"] if parts else []


def _skipped_for(reason: str, rules: Sequence[str], *, is_only: bool) -> str:
    """Return the number of rules that need something, else their names with the reason."""
    if not reason.startswith(_NEEDS):
        return f"{', '.join(rules)}: {reason}"
    verb = "needs" if len(rules) == 1 else "need"
    noun = f" rule{'' if len(rules) == 1 else 's'} that" if is_only else ""
    return f"{len(rules)}{noun} {verb} {reason.removeprefix(_NEEDS)}"
