"""A render target is a folder of templates with ``target.yaml``: its options, what it owns, what it cannot express."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from rollout_spec.spec.fields import Text
from rollout_spec.spec.model import Model
from rollout_spec.spec.option import Form, Option, check_relations

MOST_LIMITS = 100

PLACES = frozenset({"rollout", "namespace", "version", "backend"})
"""What a limit is on, beside fields of a record: names of the rollout, and a version's label and backend."""
RECORD = frozenset(
    {"model", "artifact", "digest", "format", "runId", "datasetDigest", "serve.runtime", "serve.image"}
    | {"serve.resources.cpu", "serve.resources.memory", "serve.resources.gpu"}
)
"""The fields of a version's record that hold one text."""
_ENV = re.compile(r"serve\.env\.[A-Za-z_][A-Za-z0-9_]{0,254}")
_BLANK = re.compile(r"\{([^{}]*)\}")


def _refused(field: str) -> str:
    if field not in RECORD and not _ENV.fullmatch(field):
        words = "this is a field of a record, such as `serve.image`, or a variable, such as `serve.env.PYTHONPATH`"
        raise PydanticCustomError("misspelled", "{words}", {"words": words})
    return field


class Limit(Form):
    """A name that the target makes of a rollout, or a field of a record, and what the cluster takes of it."""

    of: Text = Field(description="The text, in which `{rollout}`, `{version}`, `{backend}` and others are filled in.")
    what: Text = Field(description="What has that name.")
    when: dict[str, Any] = Field({}, description="Options, and the values of them with which this is a limit.")
    severity: Literal["error", "warning"] = Field("error", description="What it is to exceed this.")

    @property
    def blanks(self) -> frozenset[str]:
        """The names in braces."""
        return frozenset(_BLANK.findall(self.of))

    def filled(self, values: dict[str, str]) -> str:
        """Return the text with all that is in braces filled in."""
        return _BLANK.sub(lambda found: values[found[1]], self.of)

    @model_validator(mode="after")
    def _blanks_are_known(self) -> Limit:
        if self.pattern is None and self.max_length is None:
            raise PydanticCustomError("no_bound", "a limit has a `pattern` or a `maxLength`")
        for name in sorted(self.blanks - PLACES - RECORD):
            known = ", ".join(f"`{{{each}}}`" for each in sorted(PLACES))
            words = f"`{{{name}}}` is not known here: it is {known}, or a field of a record such as `{{serve.image}}`"
            raise PydanticCustomError("misplaced", "{words}", {"words": words, "at": "of"})
        if self.blanks & RECORD and len(self.blanks) > 1:
            words = "a limit is on names, or on one field of a record: make a limit of each"
            raise PydanticCustomError("misplaced", "{words}", {"words": words, "at": "of"})
        return self


class Template(Model):
    """One template, which gives one document of the manifest each time it is filled in."""

    file: Text = Field(description="Its name in the target's folder.")
    each: Literal["rollout", "version"] = Field(
        "rollout", description="Once for the rollout, or once for each version that is kept up."
    )


class TargetDefinition(Model):
    """What a target is."""

    description: Text = Field(description="What is rendered, in a line.")
    owns: Literal["workloads", "traffic", "alerts"] = Field(description="What its manifests decide.")
    renders: list[Literal["split"]] = Field(
        [], description="split: its manifests divide requests among versions, as `live` and `stages` say."
    )
    templates: list[Template] = Field(min_length=1, description="What is filled in, in the order of the manifest.")
    options: dict[str, Option] = Field({}, description="What a rollout may say about it.")
    needs: list[str] = Field([], description="Fields that the record of each rendered version must have.")
    refuses: list[Annotated[str, AfterValidator(_refused)]] = Field(
        [], description="Fields that the record of a rendered version may not have."
    )
    limits: list[Limit] = Field([], description="What the cluster takes of names and of fields of records.")
    cannot: list[Text] = Field([], description="What it cannot express.")

    @model_validator(mode="after")
    def _options_are_known(self) -> TargetDefinition:
        check_relations(self.options, "options")
        if len(self.limits) > MOST_LIMITS:
            words = f"a target has at most {MOST_LIMITS} limits"
            raise PydanticCustomError("misplaced", "{words}", {"words": words, "at": "limits"})
        for limit in self.limits:
            for name in limit.when:
                if name not in self.options:
                    words = f"`when` of the limit on `{limit.of}` names `{name}`, which is no option"
                    raise PydanticCustomError("misplaced", "{words}", {"words": words, "at": "limits"})
        return self

    @property
    def renders_split(self) -> bool:
        """Return whether its manifests divide requests among versions; what owns the traffic does."""
        return self.owns == "traffic" or "split" in self.renders
