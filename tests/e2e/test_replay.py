"""Replays of thousands of requests against real model servers, and the page of the result in a real Chromium.

The servers are MLflow's own scoring server, and one with the Open Inference Protocol; all models are real.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from browsers import chromium
from real_servers import free_port, require
from replay_reports import report_with
from replaying import Logged, Replaying, measures, server_running
from repo import Repo
from stack.programs import running

from rollout_spec.reports.replay_html import replay_html

pytestmark = [pytest.mark.system, pytest.mark.real]

MLFLOW = Path(__file__).parents[1] / "support/mlflow_server.py"
REQUESTS = 10_000
TOO_WIDE = "element => element.getBoundingClientRect().right > innerWidth"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replaying]:
    place = tmp_path_factory.mktemp("replay")
    repo = Repo.create(place)
    with server_running(place) as served:
        yield served.within(repo)


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MLflow's scoring server with the model of diabetes."""
    port = free_port()

    def is_ready() -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{port}/ping", timeout=1).ok
        except requests.RequestException:
            return False

    log = tmp_path_factory.mktemp("mlflow") / "log"
    environment = {"OMP_NUM_THREADS": "1", "MLFLOW_TRACKING_URI": f"sqlite:///{log}.db"}
    with running("MLflow's server", [sys.executable, MLFLOW, "diabetes", port], log, is_ready, environment):
        yield f"http://127.0.0.1:{port}"


def many(served: Replaying, name: str, folder: Path, number: int) -> Path:
    """Return a log with copies of a model's records under other ids."""
    records = Logged.read(served.log(name)).records
    path = folder / f"{name}-{number}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for at in range(number):
            record = records[at % len(records)]
            file.write(json.dumps({**record, "request_id": f"{record['request_id']}-{at // len(records)}"}) + "\n")
    return path


def test_ten_thousand_requests_diverge_as_the_log_says(served: Replaying, tmp_path: Path) -> None:
    log = many(served, "digits", tmp_path, REQUESTS)
    start = time.monotonic()
    more = ("--limit", "20000", "--concurrency", "8", "--rate", "10000")
    report = served.report("digits", "--log", str(log), *more)
    print(f"\n{report['server']['sent']:,} requests in {time.monotonic() - start:.1f} s")
    assert report["server"]["sent"] == REQUESTS
    assert report["arms"]["failed"]["failures"] == report["arms"]["floor"]["failures"] == {}
    records = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    answers = {(each["version"], *each["request_id"].split("-")[2:]): each["outputs"][0]["data"] for each in records}
    pairs = [(data, answers[("41", *key)]) for (version, *key), data in answers.items() if version == "42"]
    logged, replayed = (np.concatenate([pair[side] for pair in pairs]) for side in (0, 1))
    found = measures(report)
    assert found["flip rate"]["value"] == pytest.approx((logged != replayed).mean())
    assert found["flip rate"]["floor"] == 0


def test_the_scoring_server_of_mlflow_gives_the_same_divergence(served: Replaying, mlflow_server: str) -> None:
    report = served.report("diabetes", "--against", mlflow_server, "--protocol", "mlflow", "--concurrency", "8")
    logged, answers, _ = Logged.read(served.log("diabetes")).answers
    found = measures(report)
    assert found["mean absolute difference"]["value"] == pytest.approx(np.abs(answers - logged).mean())
    assert found["bias"]["value"] == pytest.approx((answers - logged).mean())
    assert found["mean absolute difference"]["floor"] == pytest.approx(0, abs=1e-9)
    assert report["arms"]["failed"]["failures"] == {}


@pytest.fixture(scope="module")
def mlserver(served: Replaying, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MLServer with the model of diabetes, from the virtual environment of ``make mlserver``."""
    environment = os.environ.get("ROLLOUT_SPEC_MLSERVER")
    require(environment is not None, "MLServer is not installed: make mlserver")
    folder, (http, grpc, metrics) = tmp_path_factory.mktemp("mlserver"), (free_port() for _ in range(3))
    code = (
        f"import joblib; from replay_server import train; joblib.dump(train('diabetes')[0]['41'], '{folder}/m.joblib')"
    )
    support = {**os.environ, "PYTHONPATH": str(MLFLOW.parent)}
    subprocess.run([f"{environment}/bin/python", "-c", code], check=True, env=support)
    model = {"name": "diabetes", "implementation": "mlserver_sklearn.SKLearnModel", "parameters": {"uri": "./m.joblib"}}
    ports = {"host": "127.0.0.1", "http_port": http, "grpc_port": grpc, "metrics_port": metrics}
    (folder / "model-settings.json").write_text(json.dumps(model), "utf-8")
    (folder / "settings.json").write_text(json.dumps({**ports, "parallel_workers": 0}), "utf-8")
    address = f"http://127.0.0.1:{http}"

    def is_ready() -> bool:
        try:
            return requests.get(f"{address}/v2/models/diabetes/ready", timeout=1).ok
        except requests.RequestException:
            return False

    command = [f"{environment}/bin/mlserver", "start", str(folder)]
    with running("MLServer", command, folder / "log", is_ready):
        yield address


def test_mlserver_gives_the_same_divergence(served: Replaying, mlserver: str, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(served.log("diabetes").read_text("utf-8").replace('"progression"', '"predict"'), "utf-8")
    report = served.report("diabetes", "--log", str(log), "--against", mlserver)
    logged, answers, _ = Logged.read(log).answers
    assert measures(report)["mean absolute difference"]["value"] == pytest.approx(np.abs(answers - logged).mean())
    assert report["arms"]["failed"]["failures"] == {}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.mark.parametrize("name", ["digits", "hostile"])
def test_the_page_in_chromium(served: Replaying, browser: Any, tmp_path: Path, name: str) -> None:
    path = tmp_path / "replay.html"
    if name == "hostile":
        path.write_text(replay_html(report_with("<script>document.title='run'</script>" + "W" * 300)), "utf-8")
    else:
        done = served.run(name, "--format", "html", "--output", str(path), "--show-inputs")
        assert done.status == 0, done.text
    for width, scheme in product((360, 1280), ("light", "dark")):
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        problems: list[str] = []
        page.on("console", lambda message, problems=problems: problems.append(message.text))
        page.on("pageerror", lambda error, problems=problems: problems.append(str(error)))
        page.on("request", lambda asked, problems=problems: problems.append(asked.url))
        page.goto(path.as_uri())
        assert page.title().startswith("fraud: requests of 42 replayed through 41")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate(f"[...document.querySelectorAll('main > *')].filter({TOO_WIDE}).length") == 0
        style = "getComputedStyle(document.body)"
        colors = page.evaluate(f"[{style}.color, {style}.backgroundColor]")
        ink, paper = (sum(map(int, color[4:-1].split(","))) for color in colors)
        assert (ink < paper) == (scheme == "light")
        assert problems == [path.as_uri()]
        page.close()
