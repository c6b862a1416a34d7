"""No secret leaves the service: not in a log line, a metric, a reply, or a description."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import requests
import served
import signed_posts
import workspaces_of_service as several
from repo import Repo
from served import Served

pytestmark = pytest.mark.system
PASSWORD, BEARER, KEY, FORGE, SLACK = (
    f"s3cret-{name}-value" for name in ("password", "bearer", "key", "forge", "slack/path")
)
SECRETS = (PASSWORD, BEARER, KEY, FORGE, SLACK, served.TOKEN)
FORMS = (*SECRETS, *(base64.b64encode(f"user:{each}".encode()).decode() for each in SECRETS))


def monitors(folder: Path) -> str:
    every = {
        "alertmanager": "bearer: {env: ALERTMANAGER_TOKEN}",
        "filed": f"bearer: {{file: {folder}/bearer}}",
        "basic": f"basic: {{user: user, password: {{file: {folder}/password}}}}",
        "signed": "hmac: {env: SIGNING_KEY}",
        "broken": "hmac: {env: SIGNING_KEY}, style: standard-webhooks",
        "missing": "bearer: {env: NO_SUCH_SECRET}",
    }
    return "{" + ", ".join(f"{name}: {{type: alertmanager, auth: {{{auth}}}}}" for name, auth in every.items()) + "}"


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_stay_inside(repo: Repo, form: str) -> None:
    folder = repo.remote.parent
    for name, value in (("bearer", BEARER), ("password", PASSWORD)):
        (folder / name).write_text(value)
    served.settings(repo, monitors=monitors(folder))
    notify = "notify: [{type: slack, url: {env: SLACK_URL}}]"
    several.replace(repo, "", "  service:\n", f"  service:\n    {notify}\n")
    environment = {"SLACK_URL": SLACK, "SIGNING_KEY": KEY, "GITHUB_TOKEN": FORGE, "ROLLOUT_SPEC_TOKEN": FORGE}
    with served.service(repo, "--log", form, "--poll", "0.5", environment=environment) as running:
        replies = provoke(running)
        (folder / "bearer").unlink()
        replies += [running.send(b"{}", monitor="filed", Authorization=f"Bearer {BEARER}")]
        assert replies[-1].status_code == 503
        # A label that repeats a secret: the log and the replies do not.
        id = running.answered(served.alert(trigger="latency-sla"))["id"]
        replies += [running.get(f"/v1/breaches/{id}"), running.get("/v1/breaches")]
        served.until(lambda: running.get("/readyz").json()["status"], lambda status: status == "degraded")
        pages = [running.get(path).text for path in ("/readyz", "/healthz", "/metrics", "/openapi.json")]
    texts = [running.lines, *pages, *(each.text + str(each.headers) for each in replies)]
    for text in texts:
        assert not [each for each in FORMS if each in text], text[-3000:]
    assert "breach" in running.lines and id in running.lines


def provoke(running: Served) -> list[requests.Response]:
    """Return the replies to wrong requests, each with a secret in it somewhere."""
    replies = []
    for monitor in ("alertmanager", "filed", "basic", "signed", "broken", "missing", "unknown"):
        for secret in SECRETS:
            body = served.payload(served.alert(version=secret, trigger=secret, workspace=secret))
            encoded = base64.b64encode(f"user:{secret}".encode()).decode()
            for headers in (
                {"Authorization": f"Bearer {secret}"},
                {"Authorization": f"Basic {encoded}"},
                signed_posts.github(body, key=secret),
            ):
                running.headers = {}
                replies.append(running.send(body, monitor=monitor, **headers))
            replies.append(running.send(secret.encode(), monitor=monitor, Authorization=f"Bearer {secret}"))
            replies.append(running.send(b"{}", monitor=monitor, query=f"?{secret}=1"))
    running.headers = {"Authorization": f"Bearer {served.TOKEN}"}
    return replies
