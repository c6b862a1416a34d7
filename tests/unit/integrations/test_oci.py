"""Artifacts in OCI registries: read by digest, and the credentials stay with their host."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from http_answers import AnswerServer, Prepared, answer_servers, hide_proxies

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.registered import Examination
from rollout_spec.integrations.registries import Credentials, OciRegistries

LAYER = {"digest": f"sha256:{'a' * 64}", "size": 7}
MANIFEST = json.dumps(
    {"schemaVersion": 2, "config": {"digest": f"sha256:{'b' * 64}", "size": 2}, "layers": [LAYER]}
).encode()
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
TOKEN = "correct-horse-battery"


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AnswerServer]]:
    hide_proxies(monkeypatch)
    with answer_servers() as start:
        yield start


def examine(server: AnswerServer, digest: str = DIGEST, own: Credentials | None = None) -> Examination:
    host = f"127.0.0.1:{server.port}"
    return OciRegistries({host: own} if own is not None else {}).examine(f"oci://{host}/acme/fraud@{digest}")


def test_a_manifest_and_its_parts(serve: Any) -> None:
    server = serve(Prepared(MANIFEST), Prepared(b""))
    seen = examine(server)
    assert (seen.way, seen.digest, seen.size, seen.files) == ("manifest", DIGEST, 9, 2)
    assert [(asked.method, asked.path) for asked in server.asked] == [
        ("GET", f"/v2/acme/fraud/manifests/{DIGEST}"),
        ("HEAD", f"/v2/acme/fraud/blobs/{LAYER['digest']}"),
        ("HEAD", f"/v2/acme/fraud/blobs/sha256:{'b' * 64}"),
    ]


def index_of(*digests: str) -> bytes:
    return json.dumps({"manifests": [{"digest": digest, "size": 7} for digest in digests]}).encode()


def digest_of(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def test_the_layers_of_an_index_are_those_of_its_manifests(serve: Any) -> None:
    index = index_of(DIGEST)
    server = serve(Prepared(index), Prepared(MANIFEST), Prepared(b""))
    seen = examine(server, digest_of(index))
    assert (seen.digest, seen.size, seen.files) == (digest_of(index), len(MANIFEST) + 9, 3)
    assert [asked.path.rpartition("/")[2] for asked in server.asked[2:]] == [LAYER["digest"], f"sha256:{'b' * 64}"]


def test_a_layer_below_an_index_is_gone(serve: Any) -> None:
    index = index_of(DIGEST)
    seen = examine(serve(Prepared(index), Prepared(MANIFEST), Prepared(b"", 404)), digest_of(index))
    assert (seen.way, seen.reason) == ("missing", f"the registry has no blobs/{LAYER['digest']}")


def test_a_manifest_of_an_index_with_other_bytes_is_an_error(serve: Any) -> None:
    index = index_of(f"sha256:{'c' * 64}")
    with pytest.raises(UserError, match="has other bytes"):
        examine(serve(Prepared(index), Prepared(MANIFEST), Prepared(b"")), digest_of(index))


def test_an_index_of_indexes_has_an_end(serve: Any) -> None:
    bodies = [MANIFEST]
    for _ in range(5):
        bodies.append(index_of(digest_of(bodies[-1])))
    server = serve(*(Prepared(body) for body in reversed(bodies)))
    with pytest.raises(UserError, match="nested too deep"):
        examine(server, digest_of(bodies[-1]))


def test_other_bytes_have_another_digest(serve: Any) -> None:
    seen = examine(serve(Prepared(b"{}")))
    assert (seen.way, seen.digest) == ("manifest", f"sha256:{hashlib.sha256(b'{}').hexdigest()}")


@pytest.mark.parametrize("answers", [(Prepared(b"{}", 404),), (Prepared(MANIFEST), Prepared(b"", 404))])
def test_a_manifest_or_layer_that_is_gone(serve: Any, answers: tuple[Prepared, ...]) -> None:
    seen = examine(serve(*answers))
    assert seen.way == "missing" and (seen.reason or "").startswith("the registry has no ")


@pytest.mark.parametrize(
    "body",
    [b"[]", b"x", b'{"layers": 1}', b'{"layers": [{}]}', b'{"layers": [{"digest": "md5:1"}]}', b'{"layers": [1]}'],
)
def test_a_manifest_in_another_format_is_an_error(serve: Any, body: bytes) -> None:
    with pytest.raises(UserError, match="the manifest") as caught:
        examine(serve(Prepared(body)), f"sha256:{hashlib.sha256(body).hexdigest()}")
    assert caught.value.status == OUTSIDE


@pytest.mark.parametrize("status", [301, 307, 403, 429, 500])
def test_a_registry_that_refuses_is_an_error(serve: Any, status: int) -> None:
    with pytest.raises(UserError, match=f"it answered {status}") as caught:
        examine(serve(Prepared(b"", status)))
    assert caught.value.status == OUTSIDE


def challenge(realm: str) -> Prepared:
    return Prepared(b"", 401, {"WWW-Authenticate": f'Bearer realm="{realm}",service="registry"'})


def test_everybody_gets_a_token(serve: Any) -> None:
    tokens = serve(Prepared(b'{"token": "for-everybody"}'))
    server = serve(challenge(f"{tokens.address}/token"), Prepared(MANIFEST), Prepared(b""))
    assert examine(server).digest == DIGEST
    assert tokens.asked[0].path == "/token?service=registry&scope=repository%3Aacme%2Ffraud%3Apull"
    assert "authorization" not in tokens.asked[0].headers
    assert {asked.headers.get("authorization") for asked in server.asked[1:]} == {"Bearer for-everybody"}


def test_a_secret_goes_to_its_own_host_alone(serve: Any) -> None:
    thief = serve(Prepared(b'{"token": "x"}'))
    server = serve(challenge(f"{thief.address}/token"))
    with pytest.raises(UserError, match="it answered 401"):
        examine(server, own=Credentials(bearer=TOKEN))
    assert server.asked[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert thief.asked == []


@pytest.mark.parametrize("realm", ["", "file:///etc/passwd", "https://127.0.0.1:1/token", "http://a:b@127.0.0.1/", "x"])
def test_a_server_of_tokens_elsewhere_is_not_asked(serve: Any, realm: str) -> None:
    with pytest.raises(UserError) as caught:
        examine(serve(challenge(realm)))
    assert caught.value.status == OUTSIDE


@pytest.mark.parametrize("answer", [b"", b"[]", b'{"token": 1}', b'{"token": "a\\nb"}'])
def test_a_token_that_is_none(serve: Any, answer: bytes) -> None:
    tokens = serve(Prepared(answer))
    with pytest.raises(UserError, match="gives none for everybody"):
        examine(serve(challenge(f"{tokens.address}/token")))


@pytest.mark.parametrize(
    "address",
    [
        "oci://ghcr.io/acme/fraud",
        "oci://ghcr.io/acme/fraud:latest",
        f"oci://user:pw@ghcr.io/acme/fraud@{DIGEST}",
        f"oci://ghcr.io/../v2/x@{DIGEST}",
        f"oci://ghcr.io/acme/fraud@{DIGEST}?x",
        f"oci:///acme@{DIGEST}",
    ],
)
def test_an_address_without_a_digest_is_not_read(address: str) -> None:
    assert OciRegistries().examine(address).way == "unreadable"
