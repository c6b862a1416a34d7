"""Each module imports only from floors below its own: the floors are the architecture, and here they are held."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "rollout_spec"

# The modules and packages of rollout_spec by floor. Those of one floor do not import each other; where some may, in one
# direction, the floor has steps.
FLOORS: tuple[tuple[float, tuple[str, ...]], ...] = (
    (0, ("breach", "change", "errors", "finding", "resources", "scalars", "text", "units")),
    (0.5, ("budget", "confined", "decoding", "links")),
    (0.6, ("patterns",)),
    (1, ("contracts", "explanation", "fingerprint", "promql", "reading", "spec", "statistics", "unexpected")),
    (1.02, ("strictness",)),
    (1.05, ("document",)),
    (1.1, ("envelopes", "suppressions", "tree")),
    (1.15, ("options",)),
    (1.16, ("limits",)),
    (1.2, ("catalog", "watching")),
    (2, ("repository",)),
    (2.05, ("incidents",)),
    (2.1, ("traffic",)),
    (2.15, ("profiles",)),
    (2.2, ("eligibility", "metrics")),
    (2.3, ("callers",)),
    (2.4, ("known_good",)),
    (2.5, ("dependents",)),
    (2.9, ("entries",)),
    (3, ("policies", "spelling", "splice", "targets")),
    (3.1, ("edits",)),
    (4, ("rollback",)),
    (5, ("reporters", "rules")),
    (5.9, ("examination",)),
    (6, ("check", "documentation")),
    (6.5, ("regressions",)),
    (7, ("drill", "gate", "plan")),
    (7.1, ("lifecycle",)),
    (8, ("review",)),
    (8.4, ("interrupts", "locking", "processes")),
    (8.5, ("forges", "git", "inference_log", "monitors", "registry", "writing")),
    (8.6, ("journal",)),
    (8.7, ("changing",)),
    (9, ("landing", "local_merge", "location", "scaffold")),
    (9.01, ("newest",)),
    (9.02, ("heads",)),
    (9.04, ("delivery",)),
    (9.045, ("rebuilding",)),
    (9.05, ("precedents", "proof")),
    (9.055, ("superseding",)),
    (9.08, ("decisions",)),
    (9.1, ("doctor", "emergency", "response", "stepping")),
    (10, ("demo", "replay", "service")),
    (11, ("cli",)),
    (12, ("__main__",)),
)
FLOOR = {module: floor for floor, modules in FLOORS for module in modules}

# Who may import less than all that is below: only floors below this one, and the modules that are named.
LESS: dict[str, tuple[float, tuple[str, ...]]] = {
    "document": (1, ("reading", "strictness")),
    "strictness": (1, ("reading",)),
    "suppressions": (1, ("document", "reading")),
    "tree": (1, ("reading",)),
    "forges": (2, ()),
    "git": (2, ("locking",)),
    "interrupts": (0, ()),
    "journal": (2, ("writing",)),
    "locking": (0, ("errors",)),
    "processes": (0, ("confined",)),
    "inference_log": (2, ()),
    "monitors": (2, ()),
    "registry": (2, ()),
    "writing": (2, ("locking",)),
}

# Packages whose modules are siblings and never import each other, and the module in them that all may import.
SIBLINGS = {"reporters": "reporter", "rules": "subject"}


def on_disk() -> dict[str, str]:
    """Read the source of every module, by its dotted name without the package's own."""
    return {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").removesuffix("."): (
            path.read_text(encoding="utf-8")
        )
        for path in PACKAGE.rglob("*.py")
    }


def violations(modules: Mapping[str, str]) -> list[str]:
    """Say which imports go up or sideways; relative ones hide where they go, and count."""
    return [
        f"{module or '__init__'}, line {line}: imports {name}"
        for module, source in sorted(modules.items())
        for line, name in imports(source)
        if name.startswith(".") or not may(module, target(name, modules))
    ]


def imports(source: str) -> Iterator[tuple[int, str]]:
    """Give the line and the name of all that is imported from this package, wherever in the module that stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from ((node.lineno, name) for name in names if name.startswith(("rollout_spec.", ".")))


def target(name: str, modules: Mapping[str, str]) -> str:
    """Return the module that an imported name is, or lies in; empty for the package itself."""
    found = name.removeprefix("rollout_spec.")
    while found and found not in modules and found not in FLOOR:
        found = found.rpartition(".")[0]
    return found


def may(module: str, imported: str) -> bool:
    """Return whether one module may import another."""
    (own, _, mine), (other, _, theirs) = module.partition("."), imported.partition(".")
    if not imported:
        return True
    if own == other:
        return own not in SIBLINGS or not mine or theirs in ("", mine, SIBLINGS[own])
    ceiling, named = LESS.get(own, (FLOOR.get(own, -1), ()))
    return FLOOR.get(other, 99) < ceiling or other in named


def test_imports_go_down() -> None:
    assert violations(on_disk()) == []


def test_every_module_has_a_floor() -> None:
    assert {module.partition(".")[0] for module in on_disk()} - {""} - FLOOR.keys() == set()


@pytest.mark.parametrize(
    ("module", "source"),
    [
        pytest.param("finding", "from rollout_spec.document import Document", id="up"),
        pytest.param("finding", "from rollout_spec import document", id="up, as a name of the package"),
        pytest.param("finding", "import rollout_spec.document", id="up, by its whole name"),
        pytest.param("finding", "def f():\n    from rollout_spec import cli", id="up, in a function"),
        pytest.param("finding", "if TYPE_CHECKING:\n    from rollout_spec.spec import Rollout", id="up, for types"),
        pytest.param("splice", "from rollout_spec.targets import render", id="sideways"),
        pytest.param("repository", "from rollout_spec.traffic import split", id="up a step"),
        pytest.param("tree", "from rollout_spec.spec.rollout import Rollout", id="tree, to more than reading"),
        pytest.param("git", "from rollout_spec.repository import Repository", id="outside, to meaning"),
        pytest.param("forges.github", "from rollout_spec import git", id="outside, to outside"),
        pytest.param("review", "from rollout_spec.git.clone import Git", id="to outside"),
        pytest.param("rules.one", "from rollout_spec.rules.two import check", id="a sibling"),
        pytest.param("rules.one", "from rollout_spec.rules import two", id="a sibling, as a name of its package"),
        pytest.param("rules.subject", "from rollout_spec.rules import two", id="siblings, from what they share"),
        pytest.param("reporters.text", "from rollout_spec.reporters.json import report", id="another sibling"),
        pytest.param("cli.check", "from .render import run", id="relative"),
        pytest.param("", "from rollout_spec.finding import Finding", id="up, from the package itself"),
        pytest.param("unheard_of", "from rollout_spec.finding import Finding", id="from no floor"),
    ],
)
def test_an_import_that_goes_elsewhere_is_seen(module: str, source: str) -> None:
    assert len(violations({module: source, "rules.two": "", "reporters.json": ""})) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("document", "from rollout_spec.finding import Finding"),
        ("tree", "from rollout_spec.reading import MAX_BYTES"),
        ("metrics", "from rollout_spec import __version__, repository, traffic"),
        ("spec.rollout", "from rollout_spec.spec.envelope import Envelope"),
        ("rules", "from rollout_spec.rules import two"),
        ("rules.one", "from rollout_spec.rules import Rule, subject"),
        ("rules.one", "from rollout_spec.rules.subject import Subject"),
        ("landing", "from rollout_spec.forges.github import GitHub"),
        ("__main__", "from rollout_spec.cli import main"),
        ("cli.check", "import json\nfrom rollout_spec.cli.render import run"),
    ],
)
def test_an_import_that_goes_down_is_not(module: str, source: str) -> None:
    assert violations({module: source, "rules.two": "", "rules.subject": ""}) == []
