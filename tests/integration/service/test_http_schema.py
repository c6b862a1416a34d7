"""Requests that schemathesis derives from the OpenAPI description get documented answers, and no error of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import served
from amounts import IS_THOROUGH
from repo import Repo
from served import Served

pytestmark = pytest.mark.system
SECONDS = 30 if IS_THOROUGH else 20
CONFIGURATION = """
[parameters]
"path.monitor" = ["alertmanager", "unknown"]
"""
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,ignored_auth"
)
"""All but `unsupported_method`: a monitor and a breach share a path, so that the other one's methods answer there."""


@pytest.fixture(scope="module")
def running(shared: Repo) -> Iterator[Served]:
    served.settings(shared)
    with served.service(shared, "--rate", "100000") as service:
        service.answered(served.alert())
        yield service


def test_every_answer_is_documented(running: Served, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    command = Path(sys.executable).parent / "schemathesis"
    done = subprocess.run(
        [
            *(command, "run", f"{running.address}/openapi.json", "--checks", CHECKS, "--max-time", str(SECONDS)),
            *("--phases", "examples,coverage,fuzzing", "--max-failures", "20", "--no-color"),
            *("--header", f"Authorization: Bearer {served.TOKEN}", "--suppress-health-check", "all"),
        ],
        cwd=tmp_path,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS * 6,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    assert "Tested: 6" in done.stdout, done.stdout[-3000:]
    assert not running.traceback, running.traceback


def test_the_description_needs_no_internet(running: Served) -> None:
    description = requests.get(f"{running.address}/openapi.json", timeout=30)
    assert description.status_code == 200
    paths = description.json()["paths"]
    assert set(paths) == {
        *("/v1/breaches/{monitor}", "/v1/breaches", "/v1/breaches/{id}", "/healthz", "/readyz", "/metrics")
    }
    assert "https://" not in description.text, "it refers to no other server"
    for page in ("/docs", "/redoc"):
        assert requests.get(f"{running.address}{page}", timeout=30).status_code == 404
