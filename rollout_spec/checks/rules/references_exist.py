"""Every name is declared: versions, stages, components, incidents, metrics, targets, options, packs.

An undeclared name is cheaper to find in review than at night. A bound must fit its metric: a share for a ratio, a
number for a value. An option of a target must be within the bounds in its ``target.yaml``. A workspace in ``after`` or
``incidentsFrom`` must be a folder of the same git repository, and its file must load: otherwise its incidents would
have no effect. Prometheus must accept the rules that are made of a metric's counters, because it drops all alerts of a
file in which it refuses one.

Fails::

    spec:
      live: {stable: "41", candidate: "42", stage: canary-50}    # declared nowhere
      stages:
        - {name: canary-5, weight: 5%, hold: 15m}
        - {name: ab-50, weight: 50%, hold: 48h}
        - {name: full, weight: 100%, hold: 24h}

Passes::

    spec:
      live: {stable: "41", candidate: "42", stage: canary-5}
      stages:
        - {name: canary-5, weight: 5%, hold: 15m}
        - {name: ab-50, weight: 50%, hold: 48h}
        - {name: full, weight: 100%, hold: 24h}
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core import package_data as resources
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import MOST_PROBLEMS, KeyPath, Problem
from rollout_spec.core.text import did_you_mean, excerpt
from rollout_spec.domain.metrics import queries, selectors
from rollout_spec.domain.metrics.profiles import DEFAULT_PROFILE, PROFILES
from rollout_spec.domain.traffic import PROMOTED
from rollout_spec.spec.kinds import is_pack_path
from rollout_spec.workspace.incident_sources import MOST_SOURCES, unknown_sources
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.spec.triggers import Comparison, Threshold
    from rollout_spec.spec.workspace import Metric

KINDS = frozenset({"ModelRollout", "Incident", "Workspace"})
NEEDS = ""
UNCONDITIONAL = True


def check(subject: Subject) -> Iterator[Problem]:
    """Look up every name in the file."""
    if subject.file.kind == "Workspace":
        yield from _workspace(subject)
    elif subject.file.kind == "Incident":
        yield from _incident(subject)
    else:
        yield from _live(subject)
        yield from _components(subject)
        yield from _triggers(subject)
        yield from _targets(subject)


def _unknown(noun: str, name: str, known: Collection[str], at: KeyPath, add: str | None = None) -> Iterator[Problem]:
    if name not in known:
        yield Problem(at, f"there is no {noun} `{name}`", did_you_mean(name, known, add), on_key=noun == "component")


def _live(subject: Subject) -> Iterator[Problem]:
    spec, at = subject.model.spec, ("spec", "live")
    yield from _unknown("version", spec.live.stable, spec.versions, (*at, "stable"))
    if spec.live.candidate is not None:
        yield from _unknown("version", spec.live.candidate, spec.versions, (*at, "candidate"))
    for index, version in enumerate(spec.live.known_good):
        yield from _unknown("version", version, spec.versions, (*at, "knownGood", index))
    if spec.live.stage is not None:
        yield from _unknown("stage", spec.live.stage, [stage.name for stage in spec.stages], (*at, "stage"))
    if spec.live.fixes is not None:
        incident = subject.repository.incident(spec.live.fixes)
        if incident is None or incident.model:  # else the incident itself has an error
            own = [file.stem for file in subject.repository.incidents_of(subject.model.metadata.name)]
            yield from _unknown("incident of this rollout", spec.live.fixes, own, (*at, "fixes"))


def _components(subject: Subject) -> Iterator[Problem]:
    for version, record in subject.model.spec.versions.items():
        for name in record.requires or {}:
            if subject.repository.component(name) is None:
                at, add = ("spec", "versions", version, "requires", name), f"write components/{name}.yaml"
                yield from _unknown("component", name, subject.repository.names("components"), at, add)


def _triggers(subject: Subject) -> Iterator[Problem]:
    spec = subject.model.spec
    profile = spec.service.metrics or DEFAULT_PROFILE
    yield from _unknown("metric profile", profile, PROFILES, ("spec", "service", "metrics"))
    moments = [*(stage.name for stage in spec.stages), PROMOTED]
    settings = subject.repository.settings
    own = settings.metrics if settings else None
    for index, trigger in enumerate(spec.triggers):
        at = ("spec", "triggers", index)
        for position, moment in enumerate(trigger.during or []):
            yield from _unknown("stage", moment, moments, (*at, "during", position))
        if trigger.type == "offline":
            recorded = {name for record in spec.versions.values() for name in record.metrics or {}}
            yield from _unknown("metric in any record", trigger.metric, recorded, (*at, "metric"))
        elif trigger.type in ("threshold", "comparison") and (own is not None or trigger.metric == queries.ERROR_RATE):
            yield from _metric(trigger, own or {}, profile, at)


def _metric(trigger: Threshold | Comparison, own: Mapping[str, Metric], profile: str, at: KeyPath) -> Iterator[Problem]:
    name = trigger.metric
    kind = queries.kind_of(name, own)
    if kind is None:
        add = "declare it under `metrics` in .rollout-spec.yaml"
        yield from _unknown("metric", name, queries.names(profile, own), (*at, "metric"), add)
        return
    for field in ("above", "below", "baseline"):
        bound = getattr(trigger, field, None)
        if bound is not None and bound.is_share != (kind == "ratio"):
            expected = "a share such as `5%`" if kind == "ratio" else "a number such as `0.2`"
            yield Problem((*at, field), f"{name} is a {kind}, so `{field}` must be {expected}")


def _targets(subject: Subject) -> Iterator[Problem]:
    from rollout_spec.domain.targets import definitions as catalog
    from rollout_spec.domain.targets.options import option_problems
    from rollout_spec.render import context as facts

    rollout, repository = subject.model, subject.repository
    for index, target in enumerate(rollout.spec.targets):
        at = ("spec", "targets", index)
        try:
            definition = catalog.find(target.type, repository.tree)
        except UserError as error:
            yield Problem((*at, "type"), f"the target `{target.type}` is not valid: {error.message}", error.hint)
            continue
        if definition is None:
            yield from _unknown("target", target.type, catalog.names(repository.tree), (*at, "type"))
            continue
        if (flaw := catalog.default_flaw(target.type, repository.tree, subject.file.path)) is not None:
            yield Problem((*at, "type"), f"the target `{target.type}` is broken: {flaw.message}", flaw.hint)
        fits = catalog.fits(target.type, repository.tree, subject.file.path)
        yield from option_problems(target.options, definition.options, at, fits)
        for version in facts.workload_roles(rollout, repository) if definition.needs else ():
            missing = catalog.missing(rollout.spec.versions[version], definition)
            if missing:
                fields = ", ".join(f"`{field}`" for field in missing)
                message = f"version {version} lacks {fields}, which the target {target.type} needs"
                yield Problem(("spec", "versions", version), message, on_key=True)


def _incident(subject: Subject) -> Iterator[Problem]:
    spec, repository = subject.model.spec, subject.repository
    rollout = repository.rollout(spec.rollout)
    if rollout is None:
        yield from _unknown("rollout", spec.rollout, repository.names("rollouts"), ("spec", "rollout"))
    elif rollout.model:
        versions = rollout.model.spec.versions
        yield from _unknown("version", spec.failed_version, versions, ("spec", "failedVersion"))
        if spec.restored_version is not None:
            yield from _unknown("version", spec.restored_version, versions, ("spec", "restoredVersion"))


def _workspace(subject: Subject) -> Iterator[Problem]:
    spec, repository = subject.model.spec, subject.repository
    packs = [repository.pack(reference) for reference in spec.policies]
    for index, (reference, pack) in enumerate(zip(spec.policies, packs, strict=True)):
        if pack is None:
            yield _no_pack(reference, repository, ("spec", "policies", index))
    models = [pack.model for pack in packs if pack and pack.model]
    if len(models) == len(packs):  # else some policies are unknown
        known = [*subject.configurable, *(policy.name for model in models for policy in model.spec.policies)]
        yield from _severities(spec.severity, known)
    yield from _metrics(spec.metrics)
    if spec.after is not None:
        yield from _other_workspace(spec.after, repository, ("spec", "after"))
    for index, path in enumerate(spec.incidents_from[:MOST_SOURCES]):
        yield from _other_workspace(path, repository, ("spec", "incidentsFrom", index))
    for source in unknown_sources(repository):
        if not source.direct:
            at = ("spec", "incidentsFrom", source.index)
            yield Problem(at, f"the quarantines of this workspace cannot be read in full: {source.reason}")


def _other_workspace(path: str, repository: Repository, at: KeyPath) -> Iterator[Problem]:
    tree = repository.tree.elsewhere(path)
    if tree is None:
        hint = "write a path relative to this workspace, without links: `../staging`"
        yield Problem(at, f"`{path}` is not a folder of this git repository", hint)
    elif tree.location == repository.tree.location:
        yield Problem(at, f"`{path}` is this workspace itself; expected another one")
    elif (other := repository.elsewhere(path)) is None:
        yield Problem(at, f"there is no workspace in {path}", did_you_mean(path, _workspaces_near(path, repository)))
    elif other.settings is None:
        hint = f"run `rollout-spec --repo {path} check` to see why"
        yield Problem(at, f"the workspace in {path} does not load", hint)


def _workspaces_near(path: str, repository: Repository) -> list[str]:
    parent = path.rstrip("/").rpartition("/")[0]
    folder = repository.tree.elsewhere(parent)
    names = [name for name in (folder.names("") if folder else ()) if not name.startswith(".")]
    paths = {f"{parent}/{name}" if parent else name for name in names}
    return sorted(path for path in paths if repository.elsewhere(path) is not None)


def _severities(severities: Collection[str], known: Collection[str]) -> Iterator[Problem]:
    unknown = (name for name in severities if name not in known)
    for name in islice(unknown, MOST_PROBLEMS + 1):  # only the warnings that are reported
        message = f"`{name}` is not a rule or policy whose severity can be set"
        at = ("spec", "severity", name)
        yield Problem(at, message, did_you_mean(name, known), "warning", on_key=True)


def _metrics(declared: Mapping[str, Metric]) -> Iterator[Problem]:
    for name, metric in declared.items():
        fields = (
            (("query", selectors.blanks_problem),)
            if metric.kind == "value"
            else (("events", selectors.selector_problem), ("total", selectors.selector_problem))
        )
        for field, message_of in fields:
            text = getattr(metric, field)
            message = message_of(text) or (None if field == "query" else _no_expression(text))
            if message:
                yield Problem(("spec", "metrics", name, field), message)


def _no_expression(selector: str) -> str | None:
    """Return why a regular expression of a selector is not valid, or None if all are."""
    for expression in selectors.expressions(selector):
        from rollout_spec.checks.policies import expressions

        if error := expressions.problem(expression):
            return f"`{excerpt(expression)}` is not a regular expression: {error}"
    return None


def _no_pack(reference: str, repository: Repository, at: KeyPath) -> Problem:
    if is_pack_path(reference):
        own = [f"policies/{name}.yaml" for name in repository.names("policies")]
        return Problem(at, f"there is no policy pack {reference}", did_you_mean(reference, own))
    shipped = [name.removesuffix(".yaml") for name in resources.names("policies")]
    hint = did_you_mean(reference, shipped, "a pack of your own is named by its path, policies/NAME.yaml")
    return Problem(at, f"there is no shipped policy pack `{reference}`", hint)
