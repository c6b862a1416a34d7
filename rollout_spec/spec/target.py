"""Definitions of render targets: ``target.yaml`` in a folder of templates, with options and limits."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from rollout_spec.spec.fields import Text
from rollout_spec.spec.model import Model
from rollout_spec.spec.option import Form, Option, check_relations

MOST_LIMITS = 100

PLACES = frozenset({"rollout", "namespace", "version", "backend"})
"""The values that a limit may constrain beside fields of a record."""
RECORD = frozenset(
    {"model", "artifact", "digest", "format", "runId", "datasetDigest", "serve.runtime", "serve.image"}
    | {"serve.resources.cpu", "serve.resources.memory", "serve.resources.gpu"}
)
"""The fields of a version's record that hold one text."""
_ENV = re.compile(r"serve\.env\.[A-Za-z_][A-Za-z0-9_]{0,254}")
_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_OUTPUT = re.compile(
    rf"manifests/\{{rollout\}}/(?!kustomization\.){_LABEL}\.yaml|alerts/\{{rollout\}}(?:\.{_LABEL})?\.yaml"
)
_BLANK = re.compile(r"\{([^{}]*)\}")


def _refused(field: str) -> str:
    if field not in RECORD and not _ENV.fullmatch(field):
        message = "expected a field of a record, such as `serve.image`, or a variable, such as `serve.env.PYTHONPATH`"
        raise PydanticCustomError("misspelled", "{message}", {"message": message})
    return field


def _output(path: str) -> str:
    if not _OUTPUT.fullmatch(path):
        message = (
            "expected `manifests/{rollout}/<name>.yaml`, `alerts/{rollout}.yaml` or `alerts/{rollout}.<name>.yaml`, "
            "with a name of lower-case letters, digits and `-`"
        )
        raise PydanticCustomError("misspelled", "{message}", {"message": message})
    return path


class Limit(Form):
    """A constraint of the cluster on a name that the target derives, or on a field of a record."""

    of: Text = Field(
        description="The text, in which `{rollout}`, `{version}`, `{backend}` and others are filled in.",
        examples=["{rollout}-v{version}"],
    )
    what: Text = Field(description="The object with that name.", examples=["the name of the Deployment"])
    when: dict[str, Any] = Field(
        {}, description="Values of options for which the limit applies.", examples=[{"scope": "cluster"}]
    )
    severity: Literal["error", "warning"] = Field("error", description="The severity if the limit is exceeded.")

    @cached_property
    def blanks(self) -> frozenset[str]:
        """The names in braces."""
        return frozenset(_BLANK.findall(self.of))

    def filled(self, values: dict[str, str]) -> str:
        """Return the text with the names in braces replaced by their values."""
        return _BLANK.sub(lambda match: values[match[1]], self.of)

    @model_validator(mode="after")
    def _blanks_are_known(self) -> Limit:
        if self.pattern is None and self.max_length is None:
            raise PydanticCustomError("no_bound", "a limit needs a `pattern` or a `maxLength`")
        for name in sorted(self.blanks - PLACES - RECORD):
            known = ", ".join(f"`{{{each}}}`" for each in sorted(PLACES))
            message = f"unknown name `{{{name}}}`; expected {known}, or a field of a record such as `{{serve.image}}`"
            raise PydanticCustomError("misplaced", "{message}", {"message": message, "at": "of"})
        if self.blanks & RECORD and len(self.blanks) > 1:
            message = "a limit applies to names, or to one field of a record: write a limit for each"
            raise PydanticCustomError("misplaced", "{message}", {"message": message, "at": "of"})
        return self


class Template(Model):
    """One template. Each time it is filled in, it gives one document of the manifest."""

    file: Text = Field(description="Its file name in the target's folder.", examples=["deployment.yaml.j2"])
    each: Literal["rollout", "version"] = Field(
        "rollout", description="Fill it in once for the rollout, or once for each version with workloads."
    )
    if_set: str | None = Field(
        None, description="An option. Without a value of it, the template is left out.", examples=["replicas"]
    )


class TargetDefinition(Model):
    """The definition of a target."""

    description: Text = Field(
        description="The rendered objects, in one line.", examples=["A Deployment and a Service for each version."]
    )
    owns: Literal["workloads", "traffic", "alerts"] = Field(description="The aspect that its manifests control.")
    renders: list[Literal["split"]] = Field(
        [],
        description="split: its manifests divide requests among versions, according to `live` and `stages`.",
        examples=[["split"]],
    )
    output: Annotated[str, AfterValidator(_output)] | None = Field(
        None,
        description="The path of the rendered file; `manifests/{rollout}/<target>.yaml` if absent.",
        examples=["alerts/{rollout}.yaml"],
    )
    kubernetes: bool | None = Field(
        None,
        description="Whether all documents are Kubernetes objects, which the kustomization lists. "
        "If absent: those with `apiVersion` and `kind` are.",
    )
    templates: list[Template] = Field(min_length=1, description="The templates, in the order of the manifest.")
    options: dict[str, Option] = Field({}, description="The options that a rollout may set.")
    needs: list[str] = Field(
        [], description="Fields that the record of each rendered version must have.", examples=[["artifact", "digest"]]
    )
    refuses: list[Annotated[str, AfterValidator(_refused)]] = Field(
        [], description="Fields that the record of a rendered version may not have.", examples=[["serve.runtime"]]
    )
    limits: list[Limit] = Field([], description="Constraints of the cluster on names and fields of records.")
    cannot: list[Text] = Field(
        [], description="The fields of a rollout that it cannot express.", examples=[["Models of several parts."]]
    )

    @model_validator(mode="after")
    def _options_are_known(self) -> TargetDefinition:
        check_relations(self.options, "options")
        if len(self.limits) > MOST_LIMITS:
            message = f"this target has more than {MOST_LIMITS} limits"
            raise PydanticCustomError("misplaced", "{message}", {"message": message, "at": "limits"})
        for template in self.templates:
            if template.if_set is not None and template.if_set not in self.options:
                message = f"`ifSet` of `{template.file}` names the unknown option `{template.if_set}`"
                raise PydanticCustomError("misplaced", "{message}", {"message": message, "at": "templates"})
        for limit in self.limits:
            for name in limit.when:
                if name not in self.options:
                    message = f"`when` of the limit on `{limit.of}` names the unknown option `{name}`"
                    raise PydanticCustomError("misplaced", "{message}", {"message": message, "at": "limits"})
        return self

    @property
    def renders_split(self) -> bool:
        """Return whether its manifests divide requests among versions, as those of a traffic target do."""
        return self.owns == "traffic" or "split" in self.renders
