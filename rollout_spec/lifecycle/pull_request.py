"""The commit and the pull request of a step.

Their text has the traffic, the hold, the approvals, and the reason of a forced step.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rollout_spec.core.markdown import code
from rollout_spec.core.pull_request import ProposedChange
from rollout_spec.core.text import one_line
from rollout_spec.core.units import label
from rollout_spec.domain import traffic
from rollout_spec.lifecycle.hold import HoldStatus
from rollout_spec.lifecycle.step_result import StepResult

_LONGEST_REASON = 400
_SUBJECTS = {
    "bootstrap": "Bootstrap {rollout} with {version}",
    "record": "Record {rollout} {version}",
    "propose": "Propose {rollout} {version}",
    "advance": "Advance {rollout} {version} to {stage}",
    "retreat": "Take {rollout} {version} back to {stage}",
    "withdraw": "Withdraw {rollout} {version}",
    "promote": "Promote {rollout} {version}",
    "retire": "Retire {rollout} {version}",
}
STEP = "Rollout-Step"
FORCED = "Rollout-Forced"
GATED = "gated"
"""The label of gated steps. Other steps are the decision of a person."""


@dataclass(frozen=True)
class StepText:
    """Further inputs for the texts of a step.

    ``held`` describes the hold of the stage that it leaves. ``forced`` is the reason to leave it before the hold is
    over. ``evidence`` is the verdict of the gate, as lines of the commit message; ``evidence_markdown`` as Markdown.
    """

    held: HoldStatus | None = None
    forced: str | None = None
    evidence: tuple[str, ...] = ()
    evidence_markdown: str = ""

    @property
    def is_early(self) -> bool:
        """Return whether the step leaves its stage before the hold is over."""
        return self.forced is not None and self.held is not None and self.held.refusal is not None


def subject(step: StepResult) -> str:
    """Return the subject of the commit."""
    stage = step.after.spec.live.stage
    text = _SUBJECTS[step.name].format(rollout=step.rollout, version=step.version, stage=stage)
    return f"{text}, and advance it to {stage}" if step.name == "propose" and stage else text


def traffic_change(step: StepResult) -> str:
    """Return the traffic split before and after a step, in one line."""
    after = traffic.split(step.after.spec).text
    before = traffic.split(step.before.spec).text if step.before else "nothing"
    return f"{before} -> {after}" if before != after else f"traffic stays {after}"


def message(step: StepResult, text: StepText) -> str:
    """Return the commit message."""
    lines = [subject(step), "", f"{traffic_change(step)}."]
    if text.held is not None:
        lines.append(f"{text.held.message}.")
    lines += [f"{line}." for line in approvals(step)]
    if text.evidence:
        lines += ["", *(one_line(line, _LONGEST_REASON) for line in text.evidence)]
    return "\n".join([*lines, "", *trailers(step, text)]) + "\n"


def approvals(step: StepResult) -> list[str]:
    """Return a line for each stage with ``approval: manual`` that is entered or skipped."""
    return [
        f"{name} has `approval: manual`: a person must approve {step.version}"
        if name == step.entered_stage
        else f"{name} has `approval: manual` and is skipped: a person must approve {step.version}"
        for name in step.approvals
    ]


def trailers(step: StepResult, text: StepText) -> list[str]:
    """Return the lines of the commit message that programs read."""
    stage = step.after.spec.live.stage if step.name in ("propose", "advance", "retreat") else None
    lines = [f"{STEP}: {step.name} {step.rollout}/{step.version}" + (f" {stage}" if stage else "")]
    if text.is_early and text.forced is not None:
        lines.append(f"{FORCED}: {one_line(text.forced)}")
    return lines


def step_change(
    step: StepResult, workspace: str, text: StepText, *, date: datetime, prefix: str = "", auto_merge: bool = False
) -> ProposedChange:
    """Return the commit and the pull request of a step.

    The pull request is a draft if the step needs approval. Only a gated step may get auto-merge, and no draft does.
    """
    start = f"{prefix}/" if prefix else ""
    return ProposedChange(
        branch=f"{step.name}/{workspace}/{step.rollout}/{label(step.version)}",
        message=message(step, text),
        edits={start + path: content for path, content in step.edits.items()},
        date=date,
        title=subject(step),
        body=body(step, workspace, text),
        labels=(step.name, f"rollout:{step.rollout}", *((GATED,) if text.evidence else ())),
        reviewers=tuple(step.after.spec.rollback.reviewers or ()),
        draft=step.needs_approval,
        auto_merge=auto_merge and not step.needs_approval,
    )


def body(step: StepResult, workspace: str, text: StepText) -> str:
    """Return the body of the pull request, in Markdown."""
    before = traffic.split(step.before.spec).text if step.before else "nothing"
    rows = [("now", before), ("after this merges", traffic.split(step.after.spec).text)]
    table = "| | |\n|---|---|\n" + "\n".join(f"| {key} | `{value.replace('|', '¦')}` |" for key, value in rows)
    parts = [f"**{subject(step)}.**", table]
    if step.needs_approval:
        stages = [f"`{name}`" + ("" if name == step.entered_stage else " (skipped)") for name in step.approvals]
        verb = "has" if len(stages) == 1 else "have"
        parts.append(
            f"It is a draft: {' and '.join(stages)} {verb} `approval: manual`. "
            f"To approve {step.version}, mark it ready and merge it."
        )
    if text.held is not None:
        parts.append(f"{code(text.held.message, _LONGEST_REASON)}.")
    if text.is_early:
        parts.append(f"It leaves that stage before the hold is over. The reason: {code(text.forced, _LONGEST_REASON)}")
    if text.evidence_markdown:
        parts.append(text.evidence_markdown)
    parts.append("The result was checked with the rules for any change, and each rollback from it was tried.")
    marker = f"workspace={workspace} rollout={step.rollout} version={step.version}"
    return "\n\n".join(parts) + f"\n\n<!-- rollout-spec: {step.name} {marker} -->\n"
