"""The counts of a log that became a table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from rollout_spec.core.inference import UnreadableRecord
from rollout_spec.integrations.inference_logs.columns import Kind


@dataclass
class TableSummary:
    """Counts of a log that became a table.

    ``unreadable`` counts entries that are no record, and ``examples`` has the first of them. ``unanswered`` counts
    records without an answer (status 0), ``without_rows`` those with an empty batch. ``columns`` has the kind of each
    column of features and outputs, ``valueless`` names those without any value. ``left_out`` has names of features
    beyond the limit, and of those that differ from another one only in case, ``misfits`` the number of values of
    another kind by column (they are missing in the table), ``uneven`` the number of tensors whose first dimension is
    not the number of rows, ``cut`` the number of shortened texts. A log that is a table already is used as it is:
    ``is_direct`` is set, and only ``rows`` and ``columns`` are known.
    """

    records: int = 0
    rows: int = 0
    unreadable: int = 0
    examples: list[UnreadableRecord] = field(default_factory=list)
    unanswered: int = 0
    without_rows: int = 0
    columns: dict[str, Kind] = field(default_factory=dict)
    valueless: set[str] = field(default_factory=set)
    left_out: set[str] = field(default_factory=set)
    misfits: Counter[str] = field(default_factory=Counter)
    uneven: int = 0
    cut: int = 0
    format: str | None = None
    is_direct: bool = False
