"""Lines of plain and compressed files, within bounds."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest

from rollout_spec.integrations.inference_logs import lines
from rollout_spec.integrations.inference_logs.lines import read_lines
from rollout_spec.integrations.storage import list_files


def found(path: Path) -> list[tuple[int, bytes | str]]:
    (file,) = list_files(str(path))
    return list(read_lines(file))


@pytest.mark.parametrize("is_compressed", [False, True])
def test_lines_are_numbered_and_blank_ones_left_out(tmp_path: Path, is_compressed: bool) -> None:
    content = b"a\n\n  \nb\r\n\xff\nlast"
    path = tmp_path / "log"
    path.write_bytes(gzip.compress(content) if is_compressed else content)
    assert found(path) == [(1, b"a\n"), (4, b"b\r\n"), (5, b"\xff\n"), (6, b"last")]


def test_members_of_a_gzip_file_are_one_text(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(b"a\nb") + gzip.compress(b"c\nd\n"))
    assert found(path) == [(1, b"a\n"), (2, b"bc\n"), (3, b"d\n")]


@pytest.mark.parametrize("is_compressed", [False, True])
def test_a_long_line_is_reported_and_the_next_one_read(
    tmp_path: Path, is_compressed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "LONGEST_LINE", 1024 * 1024)
    content = b"x" * (1024 * 1024) + b"\n" + b"y" * (3 * 1024 * 1024 + 5) + b"\nnext\n" + b"z" * (1024 * 1024 + 1)
    path = tmp_path / "log"
    path.write_bytes(gzip.compress(content) if is_compressed else content)
    reason = "a line of more than 1 MiB"
    assert found(path) == [(1, content[: 1024 * 1024 + 1]), (2, reason), (3, b"next\n"), (4, reason)]


def test_a_file_that_expands_too_far_is_not_read_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_FREE", 1024 * 1024)
    monkeypatch.setattr(lines, "LONGEST_LINE", 1024 * 1024)
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(b"first\n" + b" " * (64 * 1024 * 1024) + b"\nlast\n"))
    tracemalloc.start()
    read = found(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    reason = "cannot be read: it expands to more than 200 times its size; the rest of the file is not read"
    assert read == [(1, b"first\n"), (2, "a line of more than 1 MiB"), (3, reason)]
    assert peak < 8 * 1024 * 1024


def test_a_dense_file_of_any_size_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_FREE", 0)
    content = b"".join(b'{"request_id": "%d"}\n' % number for number in range(20_000))
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(content))
    assert b"".join(line for _, line in found(path) if isinstance(line, bytes)) == content


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda content: content[:-20], "Compressed file ended before the end-of-stream marker was reached"),
        (lambda content: content[:-8] + b"\0" * 8, "CRC check failed 0x0 != "),
        (lambda content: content[:40] + b"\xff" * 20 + content[60:], "Error -3 while decompressing data: "),
        (lambda content: content + b"rest", "Not a gzipped file (b're')"),
    ],
)
def test_a_damaged_file_is_reported(tmp_path: Path, damage: object, reason: str) -> None:
    assert callable(damage)
    path = tmp_path / "log.gz"
    path.write_bytes(damage(gzip.compress(b"".join(b"%d\n" % (number**7) for number in range(2000)))))
    *_, (_, last) = found(path)
    assert isinstance(last, str)
    assert last.startswith(f"cannot be read: {reason}")
    assert last.endswith("; the rest of the file is not read")
