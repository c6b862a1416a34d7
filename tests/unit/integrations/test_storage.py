"""Files by address: what is listed and opened, and what is refused before it is read."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.integrations import storage
from rollout_spec.integrations.storage import MissingLibraryError, StoredFile, list_files, open_file


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> MemoryFileSystem:
    """A store in memory, which is empty at first."""
    monkeypatch.setitem(storage.SCHEMES, "memory", "fsspec")
    system = MemoryFileSystem()
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    return system


class BrokenStore(MemoryFileSystem):  # type: ignore[misc]
    """A store whose library raises an error of its own."""

    protocol = "broken"

    def find(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no \x1b[31m credentials")

    def _open(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("reset")


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> str:
    fsspec.register_implementation("broken", BrokenStore, clobber=True)
    monkeypatch.setitem(storage.SCHEMES, "broken", "fsspec")
    return "broken://bucket/a"


def content(address: str) -> dict[str, bytes]:
    found = {}
    for file in list_files(address):
        with open_file(file) as opened:
            found[file.name] = opened.read()
    return found


def test_a_folder_on_disk(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/c", "B", "a b"):
        (tmp_path / name).write_bytes(name.encode())
    wanted = {"B": b"B", "a b": b"a b", "b/c": b"b/c"}
    assert content(str(tmp_path)) == content(f"file://{tmp_path}") == wanted
    assert [file.name for file in list_files(str(tmp_path))] == ["B", "a b", "b/c"]


def test_a_file_on_disk(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"12")
    (file,) = list_files(str(tmp_path / "model.bin"))
    assert (file.name, file.size, file.etag, file.is_whole) == ("model.bin", 2, None, True)


def test_the_mark_of_a_file_changes_with_its_content(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"12")
    times = path.stat()
    (before,) = list_files(str(path))
    path.write_bytes(b"21")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # a program may set this time back
    (after,) = list_files(str(path))
    assert before.size == after.size and before.mark != after.mark


@pytest.mark.parametrize("address", ["nothing", "file:///nothing/at/all", "model.bin/below"])
def test_nothing_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.bin").write_bytes(b"")
    assert list_files(address) == []


@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "socket"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "model" / "part"
    place.parent.mkdir()
    if kind == "link":
        place.symlink_to("/etc/passwd")
    elif kind == "folder":
        place.symlink_to("/etc")
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(place))
    with pytest.raises(UserError, match="is a symbolic link" if kind in ("link", "folder") else "is a special file"):
        list_files(str(place.parent))


def test_a_file_that_becomes_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    place = tmp_path / "model.bin"
    place.write_bytes(b"1")
    (file,) = list_files(str(place))
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(UserError, match="it is not a regular file"):
        open_file(file)


@pytest.mark.parametrize("address", ["/proc/self/environ", "file:///proc/kcore", "/dev/zero", "/sys/kernel"])
def test_places_of_the_system_are_refused(address: str) -> None:
    with pytest.raises(UserError, match="it is no place for files"):
        list_files(address)


def test_a_link_does_not_lead_to_places_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "model").symlink_to("/proc/self")
    with pytest.raises(UserError, match="it is no place for files"):
        list_files(str(tmp_path / "model" / "environ"))


def test_a_path_with_a_nul(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read"):
        list_files("a\0b")
    with pytest.raises(UserError, match="the path is invalid"):
        open_file(StoredFile("a\0b", "b", 1))


def test_a_store(memory: MemoryFileSystem) -> None:
    memory.pipe({"/models/fraud/MLmodel": b"1", "/models/fraud/data/model.pkl": b"22", "/models/fraud2/x": b"3"})
    assert content("memory://models/fraud/") == content("memory://models/fraud")
    assert content("memory://models/fraud") == {"MLmodel": b"1", "data/model.pkl": b"22"}
    (file,) = list_files("memory://models/fraud/data/model.pkl")
    assert (file.name, file.size, file.is_whole, open_file(file).read()) == ("model.pkl", 2, True, b"22")
    assert list_files("memory://models/other") == []


class MarkingStore(MemoryFileSystem):  # type: ignore[misc]
    """A store with an empty object for each folder, as the console of S3 makes them."""

    protocol = "marking"

    def find(self, path: str, *_: Any, **__: Any) -> Any:
        names = {"": "file", "data/": "file", "other": "directory", "data/model.pkl": "file"}
        return {f"{path}/{name}": {"size": 0, "type": kind, "ETag": '"1a"'} for name, kind in names.items()}


def test_an_object_that_stands_for_a_folder_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec.register_implementation("marking", MarkingStore, clobber=True)
    monkeypatch.setitem(storage.SCHEMES, "marking", "fsspec")
    (file,) = list_files("marking://bucket/fraud/")
    assert (file.address, file.name, file.etag) == ("marking://bucket/fraud/data/model.pkl", "data/model.pkl", "1a")


def test_a_store_that_fails(broken: str) -> None:
    with pytest.raises(UserError) as listed:
        list_files(broken)
    with pytest.raises(UserError) as opened:
        open_file(StoredFile(broken, "a", 1))
    assert (listed.value.status, opened.value.status) == (OUTSIDE, OUTSIDE)
    assert listed.value.message == "cannot list broken://bucket/a: no [31m credentials"


@pytest.mark.parametrize(
    "address", ["http://example.com/a", "github://a:b@/c", "reference://x", "simplecache::s3://a/b", "local:///etc"]
)
def test_other_schemes_are_refused(address: str) -> None:
    with pytest.raises(UserError, match="has a scheme that is not read"):
        list_files(address)


def test_a_chain_of_stores_is_refused(memory: MemoryFileSystem) -> None:
    with pytest.raises(UserError, match="which chains stores"):
        list_files("memory://a::file:///etc/passwd")


def test_a_store_whose_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(storage.SCHEMES, "abfss", "adlfs")
    with pytest.raises(MissingLibraryError, match="abfss:// needs the Python packages `fsspec` and `adlfs`"):
        list_files("abfss://container@account.dfs.core.windows.net/a")


def test_very_many_files_are_refused(tmp_path: Path, memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "MOST_FILES", 3)
    memory.pipe({f"/many/{number}": b"" for number in range(4)})
    for number in range(4):
        (tmp_path / str(number)).touch()
    for address in (str(tmp_path), "memory://many"):
        with pytest.raises(UserError, match="has more than 3 files"):
            list_files(address)


def test_the_store_itself(memory: MemoryFileSystem) -> None:
    memory.pipe({"/models/fraud/a": b"1"})
    assert storage.object_store("memory://models/fraud/a").cat("/models/fraud/a") == b"1"
    with pytest.raises(UserError, match="has a scheme that is not read"):
        storage.object_store("http://example.com/a")
