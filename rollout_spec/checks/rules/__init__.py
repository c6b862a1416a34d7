"""The coherence rules, one module each.

To add a rule: one module here, one page of cases, one line below. A rule imports ``base`` and no other rule.

Rules run in this order. After ``GATES`` no other rule runs on a file in which they found an error, because its findings
would only follow from that one. Manifests are checked (``LAST``) if the rollout and the files behind it are sound.
"""

from __future__ import annotations

from rollout_spec.checks.rules import (
    arms_coexist,
    arms_unchanged,
    comparisons_have_control,
    contracts_compatible,
    forge_unchanged,
    incidents_in_order,
    incidents_kept,
    labels_differ,
    manifests_current,
    matches_decide,
    names_match,
    no_links,
    not_quarantined,
    one_owner,
    one_step,
    pause_current,
    pins_served,
    policies_differ,
    policies_sound,
    references_exist,
    rollback_ready,
    schema,
    stable_upstream,
    stages_ascend,
    suppressions_used,
    targets_fit,
    traffic_rendered,
    triggers_evaluated,
    triggers_measurable,
    versions_append_only,
    waivers_current,
    within_fits,
    workspace_names_differ,
    yaml,
)
from rollout_spec.checks.rules.base import Rule, Subject
from rollout_spec.checks.rules.pause_current import misnamed
from rollout_spec.checks.rules.suppressions_used import unused

__all__ = ["BASED", "GATES", "LAST", "PROVEN", "ROUTED", "RULES", "UNUSED", "Rule", "Subject", "misnamed", "unused"]

RULES: dict[str, Rule] = {
    "yaml": yaml,
    "schema": schema,
    "names-match": names_match,
    "no-links": no_links,
    "references-exist": references_exist,
    "workspace-names-differ": workspace_names_differ,
    "policies-sound": policies_sound,
    "policies-differ": policies_differ,
    "waivers-current": waivers_current,
    "pause-current": pause_current,
    "labels-differ": labels_differ,
    "targets-fit": targets_fit,
    "stages-ascend": stages_ascend,
    "matches-decide": matches_decide,
    "triggers-measurable": triggers_measurable,
    "triggers-evaluated": triggers_evaluated,
    "within-fits": within_fits,
    "comparisons-have-control": comparisons_have_control,
    "one-owner": one_owner,
    "traffic-rendered": traffic_rendered,
    "contracts-compatible": contracts_compatible,
    "arms-coexist": arms_coexist,
    "pins-served": pins_served,
    "not-quarantined": not_quarantined,
    "stable-upstream": stable_upstream,
    "incidents-in-order": incidents_in_order,
    "rollback-ready": rollback_ready,
    "versions-append-only": versions_append_only,
    "incidents-kept": incidents_kept,
    "one-step": one_step,
    "forge-unchanged": forge_unchanged,
    "suppressions-used": suppressions_used,
    "arms-unchanged": arms_unchanged,
    "manifests-current": manifests_current,
}

GATES = ("yaml", "schema", "names-match", "no-links", "references-exist", "policies-sound")
BASED = ("forge-unchanged",)
"""Rules whose severity is the one on the base, and that no comment silences: no change allows itself."""
LAST = ("arms-unchanged", "manifests-current")
PROVEN = "rollback-ready"
"""The rule that the proof of the way back speaks for, which is made where a whole workspace is under check."""
ROUTED = "traffic-rendered"
"""The rule without which no stage, and no rollback, moves a request."""
UNUSED = "suppressions-used"
