"""Two rollouts that move to one version of an exclusive component together, and hold it for each other."""

from __future__ import annotations

from collections.abc import Mapping

from expected_rollbacks import data_of
from hostile_places import Place
from hostile_world import World

from rollout_spec.core.errors import UserError
from rollout_spec.lifecycle import Request, apply_step
from rollout_spec.render.drift import find_drift
from rollout_spec.workspace.edits import with_live, with_serving
from rollout_spec.workspace.repository import Repository

ENGINE = "components/engine.yaml"


def switch_together(world: World) -> str | None:
    """Give all requests of two rollouts to candidates of another engine, and switch the engine."""
    place = world.random.choice(world.places)
    movable = [name for name in place.loaded if _is_movable(place, name)]
    holds = [name for name in movable if _engine(place, name) is not None]
    if len(movable) < 2 or not holds or not _is_engine_free(place):
        return None
    chosen = {world.random.choice(holds)}
    chosen.add(world.random.choice([name for name in movable if name not in chosen]))
    repository, edits = place.repository, dict[str, bytes | None]()
    try:
        for name in sorted(chosen):
            edits |= _moved(repository.edited(edits), name)
    except UserError:
        return None
    file = place.repository.component("engine")
    assert file is not None
    edits[ENGINE] = with_serving(file.content, ["2"])
    after = repository.edited(edits)
    for name in sorted(chosen):
        rollout = after.rollout(name)
        assert rollout is not None
        edits |= {each.path: each.wanted for each in find_drift(rollout, after)}
    world.put(f"Switch {' and '.join(sorted(chosen))}", {place.path(path): each for path, each in edits.items()})
    return "switched together"


def _is_movable(place: Place, name: str) -> bool:
    live = data_of(place.files, f"rollouts/{name}.yaml")["spec"]["live"]
    return "candidate" not in live


def _engine(place: Place, name: str) -> str | None:
    """Return the engine that stable pins, if it is just one version."""
    spec = data_of(place.files, f"rollouts/{name}.yaml")["spec"]
    pin = (spec["versions"][spec["live"]["stable"]].get("requires") or {}).get("engine")
    return str(pin) if pin == "1" else None


def _is_engine_free(place: Place) -> bool:
    """Return whether the engine is at its first version, and no other rollout is in flight."""
    file = place.repository.component("engine")
    return file is not None and file.model is not None and file.model.spec.serving == ["1"]


def _moved(repository: Repository, name: str) -> Mapping[str, bytes | None]:
    """Record a version of the engine 2, and give it all requests."""
    file = repository.rollout(name)
    assert file is not None and file.model is not None
    spec = file.model.spec
    version = str(len(spec.versions) + 1)
    pins = {**(spec.versions[spec.live.stable].requires or {}), "engine": "2"}
    record = {"artifact": f"s3://m/{name}/{version}/", "digest": f"sha256:{int(version):064x}", "format": "sklearn"}
    edits = apply_step(repository, Request("record", name, version, record={**record, "requires": pins})).edits
    live = spec.live.model_copy(update={"candidate": version, "stage": spec.stages[-1].name})
    content = edits[file.path]
    assert content is not None
    return {**edits, file.path: with_live(content, live)}
