"""Options of a target: their types, defaults and bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from rollout_spec.core import patterns
from rollout_spec.spec.fields import LEAST_INTEGER, MOST_INTEGER, Text
from rollout_spec.spec.model import Model


def _pattern(text: str) -> str:
    if len(text) > patterns.LONGEST:
        message = f"this pattern has more than {patterns.LONGEST} characters"
        raise PydanticCustomError("misspelled", "{message}", {"message": message})
    return text


Integer = Annotated[int, Field(ge=LEAST_INTEGER, le=MOST_INTEGER)]
Pattern = Annotated[str, AfterValidator(_pattern)]


class Form(Model):
    """Constraints of a text."""

    pattern: Pattern | None = Field(
        None, description="A regular expression that must match the whole text.", examples=["[a-z][a-z0-9-]*"]
    )
    max_length: int | None = Field(
        None, ge=1, le=MOST_INTEGER, description="The most characters of the text.", examples=[63]
    )
    message: Text | None = Field(
        None,
        description="The message for a text that does not match the pattern.",
        examples=["expected a name in lower case"],
    )


class Option(Form):
    """One option that a rollout may set on the target."""

    type: Literal["text", "integer", "boolean", "duration", "mapping"] = Field(description="The type of the value.")
    description: Text = Field(description="The effect of the option.", examples=["Replicas of each version."])
    required: bool = Field(False, description="true: a rollout must set it.")
    default: Any = Field(None, description="The value if a rollout does not set it.", examples=[2])
    minimum: Integer | None = Field(None, description="The least value of an integer.", examples=[1])
    maximum: Integer | None = Field(None, description="The greatest value of an integer.", examples=[50])
    at_most: str | None = Field(
        None, description="Another integer option that this one may not exceed.", examples=["maxReplicas"]
    )
    choices: list[str] | None = Field(
        None, description="All allowed values of a text.", examples=[["cluster", "namespace"]]
    )
    fields: dict[str, Option] | None = Field(None, description="The fields of a mapping.")

    @model_validator(mode="after")
    def _limits_are_of_its_type(self) -> Option:
        of_text, of_integer = ("pattern", "max_length", "message"), ("maximum", "at_most")
        for names, kind in ((of_text, "text"), (of_integer, "integer")):
            for name in names:
                if self.type != kind and getattr(self, name) is not None:
                    field = str(type(self).model_fields[name].alias)
                    message = f"`{field}` needs an option of the type `{kind}`, but this one is `{self.type}`"
                    raise PydanticCustomError("misplaced", "{message}", {"message": message, "at": field})
        if self.maximum is not None and self.maximum < max(self._least()):
            message = f"`maximum` is less than the minimum or the default, {max(self._least())}"
            raise PydanticCustomError("misplaced", "{message}", {"message": message, "at": "maximum"})
        check_relations(self.fields or {}, "fields")
        return self

    def _least(self) -> Iterator[int]:
        yield from (bound for bound in (self.minimum, self.default) if isinstance(bound, int))
        yield -(2**63)


def check_relations(options: dict[str, Option], at: str) -> None:
    """Raise an error if ``atMost`` of an option names no other option that is an integer."""
    for name, option in options.items():
        if option.at_most is not None and (
            option.at_most == name or getattr(options.get(option.at_most), "type", None) != "integer"
        ):
            message = f"`atMost` of `{name}` must name another integer option, but `{option.at_most}` is none"
            raise PydanticCustomError("misplaced", "{message}", {"message": message, "at": at})
