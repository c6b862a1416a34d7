"""Requests that are too large, too slow, too many or malformed get a clear answer, and the service goes on."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
import requests
import served
from repo import Repo
from served import Served

from rollout_spec.service.limits import WRITE_SECONDS

pytestmark = pytest.mark.system
MOST = 100_000
BEARER = f"Authorization: Bearer {served.TOKEN}\r\n"


@pytest.fixture(scope="module")
def running(shared: Repo) -> Iterator[Served]:
    served.settings(shared)
    with served.service(shared, "--most-bytes", str(MOST)) as service:
        yield service
        assert service.post(served.alert(), query="?dryRun=true").status_code == 202, "it still works"
        assert not service.traceback, service.traceback


def address(service: Served) -> tuple[str, int]:
    host, _, port = service.address.removeprefix("http://").partition(":")
    return host, int(port)


def raw(service: Served, *parts: bytes, pause: float = 0.0, seconds: float = 25) -> bytes:
    """Send bytes with pauses between them, and return all that comes back until the connection is closed."""
    answer = b""
    with socket.create_connection(address(service), timeout=seconds) as connection:
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
            while chunk := connection.recv(65536):
                answer += chunk
        except (BrokenPipeError, ConnectionResetError):
            pass
    return answer


def head(*lines: str, path: str = "/v1/breaches/alertmanager") -> bytes:
    every = (f"POST {path} HTTP/1.1", "Host: x", "Connection: close", *lines)
    return ("\r\n".join(every) + "\r\n" + BEARER + "\r\n").encode()


def test_a_body_that_says_it_is_too_large(running: Served) -> None:
    begin = time.monotonic()
    answer = raw(running, head("Content-Length: 1000000000"))
    assert answer.startswith(b"HTTP/1.1 413 "), answer
    assert b"larger than 100,000 bytes" in answer
    assert time.monotonic() - begin < 5, "nothing of it is awaited"


def test_a_body_in_parts_that_is_too_large(running: Served) -> None:
    part = b"2710\r\n" + b" " * 10_000 + b"\r\n"
    parts = [part] * (MOST // 10_000 + 1)  # no more than that: unread bytes would reset the connection, with its answer
    assert raw(running, head("Transfer-Encoding: chunked"), *parts).startswith(b"HTTP/1.1 413 ")


def test_the_largest_body(running: Served) -> None:
    body = served.payload(served.alert())
    assert running.send(body + b" " * (MOST - len(body)), query="?dryRun=true").status_code == 202
    assert running.send(body + b" " * (MOST + 1 - len(body)), query="?dryRun=true").status_code == 413


def test_a_slow_body(running: Served) -> None:
    answer = raw(running, head("Content-Length: 100"), b"{", b" ", pause=1)
    assert answer.startswith(b"HTTP/1.1 408 "), answer


@pytest.mark.parametrize("begin", [b"", b"POST /v1/breaches/alertmanager HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_slow_headers(running: Served, begin: bytes) -> None:
    started = time.monotonic()
    assert raw(running, *[begin, *[b"x"] * 2 * bool(begin)], pause=1) == b""
    assert time.monotonic() - started < 16


@pytest.mark.parametrize("size", [b"Content-Length: 90000", b"Transfer-Encoding: chunked"])
def test_a_large_body_without_credentials_is_not_awaited(running: Served, size: bytes) -> None:
    """The memory of large bodies is shared, and an alert storm needs it."""
    for path, status in ((b"alertmanager", b"401"), (b"unknown", b"404")):
        begin = time.monotonic()
        lines = [b"POST /v1/breaches/" + path + b" HTTP/1.1", b"Host: x", b"Connection: close", size, b"", b""]
        with socket.create_connection(address(running), timeout=25) as connection:
            connection.sendall(b"\r\n".join(lines))
            assert connection.recv(65536).startswith(b"HTTP/1.1 " + status)
        assert time.monotonic() - begin < 5


def test_slow_headers_of_a_second_request(running: Served) -> None:
    first = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    started = time.monotonic()
    assert raw(running, first, b"GET /healthz HTT", b"P", b"/", pause=1).count(b"HTTP/1.1 ") == 1
    assert time.monotonic() - started < 16


def test_a_body_that_nobody_reads_does_not_hold_a_connection(running: Served) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    started = time.monotonic()
    raw(running, request, *[b"x"] * 14, pause=1)
    assert time.monotonic() - started < 20


def test_a_header_that_is_too_large(running: Served) -> None:
    parts = [b"x" * 20_000] * 50
    assert raw(running, head()[:-2] + b"X-Large: ", *parts)[:13] in (b"HTTP/1.1 400 ", b"")  # or a reset


def test_a_request_that_ends_early(running: Served) -> None:
    with socket.create_connection(address(running)) as connection:
        connection.sendall(head("Content-Length: 1000") + b"{")
    served.until(lambda: running.lines, lambda text: "rejected with 400: the connection was closed" in text, 10)


@pytest.mark.parametrize(
    "request_",
    [b"\x16\x03\x01\x02\x00\x01\x00", b"GET /\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"\0" * 100],
    ids=["TLS", "HTTP/0.9", "negative length", "zeros"],
)
def test_no_http(running: Served, request_: bytes) -> None:
    assert raw(running, request_, b"\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_a_request_smuggled_behind_another(running: Served) -> None:
    inner = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = raw(running, head("Content-Length: 4", "Transfer-Encoding: chunked"), b"0\r\n\r\n", inner)
    assert answer.count(b"HTTP/1.1 ") <= 1


@pytest.mark.parametrize("is_whole", [True, False])
def test_bytes_behind_the_last_request_of_a_connection(running: Served, is_whole: bool) -> None:
    """They come before, while and after the response is sent."""
    body = served.payload(served.alert(behind="garbage"))
    size = f"Content-Length: {len(body)}" if is_whole else "Transfer-Encoding: chunked"
    request = head(size, path="/v1/breaches/alertmanager?dryRun=true")
    content = body if is_whole else b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    for number in range(60):
        answer = raw(running, request, content, b"GET /healthz HTTP/1.1\r\n\r\n", pause=number * 0.0001)
        assert answer == b"" or answer[:13] in (b"HTTP/1.1 202 ", b"HTTP/1.1 400 "), answer
    assert not running.traceback, running.traceback


BODIES = {
    "empty": b"",
    "no-json": b"alert!",
    "not-utf-8": b'{"version": "4", "alerts": ["\xff"]}',
    "utf-16": json.dumps({"version": "4", "alerts": []}).encode("utf-16"),
    "deep": b"[" * 50_000,
    "deep-object": b'{"version": "4", "alerts": ' + b'[{"a":' * 9_000 + b"1" + b"}]" * 9_000 + b"}",
    "list": b"[]",
    "null": b"null",
    "other-version": b'{"version": "3", "alerts": []}',
    "no-alerts": b'{"version": "4", "alerts": {}}',
    "long-number": b'{"version": "4", "alerts": [' + b"9" * 5_000 + b'], "x": {}',
}


@pytest.mark.parametrize("name", BODIES)
def test_a_malformed_body(running: Served, name: str) -> None:
    reply = running.send(BODIES[name])
    assert reply.status_code == 422, reply.text
    assert len(reply.json()["error"]) < 500


def test_a_compressed_body(running: Served) -> None:
    reply = running.send(gzip.compress(served.payload(served.alert())), **{"Content-Encoding": "gzip"})
    assert reply.status_code == 415
    assert reply.json() == {"error": "the body has the encoding gzip", "hint": "send it without compression"}


def test_another_charset(running: Served) -> None:
    body = served.payload(served.alert())
    reply = running.send(body, query="?dryRun=true", **{"Content-Type": "application/json; charset=latin-1"})
    assert reply.status_code == 422
    assert "charset" in reply.json()["error"]
    accepted = running.send(body, query="?dryRun=true", **{"Content-Type": 'application/json; charset="UTF-8"'})
    assert accepted.status_code == 202


def test_half_a_character(running: Served) -> None:
    body = served.payload(served.alert(half="\ud800")).replace(b"error_rate above", b"half \\ud83d of")
    reply = running.send(body, query="?dryRun=true")
    assert reply.status_code == 202, reply.text
    assert "half ? of" in running.breach(reply.json()["breaches"][0]["id"])["summary"]
    assert running.get("/v1/breaches").status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"])
def test_other_methods(running: Served, method: str) -> None:
    reply = requests.request(method, f"{running.address}/v1/breaches/alertmanager", headers=running.headers, timeout=30)
    assert reply.status_code in (405, 422), reply.status_code  # GET shows a breach, and `alertmanager` is no id
    assert reply.status_code == 422 or reply.headers["Allow"]


@pytest.mark.parametrize(
    "name",
    ["..", "../../etc/passwd", "%2e%2e", "..%2f..%2fetc", "a/b", "A", "a" * 64, "%00", "%0d%0aX: y", "alertmanager/"],
)
def test_names_that_are_no_monitor(running: Served, name: str) -> None:
    answer = raw(running, head("Content-Length: 2", path=f"/v1/breaches/{name.replace(' ', '%20')}"), b"{}")
    assert answer[9:12] in (b"404", b"405", b"422", b"307"), answer
    assert b"X: y" not in answer.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?dryRun=true", 202),
        ("?dryRun=1", 202),
        ("?dryRun=maybe", 422),
        ("?dryRun=", 422),
        ("?dryRun=true&dryRun=false", 422),
        ("?dryrun=true", 422),
        ("?dry_run=true", 422),
        ("?dryRun=true&other=1", 422),
    ],
)
def test_values_of_dry_run(running: Served, query: str, status: int) -> None:
    reply = running.post(served.alert(query=query), query=query)
    assert reply.status_code == status, reply.text
    if status == 202:
        assert running.settled(reply.json()["breaches"][0]["id"])["dryRun"]
    elif "dryrun" in query:
        assert reply.json()["hint"] == "did you mean `dryRun`?"


def test_too_many_requests(repo: Repo) -> None:
    served.settings(repo)
    with served.service(repo, "--rate", "5") as limited:
        replies = [limited.post(served.alert(), query="?dryRun=true") for _ in range(20)]
        assert {each.status_code for each in replies} == {202, 503}, "Alertmanager sends nothing again after a 429"
        rejected = next(each for each in replies if each.status_code == 503)
        assert "too many requests from this address" in rejected.json()["error"]
        assert int(rejected.headers["Retry-After"]) >= 1
        assert limited.get("/healthz").status_code == 200
        served.until(lambda: limited.get("/readyz").status_code, lambda status: status == 200)
        time.sleep(1)
        assert limited.post(served.alert(), query="?dryRun=true").status_code == 202


def test_too_many_connections(running: Served) -> None:
    """One source may have half of all connections; the other half stays for others."""
    with ExitStack() as stack:
        opened = [stack.enter_context(socket.create_connection(address(running))) for _ in range(1100)]
        time.sleep(1)
        closed = 0
        for each in opened:
            each.setblocking(False)
            try:
                closed += each.recv(1) == b""
            except (BlockingIOError, ConnectionResetError) as error:
                closed += isinstance(error, ConnectionResetError)
        assert closed >= 90
    assert served.until(lambda: running.get("/healthz").status_code, lambda status: status == 200) == 200


def test_a_client_that_never_reads_is_cut_off(running: Served) -> None:
    """Each response waits in the memory of its connection, and the connections are limited."""
    request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        connection.connect(address(running))
        cut_off_at = time.monotonic() + WRITE_SECONDS + 20
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            while time.monotonic() < cut_off_at:
                with suppress(TimeoutError):
                    connection.sendall(request * 1000)
