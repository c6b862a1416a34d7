"""The files of a drift report: logs, the training sample and the labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt
from rollout_spec.integrations.arrow import import_parquet
from rollout_spec.integrations.inference_logs.table import as_table
from rollout_spec.integrations.inference_logs.table_summary import TableSummary
from rollout_spec.integrations.sample_files import write_sample
from rollout_spec.integrations.storage import SCHEMES
from rollout_spec.spec.rollout import ModelRollout


@dataclass(frozen=True)
class LogTables:
    """The Parquet files of some logs, and notes.

    The notes are about ``unreadable`` entries and features that are ``left_out``, of which these are the numbers.
    """

    paths: list[str]
    notes: tuple[str, ...]
    unreadable: int = 0
    left_out: int = 0


def log_of(rollout: ModelRollout, workspace: Path) -> str:
    """Return the address of a rollout's log.

    UserError if the rollout names none, or a file outside the workspace. A pull request can write this address, so it
    names an object store or a path in the workspace.
    """
    address = rollout.spec.service.inference_log
    if address is None:
        hint = "name the log with --log, or as `service.inferenceLog` of the rollout"
        raise UserError(f"{rollout.metadata.name} names no inference log", hint=hint)
    if address.partition("://")[0] in SCHEMES and "://" in address:
        return address
    path = PurePosixPath(address)
    inside = (workspace / path).resolve()
    if "://" in address or path.is_absolute() or not inside.is_relative_to(workspace.resolve()):
        message = f"`service.inferenceLog` of {rollout.metadata.name} is outside of the workspace: {excerpt(address)}"
        raise UserError(message, hint="name a local log with --log")
    return str(inside)


def log_tables(
    addresses: Sequence[str], log_format: str | None, folder: Path, tell: Callable[[str], None]
) -> LogTables:
    """Return logs as analysis tables, below ``folder`` if they are not tables yet.

    UserError if a column is of one type in a log, and of another type in the next: an engine would compare texts.
    """
    paths, notes, kinds = list[str](), list[str](), dict[str, tuple[str, str, str]]()
    unreadable = left_out = 0
    import_parquet(excerpt(addresses[0]))
    for index, address in enumerate(addresses):
        table = as_table(address, folder / f"log-{index}.parquet", format=log_format)
        _check_kinds(address, table.summary, kinds)
        paths += table.paths
        notes += _notes(address, table.summary)
        unreadable += table.summary.unreadable
        left_out += len(table.summary.left_out)
    for note in notes:
        tell(note)
    return LogTables(paths, tuple(notes), unreadable, left_out)


def _check_kinds(address: str, summary: TableSummary, kinds: dict[str, tuple[str, str, str]]) -> None:
    """UserError if a column has another kind in an earlier log, or a name that differs in case.

    ``kinds`` has the name, the kind and the log of each column.
    """
    hint = "put both logs into one folder, and name that: it is read as one log"
    for name in sorted(summary.columns.keys() - summary.valueless):
        kind = summary.columns[name]
        spelled, known, earlier = kinds.setdefault(name.casefold(), (name, kind, address))
        here, there = excerpt(address, 200), excerpt(earlier, 200)
        if spelled != name:
            message = f"`{excerpt(name)}` in {here} and `{excerpt(spelled)}` in {there} differ only in case"
            raise UserError(message, hint=hint)
        if known != kind:
            raise UserError(f"`{excerpt(name)}` is {kind} in {here}, but {known} in {there}", hint=hint)


def write_reference(address: str, path: Path, kinds: Mapping[str, str]) -> None:
    """Write the columns of a training sample that the log has too, under the names of the log."""

    def choose(file: str, names: Sequence[str]) -> dict[str, tuple[str, str]]:
        chosen: dict[str, tuple[str, str]] = {}
        for name in names:
            for column in (name, f"input.{name}", f"output.{name}"):
                if column in kinds and column not in [new for new, _ in chosen.values()]:
                    chosen[name] = column, kinds[column]
                    break
        if not chosen:
            known = ", ".join(excerpt(name) for name in list(kinds)[:8]) or "none"
            raise UserError(f"no column of {excerpt(file)} is a feature of the log", hint=f"features: {known}")
        return chosen

    write_sample(address, path, choose)


def write_labels(address: str, path: Path) -> None:
    """Write a file of labels: ``request_id``, ``label`` and perhaps ``row``."""

    def choose(file: str, names: Sequence[str]) -> dict[str, tuple[str, str]]:
        missing = [name for name in ("request_id", "label") if name not in names]
        if missing:
            has = ", ".join(excerpt(name) for name in names[:8]) or "none"
            message = f"{excerpt(file)} has no column `{missing[0]}`"
            raise UserError(message, hint=f"it needs `request_id` and `label`, and has {has}")
        chosen = {"request_id": ("request_id", "text"), "label": ("label", "number")}
        return chosen | ({"row": ("row", "number")} if "row" in names else {})

    write_sample(address, path, choose)


def _notes(address: str, summary: TableSummary) -> list[str]:
    """Return notes about the entries of a log that are not in its table."""
    notes = []
    if summary.unreadable:
        first = summary.examples[0] if summary.examples else None
        such = f", such as {excerpt(first.file)}:{first.line}: {excerpt(first.reason, 120)}" if first else ""
        notes.append(f"{excerpt(address)}: {summary.unreadable:,} entries cannot be read{such}")
    if summary.misfits:
        names = ", ".join(excerpt(name) for name in list(summary.misfits)[:8])
        notes.append(f"{excerpt(address)}: values of another type count as missing in {names}")
    if summary.left_out:
        names = ", ".join(excerpt(name) for name in sorted(summary.left_out)[:8])
        why = "beyond the limit, or different from another one only in case"
        notes.append(f"{excerpt(address)}: {len(summary.left_out):,} features are left out, {why}: {names}")
    return notes
