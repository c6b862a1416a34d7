"""Versions of a rollout have different labels, and their labels make valid names.

A version's label is its form in the names of Kubernetes objects, branches and incidents: in lower case, with ``-`` for
every character that is not a letter or digit. If ``1.0`` and ``1-0`` were both recorded, one would be served under the
other's name. An incident is named `<rollout>-<label>`, then `<rollout>-<label>-2`, and a name has at most 63
characters. Further limits on names come from the targets (`targets-fit`).

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/

Fails::

    spec:
      versions:
        "1.0": {artifact: s3://models/fraud/1.0/, format: sklearn}
        "1-0": {artifact: s3://models/fraud/1-0/, format: sklearn}    # both have the label 1-0

Passes::

    spec:
      versions:
        "1.0": {artifact: s3://models/fraud/1.0/, format: sklearn}
        "1.1": {artifact: s3://models/fraud/1.1/, format: sklearn}
"""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import Problem
from rollout_spec.core.units import label

KINDS = frozenset({"ModelRollout"})
NEEDS = ""
UNCONDITIONAL = True

_LONGEST = 60
"""The characters of an incident's name, with three left for its number."""


def check(subject: Subject) -> Iterator[Problem]:
    """Compare the labels of all versions."""
    seen: dict[str, str] = {}
    rollout = subject.model
    for version in rollout.spec.versions:
        at = ("spec", "versions", version)
        name = label(version)
        incident = f"{rollout.metadata.name}-{name}"
        if name in seen:
            yield Problem(
                at,
                f"{version} and {seen[name]} have the same label, `{name}`",
                "give this version another name",
                on_key=True,
            )
        elif name[0] == "-" or name[-1] == "-":
            yield Problem(
                at,
                f"the label `{name}` does not begin and end with a letter or digit",
                "begin and end the version with a letter or digit",
                on_key=True,
            )
        elif len(incident) > _LONGEST:
            message = f"the name of an incident, `{incident}`, has {len(incident)} characters; at most {_LONGEST} fit"
            yield Problem(at, message, "shorten the version, or the rollout's name", on_key=True)
        seen.setdefault(name, version)
