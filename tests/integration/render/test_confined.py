"""Templates, policies and contracts of a workspace end within limits, with a finding that names the file.

The bombs are files in ``bombs``. Most run with low limits, so that they end soon, and some with the limits that are set
where nobody sets others.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bomb_files import (
    BOMBS,
    CONTRACT,
    CONTRACTS,
    PACK,
    POLICIES,
    TEMPLATE,
    TEMPLATES,
    contracts,
    metadata,
    pack,
    template,
    workspace,
)
from repo import Repo, run
from workspaces import BASE

from rollout_spec.core import package_data as resources

pytestmark = pytest.mark.system
LOW: dict[str, Any] = {"ROLLOUT_SPEC_SANDBOX_SECONDS": "0.3", "ROLLOUT_SPEC_SANDBOX_MEMORY": "200MiB"}
MOST_SECONDS = 15.0 if os.getloadavg()[0] < 2 * (os.cpu_count() or 1) else 45.0
"""On a machine that is busy with other things, all but the limit takes longer."""
MOST_MEMORY = 1.5 * 1024**3
LONG = "{% for i in range(99999) %}{% set a = range(99999)|sort %}{% endfor %}\n"
GOOD = 'a: {{ rollout.name }}\nb: {{ split.arms|length }}\nc: "{{ service.host }}"\n'
SLOW = pack(BOMBS / "policies" / "patterns-beside-patterns.yaml")


@dataclass(frozen=True)
class Ended:
    """How a command ended. ``peak`` is the memory of all its processes together, as far as it was looked at."""

    status: int
    lines: list[str]
    seconds: float
    peak: int

    def naming(self, file: str) -> list[str]:
        return [line for line in self.lines if file in line]


def command(folder: Path, *words: str, look: bool = False, **environment: str) -> Ended:
    """Run a command of ours in a process of its own; ``look`` at all its processes together, or at the largest."""
    output = folder / ".output"
    start, peak = time.monotonic(), 0
    with output.open("wb") as file:
        child = subprocess.Popen(
            [sys.executable, "-m", "rollout_spec", "--repo", str(folder), *words],
            env={**os.environ, **environment},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        while os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            peak = max(peak, memory_of(child.pid) if look else largest_of(child.pid))
            time.sleep(0.05 if look else 0.02)
        status = child.wait()
    seconds = time.monotonic() - start
    return Ended(status, output.read_text("utf-8").splitlines(), seconds, peak)


def largest_of(process: int) -> int:
    """Return the most bytes that a process or one of its descendants had in memory so far; Linux only.

    The kernel counts a process that is forked from a large one as large, so the usage that it reports is of the tests.
    """
    try:
        text = Path(f"/proc/{process}/status").read_text()
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB", text, re.MULTILINE)
    return max([int(found[1]) * 1024 if found else 0, *(largest_of(int(child)) for child in children)])


def memory_of(process: int) -> int:
    """Return the bytes that a process and its descendants have in memory; Linux only."""
    parents, sizes = {}, {}
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                fields = (place / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(place.name)], sizes[int(place.name)] = int(fields[1]), int(fields[21])
    return os.sysconf("SC_PAGE_SIZE") * sum(sizes[each] for each in sizes if process in ancestry(each, parents))


def ancestry(process: int, parents: dict[int, int]) -> list[int]:
    found = [process]
    while found[-1] in parents:
        found.append(parents[found[-1]])
    return found


def well(ended: Ended, file: str) -> None:
    """A command ended soon, small, with an error, and with a finding that names the file."""
    assert ended.status == 1, ended.lines
    assert ended.naming(file), ended.lines
    assert ended.seconds < MOST_SECONDS
    assert ended.peak < MOST_MEMORY
    assert not any("Traceback" in line for line in ended.lines)


# Every bomb.


def test_there_are_bombs() -> None:
    assert len(TEMPLATES) >= 40
    assert len({pack(bomb) for bomb in POLICIES}) == len(POLICIES) >= 100


@pytest.mark.parametrize("bomb", TEMPLATES, ids=lambda bomb: bomb.stem)
def test_a_template_that_is_a_bomb_is_a_finding(bomb: Path, tmp_path: Path) -> None:
    ended = command(workspace(tmp_path, text=template(bomb)), "check", **LOW)
    well(ended, TEMPLATE)
    assert any(line.startswith("rollouts/fraud.yaml:57:7: error:") for line in ended.naming(TEMPLATE))
    assert ended.peak < 500 * 1024**2


@pytest.mark.parametrize("bomb", POLICIES, ids=lambda bomb: bomb.stem)
def test_a_policy_that_is_a_bomb_is_a_finding(bomb: Path, tmp_path: Path) -> None:
    text = pack(bomb)
    words = ("policy", "test", PACK) if '"passes"' in text else ("check",)
    ended = command(workspace(tmp_path, policies=text, said=metadata(bomb)), *words, **LOW)
    well(ended, PACK)
    assert any(re.match(f"{PACK}:[1-9][0-9]*:[1-9][0-9]*: ", line) for line in ended.naming(PACK)), "at its line"
    assert ended.peak < 500 * 1024**2


@pytest.mark.parametrize("bomb", CONTRACTS, ids=lambda bomb: bomb.stem)
def test_a_contract_that_is_a_bomb_is_a_finding(bomb: Path, tmp_path: Path) -> None:
    folder = workspace(tmp_path, files=contracts(bomb))
    ended = command(folder, "check", **LOW)
    well(ended, CONTRACT)
    assert any(line.startswith(f"{CONTRACT}:1:1: error: cannot tell whether") for line in ended.naming(CONTRACT)), (
        ended.lines
    )
    assert ended.peak < 500 * 1024**2


def test_a_contract_that_is_a_bomb_keeps_no_rollback_from_being_found(tmp_path: Path) -> None:
    bomb = BOMBS / "contracts" / "pattern-before-the-pin.json"
    text = (BASE / "rollouts/fraud.yaml").read_text("utf-8")
    at = text.index('"41":')
    pinned = text[:at] + text[at:].replace('user-profile: "11"', 'user-profile: "12"', 1)
    folder = workspace(tmp_path, files={**contracts(bomb), "rollouts/fraud.yaml": pinned})
    assert command(folder, "render").status == 0
    ended = command(folder, "drill", **LOW)
    assert ended.status == 0, ended.lines
    assert any("cannot tell whether it refuses requests that callers of 12 send" in line for line in ended.lines), (
        ended.lines
    )
    assert any("draft" in line and "[contract]" in line for line in ended.lines), ended.lines


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them")
@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("templates", "lists-kept.j2", "this (takes more than 1 GiB of memory|did not end within the 10 s)"),
        ("templates", "list-doubled-and-compared.j2", "this did not end within the 10 s"),
        ("policies", "many-policies-of-patterns.yaml", "this did not end within the 10 s"),
    ],
)
def test_a_bomb_ends_within_the_limits_that_are_set(kind: str, name: str, words: str, tmp_path: Path) -> None:
    bomb = BOMBS / kind / name
    if kind == "templates":
        ended, file = command(workspace(tmp_path, text=template(bomb)), "check", look=True), TEMPLATE
    else:
        ended, file = command(workspace(tmp_path, policies=pack(bomb)), "check", look=True), PACK
    well(ended, file)
    assert any(re.search(words, line) for line in ended.naming(file)), ended.lines


def test_two_hundred_slow_policies_take_the_time_of_one(tmp_path: Path) -> None:
    """The time is that of the command, and each of them is an error: at the pack, or at the rollout."""
    slow = SLOW.splitlines()[-1].partition(",")[2]
    policies = "".join(f"    - {{name: p{number},{slow}\n" for number in range(200))
    ended = command(workspace(tmp_path, policies=SLOW.partition("    - ")[0] + policies), "check", **LOW)
    well(ended, PACK)
    at_the_rollout = [line for line in ended.naming(PACK) if line.startswith("rollouts/fraud.yaml")]
    assert {line.rpartition("[")[2] for line in at_the_rollout} == {f"p{number}]" for number in range(200)}


# What commands make of it.


@pytest.mark.parametrize("words", [("render",), ("render", "--check"), ("drill",), ("advance", "fraud", "--force")])
def test_each_command_that_renders_ends_and_names_the_template(words: tuple[str, ...], tmp_path: Path) -> None:
    ended = command(workspace(tmp_path, text=LONG), *words, *(("--reason", "x") * ("--force" in words)), **LOW)
    assert ended.status in (1, 2)
    assert ended.naming(f"{TEMPLATE}:1: this did not end within the 0.3 s"), ended.lines
    assert ended.seconds < MOST_SECONDS
    assert not (tmp_path / "manifests").exists()


def own_target(repo: Repo, text: str) -> None:
    repo.write(TEMPLATE, text)
    repo.write(
        "templates/own/target.yaml",
        "description: Ours.\nowns: alerts\nrenders: [split]\ntemplates: [{file: bomb.j2}]\n",
    )


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.create(tmp_path)


def test_a_rollback_that_needs_a_template_which_explodes_is_refused(repo: Repo) -> None:
    shipped = "    - {type: prometheus-operator}"
    repo.edit("rollouts/fraud.yaml", shipped, shipped + "\n    - {type: own}")
    own_target(repo, GOOD)
    repo.render()
    repo.commit("Render a target of our own")
    own_target(repo, LONG)
    repo.commit("Make it slow")
    start = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in LOW.items():
            patch.setenv(name, value)
        done = repo.run("rollback", "fraud", "--reason", "it fails")
    assert time.monotonic() - start < MOST_SECONDS
    assert done.status != 0
    assert f"{TEMPLATE}:1: this did not end within the 0.3 s" in done.text
    assert repo.branches() == []


def test_a_rollback_asks_no_policy(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LOW.items():
        monkeypatch.setenv(name, value)
    repo.edit(".rollout-spec.yaml", "policies: [baseline]", f"policies: [{PACK}]")
    repo.write(PACK, SLOW)
    repo.commit("Demand something slow")
    done = repo.run("rollback", "fraud", "--reason", "it fails")
    assert done.status == 0, done.text
    assert len(repo.branches()) == 1


# What is well stays as it is.


def test_a_target_of_ones_own_gives_the_bytes_that_a_shipped_one_gives(repo: Repo) -> None:
    before = {path: path.read_bytes() for path in (repo.workspace / "manifests").rglob("*.yaml")}
    for name in ("kserve", "gateway-api", "prometheus-operator"):
        shutil.copytree(str(resources.find(f"templates/{name}")), repo.workspace / "templates" / name)
    assert repo.run("render", "--check").status == 0
    assert before == {path: path.read_bytes() for path in before}
    assert repo.run("render").text == "the manifests are up to date\n"
    assert repo.run("drill").status == 0


def test_a_pack_of_ones_own_finds_what_a_shipped_one_finds(tmp_path: Path) -> None:
    workspace(tmp_path)
    baseline = resources.read("policies/baseline.yaml").decode()
    settings = (tmp_path / ".rollout-spec.yaml").read_text("utf-8")
    said = []
    for reference in ("baseline", PACK):
        (tmp_path / ".rollout-spec.yaml").write_text(settings.replace("spec:", f"spec:\n  policies: [{reference}]"))
        said.append(run("--repo", str(tmp_path), "check", "rollouts/fraud.yaml").out)
        (tmp_path / PACK).parent.mkdir(exist_ok=True)
        (tmp_path / PACK).write_text(baseline.replace("name: baseline", "name: ours", 1))
    assert said[0] == said[1]
    assert "[runbook-linked]" in said[0]


def test_what_is_shipped_starts_no_process(tmp_path: Path) -> None:
    workspace(tmp_path)
    settings = tmp_path / ".rollout-spec.yaml"
    settings.write_text(settings.read_text("utf-8").replace("spec:", "spec:\n  policies: [baseline]"))
    program = (
        "import sys, os\nos.fork = os.posix_spawn = None\nfrom rollout_spec.cli import main\n"
        f"main(['--repo', {str(tmp_path)!r}, 'check', 'rollouts/fraud.yaml'])\n"
        f"main(['--repo', {str(tmp_path)!r}, 'render'])\n"
        "starts = ('multiprocessing', 'rollout_spec.core.bounded_process.')\n"
        "print([name for name in sys.modules if name.startswith(starts)])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['rollout_spec.core.bounded_process.budget']", done.stderr


LOADED = "print('jsonschema' in sys.modules)"


@pytest.mark.parametrize(("words", "old", "loads"), [
    (["check", "components/user-profile.yaml"], "{}", False),
    (["check"], '{"type": "string"}', False),
    (["check"], "{}", True),
])  # fmt: skip
def test_only_contracts_that_differ_load_a_validator(words: list[str], old: str, loads: bool, tmp_path: Path) -> None:
    files = contracts(BOMBS / "contracts" / "pattern-of-a-value.json")
    folder = workspace(tmp_path, files={**files, CONTRACT: '{"type": "string"}', CONTRACT.replace("12", "11"): old})
    program = (
        f"import sys\nfrom rollout_spec.cli import main\nmain(['--repo', {str(folder)!r}, *sys.argv[1:]])\n{LOADED}"
    )
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == str(loads), done.stderr


DEMAND = """    - name: first-stage-small
      expression: rollout.spec.stages[0].mirror <= 5.0
      message: the first stage is small
      why: why
"""


def test_a_check_that_is_spread_over_processes_finds_the_same(tmp_path: Path) -> None:
    """So many files are checked by as many processes as there are processors, each of which starts one."""
    workspace(tmp_path, text=GOOD, policies=SLOW.partition("    - ")[0] + DEMAND)
    rollout = (tmp_path / "rollouts/fraud.yaml").read_text("utf-8")
    component = (tmp_path / "components/tokenizer.yaml").read_text("utf-8")
    for number in range(90):
        (tmp_path / f"components/c{number}.yaml").write_text(component.replace("name: tokenizer", f"name: c{number}"))
    for number in range(35):
        text = rollout.replace("name: fraud,", f"name: r{number},").replace("host: fraud.", f"host: r{number}.")
        (tmp_path / f"rollouts/r{number}.yaml").write_text(text)
    assert run("--repo", str(tmp_path), "render").status == 0
    ended = command(tmp_path, "check", ROLLOUT_SPEC_SANDBOX_SECONDS="5", ROLLOUT_SPEC_SANDBOX_MEMORY="200MiB")
    assert len([line for line in ended.lines if line.endswith("[first-stage-small]")]) == 36
    assert not ended.naming("SANDBOX")
