"""A rendered text is refused if and only if it cannot be read, although most texts are not read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout_spec.core.errors import UserError
from rollout_spec.core.yaml.document import read_document
from rollout_spec.render.filling import filled

PIECES = st.sampled_from(
    [
        *(
            "key: ",
            "other: ",
            "- ",
            "\n",
            "  ",
            ": ",
            ", ",
            "'",
            '"',
            "[",
            "]",
            "{",
            "}",
            "# ",
            "|\n",
            "text",
            "-",
            "key",
        ),
        *("{{ a }}", "{{ b }}", "{{ a ~ b }}", "{{ many }}", "{% for item in many %}- {{ item }}\n{% endfor %}"),
        *("key: {{ a }}\n", "{{ b }}: {{ a }}\n", "{% set a = b %}", "{% set text %}{{ a }}{% endset %}{{ text }}"),
    ]
)
SCALARS = st.sampled_from(
    [0, -5, True, None, "v", "key", "a b", "it's", 'say "no"', "x: y", "# no", "yes", "1e3", "\n", "-", ""]
)
DATA = st.fixed_dictionaries({"a": SCALARS, "b": SCALARS, "many": st.lists(SCALARS, max_size=2)})


def rendered(template: str, data: Mapping[str, Any]) -> str | None:
    try:
        return next(iter(filled(("own", {"t.j2": template}, [("t.j2", data)]))))
    except UserError:
        return None


@settings(max_examples=examples(2000), deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=6).map("".join), st.lists(DATA, min_size=3, max_size=3))
def test_a_text_is_refused_as_if_it_were_read(template: str, series: list[dict[str, Any]]) -> None:
    for data in series:
        text = rendered(template, data)
        if text is not None:
            assert not any(each.severity == "error" for each in read_document(text.encode()).problems), text


@pytest.mark.parametrize("template", ["a: {{ a }}-{{ b }}\n", 'a: "{{ a }}, x"\n', "{{ a }}: 1\n{{ b }}: 2\n"])
def test_a_scalar_that_breaks_a_text_is_found_after_many_that_do_not(template: str) -> None:
    for number in range(3):
        assert rendered(template, {"a": f"v{number}", "b": f"w{number}"}) is not None
    assert rendered(template, {"a": "is: it", "b": "is: it"}) is None
