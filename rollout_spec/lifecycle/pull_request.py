"""One step is one commit, and its message says what moves, since when the stage was held, and who went ahead anyway."""

from __future__ import annotations

from datetime import datetime

from rollout_spec.core.pull_request import ProposedChange
from rollout_spec.core.text import one_line
from rollout_spec.core.units import label
from rollout_spec.domain import traffic
from rollout_spec.lifecycle.hold import HoldStatus
from rollout_spec.lifecycle.step_result import StepResult

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


def subject(step: StepResult) -> str:
    """Return the first line of the commit."""
    stage = step.after.spec.live.stage
    words = _SUBJECTS[step.name].format(rollout=step.rollout, version=step.version, stage=stage)
    return f"{words}, and advance it to {stage}" if step.name == "propose" and stage else words


def traffic_change(step: StepResult) -> str:
    """Return what becomes of traffic, in one line."""
    after = traffic.split(step.after.spec).text
    before = traffic.split(step.before.spec).text if step.before else "nothing"
    return f"{before} -> {after}" if before != after else f"traffic stays {after}"


def message(step: StepResult, held: HoldStatus | None, forced: str | None) -> str:
    """Return the whole commit message. ``forced`` is why a stage need not be held as long as it says."""
    lines = [subject(step), "", f"{traffic_change(step)}."]
    if held is not None:
        lines.append(f"{held.message}.")
    lines += [f"{words}." for words in approvals(step)]
    return "\n".join([*lines, "", *trailers(step, held, forced)]) + "\n"


def approvals(step: StepResult) -> list[str]:
    """Return a line for each stage that asks for a person's approval, because it is entered or skipped."""
    return [
        f"{name} has `approval: manual`: a person lets {step.version} in"
        if name == step.entered_stage
        else f"{name} has `approval: manual` and is skipped: a person lets {step.version} past it"
        for name in step.approvals
    ]


def trailers(step: StepResult, held: HoldStatus | None, forced: str | None) -> list[str]:
    """Return the lines that a program reads."""
    stage = step.after.spec.live.stage if step.name in ("propose", "advance", "retreat") else None
    lines = [f"{STEP}: {step.name} {step.rollout}/{step.version}" + (f" {stage}" if stage else "")]
    if forced is not None and held is not None and held.refusal is not None:
        lines.append(f"{FORCED}: {one_line(forced)}")
    return lines


def step_change(
    step: StepResult, workspace: str, held: HoldStatus | None, forced: str | None, *, date: datetime, prefix: str = ""
) -> ProposedChange:
    """Turn a step into a commit and a pull request; a stage that asks a person makes it a draft. It is never armed."""
    start = f"{prefix}/" if prefix else ""
    return ProposedChange(
        branch=f"{step.name}/{workspace}/{step.rollout}/{label(step.version)}",
        message=message(step, held, forced),
        edits={start + path: content for path, content in step.edits.items()},
        date=date,
        title=subject(step),
        body=body(step, workspace, held, forced),
        labels=(step.name, f"rollout:{step.rollout}"),
        reviewers=tuple(step.after.spec.rollback.reviewers or ()),
        draft=step.needs_approval,
    )


def body(step: StepResult, workspace: str, held: HoldStatus | None, forced: str | None) -> str:
    """Return the pull request that a reviewer reads, in Markdown."""
    before = traffic.split(step.before.spec).text if step.before else "nothing"
    rows = [("now", before), ("after this merges", traffic.split(step.after.spec).text)]
    table = "| | |\n|---|---|\n" + "\n".join(f"| {key} | `{value.replace('|', '¦')}` |" for key, value in rows)
    parts = [f"**{subject(step)}.**", table]
    if step.needs_approval:
        skipped = [f"`{name}`, which is skipped," for name in step.approvals if name != step.entered_stage]
        entered = [f"`{name}`" for name in step.approvals if name == step.entered_stage]
        verb = "has" if len(step.approvals) == 1 else "have"
        parts.append(
            f"It is a draft: {' and '.join((*skipped, *entered))} {verb} `approval: manual`. "
            f"Whoever approves {step.version} marks it ready, and merges it."
        )
    if held is not None:
        parts.append(f"{_code(held.message)}.")
    if forced is not None and held is not None and held.refusal is not None:
        parts.append(f"It goes ahead before that stage was held as long as it says, because: {_code(forced)}")
    parts.append("The result was checked with the same rules as any change, and each way back from it was tried.")
    marker = f"workspace={workspace} rollout={step.rollout} version={step.version}"
    return "\n\n".join(parts) + f"\n\n<!-- rollout-spec: {step.name} {marker} -->\n"


def _code(text: str) -> str:
    """Show what somebody wrote as code: no mention, link or markup in it takes effect."""
    return "`" + (one_line(text, 400).replace("`", "'").replace("|", "¦") or " ") + "`"
