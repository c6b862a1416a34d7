"""What makes a spec coherent and a rollback possible. To add a rule: one module here, one folder of cases, one line
below.

Rules run in this order. After ``GATES`` nothing more is said about a file in which they found an error, since it would
only follow from that; what is rendered of a file is looked at (``LAST``) when all else is well, with what it is
rendered from.
"""

from __future__ import annotations

from rollout_spec.rules import (
    arms_coexist,
    arms_unchanged,
    labels_differ,
    manifests_current,
    names_match,
    not_quarantined,
    one_step,
    pins_served,
    references_exist,
    rollback_ready,
    schema,
    stages_ascend,
    versions_append_only,
    yaml,
)
from rollout_spec.rules.subject import Rule, Subject

__all__ = ["GATES", "LAST", "RULES", "Rule", "Subject"]

RULES: dict[str, Rule] = {
    "yaml": yaml,
    "schema": schema,
    "names-match": names_match,
    "references-exist": references_exist,
    "labels-differ": labels_differ,
    "stages-ascend": stages_ascend,
    "arms-coexist": arms_coexist,
    "pins-served": pins_served,
    "not-quarantined": not_quarantined,
    "rollback-ready": rollback_ready,
    "versions-append-only": versions_append_only,
    "one-step": one_step,
    "arms-unchanged": arms_unchanged,
    "manifests-current": manifests_current,
}

GATES = ("yaml", "schema", "names-match", "references-exist")
LAST = ("arms-unchanged", "manifests-current")
