"""A rule is documented by its docstring, and a policy by its entry in a pack; nobody writes either of them twice.

At the end of a rule's docstring stand examples, after ``Fails::`` and ``Passes::``: lines as a workspace would have
them, to be laid over one in which all is well. A first line ``# FILE`` names another file than a rollout's. A test runs
them, and those of the policies.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rollout_spec.checks.explanations import Explanation
from rollout_spec.checks.policies import pack_paths
from rollout_spec.checks.rules import BASE_SEVERITY, RULES
from rollout_spec.core import package_data as resources
from rollout_spec.workspace.repository import Repository, read_file

if TYPE_CHECKING:
    from rollout_spec.spec.policy_pack import Policy, PolicyPack

_EXAMPLE = re.compile(r"^(Fails|Passes)::\n\n((?:    .*\n|\n)+)", re.MULTILINE)
_NEEDS = {
    "base": "It runs where there is a base to compare with (`--base`).",
    "whole": "It runs where a whole workspace is checked.",
}

_HEAD = """# Rules and policies

Rules are in the package: they say what makes a spec coherent and a rollback possible. Policies are in packs of YAML:
they say what an organization demands, and a workspace names the packs that it wants. `rollout-spec explain NAME` prints
any of these, and the policies of your own packs.

This page is made from the same text, and the examples are tested: each is laid over a workspace in which all is well.
"""
_STAR = "A workspace may change the severity of those with a star, and a comment may silence what they find."


def explain(name: str, repository: Repository | None = None) -> Explanation | None:
    """Return what is published about a rule, else about a policy: one of the workspace's own packs, else a shipped."""
    return next((each for each in explanations(repository) if each.name == name), None)


def explanations(repository: Repository | None = None) -> Iterator[Explanation]:
    """Give all rules, in the order in which they run, and all policies. Packs that do not load are passed over."""
    yield from map(of_rule, RULES)
    for pack in own_packs(repository) if repository else ():
        yield from of_pack(pack, shipped=False)
    for pack in shipped_packs():
        yield from of_pack(pack)


def of_rule(name: str) -> Explanation:
    """Read the docstring of a rule."""
    rule = RULES[name]
    text = f"{(rule.__doc__ or '').strip()}\n"
    examples = [(word, textwrap.dedent(block).strip() + "\n") for word, block in _EXAMPLE.findall(text)]
    summary, _, body = _EXAMPLE.sub("", text).strip().replace("``", "`").partition("\n\n")
    firm = "No workspace can change its severity, and no comment can silence it."
    free = f"A workspace may change its severity, and `# rollout-spec: ignore[{name}] reason` silences it."
    based = "A workspace may change its severity, in a change that was merged before. No comment can silence it."
    note = firm if rule.UNCONDITIONAL else based if name in BASE_SEVERITY else free
    return Explanation(
        name=name,
        summary=" ".join(summary.split()),
        body=_paragraphs(body),
        notes=(*([_NEEDS[rule.NEEDS]] if rule.NEEDS else []), note),
        fails=tuple(block for word, block in examples if word == "Fails"),
        passes=tuple(block for word, block in examples if word == "Passes"),
    )


def of_pack(pack: PolicyPack, *, shipped: bool = True) -> Iterator[Explanation]:
    """Read the entries of a policy pack."""
    return (of_policy(policy, pack.metadata.name, shipped=shipped) for policy in pack.spec.policies)


def of_policy(policy: Policy, pack: str, *, shipped: bool = True) -> Explanation:
    """Read one entry of a policy pack."""
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
    """Give the packs that come with this package."""
    for name in resources.names("policies"):
        yield from _models([read_file(f"policies/{name}", "PolicyPack", resources.read(f"policies/{name}"))])


def own_packs(repository: Repository) -> Iterator[PolicyPack]:
    """Give the packs that lie in a workspace, or that it names by their paths."""
    paths = [f"policies/{name}.yaml" for name in repository.names("policies")]
    paths += pack_paths(repository)
    yield from _models(repository.pack(path) for path in dict.fromkeys(paths))


def _models(files: Iterable[Any]) -> Iterator[PolicyPack]:
    return (file.model for file in files if file and file.model)


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.strip().split("\n\n"))


def _about(policy: Policy) -> str:
    match = policy.match.model_dump(exclude_none=True) if policy.match else {}
    wanted = {
        field: [f"{key}={value}" for key, value in values.items()] if isinstance(values, dict) else values
        for field, values in match.items()
    }
    told = " and ".join(f"{field} {' or '.join(map(str, values))}" for field, values in wanted.items())
    return f"Severity: {policy.severity}. It is about {f'rollouts with {told}' if told else 'all rollouts'}."


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
    """Return the page that publishes all rules and shipped policies, as Markdown; its anchors are their names."""
    parts = [_HEAD, *_sections("Rules", _STAR, map(of_rule, RULES))]
    for pack in shipped_packs():
        parts += _sections(f"Policies of {pack.metadata.name}", pack.metadata.description or "", of_pack(pack))
    return "\n".join(parts)


def _sections(title: str, words: str, found: Iterable[Explanation]) -> Iterator[str]:
    found = list(found)
    yield f"## {title}\n\n{words}\n"
    yield "".join(f"- [{each.name}](#{each.name}){_star(each)}: {each.summary}\n" for each in found)
    yield from (f"### {each.name}\n\n{each.markdown()}" for each in found)


def _star(explanation: Explanation) -> str:
    return " *" if explanation.pack is None and not RULES[explanation.name].UNCONDITIONAL else ""
