"""Versions of a rollout have different labels, of which names can be made.

A version's label is what it is called in the names of Kubernetes objects, branches and incidents: lower case, every
other character than letters and digits as ``-``. Were ``1.0`` and ``1-0`` both recorded, one would be served under the
other's name. An incident is called `<rollout>-<label>`, then `<rollout>-<label>-2`, and a name has at most 63
characters. What the cluster takes of names is a matter of each target (`targets-fit`).

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
"""The characters of an incident's name, which leaves room for its number."""


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
                f"{version} and {seen[name]} have one label, `{name}`",
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
            words = f"incidents would be called `{incident}`, of {len(incident)} characters, and at most {_LONGEST} fit"
            yield Problem(at, words, "shorten the version, or the rollout's name", on_key=True)
        seen.setdefault(name, version)
