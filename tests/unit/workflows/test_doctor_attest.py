"""What doctor says of the status that the service sets: whether a forge merges a rollback because of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rollout_spec.integrations.forges import Protection, TokenCapabilities
from rollout_spec.spec.workspace import Automation
from rollout_spec.workflows.doctor.attest import attest

CONTEXT = "rollout-spec/check"
SETTINGS = Automation(mode="auto-merge", attest=CONTEXT)
BASE = Protection((CONTEXT,), True, False, 0, False)
TOKEN = TokenCapabilities(base=BASE)


def told(standing: TokenCapabilities = TOKEN, kind: str = "github", settings: Automation = SETTINGS) -> list[str]:
    return [f"{each.verdict}: {each.message}" for each in attest(standing, kind, "main", settings)]


def with_base(**changes: object) -> TokenCapabilities:
    return replace(TOKEN, base=replace(BASE, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["github", "gitea"])
def test_the_status_alone_is_required(kind: str) -> None:
    assert told(kind=kind) == [
        "ok: main waits for rollout-spec/check alone, which the service sets on its own rollbacks"
    ]


def test_without_a_context_nothing_is_said() -> None:
    assert told(settings=Automation(mode="auto-merge")) == []


@pytest.mark.parametrize("mode", ["dry-run", "pull-request"])
def test_in_another_mode_it_is_useless(mode: str) -> None:
    settings = Automation.model_validate({"mode": mode, "attest": CONTEXT})
    assert told(settings=settings) == [f"warning: the mode is {mode}: the service sets no status rollout-spec/check"]


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (replace(TOKEN, base=None), "warning: main requires no check: a rollback does not wait for rollout-spec/check"),
        (with_base(checks=()), "warning: main requires no check: a rollback does not wait for rollout-spec/check"),
        (with_base(checks=None), "unknown: the required checks of main are not visible"),
        (
            with_base(checks=("lint", "rollouts")),
            "warning: main does not require rollout-spec/check: the status has no effect",
        ),
        (
            with_base(checks=("lint", CONTEXT, "unit")),
            "warning: main also requires lint, unit: a rollback still waits for CI",
        ),
        (
            with_base(queue=True),
            "warning: the merge queue runs the required checks again, and the status does not count there",
        ),
        (
            with_base(pinned=((CONTEXT, 15368),)),
            "warning: rollout-spec/check counts only from the App 15368; this is a token",
        ),
        (
            replace(with_base(pinned=((CONTEXT, 15368),)), app=7),
            "warning: rollout-spec/check counts only from the App 15368; this is App 7",
        ),
        (replace(TOKEN, may_attest=False), "warning: this token may not set the status of a commit"),
        (replace(TOKEN, may_attest=None), "unknown: not visible whether this token may set the status of a commit"),
    ],
)
def test_what_stands_in_the_way_of_the_merge_is_a_warning(standing: TokenCapabilities, expected: str) -> None:
    assert told(standing) == [expected]


def test_a_pin_to_this_app_and_a_pin_of_another_check_are_right() -> None:
    (line,) = told(replace(with_base(pinned=((CONTEXT, 7), ("lint", 15368))), app=7))
    assert line.startswith("ok: ")


def test_github_ignores_the_case_of_a_context_and_gitea_does_not() -> None:
    standing = with_base(checks=(CONTEXT.upper(),))
    assert told(standing)[0].startswith("ok: ")
    assert told(standing, "gitea")[0].startswith("warning: main does not require ")


@pytest.mark.parametrize(
    ("pattern", "verdict"),
    [("rollout-spec/*", "ok"), ("*", "ok"), ("ci/*", "warning"), ("rollout-spec/{check,drill}", "unknown")],
)
def test_gitea_requires_patterns(pattern: str, verdict: str) -> None:
    (line,) = told(with_base(checks=(pattern,)), "gitea")
    assert line.startswith(f"{verdict}: ")
    assert told(with_base(checks=(pattern,)), "github")[0].startswith("warning: ")


def test_gitlab_requires_a_pipeline_and_no_check_by_name() -> None:
    (line,) = told(with_base(checks=("pipeline",)), "gitlab")
    assert line == "warning: main requires a pipeline: rollout-spec/check passes only if CI has none for the rollback"


def test_a_local_forge_holds_no_merge() -> None:
    (line,) = told(TokenCapabilities(), "local")
    assert line.startswith("ok: the service records rollout-spec/check")


def test_a_context_with_control_characters_is_shown_without_them() -> None:
    (line,) = told(settings=Automation(mode="auto-merge", attest="a\x1b[2Jb"))
    assert "\x1b" not in line
