"""The page with all fields says what each one means, and is not stale."""

from __future__ import annotations

import os
import re

import field_page
import folders
import pytest
from field_reference import Section, fields_of, sections

from rollout_spec.core.yaml.document import parse

PAGE = folders.CHECKOUT / "docs" / "fields.md"


def test_the_page_about_fields_is_not_stale() -> None:
    text = field_page.page()
    if os.environ.get("ROLLOUT_SPEC_UPDATE") == "1":
        PAGE.write_text(text, "utf-8")
    assert PAGE.read_text("utf-8") == text, "ROLLOUT_SPEC_UPDATE=1 writes it anew"


@pytest.mark.parametrize("section", sections(), ids=lambda section: section.title)
def test_every_field_has_a_description_and_an_example(section: Section) -> None:
    fields = list(fields_of(section.model))
    assert [field.key for field in fields] == [info.alias or name for name, info in section.model.model_fields.items()]
    assert [field.key for field in fields if not field.description.strip().endswith((".", "`"))] == []
    assert [field.key for field in fields if not field.examples and not field.blocks] == []


def test_the_anchors_of_blocks_differ_and_every_link_to_one_leads_there() -> None:
    text = field_page.page()
    headings = re.findall(r"^##+ (.*)$", text, re.MULTILINE)
    anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    assert len(set(anchors)) == len(anchors)
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= set(anchors)


def test_examples_are_written_as_they_are_in_a_file() -> None:
    rows = re.findall(r"^\| `\w+` \|.* \| ([^|]*) \|$", field_page.page(), re.MULTILINE)
    examples = [example for row in rows for example in re.findall("`([^`]+)`", row)]
    assert len(examples) > 100
    for example in examples:
        assert parse(f"value: {example}\n".encode()).problems == (), example
