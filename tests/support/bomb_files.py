"""Templates, policies and contracts that are meant to hang or to fill the memory: each is a file in ``bombs``.

A template is a ``.j2`` file, or a list of pieces in a ``.yaml`` file: texts, each with how often it is written. In a
piece that is written more than once, ``#`` is its number. A policy is a mapping of its fields; its expression may be
such ``pieces``. It may be there ``times``, and ``§`` is its number; ``{times: …, item: …}`` is a list of like items,
and ``{times: …, letters: …}`` a text in which these letters have no order. ``rollout`` is what the rollout's
``metadata`` has besides. A contract is two schemas, ``old`` and ``new``.
"""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import folders
import yaml
from workspaces import BASE

BOMBS = folders.TESTS / "bombs"
TEMPLATES = sorted((BOMBS / "templates").iterdir())
POLICIES = sorted((BOMBS / "policies").iterdir())
CONTRACTS = sorted((BOMBS / "contracts").iterdir())
TEMPLATE = "templates/own/bomb.j2"
PACK = "policies/ours.yaml"
CONTRACT = "contracts/user-profile/12.schema.json"
_HEAD = "apiVersion: rollout-spec/v1\nkind: PolicyPack\nmetadata: {name: ours}\nspec:\n  policies:\n"


def template(bomb: Path) -> str:
    """Return the text of a template."""
    if bomb.suffix == ".j2":
        return bomb.read_text("utf-8")
    return _written(yaml.safe_load(bomb.read_text("utf-8")))


def metadata(bomb: Path) -> dict[str, Any]:
    """Return what the metadata of the rollout has besides, of which a policy is asked."""
    found: dict[str, Any] = _expanded(yaml.safe_load(bomb.read_text("utf-8")).get("rollout", {}))
    return found


def pack(bomb: Path) -> str:
    """Return the text of a pack that holds a policy, perhaps many times."""
    fields = yaml.safe_load(bomb.read_text("utf-8"))
    fields.pop("rollout", None)
    times = fields.pop("times", 1)
    if "pieces" in fields:
        fields["expression"] = _written(fields.pop("pieces"))
    spelled = json.dumps(_expanded({"message": "no", "why": "why", **fields}), ensure_ascii=False)  # it is YAML too
    return _HEAD + "".join(
        f"    - {{name: p{number}, {spelled[1:].replace('§', str(number))}\n" for number in range(times)
    )


def contracts(bomb: Path) -> dict[str, str]:
    """Return the files of a component with two contracts."""
    schemas = json.loads(bomb.read_text("utf-8"))
    component = (BASE / "components/user-profile.yaml").read_text("utf-8")
    more = "type: schema\n  contract: contracts/user-profile/{version}.schema.json\n"
    return {
        "components/user-profile.yaml": component.replace("type: feature\n", more),
        CONTRACT.replace("12", "11"): json.dumps(_expanded(schemas["old"])),
        CONTRACT: json.dumps(_expanded(schemas["new"])),
    }


def _written(pieces: list[tuple[str, int]]) -> str:
    return "".join(
        "".join(text.replace("#", str(number)) for number in range(times)) if times > 1 else text
        for text, times in pieces
    )


def _expanded(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"times", "item"}:
        return [_expanded(value["item"])] * value["times"]
    if isinstance(value, dict) and set(value) == {"times", "letters"}:
        return "".join(random.Random(1).choices(value["letters"], k=value["times"]))
    if isinstance(value, dict):
        return {key: _expanded(item) for key, item in value.items()}
    return [_expanded(item) for item in value] if isinstance(value, list) else value


def workspace(
    folder: Path,
    *,
    text: str | None = None,
    policies: str | None = None,
    said: dict[str, Any] | None = None,
    files: dict[str, str] | None = None,
) -> Path:
    """Write a small workspace with a target of its own, whose template has this text, or with a pack of its own.

    ``said`` is what the rollout's metadata has besides; ``files`` are others, by their paths.
    """
    shutil.copytree(BASE, folder, dirs_exist_ok=True)
    for path, content in (files or {}).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    if said:
        rollout = folder / "rollouts/fraud.yaml"
        spec = rollout.read_text("utf-8")
        begin = "metadata: {"
        rollout.write_text(spec.replace(begin, f"{begin}{json.dumps(said)[1:-1]}, ", 1))
    if text is not None:
        rollout = folder / "rollouts/fraud.yaml"
        spec = rollout.read_text("utf-8")
        rollout.write_text(spec[: spec.index("    - {type: kserve}")] + "    - {type: kserve}\n    - {type: own}\n")
        place = folder / TEMPLATE
        place.parent.mkdir(parents=True)
        place.write_text(text)
        target = "description: Ours.\nowns: alerts\nrenders: [split]\ntemplates: [{file: bomb.j2}]\n"
        place.with_name("target.yaml").write_text(target)
    if policies is not None:
        (folder / PACK).parent.mkdir()
        (folder / PACK).write_text(policies)
        settings = folder / ".rollout-spec.yaml"
        settings.write_text(settings.read_text("utf-8").replace("spec:", f"spec:\n  policies: [{PACK}]"))
    return folder
