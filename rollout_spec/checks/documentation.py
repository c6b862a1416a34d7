"""The documentation of rules and policies, read from the docstrings of rules and the entries of packs.

At the end of a rule's docstring are examples, after ``Fails::`` and ``Passes::``: parts of files, to be merged into a
workspace that passes. A first line ``# FILE`` names another file than the rollout. Tests run them, and those of the
policies.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rollout_spec.checks.explanations import Explanation
from rollout_spec.checks.policies import pack_paths
from rollout_spec.checks.registry_findings import REGISTRY_FINDINGS
from rollout_spec.checks.rules import BASE_SEVERITY, RULES
from rollout_spec.core import package_data as resources
from rollout_spec.workspace.loader import read_file
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.spec.policy_pack import Policy, PolicyPack

_EXAMPLE = re.compile(r"^(Fails|Passes)::\n\n((?:    .*\n|\n)+)", re.MULTILINE)
_NEEDS = {
    "base": "It needs a base to compare with (`--base`).",
    "whole": "It needs a check of the whole workspace.",
}

_HEAD = """# Rules and policies

Rules are part of the package: they keep a spec coherent and a rollback possible. Policies are in packs of YAML: they
state what an organization additionally requires, and a workspace names the packs that it uses.
`rollout-spec explain NAME` prints any of these, and the policies of your own packs.

This page is generated from the same text, and its examples are tested: each is merged into a workspace that passes.
"""
_OF_REGISTRY = "They need a model registry or a store of artifacts. See [registry.md](registry.md)."
_STAR = "A workspace may change the severity of rules with a star, and a comment may silence their findings."


def explain(name: str, repository: Repository | None = None) -> Explanation | None:
    """Return the explanation of a rule, of a policy of the workspace's own packs, or of a shipped policy."""
    return next((each for each in explanations(repository) if each.name == name), None)


def explanations(repository: Repository | None = None) -> Iterator[Explanation]:
    """Yield all rules, in the order in which they run, findings of the registry, and all policies.

    Packs that do not load are skipped.
    """
    yield from map(of_rule, RULES)
    yield from REGISTRY_FINDINGS
    for pack in own_packs(repository) if repository else ():
        yield from of_pack(pack, shipped=False)
    for pack in shipped_packs():
        yield from of_pack(pack)


def of_rule(name: str) -> Explanation:
    """Return the explanation of a rule, from its docstring."""
    rule = RULES[name]
    text = f"{(rule.__doc__ or '').strip()}\n"
    examples = [(word, textwrap.dedent(block).strip() + "\n") for word, block in _EXAMPLE.findall(text)]
    summary, _, body = _EXAMPLE.sub("", text).strip().replace("``", "`").partition("\n\n")
    fixed = "No workspace can change its severity, and no comment can silence it."
    configurable = f"A workspace may change its severity, and `# rollout-spec: ignore[{name}] reason` silences it."
    based = "A workspace may change its severity, in a change that is merged first. No comment can silence it."
    note = fixed if rule.UNCONDITIONAL else based if name in BASE_SEVERITY else configurable
    return Explanation(
        name=name,
        summary=" ".join(summary.split()),
        body=_paragraphs(body),
        notes=(*([_NEEDS[rule.NEEDS]] if rule.NEEDS else []), note),
        fails=tuple(block for word, block in examples if word == "Fails"),
        passes=tuple(block for word, block in examples if word == "Passes"),
    )


def of_pack(pack: PolicyPack, *, shipped: bool = True) -> Iterator[Explanation]:
    """Yield the explanations of a pack's policies."""
    return (of_policy(policy, pack.metadata.name, shipped=shipped) for policy in pack.spec.policies)


def of_policy(policy: Policy, pack: str, *, shipped: bool = True) -> Explanation:
    """Return the explanation of a policy, from its entry in a pack."""
    return Explanation(
        name=policy.name,
        summary=f"{policy.message[:1].upper()}{policy.message[1:].removesuffix('.')}.",
        body=_paragraphs(policy.why),
        severity=policy.severity,
        notes=(_about(policy),),
        fails=tuple(map(_yaml, policy.fails)),
        passes=tuple(map(_yaml, policy.passes)),
        pack=pack,
        expression=" ".join(policy.expression.split()),
        shipped=shipped,
    )


def shipped_packs() -> Iterator[PolicyPack]:
    """Yield the shipped packs."""
    for name in resources.names("policies"):
        yield from _models([read_file(f"policies/{name}", "PolicyPack", resources.read(f"policies/{name}"))])


def own_packs(repository: Repository) -> Iterator[PolicyPack]:
    """Yield the packs in a workspace, and those that it names by their paths."""
    paths = [f"policies/{name}.yaml" for name in repository.names("policies")]
    paths += pack_paths(repository)
    yield from _models(repository.pack(path) for path in dict.fromkeys(paths))


def _models(files: Iterable[Any]) -> Iterator[PolicyPack]:
    return (file.model for file in files if file and file.model)


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.strip().split("\n\n"))


def _about(policy: Policy) -> str:
    match = policy.match.model_dump(exclude_none=True) if policy.match else {}
    values_by_field = {
        field: [f"{key}={value}" for key, value in values.items()] if isinstance(values, dict) else values
        for field, values in match.items()
    }
    conditions = " and ".join(f"{field} {' or '.join(map(str, values))}" for field, values in values_by_field.items())
    return (
        f"Severity: {policy.severity}. It applies to {f'rollouts with {conditions}' if conditions else 'all rollouts'}."
    )


def _yaml(example: Any) -> str:
    import yaml

    return yaml.safe_dump(_plain(example), sort_keys=False, allow_unicode=True, default_flow_style=None, width=100)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


def page() -> str:
    """Return the page of all rules and shipped policies, as Markdown.

    Its anchors are their names.
    """
    sections = [_HEAD, *_sections("Rules", _STAR, map(of_rule, RULES))]
    sections += _sections("Findings of the registry", _OF_REGISTRY, REGISTRY_FINDINGS)
    for pack in shipped_packs():
        sections += _sections(f"Policies of {pack.metadata.name}", pack.metadata.description or "", of_pack(pack))
    return "\n".join(sections)


def _sections(title: str, introduction: str, entries: Iterable[Explanation]) -> Iterator[str]:
    entries = list(entries)
    yield f"## {title}\n\n{introduction}\n"
    yield "".join(f"- [{entry.name}](#{entry.name}){_star(entry)}: {entry.summary}\n" for entry in entries)
    yield from (f"### {entry.name}\n\n{entry.markdown()}" for entry in entries)


def _star(explanation: Explanation) -> str:
    rule = RULES.get(explanation.name) if explanation.pack is None else None
    return " *" if rule is not None and not rule.UNCONDITIONAL else ""
