"""The table of classes: rows by logged and replayed class."""

from __future__ import annotations

from collections import Counter

from markupsafe import Markup

from rollout_spec.domain.divergence.report import OutputDivergence
from rollout_spec.reports.replay_html.markup import fill, join, short

_MOST_CLASSES = 12
_LONGEST_CLASS = 24


def class_table(output: OutputDivergence) -> Markup:
    """Return the rows of the most frequent classes, the logged class down and the replayed one across."""
    sizes: Counter[str] = Counter()
    cells: Counter[tuple[str, str]] = Counter()
    for pair in output.pairs:
        logged, replayed = pair.logged or "", pair.replayed or ""
        cells[logged, replayed] += pair.rows
        sizes[logged] += pair.rows
        sizes[replayed] += pair.rows
    names = _ordered([name for name, _ in sizes.most_common(_MOST_CLASSES)])
    largest = max((number for (one, other), number in cells.items() if one != other), default=0)
    head = join((fill('<th scope="col">{name}</th>', name=short(name, _LONGEST_CLASS)) for name in names), "")
    rows = []
    for logged in names:
        row = join((_cell(cells[logged, replayed], logged == replayed, largest) for replayed in names), "")
        title = short(logged, _LONGEST_CLASS)
        rows.append(fill('<tr><th scope="row">{title}</th>{row}</tr>', title=title, row=row))
    table = fill(
        '<div class="scroll"><table class="matrix"><thead><tr><th>logged ↓<br>replayed →</th>{head}</tr></thead>'
        "<tbody>{rows}</tbody></table></div>",
        head=head,
        rows=join(rows),
    )
    left_out = len(sizes) - len(names)
    if left_out or output.other_pairs:
        text = f"{left_out:,} rarer classes are left out" if left_out else f"{output.other_pairs:,} rows are left out"
        table += fill('<p class="soft">{text}</p>', text=text)
    return table


def _cell(number: int, is_same: bool, largest: int) -> Markup:
    if not number:
        return fill('<td class="none">·</td>')
    if is_same:
        return fill('<td class="same">{number:,}</td>', number=number)
    return fill('<td style="--part:{part:.3f}">{number:,}</td>', part=number / largest, number=number)


def _ordered(names: list[str]) -> list[str]:
    """Return classes by number if all are numbers, else by name."""
    if all(name.lstrip("-").isdecimal() and len(name) < 20 for name in names):
        return sorted(names, key=int)
    return sorted(names)
