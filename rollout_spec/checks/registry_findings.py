"""The explanations of findings about the registry, which no rule of ``check`` yields."""

from __future__ import annotations

from rollout_spec.checks.explanations import Explanation

_NOTES = (
    "`registry verify`, `check --registry` and `drill --registry` examine it.",
    "No workspace can change its severity, and no comment can silence it.",
)

REGISTRY_FINDINGS = (
    Explanation(
        name="registry-has-entry",
        summary="The registry has the entry of each version that is live, known good or quarantined.",
        body=(
            "A rollback restores a version, and its entry says how to build it again. An entry that names a run needs "
            "that run. A quarantined version stays in the registry: it is evidence until its failure is understood. "
            "The record names a version and no alias, because an alias may name another version tomorrow."
        ),
        notes=_NOTES,
    ),
    Explanation(
        name="registry-agrees",
        summary="The record of a version and its entry in the registry agree.",
        body=(
            "Compared are the run, the digest in the tag `rollout-spec.digest`, the digest of the training data and "
            "the offline metrics. A metric agrees if it has the recorded value when rounded to as many decimals. A "
            "record with fewer than two decimals must have the value itself."
        ),
        notes=_NOTES,
    ),
    Explanation(
        name="artifact-intact",
        summary="The artifact of a version can be read, and has the recorded digest.",
        body=(
            "A known-good artifact that is gone is found before a rollback needs it. The digest of a folder is defined "
            "in docs/registry.md. An artifact that is too large to read is a warning, unless its digest is remembered. "
            "Of a quarantined version the artifact must exist."
        ),
        notes=_NOTES,
    ),
)
"""The explanations in the order of the findings."""
