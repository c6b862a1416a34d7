"""Monitors prove who they are: tokens, passwords and signatures, while they are rotated too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import served
import signed_posts
from repo import Repo
from served import Served

pytestmark = pytest.mark.system
NEW, OLD = "a-token-after-rotation", "a-token-before-rotation"
PASSWORD = "a pässword: with a colon"


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secrets")
    values = {"password": PASSWORD, "new": NEW, "old": OLD, "lost": "a-token-that-gets-lost"}
    values |= {style: signed_posts.key_of(style) for style in signed_posts.STYLES}
    for name, value in values.items():
        (folder / name).write_text(f"{value}\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def running(shared: Repo, secrets: Path) -> Iterator[Served]:
    def monitor(name: str, auth: str) -> str:
        return f"{name}: {{type: alertmanager, auth: {{{auth}}}}}"

    signed = [monitor(each, f"hmac: {{file: {secrets}/{each}}}, style: {each}") for each in signed_posts.STYLES]
    monitors = [
        monitor("alertmanager", "bearer: {env: ALERTMANAGER_TOKEN}"),
        monitor("basic", f"basic: {{user: prometheus, password: {{file: {secrets}/password}}}}"),
        monitor("rotated", f"bearer: [{{file: {secrets}/new}}, {{file: {secrets}/old}}]"),
        monitor("lost", f"bearer: {{file: {secrets}/lost}}"),
        "unprotected: {type: alertmanager}",
        *signed,
    ]
    served.settings(shared, monitors=f"{{{', '.join(monitors)}}}")
    with served.service(shared, "--poll", "0.5") as service:
        yield service


def post(service: Served, monitor: str, headers: dict[str, str], body: bytes = b"") -> requests.Response:
    return requests.post(
        f"{service.address}/v1/breaches/{monitor}?dryRun=true",
        body or served.payload(served.alert()),
        headers={"Content-Type": "application/json", **headers},
        timeout=30,
    )


def basic(user: str, password: str) -> dict[str, str]:
    request = requests.Request("POST", "http://x", auth=(user.encode(), password.encode())).prepare()
    return {"Authorization": request.headers["Authorization"]}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    ("monitor", "headers"),
    [
        ("alertmanager", bearer(served.TOKEN)),
        ("alertmanager", {"authorization": f"bearer   {served.TOKEN}"}),
        ("basic", basic("prometheus", PASSWORD)),
        ("rotated", bearer(NEW)),
        ("rotated", bearer(OLD)),
        ("unprotected", {}),
    ],
)
def test_right_credentials(running: Served, monitor: str, headers: dict[str, str]) -> None:
    assert post(running, monitor, headers).status_code == 202


@pytest.mark.parametrize(
    ("monitor", "headers"),
    [
        ("alertmanager", {}),
        ("alertmanager", bearer("")),
        ("alertmanager", bearer(served.TOKEN[:-1])),
        ("alertmanager", bearer(f"{served.TOKEN}x")),
        ("alertmanager", bearer("tök".encode().decode("latin-1"))),
        ("alertmanager", basic("", served.TOKEN)),
        ("alertmanager", bearer(NEW)),
        ("basic", basic("prometheus", "wrong")),
        ("basic", basic("other", PASSWORD)),
        ("basic", {"Authorization": "Basic ===="}),
        ("basic", bearer(PASSWORD.encode().decode("latin-1"))),
        ("rotated", bearer(f"{NEW}{OLD}")),
        ("github", {}),
    ],
)
def test_wrong_credentials(running: Served, monitor: str, headers: dict[str, str]) -> None:
    reply = post(running, monitor, headers)
    assert reply.status_code in (401, 429), reply.text  # 429 after ten from one address
    assert reply.headers["Content-Type"] == "application/json"
    assert "WWW-Authenticate" in reply.headers or "Retry-After" in reply.headers


@pytest.mark.parametrize("style", signed_posts.STYLES)
def test_right_signature(running: Served, style: str) -> None:
    body = served.payload(served.alert())
    assert post(running, style, signed_posts.STYLES[style](body), body).status_code == 202


@pytest.mark.parametrize("style", signed_posts.STYLES)
def test_wrong_signature(running: Served, style: str) -> None:
    body = served.payload(served.alert())
    for headers in (
        signed_posts.STYLES[style](body, key="another key"),
        signed_posts.STYLES[style](body + b" "),
        dict.fromkeys(signed_posts.STYLES[style](body), ""),
    ):
        assert post(running, style, headers, body).status_code in (401, 429), headers


@pytest.mark.parametrize("style", signed_posts.TIMED)
@pytest.mark.parametrize("seconds", [-400, 400])
def test_outdated_signature(running: Served, style: str, seconds: float) -> None:
    body = served.payload(served.alert())
    headers = signed_posts.STYLES[style](body, moment=time.time() + seconds)
    assert post(running, style, headers, body).status_code in (401, 429)


@pytest.mark.parametrize("style", signed_posts.STYLES)
def test_a_replayed_post_is_the_same_breach(running: Served, style: str) -> None:
    body = served.payload(served.alert(style=style))
    headers = signed_posts.STYLES[style](body)
    first, second = (post(running, style, headers, body).json()["breaches"][0] for _ in range(2))
    assert first["isNew"] and not second["isNew"]
    assert first["id"] == second["id"]


def test_many_wrong_tokens_do_not_lock_the_right_one_out(running: Served) -> None:
    replies = [post(running, "alertmanager", bearer(f"guess-{number}")) for number in range(15)]
    assert {each.status_code for each in replies[-3:]} == {429}
    assert int(replies[-1].headers["Retry-After"]) >= 1
    assert post(running, "alertmanager", bearer(served.TOKEN)).status_code == 202


def test_an_unknown_monitor(running: Served) -> None:
    reply = post(running, "unknown", bearer(served.TOKEN))
    assert reply.status_code == 404
    assert "unknown" in reply.json()["error"]


def test_a_lost_secret_is_the_services_fault(running: Served, secrets: Path) -> None:
    headers = bearer("a-token-that-gets-lost")
    assert post(running, "lost", headers).status_code == 202
    (secrets / "lost").rename(secrets / "moved")
    for given in (headers, bearer("wrong")):
        reply = post(running, "lost", given)
        assert reply.status_code == 503
        assert int(reply.headers["Retry-After"]) >= 1
    health = served.until(lambda: running.get("/readyz").json(), lambda each: each["status"] == "degraded")
    assert "lost" in next(iter(health["warnings"].values()))
    (secrets / "moved").rename(secrets / "lost")
    assert post(running, "lost", headers).status_code == 202
    served.until(lambda: running.get("/readyz").json(), lambda each: each["status"] == "ok")


def test_one_of_two_secrets_is_enough(running: Served, secrets: Path) -> None:
    (secrets / "old").rename(secrets / "gone")
    try:
        assert post(running, "rotated", bearer(NEW)).status_code == 202
        assert post(running, "rotated", bearer(OLD)).status_code == 503
    finally:
        (secrets / "gone").rename(secrets / "old")


def test_a_reader_whose_token_cannot_be_verified(running: Served, secrets: Path) -> None:
    (secrets / "lost").rename(secrets / "moved")
    try:
        # The monitor without `auth` admits every reader on loopback.
        assert requests.get(f"{running.address}/v1/breaches", timeout=30).status_code == 200
    finally:
        (secrets / "moved").rename(secrets / "lost")
