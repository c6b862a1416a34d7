"""docs/gate.md lists every verdict, action and format, and its settings load."""

from __future__ import annotations

import re
from typing import Any, get_args

import folders

from rollout_spec.cli.commands.gate import FORMATS
from rollout_spec.core.yaml.document import parse
from rollout_spec.domain.judgement.verdicts import STRONGEST, Verdict
from rollout_spec.spec.prometheus import Prometheus
from rollout_spec.spec.rollout import RollbackSettings
from rollout_spec.spec.service import ServiceSettings
from rollout_spec.spec.workspace import ForgeSettings
from rollout_spec.workflows.pass_results import Action

PAGE = (folders.CHECKOUT / "docs/gate.md").read_text("utf-8")


def rows(heading: str) -> list[str]:
    """Return the names in the first column of the table after a heading."""
    table = PAGE.split(heading)[1].split("\n\n")[0]
    return [name for line in table.splitlines()[2:] for name in re.findall(r"`([a-z-]+)`", line.split("|")[1])]


def test_every_verdict_is_explained() -> None:
    assert set(rows("| verdict |")) == set(get_args(Verdict))
    assert f"in the order {', '.join(f'`{each}`' for each in STRONGEST)}" in PAGE


def test_every_action_is_explained() -> None:
    assert rows("| action |") == list(get_args(Action))


def test_every_format_is_named() -> None:
    assert f"--format {'|'.join(FORMATS)}]" in PAGE


def test_the_settings_load() -> None:
    blocks: list[Any] = [
        parse(each.encode()).data["spec"] for each in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    ]
    rollback, service, trial = blocks
    assert Prometheus.model_validate(trial["prometheus"]).url == "http://127.0.0.1:9090"
    assert ForgeSettings.model_validate(trial["forge"]).type == "local"
    assert RollbackSettings.model_validate(rollback["rollback"]).promote == "auto"
    assert ServiceSettings.model_validate(service["service"]).reconcile is not None
