"""What may happen to a rollout between two breaches: steps of its lifecycle, and people who edit something else."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping

from random_workspaces import CONTRACTS

from rollout_spec.core.errors import UserError
from rollout_spec.core.yaml.document import parse
from rollout_spec.domain.quarantine import quarantined
from rollout_spec.lifecycle import Request, apply_step
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workspace.edits import with_live, with_serving
from rollout_spec.workspace.repository import Repository

Edits = Mapping[str, bytes | None]
Event = Callable[[random.Random, str, Repository], Edits | None]


def _model(name: str, repository: Repository) -> ModelRollout:
    file = repository.rollout(name)
    assert file is not None and file.model is not None
    return file.model


def _taken(repository: Repository, request: Request) -> Edits | None:
    """Take a step; None where it cannot be taken from here."""
    try:
        return apply_step(repository, request).edits
    except UserError:
        return None


# Steps.


def record(chance: random.Random, name: str, repository: Repository) -> Edits | None:
    """The bytes of a version may come back as another version, with other pins."""
    spec = _model(name, repository).spec
    records, version = spec.versions, str(len(spec.versions) + 1)
    stays = chance.random() < 0.7  # a split takes no version of a schema that breaks the other's callers
    event = (records[spec.live.stable].requires or {})["event"] if stays else chance.choice(list(CONTRACTS))
    digest = chance.choice(list(records.values())).digest if chance.random() < 0.25 else None
    pins = {"profile": chance.choice("123"), "event": event}
    for component in ("engine", "device"):
        if any(component in (each.requires or {}) for each in records.values()) and chance.random() < 0.7:
            pins[component] = chance.choice(["1", "2", "2", "3", ">=1"])
    written = {
        "artifact": f"s3://m/{name}/{version}/",
        "digest": digest or f"sha256:{chance.randbytes(32).hex()}",
        "format": "sklearn",
        "requires": pins,
    }
    return _taken(repository, Request("record", name, version, record=written))


def propose(chance: random.Random, name: str, repository: Repository) -> Edits | None:
    spec = _model(name, repository).spec
    away = set(quarantined(_model(name, repository), repository)) if chance.random() < 0.9 else set()
    fresh = [each for each in spec.versions if each not in (spec.live.stable, *spec.live.known_good, *away)]
    if spec.live.candidate is not None or not fresh:
        return None
    version = chance.choice([fresh[-1], fresh[-1], fresh[-1], *fresh[-3:]])
    return _taken(repository, Request("propose", name, version, advance=chance.random() < 0.5))


def advance(chance: random.Random, name: str, repository: Repository) -> Edits | None:
    """A fix may skip stages while an incident is open."""
    spec = _model(name, repository).spec
    opened = [file.stem for file in repository.incidents_of(name) if file.model and file.model.spec.status == "open"]
    if opened and chance.random() < 0.5:
        to = chance.choice(spec.stages).name
        return _taken(repository, Request("advance", name, to=to, fixes=chance.choice(opened)))
    return _taken(repository, Request("advance", name))


def switch(chance: random.Random, name: str, repository: Repository) -> Edits | None:
    """A candidate takes all requests, and an exclusive component becomes the one that it pins, in one commit."""
    edits, spec = advance(chance, name, repository), _model(name, repository).spec
    if edits is None or spec.live.candidate is None:
        return None
    more: dict[str, bytes | None] = {}
    for component, pin in (spec.versions[spec.live.candidate].requires or {}).items():
        file = repository.component(component)
        assert file is not None and file.model is not None
        if file.model.spec.exclusive and pin.isdigit() and file.model.spec.serving != [pin]:
            more[file.path] = with_serving(file.content, [pin])
    return {**edits, **more} if more else None


def retreat(chance: random.Random, name: str, repository: Repository) -> Edits | None:
    return _taken(repository, Request("retreat", name))


def withdraw(chance: random.Random, name: str, repository: Repository) -> Edits | None:
    return _taken(repository, Request("withdraw", name))


def promote(chance: random.Random, name: str, repository: Repository) -> Edits | None:
    return _taken(repository, Request("promote", name))


def retire(chance: random.Random, name: str, repository: Repository) -> Edits | None:
    known = _model(name, repository).spec.live.known_good
    return _taken(repository, Request("retire", name, chance.choice(known))) if known else None


def resolve(chance: random.Random, name: str, repository: Repository) -> Edits | None:
    """An incident ends: the version is bad for good, or it was something else."""
    opened = [file for file in repository.incidents_of(name) if file.model and file.model.spec.status == "open"]
    if not opened:
        return None
    file = chance.choice(opened)
    text = file.content.decode()
    for old, new in (
        ("status: open", "status: resolved"),
        ("verdict: null", f"verdict: {chance.choice(['bad', 'cleared', 'cleared'])}"),
        ("reproduced: null", "reproduced: {environment: staging}"),
        ("rootCause: null", "rootCause: a feature was late"),
        ("resolution: null", "resolution: done"),
    ):
        text = text.replace(old, new)
    return {file.path: text.encode()}


def serve(chance: random.Random, name: str, repository: Repository) -> Edits | None:
    """A version of a shared component comes up, or goes where nobody needs it."""
    file = repository.component("profile")
    assert file is not None and file.model is not None
    serving, version = file.model.spec.serving, chance.choice("1234")
    after = [each for each in serving if each != version] if version in serving else [*serving, version]
    return {file.path: with_serving(file.content, after)} if after else None


def contract(chance: random.Random, name: str, repository: Repository) -> Edits | None:
    """What a version of a schema means is edited: to what another one means, or to what nobody can read."""
    text = chance.choice([*CONTRACTS.values(), *CONTRACTS.values(), "{"]) + "\n" * chance.randrange(3)
    return {f"contracts/event/{chance.choice(list(CONTRACTS))}.json": text.encode()}


# People.


def _lines(chance: random.Random, name: str, repository: Repository) -> tuple[str, list[str], str]:
    """Return the path of a rollout, its lines without their ends, and what ends them."""
    path = f"rollouts/{name}.yaml"
    text = (repository.tree.read(path) or b"").decode()
    newline = "\r\n" if "\r\n" in text else "\n"
    return path, text.split(newline), newline


def _note(chance: random.Random) -> str:
    return f"# note {chance.randrange(10**9)} ä — ship"


def comment(chance: random.Random, name: str, repository: Repository) -> Edits | None:
    """A line of its own, anywhere: between versions, inside ``live``, above what a rollback takes out."""
    path, lines, newline = _lines(chance, name, repository)
    at = chance.randrange(1, len(lines))
    indent = re.match(" *", lines[at])
    lines.insert(at, f"{indent[0] if indent else ''}{_note(chance)}")
    return {path: newline.join(lines).encode()}


def comment_live(chance: random.Random, name: str, repository: Repository) -> Edits | None:
    """A comment in the very block that a rollback edits: beside an entry, or above one."""
    path, lines, newline = _lines(chance, name, repository)
    inside = [
        number for number, line in enumerate(lines) if re.match(r"    +(stable|candidate|stage|known|- [\"'])", line)
    ]
    if not inside:
        return None
    at = chance.choice(inside)
    if "#" in lines[at] or chance.random() < 0.5:
        lines.insert(at, re.sub(r"\S.*", lambda _: _note(chance), lines[at]))
    else:
        lines[at] += f"  {_note(chance)}"
    return {path: newline.join(lines).encode()}


def restyle(chance: random.Random, name: str, repository: Repository) -> Edits | None:
    """A blank line, an owner, a number: another field of the same file, above, below or beside ``live``."""
    path, lines, newline = _lines(chance, name, repository)
    text = newline.join(lines)
    number = chance.randrange(1, 1000)
    pattern, new = chance.choice(
        [
            (r"owner: [\w-]+", f"owner: team-{number}"),
            (r"requestsPerSecond: \d+", f"requestsPerSecond: {number}"),
            (r"above: [\d.]+%", f"above: {number / 10:g}%"),
            (r"reasons: \[.*?\]", f"reasons: [odd, odd-{number}]"),
            (r"window: \w+", f"window: {number}h"),
            (r"\n(  [a-z]+:)", rf"\n{newline}\1".replace("\r\n\r\n", "\r\n")),
            (r"  rollback:(?!\s+runbook)", f"  rollback:{newline}    runbook: https://runbooks.example.com/{number}"),
        ]
    )
    return {path: re.sub(pattern, new, text, count=1).encode()}


def rename_stage(chance: random.Random, name: str, repository: Repository) -> Edits | None:
    """The stages change their names, also under a candidate that is in one of them."""
    path, lines, newline = _lines(chance, name, repository)
    model = _model(name, repository)
    old, new = chance.choice(model.spec.stages).name, f"step-{chance.randrange(1000)}"
    text = newline.join(lines).replace(f"{{name: {old},", f"{{name: {new},").encode()
    if model.spec.live.stage == old:
        text = with_live(text, model.spec.live.model_copy(update={"stage": new}))
    return {path: text}


def add_stage(chance: random.Random, name: str, repository: Repository) -> Edits | None:
    path, lines, newline = _lines(chance, name, repository)
    new = f"{{name: step-{chance.randrange(1000)}, weight: 60%}}, "
    text = re.sub(r"(\{name: [\w-]+, weight: 100%)", lambda found: new + found[1], newline.join(lines))
    return {path: text.encode()} if "60%" not in newline.join(lines) else None


def elsewhere(chance: random.Random, name: str, repository: Repository) -> Edits | None:
    """Files that are nobody's rollout, and a component's other fields."""
    if chance.random() < 0.5:
        return {"README.md": f"# Rollouts\n\n{chance.random()}\n".encode(), f"docs/{name}.md": b"ok\n"}
    file = repository.component(chance.choice(["profile", "engine", "device"]))
    assert file is not None and parse(file.content).readable
    text = file.content.decode()
    newline = "\r\n" if "\r\n" in text else "\n"
    return {file.path: text.replace("spec:", f"{_note(chance)}{newline}spec:", 1).encode()}


EVENTS: dict[str, tuple[float, Event]] = {
    "record": (3, record),
    "propose": (12, propose),
    "advance": (20, advance),
    "switch": (12, switch),
    "retreat": (6, retreat),
    "withdraw": (1, withdraw),
    "promote": (20, promote),
    "retire": (0.5, retire),
    "resolve": (4, resolve),
    "serve": (1, serve),
    "contract": (0.5, contract),
    "comment": (2, comment),
    "comment_live": (3, comment_live),
    "restyle": (2, restyle),
    "rename_stage": (0.5, rename_stage),
    "add_stage": (1, add_stage),
    "elsewhere": (1, elsewhere),
}
"""Each event with how often it is tried; one that cannot happen now does not."""

HUMAN = {"record", "comment", "comment_live", "restyle", "elsewhere"}
"""The events that move no traffic, no pin and no stage."""
