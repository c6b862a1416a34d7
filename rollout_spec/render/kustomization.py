"""The kustomization of a rollout's folder: the files that Argo CD and Flux apply.

Without a kustomization, Argo CD and Flux apply every Kubernetes object of a folder. The rendered one lists the same
files, so nothing that is applied already is pruned. If somebody else wrote one, it stays, and none is rendered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from rollout_spec.core.yaml.document import parse
from rollout_spec.core.yaml.scalars import quote
from rollout_spec.render.outputs import head, is_rendered
from rollout_spec.spec.kinds import MANIFESTS
from rollout_spec.workspace.repository import Repository

_FILE = "kustomization.yaml"
NAMES = frozenset({_FILE, "kustomization.yml", "Kustomization"})
"""The names under which kustomize finds a kustomization. It refuses a folder with two of them."""
_FIELDS = tuple(re.compile(rb"^[\"']?" + field + rb"[\"']?[ \t]*:", re.MULTILINE) for field in (b"apiVersion", b"kind"))


def path_of(rollout: str) -> str:
    """Return the path of a rollout's kustomization."""
    return f"{MANIFESTS}/{rollout}/{_FILE}"


def kustomization(rollout: str, outputs: Mapping[str, bool], repository: Repository) -> str | None:
    """Return the kustomization of a rollout, or None if there is none to render.

    That is so if nothing is rendered into its folder, or if somebody else wrote a kustomization. ``outputs`` are the
    paths of the rendered files, and whether they hold Kubernetes objects.
    """
    folder = f"{MANIFESTS}/{rollout}/"
    rendered = {path.removeprefix(folder): listed for path, listed in outputs.items() if path.startswith(folder)}
    if not rendered:
        return None
    names = repository.entries(folder.rstrip("/"))
    if _has_another(folder, names, repository):
        return None
    others = _others(folder, (name for name in names if name not in rendered), repository)
    files = sorted({*(file for file, listed in rendered.items() if listed), *others})
    resources = "".join(f"\n  - {quote(file)}" for file in files) or " []"
    kind = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
    return f"{head(rollout)}{kind}resources:{resources}\n"


def _has_another(folder: str, names: Iterable[str], repository: Repository) -> bool:
    contents = (repository.content(folder + name) for name in names if name in NAMES)
    return any(content is not None and not is_rendered(content) for content in contents)


def _others(folder: str, names: Iterable[str], repository: Repository) -> Iterator[str]:
    """Yield the names in a folder of Kubernetes objects that this tool did not render."""
    for name in names:
        if name not in NAMES and name.endswith((".yaml", ".yml", ".json")):
            content = repository.content(folder + name)
            if content is not None and not is_rendered(content) and _is_object(name, content):
                yield name


def _is_object(name: str, content: bytes) -> bool:
    """Return whether a file is a Kubernetes object. A YAML file may hold several."""
    return has_kind(content) if name.endswith(".json") else all(field.search(content) for field in _FIELDS)


def has_kind(document: bytes) -> bool:
    """Return whether one document has ``apiVersion`` and ``kind``."""
    data = parse(document).data
    return isinstance(data, dict) and "apiVersion" in data and "kind" in data
