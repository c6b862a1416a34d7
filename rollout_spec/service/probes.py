"""The state of the service for supervisors and Prometheus. Anybody who can connect may read it."""

from __future__ import annotations

from fastapi import FastAPI, Response

from rollout_spec.core.errors import UserError
from rollout_spec.service.health import State
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.metrics import Metrics
from rollout_spec.service.replies import Health, clean
from rollout_spec.service.threads import Threads

_INBOX_SECONDS = 5.0
_TEXT = "text/plain; version=0.0.4; charset=utf-8"


def add_probes(app: FastAPI, inbox: Inbox, state: State, metrics: Metrics) -> None:
    """Add /healthz, /readyz and /metrics to an application. They answer even if the inbox does not."""
    threads = Threads("probes", 2, _INBOX_SECONDS, "the inbox does not answer")

    @app.get("/healthz", response_model=Health)
    async def live() -> Health:
        """Return that this process answers."""
        return Health(status="ok")

    @app.get("/readyz", response_model=Health, responses={503: {"model": Health, "description": "It cannot be used."}})
    async def ready(response: Response) -> Health:
        """Return whether git, the forges, the inbox and the worker can be used."""
        problems = await _inbox_problem(inbox, threads)
        problems |= {"git": state.git} if state.git else {}
        problems |= {"worker": state.worker} if state.worker else {}
        problems |= {f"forge of {name}": error for name, error in state.forges.items() if error}
        settings = {name: each.error or each.commit for name, each in state.served.workspaces.items()}
        response.status_code = 503 if problems else 200
        return Health(
            status="failing" if problems else "degraded" if state.warnings else "ok",
            problems=clean(problems),
            warnings=clean(state.warnings),
            settings=clean(settings),
        )

    @app.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def metrics_text() -> Response:
        """Return the metrics for Prometheus."""
        try:
            backlog = await threads.run(inbox.backlog)
        except UserError:
            backlog = None
        return Response(metrics.text(backlog), media_type=_TEXT)


async def _inbox_problem(inbox: Inbox, threads: Threads) -> dict[str, str]:
    try:
        await threads.run(inbox.backlog)
    except UserError as error:
        return {"inbox": error.message}
    return {}
