"""The digests of artifacts: computed, remembered, or said to be unknown."""

from __future__ import annotations

import hashlib
import io
import time
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.tree_digest import tree_digest
from rollout_spec.integrations import deadline
from rollout_spec.integrations.registries import Artifacts, DigestCache, artifacts
from rollout_spec.integrations.storage import StoredFile

HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
NAMES = st.text(st.characters(exclude_characters="\\\n\r\0", exclude_categories=["Cs"]), min_size=1, max_size=8)


def sha(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.fixture
def cached(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path, cache=DigestCache(tmp_path / "cache" / "digests.json"))


def test_a_file_has_the_digest_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    seen = Artifacts(tmp_path).examine("model.bin")
    assert (seen.way, seen.digest, seen.size, seen.files) == ("hashed", sha(b"weights"), 7, 1)


def test_a_folder_has_the_digest_of_its_list(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a").write_bytes(b"1")
    one = Artifacts(tmp_path).examine("model")
    assert one.digest == sha(b"%s  ./a\n" % hashlib.sha256(b"1").hexdigest().encode())
    (tmp_path / "model" / "B").write_bytes(b"2")
    two = Artifacts(tmp_path).examine("model")
    lines = [
        b"%s  ./%s\n" % (hashlib.sha256(text).hexdigest().encode(), name) for name, text in ((b"B", b"2"), (b"a", b"1"))
    ]
    assert two.digest == sha(b"".join(lines))


@given(st.dictionaries(NAMES, HEX, min_size=1, max_size=6), st.randoms())
def test_the_digest_of_a_folder_depends_on_names_and_contents_alone(files: dict[str, str], random: object) -> None:
    shuffled = list(files.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    digest = tree_digest(files)
    assert tree_digest(dict(shuffled)) == digest
    name, content = shuffled[0]
    assert tree_digest({**files, name: content[::-1] + "0"}) != digest
    assert tree_digest({**{key: files[key] for key in files if key != name}, f"{name}x/y": content}) != digest


def test_a_name_that_sha256sum_would_escape_has_no_digest(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a\nb").touch()
    seen = Artifacts(tmp_path).examine("model")
    assert (seen.way, seen.digest) == ("refused", None)
    assert "has a line end or a backslash" in (seen.reason or "")


def test_nothing_is_there(tmp_path: Path) -> None:
    assert Artifacts(tmp_path).examine("model.bin").way == "missing"


def test_a_digest_is_remembered_until_the_file_changes(tmp_path: Path, cached: Artifacts) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"weights")
    assert cached.examine("model.bin").way == "hashed"
    again = Artifacts(tmp_path, cache=DigestCache(tmp_path / "cache" / "digests.json"))
    assert (again.examine("model.bin").way, again.examine("model.bin").digest) == ("remembered", sha(b"weights"))
    path.write_bytes(b"strange")
    assert (again.examine("model.bin").way, again.examine("model.bin").digest) == ("hashed", sha(b"strange"))


def test_a_large_artifact_is_hashed_on_order_and_remembered(tmp_path: Path, cached: Artifacts) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    cached.most_hashed = 6
    seen = cached.examine("model.bin")
    assert (seen.way, seen.digest, seen.reason) == ("not-hashed", None, "it has 7 bytes, more than 6")
    cached.hash_all = True
    assert cached.examine("model.bin").way == cached.examine("model.bin").way == "hashed"
    cached.hash_all = False
    assert cached.examine("model.bin").way == "remembered"


def test_very_many_artifacts_are_not_all_read(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).write_bytes(b"weights")
    several = Artifacts(tmp_path, most_in_all=20)
    assert [several.examine(name).way for name in "abc"] == ["hashed", "hashed", "not-hashed"]
    assert several.examine("c").reason == "it has 7 bytes, and 14 of 20 were read before"
    several.hash_all = True
    assert several.examine("c").way == "hashed"


@pytest.mark.parametrize("content", [b"", b"[", b"[]", b'{"x": 1}', b"\xff", b"[" * 100_000])
def test_a_damaged_cache_is_no_cache(tmp_path: Path, cached: Artifacts, content: bytes) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "digests.json").write_bytes(content)
    assert cached.examine("model.bin").digest == sha(b"weights")


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    (tmp_path / "file").touch()
    seen = Artifacts(tmp_path, cache=DigestCache(tmp_path / "file" / "digests.json")).examine("model.bin")
    assert seen.digest == sha(b"weights")


class Changing:
    """A store whose file is not as long as it lists."""

    def __init__(self, content: BinaryIO) -> None:
        self.content = content

    def files(self, address: str) -> list[StoredFile]:
        return [StoredFile(address, "a", 3, is_whole=True)]

    def open(self, file: StoredFile) -> BinaryIO:
        return self.content


class Endless(io.RawIOBase):
    """A file that never ends."""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return b"0" * size


@pytest.mark.parametrize("content", [io.BytesIO(b"12"), io.BytesIO(b"1234"), Endless()])
def test_a_file_that_changes_while_it_is_read_is_no_result(content: BinaryIO) -> None:
    with pytest.raises(UserError, match="it changed while it was read") as caught:
        Artifacts(mlflow=Changing(content)).examine("mlflow-artifacts:/a")
    assert caught.value.status == OUTSIDE


class Silent(io.RawIOBase):
    """A file whose store does not answer."""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        time.sleep(5)
        return b""


def test_a_store_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "_HASH_SECONDS", 0.05)
    start = time.monotonic()
    with pytest.raises(UserError, match="no result within") as caught:
        Artifacts(mlflow=Changing(Silent())).examine("mlflow-artifacts:/a")  # type: ignore[arg-type]
    assert (caught.value.status, time.monotonic() - start < 3) == (OUTSIDE, True)


def test_the_error_of_a_bounded_call_is_its_own() -> None:
    with pytest.raises(ZeroDivisionError):
        deadline.within(5, "cannot divide", lambda: 1 / 0)


@pytest.mark.parametrize("address", ["https://example.com/a", "mlflow-artifacts:/a", "dbfs:/a", "runs:/a/b"])
def test_an_address_that_is_not_read_says_why(address: str) -> None:
    seen = Artifacts().examine(address)
    assert seen.way == "unreadable" and seen.reason
