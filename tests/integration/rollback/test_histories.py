"""After any history, a rollback is right: traffic, what people wrote, the check, and the second time."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from expected_rollbacks import data_of, expected, lost, serving
from random_histories import History
from random_workspaces import repository_of
from repo import Repo, git

from rollout_spec.checks.regressions import introduced
from rollout_spec.core.breach import Breach
from rollout_spec.rollback import NoAction, NoRollbackTarget, Rollback, roll_back
from rollout_spec.workflows.check import review
from rollout_spec.workflows.person_findings import left_to_a_person

pytestmark = pytest.mark.system

HISTORIES = int(os.environ.get("ROLLOUT_SPEC_HISTORIES", "12"))
"""How many: 2,000 take some minutes, and were gone through before a release."""

GIT = max(2, HISTORIES // 40)
"""How many of them are written as commits, and rolled back by the command."""

BREACHES, BETWEEN = 4, 10
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)


def breach_of(name: str, version: str | None, number: int) -> Breach:
    return Breach(f"b-{number}", "alertmanager", name, version, NOW, trigger="serving-errors")


def wrong_with(history: History, name: str, failed: str, number: int) -> tuple[str, list[str], Rollback | None]:
    """Roll back in memory; return what came of it, and all that is wrong with it."""
    before, breach = history.files, breach_of(name, failed, number)
    repository = repository_of(before)
    decision, again = roll_back(repository, breach), roll_back(history.repository, breach)
    wanted = expected(before, name, failed)
    wrong = [] if decision == again else ["the same breach leads to something else"]
    if isinstance(decision, NoRollbackTarget):
        return "no way back", [*wrong, *([] if wanted.stuck else [f"there is a way back: {wanted}"])], None
    if isinstance(decision, NoAction):
        return "nothing", [*wrong, *([] if wanted.live is None and not wanted.stuck else ["something is due"])], None
    after = {path: content for path, content in {**before, **decision.edits}.items() if content is not None}
    spec = data_of(after, f"rollouts/{name}.yaml")["spec"]
    if {**spec["live"], "knownGood": spec["live"].get("knownGood", [])} != wanted.live:
        wrong.append(f"live is {spec['live']}, and should be {wanted.live}")
    if serving(spec) != {decision.restored}:
        wrong.append(f"{serving(spec)} take traffic")
    doubted = decision.stage == "promoted" and wanted.doubted
    if doubted != any(reason.guard == "contract" for reason in decision.review_reasons):
        wrong.append(f"that a contract is in doubt is {doubted}")
    switched = {f"components/{each.component}.yaml" for each in decision.switches if not each.is_blocked}
    wrong += lost(before, after, name, switched)
    wrong += _findings(history, decision)
    second = roll_back(repository_of(after), breach)
    if not isinstance(second, NoAction):
        wrong.append(f"a second rollback does {second}")
    kind = "candidate" if decision.stage != "promoted" else "stable"
    if decision.switches:
        kind += (
            ", a component stays" if any(each.is_blocked for each in decision.switches) else ", a component goes back"
        )
    if doubted:
        kind += ", in doubt"
    if decision.skipped:
        kind += ", others passed over"
    return kind, wrong, decision


def _findings(history: History, decision: Rollback) -> list[str]:
    """Check the whole result anew, against the base, and say what it brings."""
    before = repository_of(history.files)
    files = {**history.files, **decision.edits}
    after = repository_of({path: content for path, content in files.items() if content is not None})
    brought = introduced(review(before), review(after, base=before))
    brought = [each for each in brought if each.name != "rollback-ready"]
    left = left_to_a_person(brought, decision)
    return [f"{each.file}:{each.line}: {each.message} [{each.name}]" for each in brought if each not in left]


def what_fails(history: History) -> tuple[str, str]:
    """Draw a version that fails: rather one that takes traffic, and rather a candidate."""
    chance = history.random
    specs = {name: data_of(history.files, f"rollouts/{name}.yaml")["spec"] for name in sorted(history.proven)}
    candidates = [
        (name, str(spec["live"]["candidate"]))
        for name, spec in specs.items()
        if spec["live"].get("candidate") in serving(spec)
    ]
    if candidates and chance.random() < 0.5:
        return chance.choice(candidates)
    name = chance.choice(list(specs))
    live = sorted(serving(specs[name]))
    return name, chance.choice([*live, *live, *live, *live, *live, chance.choice(list(specs[name]["versions"]))])


def live_through(seed: int) -> tuple[Counter[str], list[str]]:
    """Let a history happen, with breaches in it; return what happened, and what went wrong."""
    history, wrong = History(seed), list[str]()
    for number in range(BREACHES):
        for _ in range(history.random.randint(1, BETWEEN)):
            history.go_on()
        name, failed = what_fails(history)
        kind, found, decision = wrong_with(history, name, failed, number)
        history.counts[f"breach: {kind}"] += 1
        wrong += [f"history {seed}, breach {number} of {name} {failed}: {each}" for each in found]
        if decision is not None and decision.restored not in history.proven[name]:
            wrong.append(f"history {seed}: {name} {decision.restored} was never stable")
        if decision is not None and history.random.random() < 0.8:
            history.put(f"Roll back {name} {failed}", "rollback", decision.edits)
    return history.counts, wrong


def test_of_all_histories_none_goes_back_wrong() -> None:
    seeds = range(HISTORIES)
    if HISTORIES >= 100:
        with ProcessPoolExecutor(2) as pool:
            done = list(pool.map(live_through, seeds, chunksize=10))
    else:
        done = [live_through(seed) for seed in seeds]
    counts = sum((found for found, _ in done), Counter[str]())
    print(f"{len(done)} histories: {dict(sorted(counts.items()))}")
    assert [each for _, wrong in done for each in wrong] == []
    missing = {
        "breach: candidate",
        "breach: stable",
        "breach: nothing",
        "breach: stable, others passed over",
        "contract",
        "promote",
        "resolve",
        "retire",
        "retreat",
    } - counts.keys()
    assert not missing, f"these histories have none of {missing}"


# The same, through real git.


def test_through_git_it_comes_to_the_same(tmp_path: Path) -> None:
    told = [through_git(seed, tmp_path / str(seed)) for seed in range(GIT)]
    assert [each for _, wrong in told for each in wrong] == []
    assert sum(landed for landed, _ in told) >= GIT // 4, "nearly nothing was rolled back"


def through_git(seed: int, place: Path) -> tuple[bool, list[str]]:
    """Write a history as commits, roll back by the command, and hold the commit against the decision in memory."""
    history = History(seed)
    for number in range(2):
        for _ in range(history.random.randint(3, BETWEEN)):
            history.go_on()
        name, failed = what_fails(history)
        _, wrong, decision = wrong_with(history, name, failed, number)
        if number == 0 and decision is not None:
            history.put(f"Roll back {name} {failed}", "rollback", decision.edits)
    repo, commits = written(history, place)
    answer = repo.breach(failed, "serving-errors", rollout=name, workspace="acme")
    if decision is None:
        return False, [*wrong, *([f"history {seed}: {answer.text}"] if repo.pull_requests() else [])]
    branch = decision.branch
    if answer.status or repo.whole_names() != [branch]:
        return True, [*wrong, f"history {seed}: {repo.whole_names()}, and not {branch}: {answer.text}"]
    blobs = dict(line.split("\t")[::-1] for line in git(repo.remote, "ls-tree", "-r", branch).splitlines())
    for path, content in decision.edits.items():
        if (
            not path.startswith("incidents/")
            and blobs.get(path, "").split()[2:] != [blob(content or b"")][: content is not None]
        ):
            wrong.append(f"history {seed}: {path} is not what was decided")
    changed = set(git(repo.remote, "diff", "--no-renames", "--name-only", f"{branch}~1", branch).split())
    if changed != {path for path, content in decision.edits.items() if history.files.get(path) != content}:
        wrong.append(f"history {seed}: {changed} were changed")
    reverts = data_of({"": repo.at(branch, f"incidents/{decision.incident}.yaml").encode()}, "")["spec"]["reverts"]
    if reverts != [commits[number] for number in undone(history, name, failed)]:
        wrong.append(f"history {seed}: {name} {failed} reverts {reverts}")
    return True, wrong


def blob(content: bytes) -> str:
    """Return the id that git gives to the bytes of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def undone(history: History, name: str, failed: str) -> list[int]:
    """Return which merges changed ``live`` since a version was proposed, newest first."""
    lives = [data_of(merged.files, f"rollouts/{name}.yaml")["spec"]["live"] for merged in history.merged]
    named = [{live["stable"], live.get("candidate"), *live["knownGood"]} for live in lives]
    found = []
    for number in range(len(lives) - 1, 0, -1):
        if failed not in named[number]:
            break
        if lives[number] != lives[number - 1]:
            found.append(number)
        if failed not in named[number - 1]:
            break
    return found


def written(history: History, place: Path) -> tuple[Repo, list[str]]:
    """Write a history into a bare remote, each third merge with a merge commit, and clone it; return its commits."""
    place.mkdir()
    git(place, "init", "-q", "--bare", "-b", "main", "remote.git")
    stream: list[bytes] = []
    for number, merged in enumerate(history.merged):
        files = b"deleteall\n" + b"".join(
            f"M 100644 inline {path}\ndata {len(content)}\n".encode() + content + b"\n"
            for path, content in merged.files.items()
        )
        date = int(NOW.timestamp()) + number * 3600
        head = f"committer Zoë Müller <zoe@example.com> {date} +0900\ndata {{}}\n{{}}\n"
        if with_merge := number % 3 == 2:
            stream.append(f"commit refs/heads/topic\nmark :{number + 10000}\n{head.format(5, 'topic')}".encode())
            stream.append(f"from :{number}\n".encode() + files)
        subject = merged.subject
        stream.append(f"commit refs/heads/main\nmark :{number + 1}\n{head.format(len(subject), subject)}".encode())
        stream.append(f"from :{number}\n".encode() if number else b"")
        stream.append(f"merge :{number + 10000}\n".encode() if with_merge else b"")
        stream.append(files)
    words = ["git", "fast-import", "--quiet", "--force", f"--export-marks={place}/marks"]
    subprocess.run(words, cwd=place / "remote.git", input=b"".join(stream), check=True)
    git(place / "remote.git", "update-ref", "-d", "refs/heads/topic")
    git(place, "clone", "-q", "remote.git", "clone")
    marks = dict(line.split() for line in (place / "marks").read_text().splitlines())
    clock = NOW + timedelta(hours=len(history.merged))
    repo = Repo(place / "clone", place / "remote.git", clock=[clock])
    return repo, [marks[f":{number + 1}"] for number in range(len(history.merged))]
