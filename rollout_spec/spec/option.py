"""An option of a target is a value of some type, within bounds that the target says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from rollout_spec.core import patterns
from rollout_spec.spec.fields import Text
from rollout_spec.spec.model import Model


def _pattern(text: str) -> str:
    if len(text) > patterns.LONGEST:
        words = f"a pattern has at most {patterns.LONGEST} characters"
        raise PydanticCustomError("misspelled", "{words}", {"words": words})
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]


class Form(Model):
    """What a text must be like."""

    pattern: Pattern | None = Field(None, description="A regular expression that the whole text matches.")
    max_length: int | None = Field(None, ge=1, description="The most characters that the text may have.")
    message: Text | None = Field(None, description="What is told of a text that does not match the pattern.")


class Option(Form):
    """One option that a rollout may set on the target."""

    type: Literal["text", "integer", "boolean", "duration", "mapping"] = Field(description="What it is.")
    description: Text = Field(description="What it does.")
    required: bool = Field(False, description="true: a rollout must set it.")
    default: Any = Field(None, description="What it is where a rollout does not set it.")
    minimum: int | None = Field(None, description="The least that an integer may be.")
    maximum: int | None = Field(None, description="The most that an integer may be.")
    at_most: str | None = Field(None, description="Another option, an integer too, that this one may not exceed.")
    choices: list[str] | None = Field(None, description="All that a text may be.")
    fields: dict[str, Option] | None = Field(None, description="The fields of a mapping.")

    @model_validator(mode="after")
    def _limits_are_of_its_type(self) -> Option:
        of_text, of_integer = ("pattern", "max_length", "message"), ("maximum", "at_most")
        for names, kind in ((of_text, "text"), (of_integer, "integer")):
            for name in names:
                if self.type != kind and getattr(self, name) is not None:
                    field = str(type(self).model_fields[name].alias)
                    words = f"`{field}` is for options of the type `{kind}`, and this is `{self.type}`"
                    raise PydanticCustomError("misplaced", "{words}", {"words": words, "at": field})
        if self.maximum is not None and self.maximum < max(self._least()):
            words = f"`maximum` is less than the minimum or the default, {max(self._least())}"
            raise PydanticCustomError("misplaced", "{words}", {"words": words, "at": "maximum"})
        check_relations(self.fields or {}, "fields")
        return self

    def _least(self) -> Iterator[int]:
        yield from (each for each in (self.minimum, self.default) if isinstance(each, int))
        yield -(2**63)


def check_relations(options: dict[str, Option], at: str) -> None:
    """Raise the error of pydantic if an option is bound by one that is not there, or is no integer."""
    for name, option in options.items():
        if option.at_most is not None and (
            option.at_most == name or getattr(options.get(option.at_most), "type", None) != "integer"
        ):
            words = f"`atMost` of `{name}` names another option that is an integer, and `{option.at_most}` is none"
            raise PydanticCustomError("misplaced", "{words}", {"words": words, "at": at})
