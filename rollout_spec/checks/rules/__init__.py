"""The coherence rules, one module each.

To add a rule: one module here, imported below and put into ``_IN_ORDER``, and one page of cases. A rule imports
``base`` and no other rule. Read ``base`` first.

If one of the ``GATES`` finds an error in a file, no later rule runs on it, because further findings would only follow
from that error. The rules in ``LAST`` run only if the rollout, and all files that it is rendered from, are sound.
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
    triggers_judged,
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

__all__ = [
    "BASE_SEVERITY",
    "COMPARING",
    "GATES",
    "LAST",
    "ROLLBACK_READY",
    "RULES",
    "SUPPRESSIONS_USED",
    "TRAFFIC_RENDERED",
    "Rule",
    "Subject",
    "misnamed",
    "unused",
]

_IN_ORDER: tuple[Rule, ...] = (
    yaml,
    schema,
    names_match,
    no_links,
    references_exist,
    workspace_names_differ,
    policies_sound,
    policies_differ,
    waivers_current,
    pause_current,
    labels_differ,
    targets_fit,
    stages_ascend,
    matches_decide,
    triggers_measurable,
    triggers_judged,
    within_fits,
    comparisons_have_control,
    one_owner,
    traffic_rendered,
    contracts_compatible,
    arms_coexist,
    pins_served,
    not_quarantined,
    stable_upstream,
    incidents_in_order,
    rollback_ready,
    versions_append_only,
    incidents_kept,
    one_step,
    forge_unchanged,
    suppressions_used,
    arms_unchanged,
    manifests_current,
)
RULES: dict[str, Rule] = {rule.__name__.rpartition(".")[2].replace("_", "-"): rule for rule in _IN_ORDER}
"""The rules by name, which is the module's with hyphens, in the order in which they run."""

GATES = ("yaml", "schema", "names-match", "no-links", "references-exist", "policies-sound")
COMPARING = frozenset(
    {
        *("arms-unchanged", "contracts-compatible", "forge-unchanged", "incidents-in-order", "incidents-kept"),
        *("manifests-current", "not-quarantined", "one-step", "pause-current", "pins-served", "rollback-ready"),
        *("stable-upstream", "targets-fit", "versions-append-only", "waivers-current"),
    }
)
"""Rules that look at the base, or at the time. The others are given neither: on equal files they find the same."""
BASE_SEVERITY = ("forge-unchanged",)
"""Rules with the severity on the base, and which no comment silences, so that no change can permit itself."""
LAST = ("arms-unchanged", "manifests-current")
ROLLBACK_READY = "rollback-ready"
"""The rule that reports rollbacks which fail in memory."""
TRAFFIC_RENDERED = "traffic-rendered"
"""The rule that reports stages and rollbacks without an effect on traffic."""
SUPPRESSIONS_USED = "suppressions-used"
