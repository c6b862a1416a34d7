"""Secrets at their places. No message has a value."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rollout_spec.core.errors import UserError
from rollout_spec.spec.secret import SecretPlace
from rollout_spec.workflows.secrets import read_secret


def refusal(place: SecretPlace, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(UserError) as caught:
        read_secret(place, environment)
    assert "s3cret" not in f"{caught.value.message} {caught.value.hint}"
    return caught.value.message


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"s3cret", "s3cret"),
        (b"s3cret\n", "s3cret"),
        (b"s3cret\r\n", "s3cret"),
        (b"s3cret\n\n", "s3cret\n"),
        (b" s3cret ", " s3cret "),
        (b"s" * 65536, "s" * 65536),
    ],
)
def test_a_file_holds_a_secret_and_perhaps_a_line_end(tmp_path: Path, content: bytes, secret: str) -> None:
    (tmp_path / "secret").write_bytes(content)
    assert read_secret(SecretPlace(file=str(tmp_path / "secret"))) == secret


@pytest.mark.parametrize("content", [b"", b"\n", b" \n", b"s3cret" * 20_000, b"s3cret\xff"])
def test_a_file_without_a_usable_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)
    assert str(tmp_path / "secret")[:40] in refusal(SecretPlace(file=str(tmp_path / "secret")))


def test_only_a_regular_file_is_read(tmp_path: Path) -> None:
    assert "No such file" in refusal(SecretPlace(file=str(tmp_path / "missing")))
    assert "not a regular file" in refusal(SecretPlace(file=str(tmp_path)))
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refusal(SecretPlace(file=str(tmp_path / "pipe")))
    assert "invalid" in refusal(SecretPlace(file="a\0b"))


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    """Kubernetes mounts a Secret as links."""
    (tmp_path / "data").write_text("s3cret")
    (tmp_path / "secret").symlink_to("data")
    assert read_secret(SecretPlace(file=str(tmp_path / "secret"))) == "s3cret"


def test_a_variable_is_read_at_each_use() -> None:
    environment = {"TOKEN": "s3cret", "EMPTY": " ", "BYTES": "s3cret\udcff"}
    assert refusal(SecretPlace(env="BYTES"), environment) == "the environment variable BYTES is not UTF-8"
    place = SecretPlace(env="TOKEN")
    assert read_secret(place, environment) == "s3cret"
    environment["TOKEN"] = "changed"
    assert read_secret(place, environment) == "changed"
    assert refusal(SecretPlace(env="MISSING"), environment) == "the environment variable MISSING is not set"
    assert refusal(SecretPlace(env="EMPTY"), environment) == "the environment variable EMPTY is empty"


@pytest.mark.parametrize(
    "place",
    [
        SecretPlace(env="ROLLOUT_SPEC_TOKEN"),
        SecretPlace(env="GITHUB_TOKEN"),
        SecretPlace(env="GITHUB_APP_PRIVATE_KEY_FILE"),
        SecretPlace(env="ROLLOUT_SPEC_INBOX"),
        SecretPlace(file="/proc/self/environ"),
        SecretPlace(file="/dev/stdin"),
    ],
    ids=lambda place: place.env or place.file,
)
def test_a_credential_of_the_service_is_not_for_a_workspace(place: SecretPlace) -> None:
    """A workspace names the hosts that its secrets go to: one merged line would give the forge's token away."""
    assert "credential of the service" in refusal(place, {place.env or "": "s3cret"})


def test_the_key_of_an_app_is_not_for_a_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, link = tmp_path / "app.pem", tmp_path / "link"
    key.write_text("s3cret")
    link.symlink_to(key)
    monkeypatch.setenv("GITHUB_APP_PRIVATE_KEY_FILE", str(key))
    assert "credential of the service" in refusal(SecretPlace(file=str(link)))
