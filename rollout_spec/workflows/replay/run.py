"""One replay: versions, requests, comparison, and the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rollout_spec.core.divergence import OutputKind
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt, one_line
from rollout_spec.domain.replay.histograms import difference_histograms
from rollout_spec.domain.replay.report import LogFigures, ReplayReport, ReplayTarget
from rollout_spec.integrations.engines import EngineName
from rollout_spec.integrations.http_connection import Server
from rollout_spec.integrations.model_servers import PROTOCOLS, ModelClient, ServedModel
from rollout_spec.integrations.replay_journal import ReplayJournal, open_journal
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.replay.compare import Comparison, compare
from rollout_spec.workflows.replay.identity import default_journal, identity_of, remove_journal
from rollout_spec.workflows.replay.selection import Logs, Selection, inputs_of
from rollout_spec.workflows.replay.sending import Pace, Progress, Sender
from rollout_spec.workflows.replay.versions import ReplayedVersions, replayed_versions

_MOST_INPUTS = 2_000
"""The characters of a request's inputs that are shown."""


@dataclass(frozen=True)
class ServerOptions:
    """The model server, from the command line. ``headers`` may hold a secret."""

    url: str
    protocol: str = "v2"
    model: str | None = None
    model_version: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 5.0
    rate: float = 10.0
    concurrency: int = 4


@dataclass(frozen=True)
class ReplayRequest:
    """The arguments of a replay. Without a journal, one in the user's state folder is used until it ends."""

    rollout: str
    logs: Logs
    server: ServerOptions
    failed: str | None = None
    restored: str | None = None
    incident: str | None = None
    limit: int = 1_000
    kinds: Mapping[str, OutputKind] = field(default_factory=dict)
    journal: Path | None = None
    pairs: Path | None = None
    engine: EngineName = "duckdb"
    show_inputs: bool = False


def replay(
    request: ReplayRequest, here: WorkspaceLocation, tell: Callable[[str], None], progress: Progress | None = None
) -> ReplayReport:
    """Replay the logged requests of both versions, and return the report.

    UserError with status 3 if the server does not answer. The journal keeps all answers until the report is complete.
    """
    repository = here.repository()
    rollout = repository.require_rollout(request.rollout).require_model()
    versions = replayed_versions(repository, rollout, request.failed, request.restored, request.incident)
    server, options = Server.at(request.server.url), request.server
    model = ServedModel(options.model or request.rollout, options.model_version)
    identity = identity_of(request.logs, _server_identity(server, options, model), versions, request.limit)
    path = request.journal or default_journal(identity)

    def connect() -> ModelClient:
        return ModelClient(server, PROTOCOLS[options.protocol], model, options.headers, options.timeout)

    with open_journal(path, identity) as journal:
        selection = Selection(request.logs, versions.failed, versions.restored, request.limit, journal)
        sender = Sender(connect, Pace(options.rate), options.concurrency, progress)
        seconds = _sent(sender, selection, journal, tell)
        comparison = compare(journal, request.kinds, request.engine, request.pairs)
    if request.journal is None:
        remove_journal(path)
    target = ReplayTarget(
        str(server),
        options.protocol,
        model.name,
        options.rate,
        options.concurrency,
        sender.sent,
        seconds,
        selection.kept,
        sender.warmup,
    )
    return _report(request, repository.workspace_name, versions, target, selection.figures, comparison)


def _sent(sender: Sender, selection: Selection, journal: ReplayJournal, tell: Callable[[str], None]) -> float:
    """Replay all requests that the journal lacks, and return the seconds."""
    start = time.monotonic()
    before = journal.count()
    if before:
        tell(f"{before:,} requests are in the journal, and are not sent again")
    try:
        sender.run(selection, journal)
    except (KeyboardInterrupt, UserError):
        if journal.count() > before:
            tell(f"{journal.count():,} replayed requests are in the journal; the same command goes on from there")
        raise
    return time.monotonic() - start


def _server_identity(server: Server, options: ServerOptions, model: ServedModel) -> dict[str, str]:
    return {
        "server": str(server),
        "protocol": options.protocol,
        "model": model.name,
        "version of the model": model.version or "chosen by the server",
        "timeout": f"{options.timeout:g}s",
    }


def _report(
    request: ReplayRequest,
    workspace: str,
    versions: ReplayedVersions,
    target: ReplayTarget,
    figures: LogFigures,
    comparison: Comparison,
) -> ReplayReport:
    observations = comparison.observations
    moved = observations.moved
    inputs: dict[str, str] = {}
    if request.show_inputs:
        records = inputs_of(request.logs, [row.request_id for row in moved])
        for request_id, record in records.items():
            values = ((tensor.name, list(tensor.data[:_MOST_INPUTS])) for tensor in record.inputs)
            inputs[request_id] = one_line("; ".join(f"{name} = {shown}" for name, shown in values), _MOST_INPUTS)
    return ReplayReport(
        workspace=workspace,
        rollout=request.rollout,
        failed=versions.failed,
        restored=versions.restored,
        incident=versions.incident,
        target=target,
        logs=request.logs.addresses,
        log_figures=figures,
        arms=observations.arms,
        forms=comparison.forms,
        divergence=comparison.divergence,
        histograms=difference_histograms(observations.differences),
        moved=moved,
        limit=request.limit,
        notes=tuple(_notes(versions, figures, comparison)),
        inputs=inputs,
    )


def _notes(versions: ReplayedVersions, figures: LogFigures, comparison: Comparison) -> list[str]:
    """Return remarks on the trust in the result."""
    notes, arms = [], comparison.observations.arms
    if not arms["failed"].requests:
        notes.append(f"no request of {versions.failed} with status 200 is in the logs, so nothing is compared")
    if not arms["floor"].compared:
        notes.append(f"no request of {versions.restored} itself was compared, so the noise floor is unknown")
    if len(figures.models) > 1:
        names = ", ".join(excerpt(name) for name in figures.models)
        notes.append(f"the replayed records name more than one model: {names}")
    if figures.beyond_limit:
        notes.append(f"only the first requests up to --limit were replayed; {figures.beyond_limit:,} more were read")
    return notes
