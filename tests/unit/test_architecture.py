"""The page about the architecture shows the code as it is."""

from __future__ import annotations

import os

import architecture
import folders

PICTURE = folders.CHECKOUT / "docs" / "architecture.svg"


def test_the_picture_is_of_this_code() -> None:
    drawn = architecture.draw()
    if os.environ.get("ROLLOUT_SPEC_UPDATE") == "1":
        PICTURE.write_text(drawn, "utf-8")
    assert PICTURE.read_text("utf-8") == drawn, "ROLLOUT_SPEC_UPDATE=1 draws it anew"


def test_nothing_lies_loose_in_the_package() -> None:
    loose = {path.name for path in architecture.PACKAGE.iterdir() if path.suffix == ".py"}
    assert loose == {"__init__.py", "__main__.py"}


def test_every_package_says_what_it_is_for() -> None:
    for folder in architecture.PACKAGE.rglob("__init__.py"):
        text = folder.read_text("utf-8")
        assert text.startswith('"""'), folder


def test_every_arrow_points_down() -> None:
    order = [name for row in architecture.levels() for name in row]
    edges = architecture.without_shortcuts(architecture.imports())
    assert ("cli", "workflows") in edges
    assert [(upper, lower) for upper, lower in edges if order.index(upper) >= order.index(lower)] == []
