"""The page about the architecture shows the code as it is."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import architecture
import folders

PICTURE = folders.CHECKOUT / "docs" / "architecture.svg"
UNIT_TESTS = folders.CHECKOUT / "tests" / "unit"


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
    assert {("cli", "service"), ("service", "workflows")} <= set(edges)
    assert [(upper, lower) for upper, lower in edges if order.index(upper) >= order.index(lower)] == []


def is_marked_system(path: Path) -> bool:
    """Return whether a file of tests has the mark ``system``."""
    text = path.read_text("utf-8")
    nodes = ast.walk(ast.parse(text)) if "system" in text else ()
    return any(isinstance(node, ast.Attribute) and ast.unparse(node) == "pytest.mark.system" for node in nodes)


def test_unit_tests_start_no_other_program() -> None:
    assert [path.relative_to(UNIT_TESTS) for path in sorted(UNIT_TESTS.rglob("*.py")) if is_marked_system(path)] == []


def test_the_mark_of_a_file_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "test_git.py"
    for text in ("pytestmark = pytest.mark.system", "@pytest.mark.system\ndef test_git(): ..."):
        path.write_text(text, "utf-8")
        assert is_marked_system(path), text
    path.write_text("import system  # pytest.mark.system", "utf-8")
    assert not is_marked_system(path)
