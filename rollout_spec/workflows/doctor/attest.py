"""The check of `automation.attest`: the forge merges a rollback after the service set its status."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from rollout_spec.core.text import excerpt
from rollout_spec.integrations.forges import Protection, TokenCapabilities
from rollout_spec.spec.workspace import Automation
from rollout_spec.workflows.doctor.result import DoctorResult, ok, unknown, warning

_SEE = "see docs/forges.md for the required status"


def attest(standing: TokenCapabilities, kind: str, branch: str, settings: Automation) -> Iterator[DoctorResult]:
    """Check the status that the service sets. Nothing fails: without it, a rollback waits for CI."""
    if settings.attest is None:
        return
    context = excerpt(settings.attest)
    problems = list(_problems(standing, kind, branch, settings))
    yield from problems
    if not problems and kind == "local":
        yield ok("attest", f"the service records {context} in the file of the pull request; no merge waits for it")
    elif not problems:
        yield ok("attest", f"{branch} waits for {context} alone, which the service sets on its own rollbacks")


def _problems(standing: TokenCapabilities, kind: str, branch: str, settings: Automation) -> Iterator[DoctorResult]:
    context, base = settings.attest or "", standing.base
    if settings.mode != "auto-merge":
        message = f"the mode is {settings.mode}: the service sets no status {excerpt(context)}"
        yield warning("attest", message, "set `automation.mode: auto-merge`, or remove `automation.attest`")
    if kind == "local":
        return
    if standing.may_attest is None:
        yield unknown("attest", "not visible whether this token may set the status of a commit", _SEE)
    elif not standing.may_attest:
        yield warning("attest", "this token may not set the status of a commit", "give it Commit statuses: write")
    if base is None or base.checks == ():
        message = f"{branch} requires no check: a rollback does not wait for {excerpt(context)}"
        yield warning("attest", message, f"require {excerpt(context)} on {branch}")
    elif base.checks is None:
        yield unknown("attest", f"the required checks of {branch} are not visible", "; ".join(standing.unseen) or None)
    elif kind == "gitlab":
        message = f"{branch} requires a pipeline: {excerpt(context)} passes only if CI has none for the rollback"
        yield warning("attest", message, "exclude branches `rollback/` from CI with `workflow:rules`")
    else:
        yield from _checks(base, base.checks, kind, branch, context)
        yield from _pins(base, standing.app, context)
    if base is not None and base.queue:
        message = "the merge queue runs the required checks again, and the status does not count there"
        yield warning("attest", message, "a rollback waits for CI in the queue")


def _checks(base: Protection, checks: tuple[str, ...], kind: str, branch: str, context: str) -> Iterator[DoctorResult]:
    """Compare the context with the required checks. Gitea requires patterns."""
    others = [check for check in checks if not _is_meant(check, context, kind)]
    unclear = [check for check in others if kind == "gitea" and "{" in check]
    if unclear:
        message = f"not known whether {excerpt(context)} matches {', '.join(map(excerpt, unclear))}"
        yield unknown("attest", message, "write the pattern without braces")
        return
    if len(others) == len(checks):
        message = f"{branch} does not require {excerpt(context)}: the status has no effect"
        yield warning("attest", message, f"require {excerpt(context)} on {branch}, or remove `automation.attest`")
    elif others:
        message = f"{branch} also requires {', '.join(map(excerpt, others))}: a rollback still waits for CI"
        yield warning("attest", message, f"let CI report {excerpt(context)} too, and require nothing else")


def _pins(base: Protection, app: int | None, context: str) -> Iterator[DoctorResult]:
    for check, number in base.pinned:
        if _is_meant(check, context, "github") and number != app:
            own = f"this is App {app}" if app is not None else "this is a token"
            message = f"{excerpt(context)} counts only from the App {number}; {own}"
            yield warning("attest", message, "let any source report the check, or use that App for CI and the service")


def _is_meant(check: str, context: str, kind: str) -> bool:
    """Return whether a required check means a context. GitHub ignores case; Gitea has patterns."""
    return fnmatchcase(context, check) if kind == "gitea" else check.lower() == context.lower()
