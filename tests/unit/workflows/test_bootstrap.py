"""A new rollout asks once for all that is missing, and what it asks for is enough."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest
from repo import run
from workspaces import files_in

from rollout_spec.core.yaml.document import parse
from rollout_spec.workflows.init import Choices, create_repository

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
OWN_POLICIES = """\
apiVersion: rollout-spec/v1
kind: PolicyPack
metadata: {name: own}
spec:
  policies:
    - name: owned
      expression: rollout.metadata.owner != null && rollout.spec.rollback.reviewers != null
      at: metadata
      message: nobody is responsible
      why: Somebody has to be asked.
      passes: [{}]
      fails: [{metadata: {owner: null}}]
"""
CHOICES = {
    "example": Choices(),
    "minimal": Choices(minimal=True),
    "envoy": Choices(gateway="envoy", monitor="prometheus", serving="none"),
}


def example_line(told: str) -> list[str]:
    """Return the arguments of the command in a message, with digests in place of the dots."""
    (line,) = re.findall(r"for example: rollout-spec (.*)", told)
    return shlex.split(line.replace("sha256:…", "sha256:" + "4" * 64))


@pytest.mark.parametrize("options", ["", "--like fraud", "--tier critical", "--target kserv", "--version 7 --port 80"])
@pytest.mark.parametrize("kind", CHOICES)
def test_the_command_of_the_message_is_enough(kind: str, options: str, tmp_path: Path) -> None:
    create_repository(tmp_path, ".", CHOICES[kind], NOW)
    before = files_in(tmp_path)
    asked = run("--repo", str(tmp_path), "bootstrap", "churn", *options.split())
    if "--like" in options and kind == "minimal":
        assert (asked.status, "there is no rollout `fraud` here" in asked.err) == (2, True)
        return
    assert (asked.status, files_in(tmp_path)) == (2, before), asked.text
    words = [word for word in example_line(asked.err) if word != "kserv"]
    if "kserv" in options:
        words.remove("--target")
        words += (
            []
            if kind != "minimal"
            else ["--target", "kserve", "--target", "{type: gateway-api, gateway: {name: edge}}"]
        )
    done = run("--repo", str(tmp_path), *words)
    assert done.status == 0, done.text
    assert run("--repo", str(tmp_path), "check").status == 0


def test_the_demands_of_an_organization_are_asked_for_too(tmp_path: Path) -> None:
    create_repository(tmp_path, ".", Choices(), NOW)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/own.yaml").write_text(OWN_POLICIES, "utf-8")
    settings = tmp_path / ".rollout-spec.yaml"
    settings.write_text(settings.read_text("utf-8").replace("[baseline]", "[policies/own.yaml]"), "utf-8")
    asked = run("--repo", str(tmp_path), "bootstrap", "churn", "--version", "1", "--artifact", "s3://m/")
    assert asked.status == 2
    options = re.findall(r"^  (--[a-z-]+) .*?(\[owned\])?$", asked.err, re.MULTILINE)
    assert options[:3] == [("--format", ""), ("--owner", "[owned]"), ("--reviewer", "[owned]")]
    assert run("--repo", str(tmp_path), *example_line(asked.err)).status == 0


def test_no_message_points_at_a_line_of_a_file_that_was_not_written(tmp_path: Path) -> None:
    create_repository(tmp_path, ".", Choices(), NOW)
    for options in (
        "",
        "--target kserve --version 1",
        "--tier vital --host a_b --port 0",
        "--like fraud --requires a=1",
    ):
        asked = run("--repo", str(tmp_path), "bootstrap", "churn", *options.split())
        assert asked.status in (1, 2)
        assert "churn.yaml" not in asked.text


def test_every_wrong_option_is_named_at_once(tmp_path: Path) -> None:
    create_repository(tmp_path, ".", Choices(), NOW)
    words = "--version 1 --artifact a --format b --tier vital --port 99999 --runbook nowhere --host a_b"
    asked = run("--repo", str(tmp_path), "bootstrap", "churn", *words.split())
    assert asked.status == 2
    assert set(re.findall(r"--[a-z]+(?=: )", asked.err)) == {"--tier", "--port", "--runbook", "--host"}
    words = "--version 1 --artifact a --digest b --dataset-digest c --metric auc=high"
    asked = run("--repo", str(tmp_path), "bootstrap", "churn", *words.split())
    assert set(re.findall(r"--[a-z-]+(?=: )", asked.err)) == {"--digest", "--dataset-digest", "--metric"}


def test_what_belongs_to_one_model_is_not_copied(tmp_path: Path) -> None:
    create_repository(tmp_path, ".", Choices(), NOW)
    file = tmp_path / "rollouts/fraud.yaml"
    text = file.read_text("utf-8")
    text = text.replace("  description:", "  labels: {model: fraud}\n  description:")
    text = text.replace("host: fraud.ml.svc", "host: scores.example").replace(
        "window: 7d ", "drilled: 2026-11-01T00:00:00Z\n    window: 7d "
    )
    text = text.replace("gateway: {name: edge,", "backend: {name: fraud-blue}, gateway: {name: fraud-edge,")
    file.write_text(text, "utf-8")
    words = example_line(run("--repo", str(tmp_path), "bootstrap", "churn", "--like", "fraud").err)
    done = run("--repo", str(tmp_path), *words)
    assert done.status == 0, done.text
    assert "spec.targets.1.gateway.name is copied from fraud, and names it" in done.err
    new, old = (parse((tmp_path / f"rollouts/{name}.yaml").read_bytes()).data for name in ("churn", "fraud"))
    assert new["metadata"] == {"name": "churn", "namespace": "ml", "owner": "team-risk", "tier": "critical"}
    assert new["spec"]["service"]["host"] == "churn.ml.svc.cluster.local"
    assert "requestsPerSecond" not in new["spec"]["service"]
    assert new["spec"]["service"]["inferenceLog"] != old["spec"]["service"]["inferenceLog"]
    assert new["spec"]["rollback"]["runbook"] != old["spec"]["rollback"]["runbook"]
    assert "drilled" not in new["spec"]["rollback"]
    assert new["spec"]["targets"][1] == {
        "type": "gateway-api",
        "gateway": {"name": "fraud-edge", "namespace": "gateways"},
    }
    assert new["spec"]["stages"] == old["spec"]["stages"]


def test_a_new_rollout_has_the_targets_that_the_others_share(tmp_path: Path) -> None:
    create_repository(tmp_path, ".", CHOICES["envoy"], NOW)
    words = example_line(run("--repo", str(tmp_path), "bootstrap", "churn").err)
    assert "--target" not in words
    assert run("--repo", str(tmp_path), *words).status == 0
    new = parse((tmp_path / "rollouts/churn.yaml").read_bytes()).data
    assert new["spec"]["targets"] == [{"type": "envoy"}, {"type": "prometheus"}]
    assert new["spec"]["service"]["metrics"] == "envoy"


def test_a_file_of_somebody_in_place_of_a_manifest_stays(tmp_path: Path) -> None:
    create_repository(tmp_path, ".", Choices(), NOW)
    words = example_line(run("--repo", str(tmp_path), "bootstrap", "churn", "--like", "fraud").err)
    path = tmp_path / "manifests/churn/kserve.yaml"
    path.parent.mkdir()
    path.write_text("kind: InferenceService\n", "utf-8")
    before = files_in(tmp_path)
    done = run("--repo", str(tmp_path), *words)
    assert (done.status, files_in(tmp_path)) == (1, before)
    assert "manifests/churn/kserve.yaml exists already, and rollout-spec did not render it" in done.err
    path.unlink()
    assert run("--repo", str(tmp_path), *words).status == 0
