"""The form of each output of a model: its kind, and the columns in which its values are compared."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, get_args

from rollout_spec.core.divergence import OutputKind
from rollout_spec.core.errors import UserError
from rollout_spec.core.inference import Scalar, Tensor
from rollout_spec.core.replay import ReplayedRequest
from rollout_spec.core.text import did_you_mean, excerpt

SAMPLE = 1_000
"""The first requests, whose logged outputs decide the kinds."""
MOST_CLASSES = 100
"""The most distinct values of an output of classes."""
MOST_COLUMNS = 64
"""The most values of a row that are compared one by one."""
_SHORT = 40
"""The mean length in characters above which texts are not classes."""
_SUM_TOLERANCE = 1e-3

Family = Literal["number", "bool", "text"]


@dataclass(frozen=True)
class OutputForm:
    """The form of an output. ``columns`` are the compared columns with their kinds.

    ``width`` is the number of values of a row, None if it may vary. ``is_distribution``: each row has the
    probabilities of all classes. ``reason`` says why it has this form.
    """

    name: str
    family: Family
    width: int | None
    columns: Mapping[str, OutputKind]
    reason: str
    is_distribution: bool = False


def family_of(tensor: Tensor) -> Family:
    """Return the family of a tensor's values."""
    return "bool" if tensor.datatype == "BOOL" else "text" if tensor.datatype == "BYTES" else "number"


def width_of(tensor: Tensor) -> int:
    """Return the number of values of a row."""
    return math.prod(tensor.shape[1:])


def recognise(requests: Iterable[ReplayedRequest], overrides: Mapping[str, OutputKind]) -> dict[str, OutputForm]:
    """Return the form of each output by name, from the logged outputs of the first requests.

    UserError if an override names an output that is not logged, or a kind that its values cannot have.
    """
    samples: dict[str, _Sample] = {}
    for request in islice(requests, SAMPLE):
        for tensor in request.logged:
            samples.setdefault(tensor.name, _Sample()).add(tensor)
    unknown = next((name for name in overrides if name not in samples), None)
    if unknown is not None and samples:
        message = f"--output-kind names `{excerpt(unknown)}`, which is not among the logged outputs"
        raise UserError(message, hint=did_you_mean(unknown, samples))
    return {name: _form(name, sample, overrides.get(name)) for name, sample in samples.items()}


def parse_override(text: str) -> tuple[str, OutputKind]:
    """Return the output and the kind of ``NAME=KIND``. ValueError if it has another format."""
    name, separator, kind = text.rpartition("=")
    for known in get_args(OutputKind):
        if name and separator and kind == known:
            return name, known
    raise ValueError(f"expected NAME=KIND with one of {', '.join(get_args(OutputKind))}, not `{excerpt(text)}`")


@dataclass
class _Sample:
    """Figures of the logged values of one output."""

    families: dict[Family, int] = field(default_factory=dict)
    widths: dict[int, int] = field(default_factory=dict)
    distinct: set[Scalar] = field(default_factory=set)
    values: int = 0
    rows: int = 0
    characters: int = 0
    is_whole: bool = True
    is_share: bool = True
    is_distribution: bool = True

    def add(self, tensor: Tensor) -> None:
        """Count the values of one request."""
        family, width = family_of(tensor), width_of(tensor)
        self.families[family] = self.families.get(family, 0) + 1
        self.widths[width] = self.widths.get(width, 0) + 1
        self.is_whole = self.is_whole and (family != "number" or "INT" in tensor.datatype)
        self.rows += len(tensor.data) // width if width else 0
        for value in tensor.data:
            self._count(value)
        if family == "number" and width > 1 and self.is_distribution:
            rows = (tensor.data[at : at + width] for at in range(0, len(tensor.data), width))
            self.is_distribution = all(map(_is_distribution, rows))

    def _count(self, value: Scalar) -> None:
        if value is None or value != value:
            return
        self.values += 1
        if isinstance(value, str):
            self.characters += len(value)
        elif self.is_share:
            self.is_share = 0 <= value <= 1
        if len(self.distinct) <= MOST_CLASSES:
            self.distinct.add(value)

    @property
    def family(self) -> Family:
        """The most frequent family."""
        return max(self.families, key=lambda family: self.families[family])

    @property
    def width(self) -> int:
        """The most frequent width."""
        return max(self.widths, key=lambda width: self.widths[width])


def _is_distribution(row: Iterable[Scalar]) -> bool:
    values = [value for value in row if isinstance(value, float | int)]
    return all(0 <= value <= 1 for value in values) and abs(sum(values) - 1) <= _SUM_TOLERANCE


def _form(name: str, sample: _Sample, override: OutputKind | None) -> OutputForm:
    if override is not None:
        return _overridden(name, sample, override)
    family, width = sample.family, sample.width
    if family == "bool":
        return _columns(name, sample, "class", "it is true or false")
    if family == "text" and width == 1 and len(sample.widths) == 1:
        return _text(name, sample)
    if family == "text" or (sample.is_whole and (width > 1 or len(sample.widths) > 1)):
        return OutputForm(name, family, None, {name: "ranking"}, "each row is a list of ids")
    if sample.is_whole:
        if len(sample.distinct) <= MOST_CLASSES:
            return _columns(name, sample, "class", "it has whole numbers, and few different ones")
        return _columns(name, sample, "number", f"it has more than {MOST_CLASSES} different whole numbers")
    if width > 1 and sample.is_distribution:
        return _distribution(name, sample, "each row sums up to 1: probabilities of classes")
    if sample.is_share:
        return _columns(name, sample, "score", "all values lie between 0 and 1")
    return _columns(name, sample, "number", "it has numbers outside of 0 to 1")


def _text(name: str, sample: _Sample) -> OutputForm:
    """Return the form of texts: classes if they are short and few of them differ."""
    mean = sample.characters / max(sample.values, 1)
    few = len(sample.distinct) <= min(MOST_CLASSES, max(sample.values // 2, 2))
    if few and mean <= _SHORT:
        return _columns(name, sample, "class", "it has short texts, and few different ones")
    return _columns(name, sample, "text", "it has long texts, or many different ones")


def _overridden(name: str, sample: _Sample, kind: OutputKind) -> OutputForm:
    reason = "--output-kind says so"
    if kind in ("score", "number") and sample.family == "text":
        raise UserError(f"--output-kind {excerpt(name)}={kind}, but the logged values are texts")
    if kind == "score" and not sample.is_share:
        message = f"--output-kind {excerpt(name)}=score, but logged values lie outside of 0 to 1"
        raise UserError(message, hint=f"use --output-kind {excerpt(name)}=number")
    if kind == "ranking":
        return OutputForm(name, sample.family, None, {name: "ranking"}, reason)
    if kind == "class" and sample.width > 1 and sample.family == "number" and not sample.is_whole:
        return _distribution(name, sample, reason)
    return _columns(name, sample, kind, reason)


def _columns(name: str, sample: _Sample, kind: OutputKind, reason: str) -> OutputForm:
    """Return a form with a column for each value of a row."""
    width = sample.width
    if width > MOST_COLUMNS:
        reason += f"; of {width} values in a row the first {MOST_COLUMNS} are compared"
    names = [name] if width == 1 else [f"{name}[{at}]" for at in range(min(width, MOST_COLUMNS))]
    return OutputForm(name, sample.family, width, dict.fromkeys(names, kind), reason)


def _distribution(name: str, sample: _Sample, reason: str) -> OutputForm:
    """Return a form with the most probable class, and a score.

    The score is the probability of the second of two classes, else that of the class which the log has on top.
    """
    columns: dict[str, OutputKind] = {name: "class", f"{name} (probability)": "score"}
    return OutputForm(name, "number", sample.width, columns, reason, is_distribution=True)
