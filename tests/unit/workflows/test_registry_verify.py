"""What ``registry verify`` finds: each disagreement at its line, and nothing in a registry that agrees."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from registries import Registered

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.registered import Dataset
from rollout_spec.integrations.registries import Artifacts
from rollout_spec.workflows.registry import RegistryAccess
from rollout_spec.workflows.registry_verify import Verification, VerifyOptions, verify

BAD = f"sha256:{'b' * 64}"


@pytest.fixture
def fraud(tmp_path: Path) -> Registered:
    return Registered(tmp_path)


def run(fraud: Registered, **options: bool) -> Verification:
    return verify((), fraud.repository, fraud.access, VerifyOptions(**options))  # type: ignore[arg-type]


def found(fraud: Registered) -> list[str]:
    result = run(fraud)
    assert result.failure is None
    return [f"{each.line}: {each.severity}: [{each.name}] {each.message}" for each in result.findings]


def test_a_registry_that_agrees_has_no_findings(fraud: Registered) -> None:
    result = run(fraud)
    assert (result.findings, result.status) == ((), 0)
    ways = {each.version: (each.role, each.examination.way) for each in result.artifacts}
    assert ways == {"40": ("known-good", "hashed"), "41": ("stable", "hashed"), "42": ("candidate", "hashed")}


def test_an_entry_that_is_gone(fraud: Registered) -> None:
    del fraud.registry.entries["fraud", "40"]
    line = fraud.line("models:/fraud/40")
    assert found(fraud) == [f"{line}: error: [registry-has-entry] the registry has no entry models:/fraud/40"]


def test_an_entry_that_is_not_ready(fraud: Registered) -> None:
    fraud.registry.change("40", status="FAILED_REGISTRATION")
    (message,) = found(fraud)
    assert message.endswith("models:/fraud/40 is not ready: its status is FAILED_REGISTRATION")


def test_an_alias_is_no_version(fraud: Registered) -> None:
    fraud.edit("models:/fraud/41", "models:/fraud@champion")
    assert "models:/fraud@champion names an alias" in found(fraud)[0]


def test_a_run_that_is_gone_or_deleted_or_another_one(fraud: Registered) -> None:
    del fraud.registry.runs["run40"]
    fraud.registry.change_run("41", is_deleted=True)
    fraud.registry.change("42", run_id="run43")
    assert found(fraud) == [
        f"{fraud.line('runId: run40')}: error: [registry-has-entry] the registry has no run run40",
        f"{fraud.line('runId: run41')}: warning: [registry-has-entry] the run run41 is deleted",
        f"{fraud.line('runId: run42')}: error: [registry-agrees] the registry names the run run43, the record run42",
    ]


def test_a_tag_with_another_digest(fraud: Registered) -> None:
    fraud.registry.change("41", tags={"rollout-spec.digest": BAD})
    (message,) = found(fraud)
    assert message.startswith(f"{fraud.line('runId: run41') - 1}: error: [registry-agrees]")
    assert f"the tag rollout-spec.digest of the entry is {BAD}" in message


@pytest.mark.parametrize(
    ("tags", "datasets", "severity"),
    [
        ({"rollout-spec.datasetDigest": BAD}, (), "error"),
        ({}, (Dataset("cards", "b" * 64),), "error"),
        ({}, (Dataset("cards", "1a2b3c4d"),), "warning"),
        ({}, (), "warning"),
        ({}, (Dataset("other", "b" * 64), Dataset("cards", "2" * 64)), None),
    ],
)
def test_the_training_data(
    fraud: Registered, tags: dict[str, str], datasets: tuple[Dataset, ...], severity: str | None
) -> None:
    fraud.registry.change_run("41", tags=tags, datasets=datasets)
    messages = found(fraud)
    if severity is None:
        assert not messages
        return
    (message,) = messages
    assert message.startswith(f"{fraud.line('runId: run41') + 1}: {severity}: [registry-agrees] ")


@pytest.mark.parametrize(("value", "agrees"), [(0.9149, True), (0.9051, True), (0.9151, False), (float("nan"), False)])
def test_a_metric_agrees_if_it_rounds_to_the_record(fraud: Registered, value: float, agrees: bool) -> None:
    fraud.registry.change_run("41", metrics={"auc": value})
    messages = found(fraud)
    assert bool(messages) is not agrees
    if messages:
        assert messages == [
            f"{fraud.line('runId: run41') + 2}: error: [registry-agrees] the run has auc {value!r}, the record 0.91"
        ]


def test_a_metric_that_the_run_lacks(fraud: Registered) -> None:
    fraud.registry.change_run("41", metrics={})
    (message,) = found(fraud)
    assert "warning: [registry-agrees] the run run41 has no metric auc" in message


def test_an_artifact_that_is_gone(fraud: Registered) -> None:
    fraud.artifact("40").unlink()
    (message,) = found(fraud)
    line = fraud.line("artifacts/40.bin")
    assert message == (
        f"{line}: error: [artifact-intact] the artifact of this known-good version is gone: "
        "nothing is at artifacts/40.bin"
    )


def test_bytes_that_changed(fraud: Registered) -> None:
    fraud.artifact("42").write_bytes(b"others")
    (message,) = found(fraud)
    assert message.startswith(f"{fraud.line('artifacts/42.bin') + 1}: error: [artifact-intact] the bytes at artifacts")


def test_without_an_artifact_the_bytes_of_the_entry_are_read(fraud: Registered) -> None:
    fraud.edit("      artifact: artifacts/42.bin\n", "")
    assert found(fraud) == []
    fraud.artifact("42").unlink()
    (message,) = found(fraud)
    assert message.startswith(f"{fraud.line('models:/fraud/42')}: error: [artifact-intact] ")


def test_an_entry_without_an_artifact_is_not_intact(fraud: Registered) -> None:
    fraud.edit("      artifact: artifacts/40.bin\n", "")
    fraud.registry.change("40", artifact=None)
    line = fraud.line("models:/fraud/40")
    message = "the registry names no artifact of models:/fraud/40: nothing is verified"
    assert found(fraud) == [f"{line}: error: [artifact-intact] {message}"]


def test_a_quarantined_version_must_exist_and_no_more(fraud: Registered) -> None:
    fraud.incident("fraud-43", "43")
    fraud.registry.change("43", run_id="another", tags={"rollout-spec.digest": BAD})
    fraud.artifact("43").write_bytes(b"others")
    assert found(fraud) == []
    fraud.artifact("43").unlink()
    del fraud.registry.entries["fraud", "43"]
    assert [message.partition(": ")[2][:34] for message in found(fraud)] == [
        "error: [registry-has-entry] the re",
        "error: [artifact-intact] the artif",
    ]


def test_a_version_that_may_not_come_back_is_not_examined(fraud: Registered) -> None:
    del fraud.registry.entries["fraud", "43"]
    fraud.artifact("43").unlink()
    assert found(fraud) == []


@pytest.mark.parametrize("address", ["https://example.com/m.bin", "hf://acme/fraud", "oci://ghcr.io/acme/fraud:latest"])
def test_an_address_that_is_not_read_is_a_warning(fraud: Registered, address: str) -> None:
    fraud.edit("artifacts/40.bin", address)
    (message,) = found(fraud)
    assert f"warning: [artifact-intact] {address} is not verified: " in message


def put_link(fraud: Registered) -> None:
    fraud.artifact("40").unlink()
    folder = fraud.artifact("40")
    folder.mkdir()
    (folder / "secret").symlink_to("/etc/passwd")


def test_a_link_is_not_followed_and_is_not_what_was_recorded(fraud: Registered) -> None:
    put_link(fraud)
    (message,) = found(fraud)
    assert "error: [artifact-intact]" in message and "is a symbolic link" in message
    assert run(fraud).status == 1


def test_a_link_in_an_artifact_without_a_digest_is_a_warning(fraud: Registered) -> None:
    put_link(fraud)
    digest = hashlib.sha256(b"weights of 40").hexdigest()
    fraud.edit(f"      digest: sha256:{digest}\n", "")
    (message,) = found(fraud)
    assert "warning: [artifact-intact]" in message


def test_a_file_that_may_not_be_read_is_not_intact(fraud: Registered, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: object) -> object:
        raise UserError("cannot read 40.bin: Permission denied")

    monkeypatch.setattr("rollout_spec.integrations.registries.artifacts.open_file", refuse)
    assert [message.split(": ")[1] for message in found(fraud)] == ["error"] * 3


def test_an_artifact_that_is_too_large_is_said_to_be_not_hashed(fraud: Registered) -> None:
    access = RegistryAccess(fraud.registry, Artifacts(fraud.folder, most_hashed=5))
    result = verify((), fraud.repository, access, VerifyOptions())
    assert {each.message.partition(": ")[0] for each in result.findings} == {
        f"artifacts/{version}.bin is not hashed" for version in ("40", "41", "42")
    }
    assert result.status == 0


def test_a_registry_that_does_not_answer_is_no_finding_and_no_success(fraud: Registered) -> None:
    fraud.registry.is_down = True
    result = run(fraud)
    assert (result.findings, result.status) == ((), OUTSIDE)
    assert result.failure is not None


def test_a_workspace_without_a_registry_cannot_be_verified(fraud: Registered) -> None:
    access = RegistryAccess(None, Artifacts(fraud.folder))
    with pytest.raises(UserError, match="the workspace names no registry"):
        verify((), fraud.repository, access, VerifyOptions())


def test_a_rollout_that_does_not_load_is_not_passed_over(fraud: Registered) -> None:
    fraud.write("rollouts/cards.yaml", "kind: ModelRollout\nspec: [")
    assert found(fraud) == ["1: error: [registry-has-entry] this rollout does not load: its versions are not verified"]


def test_an_unknown_rollout(fraud: Registered) -> None:
    with pytest.raises(UserError, match="no rollout `frod`"):
        verify(("frod",), fraud.repository, fraud.access, VerifyOptions())


def test_only_existence(fraud: Registered) -> None:
    fraud.artifact("42").write_bytes(b"others")
    result = run(fraud, only_list=True)
    assert (result.findings, {each.examination.way for each in result.artifacts}) == ((), {"listed"})
