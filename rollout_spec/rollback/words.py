"""What a person reads is a revert: the subject of the newest commit that is undone, and one line for each of them."""

from __future__ import annotations

import re

from rollout_spec.change import Change
from rollout_spec.finding import Finding
from rollout_spec.repository import Repository
from rollout_spec.rollback.decision import Rollback
from rollout_spec.rollback.incident import one_line
from rollout_spec.rollback.undone import Undone
from rollout_spec.units import NAME, format_time

_LONGEST_BODY = 60_000
_MOST_COMMITS = 50


def change(
    rollback: Rollback, repository: Repository, *, prefix: str = "", findings: tuple[Finding, ...] = ()
) -> Change:
    """Turn a rollback into a commit and a pull request. ``findings`` are errors that stood before it and stay."""
    file = repository.rollout(rollback.rollout)
    reviewers = tuple(file.model.spec.rollback.reviewers or ()) if file and file.model else ()
    start = f"{prefix}/" if prefix else ""
    title = subject(rollback)
    return Change(
        branch=rollback.branch,
        message=message(rollback),
        edits={start + path: content for path, content in rollback.edits.items()},
        date=rollback.breach.observed_at,
        title=title,
        body=body(rollback, repository, findings),
        labels=("rollback", f"rollout:{rollback.rollout}"),
        reviewers=reviewers,
        draft=bool(rollback.for_a_person),
        arm=rollback.arm,
    )


def subject(rollback: Rollback) -> str:
    """Return the first line of the commit, as ``git revert`` writes it."""
    if rollback.undone.steps:
        return f'Revert "{one_line(rollback.undone.steps[0].subject, 200)}"'
    return f"Roll back {rollback.rollout} from {rollback.failed} to {rollback.restored}"


def message(rollback: Rollback) -> str:
    """Return the whole commit message: subject, what happened, the commits that are undone, trailers."""
    breach = rollback.breach
    told = f"told by {breach.trigger} " if breach.trigger and re.fullmatch(NAME, breach.trigger) else "told "
    told += f"on {format_time(breach.observed_at)}"
    lines = [
        subject(rollback),
        "",
        f"{rollback.rollout} {rollback.failed} failed at {rollback.moment}, {told}.",
        f"Traffic goes back to {rollback.restored}; incident {rollback.incident} quarantines {rollback.failed}.",
        "",
    ]
    if rollback.undone.steps:
        lines += [f"This reverts commit {step.commit}." for step in rollback.undone.steps] + [""]
    lines += [
        f"Rollback-Of: {rollback.rollout}/{rollback.failed}",
        f"Rollback-To: {rollback.rollout}/{rollback.restored}",
        f"Breach-Id: {breach.id}",
    ]
    return "\n".join(lines) + "\n"


def body(rollback: Rollback, repository: Repository, findings: tuple[Finding, ...] = ()) -> str:
    """Return the pull request that a person reads at night, in Markdown."""
    failed = f"{rollback.rollout} {rollback.failed} failed at {rollback.moment}"
    parts = [
        f"**{failed}; this takes the whole stack back to {rollback.restored}.** {_verdict(rollback)}",
        "### Evidence\n\n" + _evidence(rollback),
        "### What goes back\n\n" + _stack(rollback, repository),
        "### Traffic\n\n"
        + _table([("now", _code(rollback.before.text)), ("after this merges", _code(rollback.after.text))]),
        "### What this undoes, and what it keeps\n\n" + _undone(rollback.undone) + _kept(rollback),
        "### Proof\n\n" + _proof(rollback, findings),
        "### What to do\n\n" + _steps(rollback, repository),
    ]
    text = "\n\n".join(parts)
    if len(text) > _LONGEST_BODY:
        text = f"{text[:_LONGEST_BODY]}\n\n…"
    marker = f"workspace={rollback.workspace} rollout={rollback.rollout} version={rollback.failed}"
    return f"{text}\n\n<!-- rollout-spec: rollback {marker} breach={rollback.breach.id} -->\n"


def _table(rows: list[tuple[str, str]]) -> str:
    return "| | |\n|---|---|\n" + "\n".join(f"| {key} | {value} |" for key, value in rows)


def _verdict(rollback: Rollback) -> str:
    if rollback.for_a_person:
        return "It is a draft for a person, because " + "; ".join(rollback.for_a_person) + "."
    return "It merges itself once its checks pass." if rollback.arm else "It is ready to merge."


def _evidence(rollback: Rollback) -> str:
    breach, evidence = rollback.breach, rollback.breach.evidence
    rows = [
        ("observed", format_time(breach.observed_at)),
        ("source", _code(breach.source)),
        ("trigger", _code(breach.trigger or "none")),
    ]
    if evidence.summary:
        rows.append(("summary", _code(evidence.summary)))
    if evidence.value is not None:
        rows.append(("value", _code(f"{evidence.value:f}")))
    if evidence.url:
        rows.append(("look at", f"<{evidence.url}>"))
    return _table(rows)


def _stack(rollback: Rollback, repository: Repository) -> str:
    file = repository.rollout(rollback.rollout)
    assert file is not None and file.model is not None
    bad, good = (file.model.spec.versions[version] for version in (rollback.failed, rollback.restored))
    rows = [
        ("version", rollback.failed, rollback.restored),
        ("digest", bad.digest, good.digest),
        ("artifact", bad.artifact, good.artifact),
    ]
    ours, theirs = bad.requires or {}, good.requires or {}
    rows += [(f"pin {component}", ours.get(component), theirs.get(component)) for component in sorted({*ours, *theirs})]
    table = "| | failed | restored |\n|---|---|---|\n" + "\n".join(
        f"| {key} | {_cell(old)} | {_cell(new)} |" for key, old, new in rows
    )
    notes = [
        f"{component} is switched from {old} to {new} in the same commit."
        for component, (old, new) in rollback.switched.items()
    ]
    notes += [f"{version} was passed over: {reason}." for version, reason in rollback.passed_over]
    if rollback.withdrawn:
        notes.append(f"{rollback.withdrawn}, a candidate in flight, is withdrawn; nothing is held against it.")
    return table + ("\n\n" + "\n".join(f"- {note}" for note in notes) if notes else "")


def _cell(value: str | None) -> str:
    return "" if value is None else _code(value)


def _code(text: str) -> str:
    """Show what a stranger wrote as code: no mention, link or markup of theirs takes effect."""
    return "`" + (one_line(text, 300).replace("`", "'").replace("|", "¦") or " ") + "`"


def _undone(undone: Undone) -> str:
    if undone.reason:
        return f"Which commits this undoes is not known: {undone.reason}.\n"
    if not undone.steps:
        return "No commit that changed `live` since the version was proposed was found.\n"
    lines = [f"- {step.commit} {_code(step.subject)}" for step in undone.steps[:_MOST_COMMITS]]
    more = len(undone.steps) - _MOST_COMMITS
    return "\n".join(lines + ([f"- and {more} more"] if more > 0 else [])) + "\n"


def _kept(rollback: Rollback) -> str:
    return (
        "\nOf the rollout's file only `live` is edited; every other line of the file stays as its owners left it. "
        f"The record of {rollback.failed} stays too: it is under investigation.\n"
    )


def _proof(rollback: Rollback, findings: tuple[Finding, ...]) -> str:
    if rollback.unchanged:
        lines = [f"- What runs {rollback.restored} is byte for byte what is deployed now: only traffic moves."]
    else:
        lines = [f"- What runs {rollback.restored} **changes** with this: read the diff of `manifests/`."]
    lines.append("- The result was checked with the same rules as any change, and brings no new finding.")
    lines += [f"- It stood before: {_code(f'{each.file}:{each.line}: {each.message}')}" for each in findings[:10]]
    return "\n".join(lines)


def _steps(rollback: Rollback, repository: Repository) -> str:
    file = repository.rollout(rollback.rollout)
    runbook = file.model.spec.rollback.runbook if file and file.model else None
    lines = [
        "1. Read the diff: `live`, the incident, the manifests." + (f" The runbook is <{runbook}>." if runbook else "")
    ]
    lines.append("2. Mark it ready and merge it." if rollback.for_a_person else "2. Merge it.")
    lines.append(
        f"3. Find the cause, and write it into `incidents/{rollback.incident}.yaml`. "
        f"{rollback.failed} stays quarantined until that says `cleared`; a fix is a new version, proposed as any other."
    )
    return "\n".join(lines)
