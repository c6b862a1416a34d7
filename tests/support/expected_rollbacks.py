"""What a rollback must come to, worked out once more from the bare YAML, by none of the code that decides it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from packaging.specifiers import SpecifierSet
from workspaces import Files

Data = dict[str, Any]


def data_of(files: Mapping[str, bytes], path: str) -> Any:
    """Read a file of the workspace with PyYAML alone."""
    return yaml.load(files[path], yaml.CSafeLoader)


@dataclass(frozen=True)
class Expected:
    """``live`` after a rollback; None where there is nothing to take back, or (``stuck``) no way back.

    ``doubted``: a contract may refuse what callers send then.
    """

    live: Data | None
    stuck: bool = False
    doubted: bool = False


def expected(files: Mapping[str, bytes], name: str, failed: str) -> Expected:
    """Say what a breach of a version must come to, as docs/lifecycle.md has it."""
    spec: Data = data_of(files, f"rollouts/{name}.yaml")["spec"]
    live: Data = spec["live"]
    if failed not in serving(spec):
        return Expected(None)
    if failed == live.get("candidate"):
        return Expected({"stable": live["stable"], "knownGood": live.get("knownGood") or []})
    away = quarantined(files, name) | same_bytes(spec, failed)
    known = live.get("knownGood") or []
    there = [version for version in known if version in spec["versions"] and version not in away]
    there = [version for version in there if can_be_up(files, spec["versions"][version])]
    refused = {version: refusal(files, spec["versions"][failed], spec["versions"][version]) for version in there}
    for word in ("none", "doubt"):  # the newest of which no contract refuses anything, else the newest in doubt
        for version in (each for each in there if refused[each] == word):
            rest = known[known.index(version) + 1 :]
            return Expected({"stable": version, "knownGood": rest}, doubted=word == "doubt")
    return Expected(None, stuck=True)


def refusal(files: Mapping[str, bytes], failed: Data, restored: Data) -> str:
    """Say whether the restored version refuses what callers of the failed one send: none, doubt or certain.

    These documents are the witnesses: each of the schemas refuses some of them.
    """
    try:
        sent, read = (_validator(files, record["requires"]["event"]) for record in (failed, restored))
    except (KeyError, ValueError):
        return "none"  # there is no contract, or nobody can read it
    documents: list[Data] = [{}, {"amount": 1}, {"amount": 1, "x": 1}, {"amount": 1, "currency": "EUR"}]
    documents.append({"amount": 1, "currency": "EUR", "note": "n"})
    if not any(sent.is_valid(each) and not read.is_valid(each) for each in documents):
        return "none"
    return "certain" if any(read.is_valid(each) and not sent.is_valid(each) for each in documents) else "doubt"


def _validator(files: Mapping[str, bytes], version: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(files[f"contracts/event/{version}.json"]))


def serving(spec: Data) -> set[str]:
    """Return the versions that answer somebody, or are sent a copy."""
    live = spec["live"]
    stage: Data = next((each for each in spec["stages"] if each["name"] == live.get("stage")), {})
    weight, mirror = (float(str(stage.get(key, "0%")).rstrip("%")) for key in ("weight", "mirror"))
    if live.get("candidate") is None or not (weight or mirror or "match" in stage):
        return {live["stable"]}
    return {live["candidate"]} | ({live["stable"]} if weight < 100 else set())


def same_bytes(spec: Data, version: str) -> set[str]:
    if version not in spec["versions"]:  # an incident may be of one that the base lost when it was pushed back
        return set()
    digest = spec["versions"][version]["digest"]
    return {each for each, record in spec["versions"].items() if record["digest"] == digest}


def quarantined(files: Mapping[str, bytes], name: str) -> set[str]:
    """Return the versions that must not come back, by every incident that does not clear them."""
    versions = data_of(files, f"rollouts/{name}.yaml")["spec"]
    found: set[str] = set()
    for path in files:
        if path.startswith("incidents/"):
            incident = data_of(files, path)["spec"]
            if incident["rollout"] == name and (incident["status"], incident.get("verdict")) != ("resolved", "cleared"):
                failed = incident["failedVersion"]
                found |= {failed} | (same_bytes(versions, failed) - {incident["restoredVersion"]})
    return found


def can_be_up(files: Mapping[str, bytes], record: Data) -> bool:
    """Can it be rendered, and is each pin served, or an exact version of what a rollback may switch?"""
    if "format" not in record:
        return False
    for component, pin in (record.get("requires") or {}).items():
        spec = data_of(files, f"components/{component}.yaml")["spec"]
        exact = pin[0].isdigit()
        met = any(up == pin if exact else SpecifierSet(pin).contains(up) for up in spec["serving"])
        if not met and not (exact and spec.get("exclusive")):
            return False
    return True


# What people wrote.


def outside_live(content: bytes) -> tuple[list[str], list[str]]:
    """Return the lines up to that of ``live``, and those from the next key on."""
    lines = content.decode().splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if line.startswith("  live:"))
    behind = (number for number in range(first + 1, len(lines)) if re.match(r" {0,2}[^ #\r\n]", lines[number]))
    return lines[: first + 1], lines[next(behind, len(lines)) :]


def line_ends(content: bytes) -> set[bytes]:
    """Return how the lines of a text end; without the last line, which may end in none."""
    return set(re.findall(rb"\r\n|\n|\r", content))


def comments(content: bytes) -> Counter[str]:
    """Count the comments of a text by their words; no value of a history has a ``#`` in it."""
    return Counter(found.rstrip() for found in re.findall(r"#[^\r\n]*", content.decode()))


def lasting_comments(content: bytes, removed: set[str]) -> Counter[str]:
    """Count the comments that stay: those behind a key, unless it is removed. Others may go with an entry."""
    found = re.findall(r"^[ \t]*[\"']?(\w+)[\"']?[ \t]*:[^#\r\n]*(#[^\r\n]*)", content.decode(), re.MULTILINE)
    return Counter(comment.rstrip() for key, comment in found if key not in removed)


def lost(before: Files, after: Files, name: str, allowed: set[str]) -> list[str]:
    """Say what a rollback lost of what people wrote. ``allowed`` are the other files that it may edit."""
    own = f"rollouts/{name}.yaml"
    made = {path for path in after if path.startswith("incidents/") and path not in before}
    ours = {
        own,
        *allowed,
        *made,
        *(path for path in {**before, **after} if path.startswith((f"manifests/{name}/", f"alerts/{name}."))),
    }
    wrong = [path for path in {**before, **after} if path not in ours and before.get(path) != after.get(path)]
    old, new = outside_live(before[own]), outside_live(after[own])
    flow = old[0][-1].split(":", 1)[1].strip().startswith("{")
    if (old[0][:-1], old[1]) != (new[0][:-1], new[1]) or (not flow and old[0][-1] != new[0][-1]):
        wrong.append(f"{own} outside live")
    data = [data_of(files, own) for files in (before, after)]
    removed = data[0]["spec"]["live"].keys() - data[1]["spec"]["live"].keys()
    for path in (own, *sorted(allowed)):
        wrong += [f"{path}: its line ends"] if line_ends(after[path]) - line_ends(before[path]) else []
        kept = lasting_comments(before[path], removed)
        wrong += [f"{path}: the comment {words}" for words in kept - comments(after[path])]
    for each in data:
        each["spec"]["live"] = None
    if data[0] != data[1]:
        wrong.append(f"{own}: another field")
    return wrong
