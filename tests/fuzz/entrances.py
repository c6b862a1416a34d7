"""What comes from outside comes in by few doors; each of them is tried with the same bytes.

An entrance raises only where the code does what it must not do: what is wrong with the bytes is a finding, or a
UserError.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rollout_spec.checks.suppressions import suppressions
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import KeyPath, Report, Span
from rollout_spec.core.inference import InferenceRecord
from rollout_spec.core.yaml.document import Document, parse
from rollout_spec.core.yaml.scalars import quote
from rollout_spec.integrations.inference_logs import read_log
from rollout_spec.integrations.monitors import MONITORS, MonitorOptions
from rollout_spec.integrations.monitors import parse as parse_payload
from rollout_spec.spec.kinds import KINDS
from rollout_spec.workflows.check import review
from rollout_spec.workspace.loader import read_file
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay
from rollout_spec.workspace.working_tree import WorkingTree

TESTS = Path(__file__).parent.parent
BASE = TESTS / "cases" / "rules" / "_base"
"""A small workspace that is well."""
PLACES = {
    "ModelRollout": "rollouts/fraud.yaml",
    "Component": "components/tokenizer.yaml",
    "Incident": "incidents/fraud-42.yaml",
    "Workspace": ".rollout-spec.yaml",
    "PolicyPack": "policies/own.yaml",
    "target": "templates/own/target.yaml",
}
NOW = datetime(2026, 11, 20, tzinfo=UTC)
_KIND = re.compile(rb"^[\"']?kind[\"']? *: *[\"']?(\w+)", re.MULTILINE)
_MOST_PLACES = 300
_LONG_KEY = 128  # its escapes may make it longer than a key can be


def read(content: bytes) -> Document:
    """Read bytes as a document: data or an error, every place in the text, and what is read can be written."""
    document = parse(content)
    errors = [flaw for flaw in document.problems if flaw.severity == "error"]
    assert document.readable == (not errors)
    assert document.data is None or not errors
    for flaw in document.problems:
        assert flaw.message and (within(flaw.span, document) or not document.text)
    for path in list(paths_of(document.data))[:_MOST_PLACES]:
        assert within(document.span(path), document), path
        assert within(document.span(path, on_key=True), document), path
    for comment in suppressions(document):
        assert within(comment.span, document)
    if document.readable and all(len(str(key)) < _LONG_KEY for path in paths_of(document.data) for key in path[-1:]):
        assert parse(quote(document.data).encode()).data == document.data
    return document


def load(content: bytes) -> None:
    """Read bytes as each kind: a model, or a problem at a place in the text."""
    for kind in (None, *KINDS):
        file = read_file("some.yaml", kind, content)
        if file.model is None:
            assert file.problems or not file.document.readable
        for problem in file.problems:
            assert problem.message
            assert within(file.document.span(problem.path, on_key=problem.on_key), file.document) or not content


def check(content: bytes) -> None:
    """Check a workspace in which one file is these bytes."""
    found = _KIND.search(content)
    kind = found[1].decode() if found else "target" if b"templates" in content else ""
    place = PLACES.get(kind, PLACES["ModelRollout"])
    edits = {place: content}
    if kind == "target":
        edits[PLACES["ModelRollout"]] = _with_target((BASE / PLACES["ModelRollout"]).read_bytes())
        edits["templates/own/own.yaml.j2"] = b"a: {{ rollout.name | quote }}\n"
    elif kind == "PolicyPack":
        edits[PLACES["Workspace"]] = _WORKSPACE
    told(review(Repository(Overlay(WorkingTree(BASE), edits)), now=NOW), edits)


_WORKSPACE = b"""\
apiVersion: rollout-spec/v1
kind: Workspace
metadata: {name: acme}
spec: {policies: [policies/own.yaml]}
"""


def _with_target(rollout: bytes) -> bytes:
    return re.sub(rb"\n  targets:.*", b"", rollout, flags=re.DOTALL) + b"\n  targets: [{type: own}]\n"


def told(report: Report, edits: dict[str, bytes]) -> None:
    """Does every finding of a report say something, at a place that is there?"""
    for finding in report.findings:
        assert finding.message and finding.name
        content = edits.get(finding.file)
        if content is not None:
            document = parse(content)
            span = Span(finding.line, finding.column, finding.end_line, finding.end_column)
            assert within(span, document) or not document.text, finding


def hear(content: bytes) -> None:
    """Read bytes as the payload of each monitor."""
    for monitor in MONITORS:
        with suppress(UserError):
            parse_payload(content, monitor, options=MonitorOptions(mapping={"rollout": "rollout"}))


def read_logs(content: bytes) -> None:
    """Read bytes as an inference log of the format that they seem to have, and as one of our own."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        for name in (None, "jsonl"):
            with suppress(UserError):
                for record in read_log(file.name, name):
                    assert isinstance(record, InferenceRecord) or record.reason.isprintable()


ENTRANCES: dict[str, Callable[[bytes], object]] = {
    "read": read,
    "load": load,
    "check": check,
    "hear": hear,
    "read_logs": read_logs,
}


def try_all(content: bytes) -> None:
    """Bring bytes to every entrance."""
    for entrance in ENTRANCES.values():
        entrance(content)


def within(span: Span, document: Document) -> bool:
    """Does a place lie in the text of a document?"""
    lines = document.lines
    return (
        1 <= span.line <= span.end_line <= len(lines)
        and 1 <= span.column <= len(lines[span.line - 1]) + 1
        and (span.line, span.column) <= (span.end_line, span.end_column)
    )


def paths_of(tree: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Give the place of all that is in a tree."""
    yield path
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in children:
        yield from paths_of(child, (*path, key))
