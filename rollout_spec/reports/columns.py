"""Tables of a limited width: the width of each column, and a row as a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rollout_spec.reports.short_values import cut


def fitted_widths(rows: Sequence[Sequence[str]], least: Sequence[int], width: int) -> list[int]:
    """Return the width of each column, so that a line fits.

    The column that is furthest above its ``least`` width loses a letter first.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    while sum(widths) + 2 * (len(widths) - 1) > width:
        widest = max(range(len(widths)), key=lambda index: widths[index] - least[index])
        if widths[widest] <= least[widest]:
            break
        widths[widest] -= 1
    return widths


def row_line(row: Sequence[str], widths: Sequence[int], colors: Mapping[int, str] | None = None) -> str:
    """Return a row as a printable line. ``colors`` are ANSI colors by column."""
    cells = []
    for index, (cell, width) in enumerate(zip(row, widths, strict=True)):
        padded = f"{cut(cell, width):<{width}}"
        cells.append(f"\x1b[{colors[index]}m{padded}\x1b[0m" if colors and index in colors else padded)
    return "  ".join(cells).rstrip()
