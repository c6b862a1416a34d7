"""Pages name modules, classes and folders that exist, so that a rename reaches them."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache

import folders
import pytest

ROOT = folders.CHECKOUT
PACKAGE = ROOT / "rollout_spec"
PAGES = ("CONTRIBUTING.md", "docs/architecture.md", "docs/glossary.md")
FOLDERS = (ROOT, PACKAGE, ROOT / "examples/acme-models")
OUTSIDE = {"crds/", "tools/crd-server"}
"""Paths below ``ROLLOUT_SPEC_ORACLES``."""
PATH = re.compile(r"[\w.<>*-]+(?:/[\w.<>*-]+)*/?")
DOTTED = re.compile(r"rollout_spec(?:\.\w+)+")


def spans(page: str) -> set[str]:
    """Return the texts between backticks on a page."""
    text = (ROOT / page).read_text("utf-8")
    return set(re.findall(r"`([^`\n]+)`", text))


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Give the statements below a node. Expressions are not searched, as they define nothing."""
    for name in ("body", "orelse", "handlers", "finalbody", "cases"):
        for child in getattr(node, name, ()):
            yield child
            yield from statements(child)


@cache
def definitions() -> frozenset[str]:
    """Return the names of all classes, functions and constants of the package."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in statements(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.Assign):
                found.update(target.id for target in node.targets if isinstance(target, ast.Name))
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.add(node.target.id)
    return frozenset(found)


def is_path(span: str) -> bool:
    """Return whether a span names a file or folder; a placeholder such as ``<name>`` stands for any."""
    return PATH.fullmatch(span) is not None and ("/" in span or span.endswith((".py", ".md", ".toml")))


def exists(span: str) -> bool:
    """Return whether a path lies in the project or in its package; a module may lack its ending."""
    pattern = re.sub(r"<\w+>", "*", span.rstrip("/"))
    names = (pattern, f"{pattern}.py")
    return any(any(folder.glob(name)) for folder in FOLDERS for name in names)


@pytest.mark.parametrize("page", PAGES)
def test_paths_on_a_page_exist(page: str) -> None:
    assert sorted(span for span in spans(page) if is_path(span) and span not in OUTSIDE and not exists(span)) == []


@pytest.mark.parametrize("page", PAGES)
def test_classes_and_constants_on_a_page_exist(page: str) -> None:
    named = {span for span in spans(page) if re.fullmatch(r"(?:[A-Z]+[a-z]+)+|[A-Z]+(?:_[A-Z]+)*", span)}
    variables = {name for name in named if name.startswith("ROLLOUT_SPEC_")}
    assert sorted(named - definitions() - variables) == []


@pytest.mark.parametrize("page", PAGES)
def test_dotted_names_on_a_page_are_modules(page: str) -> None:
    for name in DOTTED.findall((ROOT / page).read_text("utf-8")):
        parts = name.split(".")
        assert ROOT.joinpath(*parts).is_dir() or ROOT.joinpath(*parts).with_suffix(".py").is_file(), name


def test_every_package_is_on_both_pages_and_every_term_is_in_the_glossary_once() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    rows = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    packages = {f"{name}/" for row in rows for name in row.split(" | ") if name != "__main__"}
    assert packages <= spans("CONTRIBUTING.md")
    terms = re.findall(r"\*\*([\w, -]+?)\*\*", (ROOT / "docs/glossary.md").read_text("utf-8"))
    assert len(terms) > 30
    assert len(terms) == len(set(terms))
