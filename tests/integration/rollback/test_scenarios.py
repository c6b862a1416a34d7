"""Whatever history did to a repository, a rollback comes to what is recorded as good: over real git, case by case."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import folders
import pytest
from expected_rollbacks import expected, lost
from random_workspaces import repository_of
from repo import STAGES, Repo, git, plain
from workspaces import Files

from rollout_spec.domain import transitions
from rollout_spec.integrations.git.repository import Git
from rollout_spec.spec.rollout import Live
from rollout_spec.workflows.check import review

pytestmark = pytest.mark.system

BRANCH = "rollback/acme-models/fraud/42"
FRAUD = "rollouts/fraud.yaml"
CHECKOUT = folders.CHECKOUT


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    return Repo.create(tmp_path_factory.mktemp("begun"))


@pytest.fixture
def repo(begun: Repo, tmp_path: Path) -> Repo:
    """The example, with 42 in canary-5, 41 stable and 40 known good; its first commit brought all that."""
    return begun.copy(tmp_path)


def advance(live: Live) -> Live:
    return transitions.advance(live, STAGES)


def promote(repo: Repo) -> list[str]:
    """Take 42 on to be stable; return the commits, newest first."""
    commits = [repo.take(advance, "Advance fraud 42") for _ in range(2)]
    commits.append(repo.take(lambda live: transitions.promote(live, STAGES, ()), "Promote fraud 42"))
    return commits[::-1]


def quietly(repo: Repo, *words: str) -> str:
    """Run git a minute after the last commit, and return where HEAD is then."""
    repo.clock[0] += timedelta(minutes=1)
    date = repo.clock[0].isoformat()
    repo.git(*words, GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)
    return repo.git("rev-parse", "HEAD")


def files_at(repo: Repo, commit: str) -> Files:
    """Return the files of the workspace in a commit, whatever is checked out."""
    words = ["git", "archive", "--format=tar", commit, *([repo.prefix] if repo.prefix else [])]
    here = {**os.environ, "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(repo.folder / ".git/objects")}
    done = subprocess.run(words, cwd=repo.remote, env=here, capture_output=True, check=True)
    start, found = f"{repo.prefix}/" if repo.prefix else "", {}
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None:
                found[member.name.removeprefix(start)] = file.read()
    return found


def message_of(repo: Repo, commit: str) -> str:
    return git(repo.remote, "log", "-1", "--format=%B", commit)


def goes_back(
    repo: Repo,
    reverts: list[str] | None,
    *,
    failed: str = "42",
    rollout: str = "fraud",
    branch: str = BRANCH,
    by: Repo | None = None,
) -> str:
    """Roll back, ``by`` another clone or this one, and hold all of the result against what must come of it.

    ``reverts`` are the commits that the message names, newest first; None where it can name none, and says so.
    """
    base = repo.tip()
    answer = (by or repo).breach(failed, rollout=rollout)
    assert answer.status == 0, answer.text
    pull = repo.pull_requests()[-1]
    commit = git(repo.remote, "rev-parse", f"refs/heads/{pull['head']}")
    assert (plain(pull["head"]), pull["headSha"]) == (branch, commit)
    assert git(repo.remote, "rev-parse", f"{commit}~1") == base
    before, after = files_at(repo, base), files_at(repo, commit)
    live = repo.live_at(commit, rollout)
    assert {**live, "knownGood": live.get("knownGood", [])} == expected(before, rollout, failed).live
    assert lost(before, after, rollout, set()) == []
    new = git(repo.remote, "diff", "--summary", base, commit).splitlines()
    assert all(re.fullmatch(r"create mode 100644 .*incidents/.*\.yaml\"?", line.strip()) for line in new), new
    message = message_of(repo, commit)
    assert re.findall(r"^This reverts commit ([0-9a-f]{40})\.$", message, re.MULTILINE) == (reverts or [])
    assert message.startswith(f"Revert {rollout} {failed} to {live['stable']}")
    assert f"Rollback-Of: {rollout}/{failed}" in message.splitlines()
    body = pull["body"]
    assert ("shallow" in body) == (reverts is None)
    checked = review(repository_of(after), base=repository_of(before), now=repo.clock[0])
    assert [each for each in checked.findings if each.severity == "error"] == []
    return commit


# How steps come onto the base.


def topic(repo: Repo, step: Callable[[Live], Live]) -> str:
    """Take a step on a branch, with a second commit behind it, while others commit on main; return the step."""
    repo.git("checkout", "-q", "-b", "topic")
    step_taken = repo.take(step, "Advance fraud 42", push=False)
    repo.write("docs/topic.md", f"why at {repo.clock[0]}\n")
    repo.commit("Say why", push=False)
    repo.git("checkout", "-q", "main")
    unrelated(repo)
    return step_taken


def unrelated(repo: Repo) -> None:
    """Commit on main what has nothing to do with it, and something in the rollout's own file that has not either."""
    repo.write(f"docs/{repo.clock[0]:%H%M}.md", "notes\n")
    repo.commit("Write notes")
    text = (repo.workspace / FRAUD).read_text("utf-8")
    repo.write(FRAUD, re.sub(r"requestsPerSecond: \d+", f"requestsPerSecond: {repo.clock[0]:1%M}", text))
    repo.commit("Expect another load")


def merged(repo: Repo) -> list[str]:
    topic(repo, advance)
    return [quietly(repo, "merge", "-q", "--no-ff", "-m", "Merge topic", "topic")]


def squashed(repo: Repo) -> list[str]:
    topic(repo, advance)
    repo.git("merge", "-q", "--squash", "topic")
    return [quietly(repo, "commit", "-q", "-m", "Advance fraud 42 (#7)")]


def rebased(repo: Repo) -> list[str]:
    topic(repo, advance)
    repo.git("checkout", "-q", "topic")
    quietly(repo, "rebase", "-q", "main")
    step = repo.git("rev-parse", "topic~1")
    repo.git("checkout", "-q", "main")
    quietly(repo, "merge", "-q", "--ff-only", "topic")
    return [step]


def octopus(repo: Repo) -> list[str]:
    for name in ("a", "b"):
        repo.git("checkout", "-q", "-b", name, "main")
        repo.write(f"docs/{name}.md", f"{name}\n")
        repo.commit(f"Write {name}", push=False)
        repo.git("checkout", "-q", "main")
    topic(repo, advance)
    commit = quietly(repo, "merge", "-q", "-m", "Merge a, topic and b", "a", "topic", "b")
    assert len(repo.git("log", "-1", "--format=%P").split()) == 4
    return [commit]


def foxtrot(repo: Repo) -> list[str]:
    """Main is merged into the branch, and then moved on to it: its first parents are the branch's commits."""
    step = topic(repo, advance)
    repo.git("checkout", "-q", "topic")
    quietly(repo, "merge", "-q", "--no-ff", "-m", "Merge main into topic", "main")
    repo.git("checkout", "-q", "main")
    quietly(repo, "merge", "-q", "--ff-only", "topic")
    return [step]


def resolved(repo: Repo) -> list[str]:
    """A person edits the same lines on both sides, and the merge commit itself says what holds."""
    topic(repo, advance)
    repo.edit(FRAUD, "stage: canary-5  ", "stage: canary-5 # look  ")
    repo.commit("Comment on the stage")
    conflict = subprocess.run(["git", "merge", "-q", "topic"], cwd=repo.folder, capture_output=True, check=False)
    assert conflict.returncode == 1
    text = (repo.workspace / FRAUD).read_text("utf-8")
    repo.write(FRAUD, re.sub(r"<<<<<<< .*?\n.*?=======\n(.*?)>>>>>>> .*?\n", r"\1", text, flags=re.DOTALL))
    repo.git("add", "--all")
    return [quietly(repo, "commit", "-q", "-m", "Merge topic, by hand")]


LANDINGS = (merged, squashed, rebased, octopus, foxtrot, resolved)


@pytest.mark.parametrize("landing", LANDINGS, ids=lambda each: each.__name__)
def test_however_a_step_was_merged(repo: Repo, landing: Callable[[Repo], list[str]]) -> None:
    reverts = landing(repo)
    repo.git("push", "-q", "origin", "main")
    unrelated(repo)
    commit = goes_back(repo, reverts)
    again = repo.run("rollback", "fraud", "--version", "42", "--reason", "once more")
    assert (again.status, again.out.split()[0], repo.tip(BRANCH)) == (0, "adopted", commit)
    merge = repo.merge(BRANCH)
    checked = repo.run("check", "--base", f"{merge}~1")
    assert checked.status == 0, checked.text
    again = repo.run("rollback", "fraud", "--version", "42", "--reason", "once more")
    assert (again.status, repo.tip()) == (0, merge), again.text
    assert "nothing to roll back" in again.text


def test_steps_that_were_merged_in_each_manner_are_one_stack(repo: Repo) -> None:
    reverts: list[str] = []
    for landing in (squashed, merged):
        reverts = [*landing(repo), *reverts]
        repo.git("branch", "-q", "-D", "topic")
        repo.git("push", "-q", "origin", "main")
        unrelated(repo)
    reverts = [repo.take(lambda live: transitions.promote(live, STAGES, ()), "Promote fraud 42"), *reverts]
    unrelated(repo)
    goes_back(repo, reverts)


def test_a_long_history_is_read_to_where_the_version_was_proposed(repo: Repo) -> None:
    """Git is asked for a few commits at first, then for more: none is missed where one answer ends."""
    steps = [repo.take(advance, "Advance fraud 42")]
    for number in range(45):
        repo.write("docs/a.md", f"{number}\n")
        text = (repo.workspace / FRAUD).read_text("utf-8")
        repo.write(FRAUD, re.sub(r"requestsPerSecond: \d+", f"requestsPerSecond: {number + 1}", text))
        repo.commit(f"Expect {number}", push=False)
    steps.append(repo.take(advance, "Advance fraud 42"))
    goes_back(repo, steps[::-1])
    told = [commit.sha for commit in Git(repo.folder).history(repo.tip(), FRAUD)]
    assert told == repo.git("log", "--first-parent", "--format=%H", "--", FRAUD).split()
    assert len(told) == 48


def test_a_rollback_that_undoes_many_commits_is_adopted(repo: Repo) -> None:
    """Its incident is still read from its branch, though 2,000 commits changed `live`."""
    text = repo.at("HEAD", FRAUD)
    proposed = text.replace("    stage: canary-5 ", "    # stage: canary-5 ")
    lines = [f"from {repo.tip()}\n"]
    for number in range(2_000):
        file = text if number % 2 else proposed
        who = f"committer ada <ada@example.com> {int(repo.clock[0].timestamp()) + number} +0000\ndata 0\n"
        content = f"M 100644 inline {repo.path(FRAUD)}\ndata {len(file.encode())}\n{file}\n"
        lines.append(f"commit refs/heads/main\n{who}{lines.pop() if not number else ''}{content}")
    fast = ["git", "fast-import", "--quiet", "--force"]
    subprocess.run(fast, cwd=repo.remote, input="".join(lines), text=True, check=True)
    repo.git("pull", "-q", "origin", "main")
    repo.clock[0] += timedelta(seconds=2_000)
    payload = repo.payload(repo.alert())
    assert repo.run("rollback", "--breach", payload).out.startswith("opened pull request 1: ")
    again = repo.run("rollback", "--breach", payload)
    assert again.out.startswith("adopted pull request 1: "), again.text
    assert len(repo.data_at(BRANCH, "incidents/fraud-42.yaml")["spec"]["reverts"]) == 300


# What people edit.

EDITS: dict[str, tuple[str, str]] = {
    "the line above live": ("  live:    ", "  # nobody touches this\n  live:    "),
    "the line below live": ("  stages:       ", "  # in this order\n  stages:      "),
    "between live and stages": ("\n\n  stages:", "\n\n\n  stages:"),
    "an owner": ("owner: team-risk", "owner: team-payments"),
    "a trigger": ("above: 5%", "above: 4.5%"),
    "a comment above what goes": ('    candidate: "42"', '    # since Monday\n    candidate: "42"'),
    "a comment above what stays": ('    stable: "41"', '    # since March\n    stable: "41"'),
    "a comment beside what goes": ("# absent: the candidate", "# ends Friday; absent: the candidate"),
    "a comment at the end of live": ("after a promotion\n\n  stages:", "after a promotion\n    # the end\n\n  stages:"),
    "the order of keys": ('    stable: "41"  ', '    knownGood: ["40"]\n    stable: "41"  '),
    "quotes": ('candidate: "42"', "candidate: '42'"),
    "a list in lines": ('knownGood: ["40"]      ', 'knownGood:\n      # the last\n      - "40"   # fine\n      '),
    "a blank line in live": ('    candidate: "42"', '\n\n    candidate: "42"'),
}


@pytest.mark.parametrize("failed", ["42", "41"])
@pytest.mark.parametrize("name", EDITS)
def test_what_people_wrote_stays(repo: Repo, name: str, failed: str) -> None:
    old, new = EDITS[name]
    step = repo.take(advance, "Advance fraud 42")
    text = (repo.workspace / FRAUD).read_text("utf-8")
    if name == "the order of keys":
        text = re.sub(r"    knownGood: .*\n", "", text)
    assert text.count(old) == 1, text
    repo.write(FRAUD, text.replace(old, new))
    repo.render()
    repo.commit("Edit")
    goes_back(repo, [step], failed=failed, branch=f"rollback/acme-models/fraud/{failed}")


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "crlf": lambda text: text.replace(b"\n", b"\r\n"),
    "cr": lambda text: text.replace(b"\n", b"\r"),
    "no newline at the end": lambda text: text.rstrip(b"\n"),
    "crlf, none at the end": lambda text: text.rstrip(b"\n").replace(b"\n", b"\r\n"),
    "a byte order mark": lambda text: b"\xef\xbb\xbf" + text,
    "live at the end": lambda text: live_last(text),
    "live at the end, no newline": lambda text: live_last(text).rstrip(b"\n"),
    "live at the end, crlf, no newline": lambda text: live_last(text).rstrip(b"\n").replace(b"\n", b"\r\n"),
    "spaces at line ends": lambda text: text.replace(b"\n", b"  \n"),
    "other letters": lambda text: text.replace(
        b"Scores card payments for fraud.", "Prüft Zahlungen 💳 支払い".encode()
    ),
}


def live_last(text: bytes) -> bytes:
    """Move ``live`` to the end of the file, and the last comment with it."""
    found = re.search(rb"  live:.*?\n\n", text, re.DOTALL)
    assert found is not None
    return text.replace(found[0], b"") + found[0].rstrip(b"\n") + b"\n"


@pytest.mark.parametrize("failed", ["42", "41"])
@pytest.mark.parametrize("form", FORMS)
def test_a_file_keeps_its_form(repo: Repo, form: str, failed: str) -> None:
    path = repo.workspace / FRAUD
    repo.git("config", "core.autocrlf", "false")
    path.write_bytes(FORMS[form](path.read_bytes()))
    before = path.read_bytes()
    repo.commit("Write it otherwise")
    commit = goes_back(repo, [], failed=failed, branch=f"rollback/acme-models/fraud/{failed}")
    after = files_at(repo, commit)[FRAUD]
    for end in (rb"\r\n", rb"(?<!\r)\n", rb"\r(?!\n)"):
        assert bool(re.search(end, before)) == bool(re.search(end, after)), end
    assert before.endswith((b"\n", b"\r")) == after.endswith((b"\n", b"\r"))
    assert before[:3] == after[:3]


# What else is in a repository.


def with_submodules(repo: Repo) -> None:
    head = repo.git("rev-parse", "HEAD")
    repo.write(".gitmodules", '[submodule "lib"]\n\tpath = vendor/lib\n\turl = https://lib.example.com/lib.git\n')
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{head},vendor/lib")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{head},components/lib")
    quietly(repo, "commit", "-q", "-m", "Add submodules")
    (repo.folder / "vendor/lib").mkdir(parents=True)
    repo.git("push", "-q", "origin", "main")


def with_links_and_modes(repo: Repo) -> None:
    (repo.folder / "latest.yaml").symlink_to(FRAUD)
    repo.write("run.sh", "#!/bin/sh\n")
    for path in ("run.sh", FRAUD):
        (repo.folder / path).chmod(0o755)
    repo.commit("Add a link and a script")


def with_odd_names(repo: Repo) -> None:
    for name in ("größe/模型 📈.md", 'quote".md', "tab\t.md", "-n", "a\\b.md", "new\nline"):
        repo.write(name, "odd\n")
    odd = "José Ñandú 日本 <script>"
    repo.git("add", "--all")
    quietly(repo, "-c", f"user.name={odd}", "commit", "-q", "--author", f"{odd} <jose@example.com>", "-m", "Ça va 🚀")
    repo.git("push", "-q", "origin", "main")


def with_attributes(repo: Repo) -> None:
    repo.write(".gitattributes", "rollouts/*.yaml text eol=crlf ident merge=ours\nmanifests/** -diff -merge\n")
    repo.commit("Say how files are merged")


def with_an_ignored_folder(repo: Repo) -> None:
    repo.write(".gitignore", "incidents/\nmanifests/\n")
    repo.commit("Ignore what is written")


@pytest.mark.parametrize(
    "brings",
    [with_submodules, with_links_and_modes, with_odd_names, with_attributes, with_an_ignored_folder],
    ids=lambda each: each.__name__,
)
def test_what_else_is_in_the_repository_stays(repo: Repo, brings: Callable[[Repo], None]) -> None:
    brings(repo)
    base = repo.tip()
    commit = goes_back(repo, [])
    old, new = modes_and_blobs(repo, base), modes_and_blobs(repo, commit)
    assert {path: entry[0] for path, entry in old.items()} == {path: new[path][0] for path in old}
    rendered = (path for path in old if path.startswith(("manifests/", "alerts/")))
    assert {path for path in old if old[path] != new[path]} <= {FRAUD, *rendered}


def modes_and_blobs(repo: Repo, commit: str) -> dict[str, list[str]]:
    lines = git(repo.remote, "ls-tree", "-r", "-z", commit).split("\0")
    return {line.split("\t", 1)[1]: line.split()[:3] for line in lines if line}


def test_a_subject_in_another_encoding_is_read(repo: Repo) -> None:
    repo.clock[0] += timedelta(minutes=1)
    path = repo.workspace / FRAUD
    path.write_text(path.read_text("utf-8").replace("stage: canary-5", "stage: ab-50"), "utf-8")
    repo.render()
    repo.git("add", "--all")
    words = ["git", "-c", "i18n.commitEncoding=ISO-8859-1", "commit", "-q", "-F", "-"]
    subprocess.run(words, cwd=repo.folder, input="Avancer à l'étape".encode("latin-1"), check=True)
    repo.git("push", "-q", "origin", "main")
    goes_back(repo, [repo.tip()])


@pytest.mark.parametrize("prefix", ["größe/モデル", "a b/(c) [d]"])
def test_a_workspace_has_a_folder_with_an_odd_name(tmp_path: Path, prefix: str) -> None:
    repo = Repo.create(tmp_path, prefix=prefix)
    step = repo.take(advance, "Advance fraud 42")
    goes_back(repo, [step])


# Clones.

CLONES: dict[str, tuple[tuple[str, ...], bool]] = {
    "whole": ((), True),
    "single branch": (("--single-branch",), True),
    "no checkout": (("--no-checkout",), True),
    "blobless": (("--filter=blob:none",), True),
    "treeless": (("--filter=tree:0",), True),
    "shared": (("--shared",), True),
    "depth 1": (("--depth=1",), False),
    "depth 2": (("--depth=2",), False),
    "since": (("--shallow-since=2026-11-20T09:03:30Z",), False),
    "depth 1, blobless": (("--depth=1", "--filter=blob:none"), False),
}


@pytest.mark.parametrize("name", CLONES)
def test_any_clone_comes_to_the_same_tree(repo: Repo, name: str) -> None:
    git(repo.remote, "config", "uploadpack.allowFilter", "true")
    git(repo.remote, "config", "uploadpack.allowAnySHA1InWant", "true")
    repo.take(advance, "Advance fraud 42")
    unrelated(repo)
    step = repo.take(advance, "Advance fraud 42 again")
    unrelated(repo)
    options, whole = CLONES[name]
    clone = repo.clone("other", *options)
    if name == "no checkout":
        clone.git("checkout", "-q", "HEAD", "--", ".rollout-spec.yaml")
    steps = [step, git(repo.remote, "rev-parse", f"{step}~3")] if whole else None
    goes_back(repo, steps, by=clone)


def test_a_clone_that_is_behind_sees_the_base_as_it_is_now(repo: Repo) -> None:
    old = repo.clone("other")
    steps = promote(repo)
    repo.write("docs/a.md", "a\n")
    repo.commit("Move on")
    goes_back(repo, steps, by=old)


@pytest.mark.parametrize("options", [(), ("--depth=1",)], ids=["whole", "shallow"])
def test_a_base_that_was_pushed_by_force(repo: Repo, options: tuple[str, ...]) -> None:
    """The clone knows a history that is no more; what is on the remote now counts, and its commits are named."""
    repo.take(advance, "Advance fraud 42")
    clone = repo.clone("other", *options)
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.write("docs/a.md", "another history\n")
    repo.commit("Write something else", push=False)
    step = repo.take(advance, "Advance fraud 42, once more", push=False)
    repo.git("push", "-q", "--force", "origin", "main")
    goes_back(repo, None if options else [step], by=clone)


def test_a_base_without_a_common_past(repo: Repo) -> None:
    clone = repo.clone("other")
    repo.git("checkout", "-q", "--orphan", "new")
    quietly(repo, "commit", "-q", "-m", "Begin anew")
    repo.git("branch", "-q", "-M", "main")
    step = repo.take(advance, "Advance fraud 42", push=False)
    repo.git("push", "-q", "--force", "origin", "main")
    goes_back(repo, [step], by=clone)


# Names that change.


def test_a_rollout_that_was_renamed(repo: Repo) -> None:
    """Its name is another one, in another file; what is undone is known since then."""
    repo.take(advance, "Advance fraud 42")
    repo.git("mv", FRAUD, "rollouts/payments.yaml")
    repo.git("mv", "manifests/fraud", "manifests/payments")
    repo.edit("rollouts/payments.yaml", "name: fraud\n", "name: payments\n")
    repo.render()
    repo.commit("Rename fraud to payments")
    step = repo.take(advance, "Advance payments 42", rollout="payments")
    goes_back(repo, [step], rollout="payments", branch="rollback/acme-models/payments/42")


def test_a_workspace_that_was_moved(repo: Repo) -> None:
    repo.take(advance, "Advance fraud 42")
    for name in (".rollout-spec.yaml", "rollouts", "components", "manifests"):
        (repo.folder / "prod").mkdir(exist_ok=True)
        repo.git("mv", name, f"prod/{name}")
    moved = Repo(repo.folder, repo.remote, "prod", repo.clock)
    moved.commit("Move the workspace")
    step = moved.take(advance, "Advance fraud 42 on")
    goes_back(moved, [step])


def renamed(old: str, new: str) -> Callable[[Repo], list[str]]:
    def happens(repo: Repo) -> list[str]:
        path = repo.workspace / FRAUD
        path.write_text(re.sub(rf"\b{old}\b", new, path.read_text("utf-8")), "utf-8")
        repo.render()
        commit = repo.commit(f"Rename {old} to {new}")
        return [commit] if old == "ab-50" else []

    return happens


def restaged(repo: Repo) -> list[str]:
    repo.edit(FRAUD, "    - {name: ab-50,", "    - {name: half-way, weight: 30%}\n    - {name: ab-50,")
    repo.edit(FRAUD, "    - {name: canary-5, weight: 5%, hold: 15m}\n", "")
    repo.edit(FRAUD, "during: [canary-5]", "during: [half-way]")
    repo.render()
    repo.commit("Go another way")
    return []


@pytest.mark.parametrize(
    "happens",
    [renamed("ab-50", "half"), renamed("full", "everyone"), renamed("shadow", "mirror"), restaged],
    ids=["its own", "the last", "an earlier", "others"],
)
def test_after_the_stages_changed_their_names(repo: Repo, happens: Callable[[Repo], list[str]]) -> None:
    step = repo.take(advance, "Advance fraud 42")
    goes_back(repo, [*happens(repo), step])


# A version that comes again.


@pytest.mark.parametrize("stable", [False, True], ids=["candidate", "stable"])
def test_a_version_that_was_cleared_lands_again_and_fails_again(repo: Repo, stable: bool) -> None:
    """Only the second try is undone; the incident has a number of its own, and so has the branch if both are alike."""
    assert repo.breach("42").status == 0
    repo.merge(BRANCH)
    repo.resolve("fraud-42", "cleared")
    repo.clock[0] += timedelta(days=2)
    steps = [repo.take(lambda live: advance(transitions.propose(live, "42")), "Try fraud 42 again")]
    steps += [repo.take(advance, "Advance fraud 42") for _ in range(3 if stable else 1)]
    if stable:
        steps.append(repo.take(lambda live: transitions.promote(live, STAGES, ()), "Promote fraud 42"))
    commit = goes_back(repo, steps[::-1], branch=BRANCH if stable else f"{BRANCH}-2")
    assert len(set(repo.whole_names())) == 2, "neither takes the place of the other"
    assert repo.data_at(commit, "incidents/fraud-42-2.yaml")["spec"]["reverts"] == steps[::-1]
    assert repo.data_at(commit, "incidents/fraud-42.yaml")["spec"]["verdict"] == "cleared"


def test_the_revert_of_a_rollback_is_refused_by_the_check(repo: Repo) -> None:
    """As ``git revert`` does it: the incident goes, and the version that failed comes back. Nobody merges that."""
    assert repo.breach("42").status == 0
    merge = repo.merge(BRANCH)
    quietly(repo, "revert", "--no-edit", "-m", "1", merge)
    checked = repo.run("check", "--base", merge)
    assert checked.status == 1
    assert "[incidents-kept]" in checked.out


# Many at once.


BOTS = """\
import os, sys
from datetime import datetime
from unittest import mock
from rollout_spec.workflows import respond as response
from rollout_spec.cli import main
from rollout_spec.cli.commands import rollback
from rollout_spec.integrations.monitors import alertmanager

now, number, place, *words = sys.argv[1:]
bots, (ready, go) = [], os.pipe()
for bot in range(int(number)):
    if (child := os.fork()) == 0:
        os.close(go)
        os.read(ready, 1)  # until all are there
        told = os.open(f"{place}/{bot}", os.O_CREAT | os.O_WRONLY)
        os.dup2(told, 1), os.dup2(told, 2)
        rollback.clock = lambda: datetime.fromisoformat(now)
        clone, payload = words[bot % 2], words[2 + bot // 2 % 2]
        status = main(["--repo", clone, "rollback", "--breach", payload])
        sys.stdout.flush()
        os._exit(status)
    bots.append(child)
os.close(go)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(bot, 0)[1]) for bot in bots))
"""
"""Forks so many processes that have imported all, lets them begin at one moment, and ends with the worst status."""


@pytest.mark.parametrize("options", [[], ["--depth=1"]], ids=["whole", "shallow"])
def test_twenty_at_once_make_one_branch_and_one_pull_request(repo: Repo, tmp_path: Path, options: list[str]) -> None:
    """From two clones, for two triggers: each has status 0, and tells of the one pull request."""
    repo.take(advance, "Advance fraud 42")
    now = (repo.clock[0] + timedelta(minutes=2)).isoformat()
    payloads = [repo.payload(repo.alert("42", trigger), name=f"{trigger}.json") for trigger in ("drift", "latency-sla")]
    clones = [str(repo.clone("whole").workspace), str(repo.clone("other", *options).workspace)]
    told = tmp_path / "told"
    told.mkdir()
    words = [sys.executable, "-c", BOTS, now, "20", str(told), *clones, *payloads]
    done = subprocess.run(words, env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, capture_output=True, check=False)
    answers = [path.read_text("utf-8") for path in told.iterdir()]
    assert (done.returncode, len(answers)) == (0, 20), (done.stderr, answers)
    assert all("pull request 1: " in each and "rror" not in each for each in answers), answers
    assert repo.branches() == [BRANCH]
    (pull,) = repo.pull_requests()
    assert pull["headSha"] == repo.tip(BRANCH)
    assert git(repo.remote, "rev-parse", f"{repo.tip(BRANCH)}~1") == repo.tip()
    assert repo.live_at(repo.tip(BRANCH)) == {"stable": "41", "knownGood": ["40"]}
