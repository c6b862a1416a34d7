"""Reader of the project's prose: docstrings, messages and pages, with the words that they avoid.

``python tests/support/plain_words.py`` prints the figures of each package; with ``--list`` it prints each place.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import folders
from banned_words import ALLOWED, BANNED

ROOT = folders.CHECKOUT
PACKAGE = ROOT / "rollout_spec"
_WRITTEN = (path for pattern in ("[CRS]*.md", "docs/**/*.md", "*/README.md") for path in sorted(ROOT.glob(pattern)))
PAGES = [path for path in _WRITTEN if path.name not in ("CHANGELOG.md", "rules.md")]
"""Written pages. ``docs/rules.md`` is made from docstrings, and a changelog speaks of the past."""
DATA = ("policies", "templates")
"""Folders of YAML files with descriptions and messages."""

_BANNED = {
    re.compile(rf"\b(?:{pattern.replace(' ', chr(92) + 's+')})(?!\w)", re.IGNORECASE): instead
    for pattern, instead in BANNED.items()
}
_ANY_BANNED = re.compile("|".join(pattern.pattern for pattern in _BANNED), re.IGNORECASE)
_CODE = re.compile(r"``[^`]*``|`[^`]*`")
_WORD = re.compile(r"[A-Za-z']+")
CLAUSES = {
    "where": re.compile(r"\bwhere\b", re.IGNORECASE),
    "what/who/whose": re.compile(r"\b(?:what|who|whom|whose)(?:ever)?\b", re.IGNORECASE),
}


@dataclass(frozen=True)
class Text:
    """A piece of prose. ``file`` is its path from the root of the project."""

    file: str
    line: int
    prose: str


@dataclass(frozen=True)
class Function:
    """A documented module, class or function.

    ``predicate`` matches a docstring that says when its bool is true.
    """

    place: str
    docstring: str
    predicate: str | None

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return self.docstring.split("\n")[0]

    @property
    def is_question(self) -> bool:
        """Whether the first line is a question."""
        return self.summary.endswith("?")

    @property
    def is_unclear_predicate(self) -> bool:
        """Whether it returns a bool and its docstring does not say when that is true."""
        return self.predicate is not None and re.search(self.predicate, self.docstring) is None


@dataclass(frozen=True)
class Module:
    """The prose of one Python file."""

    docstrings: tuple[Text, ...]
    messages: tuple[Text, ...]
    functions: tuple[Function, ...]


def packages() -> list[str]:
    """Return the packages of ``rollout_spec``, and its own name for the modules beside them."""
    return [PACKAGE.name, *sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))]


@cache
def modules() -> dict[str, Module]:
    """Return the prose of each Python file by the file's path from the root."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): _module(path) for path in paths}


def modules_of(package: str) -> list[Module]:
    """Return the modules of a package."""
    return [module for file, module in modules().items() if _package(file) == package]


def functions_of(package: str) -> list[Function]:
    """Return the documented modules, classes and functions of a package."""
    return [function for module in modules_of(package) for function in module.functions]


def pages() -> list[Text]:
    """Return the prose of the written pages."""
    return [Text(path.relative_to(ROOT).as_posix(), 1, prose_of_page(path.read_text("utf-8"))) for path in PAGES]


def data(folder: str) -> list[Text]:
    """Return the YAML files of a folder."""
    return [
        Text(path.relative_to(ROOT).as_posix(), 1, path.read_text("utf-8")) for path in ROOT.glob(f"{folder}/**/*.yaml")
    ]


def banned(texts: list[Text]) -> list[str]:
    """Return a line for each banned word: file, line, word and what to write instead."""
    return [
        f"{text.file}:{text.line + text.prose[: match.start()].count(chr(10))}: {word!r}; write instead: {instead}"
        for text in texts
        if _ANY_BANNED.search(text.prose)
        for pattern, instead in _BANNED.items()
        for match in pattern.finditer(text.prose)
        if (text.file, (word := " ".join(match[0].lower().split()))) not in ALLOWED
    ]


def per_thousand(texts: list[Text], clause: str) -> float:
    """Return how often a clause occurs in 1,000 words."""
    prose = "\n".join(text.prose for text in texts)
    return 1000 * len(CLAUSES[clause].findall(prose)) / max(len(_WORD.findall(prose)), 1)


def _module(path: Path) -> Module:
    file = path.relative_to(ROOT).as_posix()
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    strings = [node.value for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]
    texts = [node for node in strings if isinstance(node.value, str)]
    formatted = [node for node in nodes if isinstance(node, ast.JoinedStr)]
    parts = {id(part) for node in formatted for part in node.values} | {id(node) for node in texts}
    constants = [node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    messages: list[ast.JoinedStr | ast.Constant] = [*formatted, *(node for node in constants if id(node) not in parts)]
    return Module(
        tuple(Text(file, node.lineno, prose_of_docstring(str(node.value))) for node in texts),
        tuple(Text(file, node.lineno, _CODE.sub("·", _content(node))) for node in messages if _is_message(node)),
        tuple(_functions(nodes, file)),
    )


def _functions(nodes: list[ast.AST], file: str) -> Iterator[Function]:
    for node in nodes:
        if isinstance(node, ast.Module):
            yield Function(f"{file}:1 module", ast.get_docstring(node) or "", None)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield Function(f"{file}:{node.lineno} {node.name}", docstring, _predicate(node))


def _predicate(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> str | None:
    """Return how a docstring says when a bool is true.

    A function that acts says what it does first, and then "Return False if". A property says "Whether".
    """
    if isinstance(node, ast.ClassDef) or not isinstance(node.returns, ast.Name) or node.returns.id != "bool":
        return None
    is_property = any(ast.unparse(each).endswith("property") for each in node.decorator_list)
    return r"\b[Rr]eturn (?:whether|True|False)\b" + (r"|^Whether\b" if is_property else "")


def _package(file: str) -> str:
    parts = Path(file).parts
    return parts[1] if len(parts) > 2 else parts[0]


def prose_of_docstring(text: str) -> str:
    """Return a docstring without code: names in backticks, and the blocks that follow ``::``."""
    lines: list[str] = []
    block: int | None = None
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip())
        inside = block is not None and (not line.strip() or indent > block)
        if not inside:
            block = indent if line.rstrip().endswith("::") else None
        lines.append("" if inside else line)
    return _CODE.sub("·", "\n".join(lines))


def prose_of_page(text: str) -> str:
    """Return Markdown without code: names in backticks, and fenced blocks. Lines keep their numbers."""
    lines: list[str] = []
    fenced = False
    for line in text.split("\n"):
        fence = line.lstrip().startswith("```")
        lines.append("" if fenced or fence else line)
        fenced ^= fence
    return _CODE.sub("·", "\n".join(lines))


def _content(node: ast.JoinedStr | ast.Constant) -> str:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "·" for part in parts)


def _is_message(node: ast.JoinedStr | ast.Constant) -> bool:
    """Return whether a string has at least three words: others are keys and names."""
    return len(_content(node).split()) >= 3


def report() -> str:
    """Return a table with the figures of each package, and of the pages."""
    head = ("package", "words", *CLAUSES, "banned", "questions", "predicates", "over 100", "over 80")
    others = {"pages": pages(), **{folder: data(folder) for folder in DATA}}
    rest = [(name, *_figures(texts), len(banned(texts))) for name, texts in others.items()]
    rows = [head, *(_row(package) for package in packages()), *rest]
    return "\n".join("".join(f"{cell:>15}" for cell in row) for row in rows)


def _row(package: str) -> tuple[str | int, ...]:
    texts = [text for module in modules_of(package) for text in module.docstrings]
    messages = [text for module in modules_of(package) for text in module.messages]
    functions = functions_of(package)
    return (
        package,
        *_figures(texts),
        len(banned([*texts, *messages])),
        sum(function.is_question for function in functions),
        sum(function.is_unclear_predicate for function in functions),
        sum(len(function.summary) > 100 for function in functions),
        sum(len(function.summary) > 80 for function in functions),
    )


def _figures(texts: list[Text]) -> tuple[str | int, ...]:
    words = sum(len(_WORD.findall(text.prose)) for text in texts)
    return words, *(f"{per_thousand(texts, clause):.1f}" for clause in CLAUSES)


def listing() -> str:
    """Return a line for each banned word, unclear predicate and long first line."""
    lines = banned([*pages(), *(text for folder in DATA for text in data(folder))])
    for module in modules().values():
        lines += banned([*module.docstrings, *module.messages])
        for function in module.functions:
            if function.is_question or function.is_unclear_predicate or len(function.summary) > 100:
                lines.append(f"{function.place}: {function.summary}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(report() if len(sys.argv) == 1 else listing())
