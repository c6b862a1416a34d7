"""The client of Prometheus gives whole answers, or an error that names the reason, within its time."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import own_certificates
import pytest
from amounts import examples
from http_answers import AnswerServer, Prepared
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rollout_spec.core import redaction
from rollout_spec.core.errors import OUTSIDE, USAGE, UserError
from rollout_spec.core.series import Series
from rollout_spec.integrations import http_connection
from rollout_spec.integrations.http_connection import Server
from rollout_spec.integrations.prometheus import PrometheusClient, answers
from rollout_spec.spec.prometheus import Prometheus

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TOKEN = "correct-horse-battery"
LABELS = {"pod": "a"}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def matrix(*series: Any, **fields: Any) -> bytes:
    data = {"resultType": "matrix", "result": list(series)}
    return json.dumps({"status": "success", "data": data, **fields}).encode()


GOOD = Prepared(matrix({"metric": LABELS, "values": [[1, "2"], [3.5, "4e1"]]}))


@pytest.fixture
def serve() -> Iterator[Callable[..., AnswerServer]]:
    running: list[AnswerServer] = []

    def start(*prepared: Prepared) -> AnswerServer:
        running.append(AnswerServer(*prepared).__enter__())
        return running[-1]

    yield start
    for server in running:
        server.__exit__(None, None, None)


def ask(address: str, token: str | None = None, timeout: float = 5) -> Any:
    with PrometheusClient(address, token, timeout=timeout) as client:
        return client.query("up", NOON)


def refused(address: str, token: str | None = None, timeout: float = 5) -> UserError:
    with pytest.raises(UserError) as caught:
        ask(address, token, timeout)
    assert caught.value.status == OUTSIDE
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return caught.value


def test_a_query_is_posted_as_a_form(serve: Any) -> None:
    server = serve(GOOD)
    answer = ask(f"{server.address}/prom/", TOKEN)
    assert answer.series == (Series(LABELS, ((1.0, 2.0), (3.5, 40.0))),)
    assert answer.warnings == ()
    assert abs((datetime.now(UTC) - answer.date).total_seconds()) < 5
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/prom/api/v1/query")
    assert asked.form == {"query": ["up"], "time": [f"{NOON.timestamp():.3f}"], "timeout": ["5000ms"]}
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"


def test_without_a_token_none_is_sent(serve: Any) -> None:
    server = serve(GOOD)
    ask(server.address)
    assert "authorization" not in server.asked[0].headers


def test_queries_share_a_connection(serve: Any) -> None:
    server = serve(GOOD)
    with PrometheusClient(server.address) as client:
        for _ in range(5):
            client.query("up", NOON)
    assert len({asked.port for asked in server.asked}) == 1


def test_a_connection_that_was_closed_meanwhile_is_opened_again(serve: Any) -> None:
    server = serve(GOOD)
    server.hangs_up = True
    with PrometheusClient(server.address) as client:
        for _ in range(3):
            client.query("up", NOON)
            time.sleep(0.05)
        client.close()
        client.query("up", NOON)
    assert len(server.asked) == 4
    assert len({asked.port for asked in server.asked}) == 4


def test_a_failed_query_does_not_spoil_the_next_one(serve: Any) -> None:
    server = serve(Prepared(b"[" * 50, delay=0.4), GOOD)
    with PrometheusClient(server.address, timeout=0.2) as client:
        with pytest.raises(UserError):
            client.query("up", NOON)
        assert client.query("up", NOON).series
    truncated = serve(Prepared(GOOD.body, length=10_000), GOOD)
    with PrometheusClient(truncated.address) as client:
        with pytest.raises(UserError):
            client.query("up", NOON)
        assert client.query("up", NOON).series


def test_a_query_whose_time_is_over_is_not_sent_again(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server, close = serve(GOOD, Prepared(GOOD.body, delay=1.0), GOOD), HTTPConnection.close

    def close_late(connection: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            time.sleep(0.2)  # the other thread sees the end of its connection before
        close(connection)

    monkeypatch.setattr(HTTPConnection, "close", close_late)
    with PrometheusClient(server.address, timeout=0.3) as client:
        assert client.query("up", NOON).series
        with pytest.raises(UserError):
            client.query("up", NOON)
        assert len(server.asked) == 2


def test_threads_may_share_a_client(serve: Any) -> None:
    server = serve(*(Prepared(matrix({"metric": {"n": str(n)}, "values": [[1, "1"]]}), delay=0.01) for n in range(20)))
    seen: list[str] = []
    with PrometheusClient(server.address) as client:

        def one() -> None:
            seen.append(client.query("up", NOON).series[0].labels["n"])

        threads = [threading.Thread(target=one) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(seen, key=int) == [str(n) for n in range(20)]


def test_warnings_come_along_harmless_and_short(serve: Any) -> None:
    server = serve(Prepared(matrix(warnings=["one store\x1b[2J did not answer", "x" * 5000])))
    first, second = ask(server.address).warnings
    assert first == "one store [2J did not answer" and len(second) == 300


@pytest.mark.parametrize(
    ("spelling", "value"),
    [("NaN", "nan"), ("+Inf", "inf"), ("-Inf", "-inf"), ("1.8e+06", "1800000.0"), ("-0", "-0.0")],
)
def test_all_numbers_of_prometheus_are_read(serve: Any, spelling: str, value: str) -> None:
    server = serve(Prepared(matrix({"metric": {}, "values": [[1, spelling]]})))
    assert str(ask(server.address).series[0].samples[0][1]) == value


def test_a_vector_is_read_as_series_of_one_sample(serve: Any) -> None:
    data = {"resultType": "vector", "result": [{"metric": LABELS, "value": [1, "2"]}]}
    server = serve(Prepared(json.dumps({"status": "success", "data": data}).encode()))
    assert ask(server.address).series == (Series(LABELS, ((1.0, 2.0),)),)


@pytest.mark.parametrize(
    ("answer", "reason", "hint"),
    [
        (Prepared(b"oops", 500), "it answered 500: Internal Server Error", None),
        (
            Prepared(b'{"status":"error","errorType":"x","error":"too many samples"}', 422),
            "422: too many samples",
            None,
        ),
        (Prepared(b'{"error":"bad\\u001b[2J' + b"y" * 5000 + b'"}', 400), "it answered 400: bad [2Jyyy", None),
        (Prepared(b"", 401), "it answered 401: Unauthorized", "prometheus.auth"),
        (Prepared(b"", 403), "it answered 403", "prometheus.auth"),
        (Prepared(b"<html>", 404), "it answered 404: Not Found", "the path of `prometheus.url`"),
        (Prepared(b"", 302, {"Location": "http://evil.example/"}), "it redirects to http://evil.example/", "final"),
        (Prepared(b"", 204), "it answered 204", None),
        (Prepared(b""), "it is not JSON", "prometheus.url"),
        (Prepared(b"<html>sign in</html>"), "it is not JSON", "prometheus.url"),
        (Prepared(b"\xff\xfe{"), "it is not JSON", "prometheus.url"),
        (Prepared(b"[" * 100_000), "it is not JSON", "prometheus.url"),
        (Prepared(b"[]"), "it is not a JSON object", "prometheus.url"),
        (Prepared(b'{"status": "error", "error": "no"}'), "its status is error: no", None),
        (Prepared(b'{"status": "success"}'), "it has no `data.result`", None),
        (Prepared(b'{"status": "success", "data": {"result": [], "resultType": "scalar"}}'), "not a scalar", None),
        (Prepared(matrix(warnings="x")), "`warnings` are not a list", None),
        (Prepared(matrix(3)), "no `metric` with labels", None),
        (Prepared(matrix({"metric": {"a": 1}, "values": []})), "no `metric` with labels", None),
        (Prepared(matrix({"metric": {}})), "a series has no samples", None),
        (Prepared(matrix({"metric": {}, "values": [], "histograms": []})), "native histograms", None),
        (Prepared(matrix({"metric": {}, "values": [[2, "1"], [1, "1"]]})), "out of order", None),
        (Prepared(matrix({"metric": {}, "values": [[1, "1"], [1, "1"]]})), "out of order", None),
        (Prepared(b'{"status":"success","data":{"resultType":"matrix","result":[NaN]}}'), "it is not JSON", None),
        (Prepared(matrix({"metric": {}, "values": [[float("inf"), "1"]]})), "it is not JSON", None),
        (Prepared(raw=b""), "RemoteDisconnected", None),
        (Prepared(raw=b"SSH-2.0-OpenSSH\r\n"), "BadStatusLine", None),
        (Prepared(raw=b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 500 + b"\r\n"), "HTTPException", None),
        (Prepared(raw=b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000), "LineTooLong", None),
        (Prepared(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{}"), "IncompleteRead", None),
        (Prepared(b"{}", length=100), "its answer ended 98 bytes early", None),
    ],
)
def test_a_wrong_answer_is_an_error_of_the_outside(serve: Any, answer: Prepared, reason: str, hint: str | None) -> None:
    server = serve(answer)
    error = refused(server.address, TOKEN)
    assert error.message.startswith(f"cannot read Prometheus at {server.address}: ")
    assert reason in error.message
    assert error.message.isprintable() and len(error.message) < 400
    assert (hint or "") in (error.hint or "")


NO_PAIRS: list[Any] = [
    *([1], [1, 2], [1, None], ["1", "1"], [True, "1"], [1, "1_0"], [1, ""], [1, "x"], [1, "\u0663"], [1, "1", 1]),
    *({}, None, [10**400, "1"]),
]


@pytest.mark.parametrize("pair", NO_PAIRS)
def test_a_sample_is_a_time_and_a_value(pair: Any) -> None:
    with pytest.raises(answers.UselessError, match="not a pair of a time and a value"):
        answers.read(matrix({"metric": {}, "values": [pair]}))


def test_no_redirect_is_followed(serve: Any) -> None:
    other = serve(GOOD)
    server = serve(Prepared(b"", 307, {"Location": f"{other.address}/api/v1/query"}))
    refused(server.address, TOKEN)
    assert other.asked == [] and len(server.asked) == 1


def test_no_message_has_the_token(serve: Any) -> None:
    echo = json.dumps({"error": f"bad header Bearer {TOKEN}"}).encode()
    for answer in (Prepared(echo, 400), Prepared(echo), Prepared(b"", 302, {"Location": f"http://a/?t={TOKEN}"})):
        error = refused(serve(answer).address, TOKEN)
        assert TOKEN not in error.message and redaction.MASK in error.message
    server = serve(Prepared(matrix(warnings=[f"Bearer {TOKEN}"])))
    assert ask(server.address, TOKEN).warnings == ("Bearer ***",)
    client = PrometheusClient(server.address, TOKEN)
    assert TOKEN not in repr(client) + str(vars(client).keys())


@pytest.mark.parametrize("token", ["two words", "line\nend", "caf\u00e9", "", "a\r\nX-Evil: 1"])
def test_a_token_that_no_header_holds_is_refused(serve: Any, token: str) -> None:
    with pytest.raises(UserError) as caught:
        PrometheusClient("http://127.0.0.1:1", token)
    assert caught.value.status == USAGE and "X-Evil" not in caught.value.message
    assert not token.strip() or token not in caught.value.message


def test_a_server_that_is_down_is_an_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert "Connection refused" in refused(f"http://127.0.0.1:{port}").message


def test_a_host_without_an_address_is_an_error() -> None:
    message = refused("http://no-such-host.invalid:9090").message
    assert message.startswith("cannot read Prometheus at http://no-such-host.invalid:9090: ")
    assert "gaierror" not in message


def test_a_silent_server_ends_in_time(serve: Any) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert_in_time(f"http://127.0.0.1:{silent.getsockname()[1]}")


@pytest.mark.parametrize(
    "answer",
    [
        Prepared(GOOD.body, delay=5),
        Prepared(GOOD.body, chunk=1, pause=0.1),
        Prepared(GOOD.body, length=10_000, pause=5),
    ],
)
def test_a_slow_answer_ends_in_time(serve: Any, answer: Prepared) -> None:
    assert_in_time(serve(answer).address)


def test_a_header_that_comes_byte_by_byte_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            taken, _ = listener.accept()
            with taken:
                try:
                    while True:
                        taken.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                        time.sleep(0.05)
                except OSError:
                    return

        threading.Thread(target=drip, daemon=True).start()
        assert_in_time(f"http://127.0.0.1:{listener.getsockname()[1]}")


def test_a_silent_name_server_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(5))
    assert_in_time("http://prometheus:9090")


def assert_in_time(address: str) -> None:
    started = time.monotonic()
    error = refused(address, timeout=0.5)
    assert time.monotonic() - started < 3
    assert error.message.endswith("no whole answer within 0.5 seconds")


def test_an_answer_that_is_too_large_is_not_kept(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "MOST_BYTES", 1 << 20)
    assert ask(serve(GOOD).address).series
    error = refused(serve(Prepared(b" " * ((1 << 20) + 1) + GOOD.body)).address)
    assert "larger than 1 MiB: the query has too many series" in error.message
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (2 << 20)  # without a length
    assert "larger than 1 MiB" in refused(serve(Prepared(raw=endless)).address).message


def test_a_small_text_cannot_fill_the_memory() -> None:
    with pytest.raises(answers.UselessError, match="too many values"):
        answers.read(b'{"a":[' + b"[]," * 4_000_000 + b"[]]}")


def test_a_proxy_of_the_environment_is_used(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(GOOD)
    monkeypatch.setenv("http_proxy", f"http://me:s%65cret@127.0.0.1:{proxy.port}")
    assert ask("http://prometheus.example:9090/p", TOKEN).series
    assert proxy.asked[0].path == "http://prometheus.example:9090/p/api/v1/query"
    assert proxy.asked[0].headers["host"] == "prometheus.example:9090"
    assert proxy.asked[0].headers["proxy-authorization"] == "Basic bWU6c2VjcmV0"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = serve(GOOD)
    assert ask(server.address).series and "proxy-authorization" not in server.asked[0].headers


def test_a_proxy_of_https_gets_no_token(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(Prepared(b"", 407))
    monkeypatch.setenv("https_proxy", f"127.0.0.1:{proxy.port}")
    assert "Tunnel connection failed: 407" in refused("https://prometheus.example", TOKEN).message
    assert (proxy.asked[0].method, proxy.asked[0].path) == ("CONNECT", "prometheus.example:443")
    assert TOKEN not in str(proxy.asked[0].headers)


def test_a_certificate_decides_who_gets_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate, key = own_certificates.write(tmp_path)
    context.load_cert_chain(certificate, key)
    with AnswerServer(GOOD, context=context) as server:
        address = f"https://localhost:{server.port}"
        assert "CERTIFICATE_VERIFY_FAILED" in refused(address, TOKEN).message
        assert server.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert ask(address, TOKEN).series
        assert "not valid for '127.0.0.1'" in refused(f"https://127.0.0.1:{server.port}", TOKEN).message
        assert len(server.asked) == 1


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "https://127.0.0.1:1", "http://", "http://a:b:c"])
def test_a_proxy_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(UserError, match="names a proxy that cannot be used"):
        PrometheusClient("http://prometheus.example:9090")


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("http://prometheus:9090", Server("http", "prometheus", 9090, "")),
        ("https://example.com/", Server("https", "example.com", 443, "")),
        ("http://example.com/a/b/", Server("http", "example.com", 80, "/a/b")),
        ("http://[::1]:9090", Server("http", "::1", 9090, "")),
    ],
)
def test_an_address_is_a_host_and_a_path(url: str, server: Server) -> None:
    assert Prometheus(url=url).url == url
    assert Server.at(url) == server
    assert Server.at(str(server)) == server


@pytest.mark.parametrize(
    "url",
    [
        "prometheus:9090", "ftp://a", "http://", "http://:9090", "http://a:x", "http://a:0", "http://a:99999",
        "http://me:secret@a", "http://a?b=c", "http://a/#b", "http://a\\b", "http://a b", "http://a\tb", "http://caf\u00e9",
        "http://[::1", "",
    ],
)  # fmt: skip
def test_another_address_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="is not the address of a server") as caught:
        PrometheusClient(url)
    assert caught.value.status == USAGE and caught.value.message.isprintable()
    with pytest.raises(ValidationError):
        Prometheus(url=url)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["status", "data", "result", "resultType", "metric", "values", "warnings"]), inner, max_size=4
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=examples(600), deadline=None, database=None, derandomize=True)
@given(
    json_values
    | st.builds(lambda result: {"status": "success", "data": {"resultType": "matrix", "result": result}}, json_values)
)
def test_every_json_is_an_answer_or_useless(value: Any) -> None:
    try:
        series, warnings = answers.read(json.dumps(value).encode())
    except answers.UselessError:
        return
    assert all(isinstance(each, Series) for each in series) and all(isinstance(text, str) for text in warnings)
