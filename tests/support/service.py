"""Responses as the service gives them: it may set the status that the workspace on the base names."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from repo import Repo

from rollout_spec.integrations.monitors import parse
from rollout_spec.rollback import Order
from rollout_spec.workflows.base_branch import forge_of
from rollout_spec.workflows.newest import fetch_base, find_anywhere
from rollout_spec.workflows.respond import BreachResponse, FailedResponse, Responder, respond_to_all


def serve(repo: Repo, *alerts: dict[str, Any], attests: bool = True, order: Order | None = None) -> list[object]:
    """Answer alerts in this process, two minutes after the last commit: responses, and what stands for an error."""
    payload = Path(repo.payload(*(alerts or (repo.alert(),)))).read_bytes()
    assert json.loads(payload)["alerts"]
    breaches = parse(payload).breaches
    here = find_anywhere(repo.workspace)
    assert here.git_root is not None
    base, workspace = fetch_base(here, here.git_root)
    now = repo.clock[0] + timedelta(minutes=2)
    responder = Responder(base, forge_of(base, workspace.spec.forge), now, order, attests=attests)
    results = respond_to_all(breaches, responder)
    return [each.error if isinstance(each, FailedResponse) else each for each in results]


def served(repo: Repo, *alerts: dict[str, Any], attests: bool = True, order: Order | None = None) -> BreachResponse:
    """Answer alerts that lead to one pull request, and return the response."""
    (response,) = serve(repo, *alerts, attests=attests, order=order)
    assert isinstance(response, BreachResponse), response
    return response


def status_notes(response: BreachResponse) -> list[str]:
    """Return why no status was set."""
    return [note for note in response.notes if note.startswith("the service set no status")]
