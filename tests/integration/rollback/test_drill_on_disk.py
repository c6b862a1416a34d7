"""A rollback that a drill verifies has the verified result on disk too."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from amounts import examples
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from workspaces import BASE, Files, files_in, rendered, write

from rollout_spec.core.breach import Breach
from rollout_spec.domain import traffic
from rollout_spec.domain.pins import unsatisfied_pins
from rollout_spec.domain.quarantine import quarantined
from rollout_spec.render.drift import find_drift
from rollout_spec.rollback import Rollback, roll_back
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workflows.check import review
from rollout_spec.workflows.drill import drill
from rollout_spec.workflows.drill.states import states
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Tree
from rollout_spec.workspace.working_tree import WorkingTree

pytestmark = pytest.mark.system
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
COMPONENT = """apiVersion: rollout-spec/v1
kind: Component
metadata: {{name: user-profile, owner: team-features}}
spec:
  type: feature
  serving: {}
"""
INCIDENT = """apiVersion: rollout-spec/v1
kind: Incident
metadata: {{name: fraud-{0}}}
spec:
  rollout: fraud
  failedVersion: "{0}"
  restoredVersion: "7"
  source: alertmanager
  observedAt: 2026-11-20T10:15:00Z
  status: open
"""

SERVING = st.sampled_from(
    ['["11", "12"]', '["11"]', '["12"]', '["11"]\n  exclusive: true', '["12"]\n  exclusive: true']
)
STAGES = ("shadow, mirror: 20%", "dark, weight: 0%", "canary-5, weight: 5%", "ab-50, weight: 50%", "full, weight: 100%")


def loaded(repository: Repository) -> File[ModelRollout]:
    file = repository.rollout("fraud")
    assert file is not None and file.model is not None
    return file


@st.composite
def workspaces(draw: st.DrawFn) -> Files:
    """Draw a workspace: who is live, what is up, which stages there are, what is quarantined."""
    stages = [each for each in STAGES[:-1] if draw(st.booleans())] + [STAGES[-1]]
    versions = draw(st.permutations(["39", "40", "41", "42", "43"]))
    good = draw(st.integers(0, 3))
    lines = [f'stable: "{versions[0]}"', f"knownGood: {json.dumps(versions[1 : 1 + good])}"]
    if draw(st.booleans()):
        stage = draw(st.sampled_from([None, *(each.partition(",")[0] for each in stages)]))
        lines += [f'candidate: "{versions[-1]}"', *([f"stage: {stage}"] if stage else [])]
    text = files_in(BASE)["rollouts/fraud.yaml"].decode()
    head, _, rest = text.partition("  live:\n")
    tail = rest[rest.index("  rollback:") :]
    live = "".join(f"    {line}\n" for line in lines)
    plan = "".join(f"    - {{name: {each}}}\n" for each in stages)
    files = {
        "rollouts/fraud.yaml": f"{head}  live:\n{live}  stages:\n{plan}  triggers: []\n{tail}",
        "components/user-profile.yaml": COMPONENT.format(draw(SERVING)),
    }
    for version in draw(st.sets(st.sampled_from(versions), max_size=2)):
        files[f"incidents/fraud-{version}.yaml"] = INCIDENT.format(version)
    return {path: content.encode() for path, content in files.items()}


def errors(tree: Tree, root: Path) -> set[tuple[str, str, str]]:
    """Write a tree to disk, and return the errors that the check of the whole workspace finds there."""
    shutil.rmtree(root, ignore_errors=True)
    report = review(Repository(WorkingTree(write(tree, root))), now=NOON)
    found = ((each.file, each.name, each.message) for each in report.findings if each.severity == "error")
    return {each for each in found if each[1] != "rollback-ready"}


@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=workspaces(), data=st.data())
def test_what_is_proven_holds_on_disk(files: Files, data: st.DataObject, tmp_path: Path) -> None:
    repository = Repository(rendered(files))
    file = loaded(repository)
    good = [each for each in drill(repository, "fraud", now=NOON) if each.verdict == "proven"]
    there = {each.name: each.repository for each in states(file, repository, "all") if each.why_not is None}
    good = [each for each in good if each.state in there]
    if not good:
        event("nothing is proven")
        return
    chosen = data.draw(st.sampled_from(good))
    event(chosen.state.split()[1])
    before = there[chosen.state]
    failure = Breach("test", "test", "fraud", chosen.failed, NOON)
    rollback = roll_back(before, failure)
    assert isinstance(rollback, Rollback) and rollback.restored == chosen.restored
    stood = errors(before.tree, tmp_path / "before")
    assert errors(before.edited(rollback.edits).tree, tmp_path / "after") <= stood
    after = Repository(WorkingTree(tmp_path / "after"))
    model = loaded(after).model
    assert model is not None
    assert traffic.split(model.spec) == traffic.TrafficSplit(str(chosen.restored))
    assert chosen.failed in quarantined(model, after)
    assert list(unsatisfied_pins(model, str(chosen.restored), after)) == []
    assert find_drift(loaded(after), after) == []
