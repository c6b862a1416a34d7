"""Draw the packages of rollout_spec and the imports between them, read from the code."""

from __future__ import annotations

import ast
import textwrap
import tomllib
from dataclasses import dataclass
from html import escape

import folders
import grimp

ROOT = folders.CHECKOUT
PACKAGE = ROOT / "rollout_spec"
WIDTH, BOX_HEIGHT, GAP, MARGIN, LANE = 960, 88, 40, 20, 30
STYLE = """
    text { font: 13px sans-serif; fill: #1b1f24; }
    .name { font-weight: bold; font-size: 15px; }
    .count { fill: #57606a; font-size: 12px; }
    rect { fill: #f3f6fa; stroke: #4a6785; rx: 6; }
    .impure { fill: #fdf3e3; stroke: #a9762a; }
    path { stroke: #57606a; fill: none; marker-end: url(#head); }
"""
IMPURE = {"cli", "service", "workflows", "integrations", "workspace"}
"""Packages that use the disk, git, the network or the clock."""


@dataclass(frozen=True)
class Box:
    """One package in the picture; ``x`` and ``y`` are its upper left corner in pixels."""

    name: str
    purpose: str
    modules: int
    x: float
    y: float
    width: float


def levels() -> list[list[str]]:
    """Return the packages of each level as pyproject.toml has them, the highest first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    rows = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [row.split(" | ") for row in rows if row != "__main__"]


def imports() -> dict[str, set[str]]:
    """Return the other packages that each package imports directly."""
    graph = grimp.build_graph("rollout_spec")
    found: dict[str, set[str]] = {name: set() for row in levels() for name in row}
    for module in graph.modules:
        importer = module.split(".")[1:2]
        for imported in graph.find_modules_directly_imported_by(module):
            other = imported.split(".")[1:2]
            if importer and other and importer != other and importer[0] in found and other[0] in found:
                found[importer[0]].add(other[0])
    return found


def without_shortcuts(edges: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Return the edges that no longer way replaces: an arrow down implies all that is below its end."""

    def below(name: str) -> set[str]:
        return edges[name].union(*(below(each) for each in edges[name]))

    return sorted(
        (upper, lower)
        for upper, lowers in edges.items()
        for lower in lowers
        if not any(lower in below(other) for other in lowers - {lower})
    )


def boxes() -> dict[str, Box]:
    """Place the packages, one row for each level."""
    found = {}
    for number, row in enumerate(levels()):
        width = (WIDTH - 2 * MARGIN - LANE - (len(row) - 1) * GAP) / len(row)
        for column, name in enumerate(row):
            folder = PACKAGE / name
            docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))) or ""
            modules = sum(path.name != "__init__.py" for path in folder.rglob("*.py"))
            x, y = MARGIN + column * (width + GAP), MARGIN + number * (BOX_HEIGHT + GAP)
            found[name] = Box(name, docstring.split("\n")[0].replace("``", ""), modules, x, y, width)
    return found


def draw() -> str:
    """Return the picture as SVG."""
    placed = boxes()
    height = 2 * MARGIN + len(levels()) * (BOX_HEIGHT + GAP) - GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        "  <title>The packages of rollout_spec: each imports only from those below it</title>",
        f"  <style>{STYLE}  </style>",
        '  <defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">',
        '    <path d="M0,0 L8,4 L0,8 z" style="fill: #57606a; stroke: none; marker-end: none"/></marker></defs>',
        f'  <rect width="{WIDTH}" height="{height}" style="fill: white; stroke: none"/>',
        *(_arrow(placed[upper], placed[lower]) for upper, lower in without_shortcuts(imports())),
        *(line for box in placed.values() for line in _drawn(box)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _arrow(upper: Box, lower: Box) -> str:
    """Draw an arrow down to the next level, or by the lane at the right past other levels."""
    if lower.y - upper.y > BOX_HEIGHT + GAP:
        start, end = upper.x + upper.width, lower.x + lower.width
        y1, y2 = upper.y + BOX_HEIGHT / 2, lower.y + BOX_HEIGHT / 2
        return f'  <path d="M{start:.0f},{y1:.0f} H{WIDTH - MARGIN} V{y2:.0f} H{end + 2:.0f}"/>'
    start, end = upper.x + upper.width / 2, lower.x + lower.width / 2
    at = min(max(start, lower.x + 24), lower.x + lower.width - 24)
    end = at if lower.width > upper.width else end
    y1, y2 = upper.y + BOX_HEIGHT, lower.y
    middle = y2 - GAP / 2
    return f'  <path d="M{start:.0f},{y1} L{start:.0f},{middle:.0f} L{end:.0f},{y2 - 2:.0f}"/>'


def _drawn(box: Box) -> list[str]:
    characters = int((box.width - 24) / 6.6)
    purpose = textwrap.wrap(box.purpose, characters)[:3]
    kind = ' class="impure"' if box.name in IMPURE else ""
    return [
        f'  <rect x="{box.x:.0f}" y="{box.y}" width="{box.width:.0f}" height="{BOX_HEIGHT}"{kind}/>',
        f'  <text class="name" x="{box.x + 12:.0f}" y="{box.y + 23}">{box.name}/</text>',
        f'  <text class="count" x="{box.x + box.width - 12:.0f}" y="{box.y + 23}" text-anchor="end">'
        f"{box.modules} modules</text>",
        *(
            f'  <text x="{box.x + 12:.0f}" y="{box.y + 45 + 17 * number}">{escape(line)}</text>'
            for number, line in enumerate(purpose)
        ),
    ]
