"""Settings are taken up while the service runs: of one workspace and of several."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import served
import workspaces_of_service as several
from repo import Repo
from served import Served as Running
from served import service, until

from rollout_spec.service.workspaces import Served, serve_again

pytestmark = pytest.mark.system
POLL = ("--poll", "0.3")
ENVIRONMENT = {"FIRST_TOKEN": "the-token-of-first", "SECOND_TOKEN": "the-token-of-second"}


def monitors(*names: str, token: str = "ALERTMANAGER_TOKEN") -> str:
    each = (f"{name}: {{type: alertmanager, auth: {{bearer: {{env: {token}}}}}}}" for name in names)
    return f"{{{', '.join(each)}}}"


def posted(service: Running, monitor: str, token: str = served.TOKEN, **labels: Any) -> requests.Response:
    service.headers = {"Authorization": f"Bearer {token}"}
    return service.post(served.alert(**labels), monitor=monitor, query="?dryRun=true")


def health(service: Running) -> dict[str, Any]:
    data: dict[str, Any] = requests.get(f"{service.address}/readyz", timeout=30).json()
    return data


def has_health(service: Running, status: str) -> dict[str, Any]:
    data: dict[str, Any] = until(lambda: health(service), lambda each: each["status"] == status)
    return data


def metric(service: Running, name: str) -> float:
    lines = requests.get(f"{service.address}/metrics", timeout=30).text.splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(name)), -1)


CURRENT = 'rollout_spec_workspace_settings_current{workspace="acme-models"}'


def test_a_monitor_appears_and_disappears(repo: Repo) -> None:
    served.settings(repo)
    with service(repo, *POLL) as running:
        assert posted(running, "grown").status_code == 404
        served.settings(repo, monitors=monitors("grown"))
        until(lambda: posted(running, "grown").status_code, lambda each: each == 202)
        assert posted(running, "alertmanager").status_code == 404


def broken(repo: Repo, old: str, new: str) -> None:
    several.replace(repo, "", old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [("kind: Workspace", "kind: Workspace\nnonsense: true"), ("type: alertmanager,", "type: nonsense,")],
    ids=["all", "service"],
)
def test_the_last_good_settings_stay_in_force(repo: Repo, old: str, new: str) -> None:
    served.settings(repo)
    with service(repo, *POLL) as running:
        assert metric(running, CURRENT) == 1
        broken(repo, old, new)
        data = has_health(running, "degraded")
        assert "does not load" in data["warnings"]["settings of acme-models"], data
        assert requests.get(f"{running.address}/readyz", timeout=30).status_code == 200
        assert metric(running, CURRENT) == 0
        until(lambda: running.lines, lambda text: "warning settings of acme-models: " in text)
        assert posted(running, "alertmanager").status_code == 202
    with service(repo, *POLL) as restarted:
        assert has_health(restarted, "degraded")["warnings"].keys() == {"settings of acme-models"}
        assert "warning settings of acme-models: " in restarted.lines
        assert posted(restarted, "alertmanager").status_code == 202
        broken(repo, new, old)
        has_health(restarted, "ok")
        assert metric(restarted, CURRENT) == 1
        assert "settings of acme-models: in order again" in restarted.lines
        assert restarted.lines.count("warning settings of acme-models: ") == 1, "one line for each change"


def test_a_renamed_workspace(repo: Repo) -> None:
    served.settings(repo)
    with service(repo, *POLL) as running:
        several.replace(repo, "", "name: acme-models", "name: renamed")
        until(lambda: health(running)["settings"].keys(), lambda names: names == {"renamed"})
        reply = posted(running, "alertmanager", workspace="acme-models")
        assert reply.status_code == 202, reply.text
        assert reply.json()["breaches"][0]["state"] == "refused"
        assert posted(running, "alertmanager", workspace="renamed").json()["breaches"][0]["state"] == "waiting"
        assert metric(running, CURRENT) == -1
        assert metric(running, CURRENT.replace("acme-models", "renamed")) == 1


@pytest.fixture
def two(tmp_path: Path) -> Repo:
    """Two workspaces, each with the monitor `shared` and one of its own; each has its own token."""
    repo = Repo.create(tmp_path, prefix="first")
    several.add_workspaces(repo, "second")
    several.replace(repo, "first", "name: acme-models", "name: first")
    repo.render()
    for name in ("first", "second"):
        several.set_monitors(repo, name, monitors("shared", name, token=f"{name.upper()}_TOKEN"))
    repo.commit("Name the monitors of both")
    return repo


@pytest.fixture
def both(two: Repo) -> Iterator[Running]:
    with service(two, *POLL, environment=ENVIRONMENT) as running:
        yield running


def test_a_token_is_for_one_workspace(both: Running) -> None:
    first, second = ENVIRONMENT.values()
    own = posted(both, "shared", first, workspace="first").json()["breaches"][0]
    assert (own["state"], own["workspace"]) == ("waiting", "first")
    for reply in (
        posted(both, "shared", first, workspace="second"),
        posted(both, "first", first, workspace="second"),
        posted(both, "first", first, workspace="unknown"),
    ):
        assert reply.status_code == 202, reply.text
        breach = reply.json()["breaches"][0]
        assert (breach["state"], breach["workspace"]) == ("refused", "first"), "it is stored where its sender belongs"
        assert "trusts the monitor" in breach["reason"]
    assert posted(both, "second", first, workspace="second").status_code == 401
    assert posted(both, "second", first, workspace="first").status_code == 401
    unnamed = posted(both, "shared", second, workspace=None).json()["breaches"][0]
    assert (unnamed["state"], unnamed["workspace"]) == ("waiting", "second")


def test_a_reader_sees_the_own_workspace(both: Running) -> None:
    first, second = ENVIRONMENT.values()
    of_first = posted(both, "shared", first, workspace="first").json()["breaches"][0]["id"]
    posted(both, "shared", second, workspace="second")
    both.headers = {"Authorization": f"Bearer {second}"}
    assert {each["workspace"] for each in both.get("/v1/breaches").json()["breaches"]} == {"second"}
    assert both.get(f"/v1/breaches/{of_first}").status_code == 404
    assert both.get(f"/v1/breaches?before={of_first}").status_code == 422
    both.headers = {}
    assert both.get("/v1/breaches").status_code == 401


def test_an_end_from_another_workspace_changes_nothing(both: Running) -> None:
    first, second = ENVIRONMENT.values()
    alert = served.alert(workspace="first")
    both.headers = {"Authorization": f"Bearer {first}"}
    id = both.post(alert, monitor="shared", query="?dryRun=true").json()["breaches"][0]["id"]
    both.headers = {"Authorization": f"Bearer {second}"}
    ended = {**alert, "status": "resolved", "endsAt": served.now_text()}
    assert both.post(ended, monitor="shared").status_code == 202
    both.headers = {"Authorization": f"Bearer {first}"}
    assert both.breach(id)["endedAt"] is None


def test_one_workspace_does_not_load(two: Repo) -> None:
    served.mirror(two)
    several.replace(two, "first", "kind: Workspace", "kind: Workspace\nnonsense: true")
    with service(two, *POLL, environment=ENVIRONMENT) as running:
        assert has_health(running, "degraded")["settings"].keys() == {"first", "second"}
        assert posted(running, "second", ENVIRONMENT["SECOND_TOKEN"], workspace="second").status_code == 202
        assert posted(running, "first", ENVIRONMENT["FIRST_TOKEN"], workspace="first").status_code == 202


def test_a_new_workspace_that_never_loaded(two: Repo) -> None:
    with service(two, *POLL, environment=ENVIRONMENT) as running:
        several.add_workspaces(two, "a-new-one")
        several.replace(two, "a-new-one", "kind: Workspace", "kind: Workspace\nnonsense: true")
        data = has_health(running, "degraded")
        assert "a-new-one" in data["warnings"]["a workspace is not served"], data
        several.replace(two, "a-new-one", "\nnonsense: true", "")
        has_health(running, "ok")
        assert health(running)["settings"].keys() == {"first", "second", "a-new-one"}


def test_a_workspace_takes_no_name_of_another(two: Repo) -> None:
    """Who may merge to `first`, which comes first in the alphabet, must not get the breaches of `second`."""
    second = ENVIRONMENT["SECOND_TOKEN"]
    with service(two, *POLL, environment=ENVIRONMENT) as running:
        several.replace(two, "first", "name: first", "name: second")
        data = has_health(running, "degraded")
        assert "first: another workspace of this repository has the name second too" in str(data["warnings"])
        assert posted(running, "second", second, workspace="second").status_code == 202
        assert posted(running, "first", ENVIRONMENT["FIRST_TOKEN"], workspace="second").status_code == 404


def test_the_owner_of_a_name_is_remembered_without_its_workspace(two: Repo) -> None:
    """A worker forgets a workspace after an error, and looks for it again."""
    several.replace(two, "first", "name: first", "name: second")
    found = serve_again(served.mirror(two), Served(owners={"second": "second"}))
    assert found.workspaces["second"].location.prefix == "second"


def test_a_removed_workspace(two: Repo) -> None:
    with service(two, *POLL, environment=ENVIRONMENT) as running:
        two.git("rm", "-rq", "second")
        two.commit("Remove a workspace")
        until(lambda: health(running)["settings"].keys(), lambda names: names == {"first"})
        until(lambda: health(running)["status"], lambda status: status == "ok")
        assert posted(running, "second", ENVIRONMENT["SECOND_TOKEN"]).status_code == 404
        assert posted(running, "first", ENVIRONMENT["FIRST_TOKEN"], workspace="first").status_code == 202
        until(lambda: running.lines, lambda text: "the workspace second is not on the base any more" in text)
        two.git("rm", "-rq", "first")
        two.git("commit", "-q", "--allow-empty", "-m", "x")
        two.write("../README.md", "No workspace is left.\n")
        two.commit("Remove the other one")
        until(lambda: health(running)["status"], lambda status: status != "ok")
        assert posted(running, "first", ENVIRONMENT["FIRST_TOKEN"], workspace="first").status_code == 202


def test_two_workspaces_with_one_name(two: Repo) -> None:
    with service(two, *POLL, environment=ENVIRONMENT) as running:
        several.replace(two, "second", "name: second", "name: first")
        data = has_health(running, "degraded")
        assert "another workspace of this repository has the name first" in str(data["warnings"])
        assert posted(running, "first", ENVIRONMENT["FIRST_TOKEN"], workspace="first").status_code == 202


def test_a_workspace_moves_no_other_to_its_branch(two: Repo) -> None:
    """Who may merge to `first` names a branch that anybody may push to, with other settings of `second`."""
    token = ENVIRONMENT["SECOND_TOKEN"]
    with service(two, *POLL, environment=ENVIRONMENT) as running:
        assert posted(running, "second", token, workspace="second").status_code == 202
        two.git("checkout", "-q", "-b", "evil")
        several.set_monitors(two, "second", monitors("second", token="FIRST_TOKEN"))
        for folder in ("first", "second"):
            path = two.folder / folder / several.FILE
            path.write_text(path.read_text("utf-8").replace("{type: local}", "{type: local, base: evil}"), "utf-8")
        two.git("commit", "-qam", "Take the other workspace over")
        two.git("push", "-q", "origin", "evil")
        taken = two.tip("evil")
        two.git("checkout", "-q", "main")
        several.replace(two, "first", "{type: local}", "{type: local, base: evil}")
        settings = until(lambda: health(running)["settings"], lambda commits: commits.get("first") == taken)
        assert settings["second"] == two.tip("main")
        for _ in range(3):
            time.sleep(0.5)
            assert posted(running, "second", token, workspace="second").status_code == 202
            assert posted(running, "second", ENVIRONMENT["FIRST_TOKEN"], workspace="second").status_code in (401, 429)
        assert health(running)["settings"]["second"] == two.tip("main")
