"""A file goes wrong in few ways: a line is lost, twice there or cut, a word is another one, a letter is not seen."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

Mutation = Callable[[str, Random], str]

WORDS = (
    *(
        "true",
        "yes",
        "No",
        "null",
        "~",
        "",
        "1",
        "-1",
        "1.10",
        "0x1F",
        "0755",
        "12:30",
        "1e999999999",
        ".nan",
        "=",
        "<<",
    ),
    *("5%", "101%", "15m", "15", "1h1d", '"42"', "'42'", "42", ">=1.4,<2", "2026-02-30", "2026-11-20T10:15:00Z"),
    *("{", "}", "[", "]", "[]", "{}", "{a: b}", "[a, b]", "&a ", "*a", "<<: *a", "!!str ", "!!binary ", "? ", "- "),
    *(
        "|\n",
        ">-\n",
        "%YAML 1.2\n",
        "---\n",
        "...\n",
        "\n",
        " ",
        "\t",
        "#",
        " # rollout-spec: ignore[x] why",
        "{{ x }}",
    ),
    *(
        "\r\n",
        "\r",
        "\x00",
        "\x07",
        "\x1b[2J",
        "\x85",
        "\u2028",
        "\u202e",
        "\u2066",
        "\ufeff",
        "é",
        "😀",
        "'",
        '"',
        "\\",
    ),
    *("stages.all(s, s.weight > 0.0)", "9" * 5000, "a" * 2000, "[" * 70),
)
"""What is written somewhere, or in place of something."""


def mutated(text: str, random: Random) -> str:
    """Do one thing to a text; what is written wrong is a value more often than anything else."""
    return random.choice((*MUTATIONS, *[replace_word] * 5))(text, random)


def drop_line(text: str, random: Random) -> str:
    lines, at = _lines(text, random)
    return "".join(lines[:at] + lines[at + 1 :])


def repeat_line(text: str, random: Random) -> str:
    lines, at = _lines(text, random)
    return "".join(lines[: at + 1] + lines[at:])


def swap_lines(text: str, random: Random) -> str:
    lines, at = _lines(text, random)
    other = random.randrange(len(lines))
    lines[at], lines[other] = lines[other], lines[at]
    return "".join(lines)


def indent_line(text: str, random: Random) -> str:
    lines, at = _lines(text, random)
    lines[at] = random.choice(["  ", " ", "\t", "    "]) + lines[at]
    return "".join(lines)


def dedent_line(text: str, random: Random) -> str:
    lines, at = _lines(text, random)
    lines[at] = lines[at][random.choice([1, 2, 4]) :] if lines[at][:1] == " " else lines[at]
    return "".join(lines)


def insert_word(text: str, random: Random) -> str:
    at = random.randint(0, len(text))
    return text[:at] + random.choice(WORDS) + text[at:]


def replace_word(text: str, random: Random) -> str:
    """Write another word where a value or a key begins."""
    begin = random.choice([index for index, letter in enumerate(text) if letter in " {[,\n"] or [-1]) + 1
    end = min((found for mark in ",]}:\n " if (found := text.find(mark, begin)) >= 0), default=len(text))
    return text[:begin] + random.choice(WORDS) + text[end:]


def drop_letter(text: str, random: Random) -> str:
    at = random.randint(0, len(text))
    return text[:at] + text[at + 1 :]


def swap_letters(text: str, random: Random) -> str:
    at = random.randint(0, len(text))
    return text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :]


def cut(text: str, random: Random) -> str:
    return text[: random.randint(0, len(text))]


def other_line_ends(text: str, random: Random) -> str:
    return text.replace("\n", random.choice(["\r\n", "\r"]))


def byte_order_mark(text: str, random: Random) -> str:
    return "\ufeff" + text


def copy_block(text: str, random: Random) -> str:
    """Put some lines where others stand."""
    lines, at = _lines(text, random)
    begin = random.randrange(len(lines))
    return "".join(lines[:at] + lines[begin : begin + random.randint(1, 8)] + lines[at:])


MUTATIONS: tuple[Mutation, ...] = (
    drop_line,
    repeat_line,
    swap_lines,
    indent_line,
    dedent_line,
    insert_word,
    replace_word,
    drop_letter,
    swap_letters,
    cut,
    other_line_ends,
    byte_order_mark,
    copy_block,
)


def _lines(text: str, random: Random) -> tuple[list[str], int]:
    """Return the lines of a text with their ends, one at least, and the index of one."""
    lines = text.splitlines(keepends=True) or [""]
    return lines, random.randrange(len(lines))
