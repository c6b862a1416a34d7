"""Everything in a commit is text from anybody: no author, message or date of one breaks the history."""

from __future__ import annotations

import pytest
from past_steps import changes
from repo import Repo

pytestmark = pytest.mark.system


def test_hostile_text_in_commits_is_harmless(repo: Repo) -> None:
    repo.edit("rollouts/fraud.yaml", "owner: team-risk", "owner: team-cards")
    repo.git("add", "--all")
    hostile = "\x1b[31mRed\x07 \u202e \x01%H%x00 ::error::x" + 100_000 * "x"
    (repo.remote.parent / "message").write_text(hostile, "utf-8")
    repo.git("commit", "-q", "-F", str(repo.remote.parent / "message"), GIT_AUTHOR_NAME="Eve\x1b[2J \u202e\x01")
    repo.git("-c", "i18n.commitEncoding=ISO-8859-1", "commit", "-q", "--amend", "--no-edit")
    repo.git("push", "-q", "origin", "main")
    assert changes(repo) == ["edited", "bootstrapped 41"]
    for words in ((), ("--format", "json")):
        out = repo.run("history", "fraud", *words).out
        assert len(out) < 4000
        assert all(letter.isprintable() or letter == "\n" for letter in out)
        assert "Eve" in out and "Red" in out


@pytest.mark.parametrize("subject", ["::error::x", "##[error]x", "x ##[error]"])
def test_a_subject_is_no_command_to_a_runner(repo: Repo, subject: str) -> None:
    repo.edit("rollouts/fraud.yaml", "owner: team-risk", "owner: team-cards")
    repo.commit(subject)
    lines = repo.run("history", "fraud").out.splitlines()
    assert not any(line.lstrip().startswith("::") or "##[" in line for line in lines)
    assert any("error" in line for line in lines)


@pytest.mark.parametrize("date", ["0 +0000", "253402300800 +0000", "99999999999999 -1200"])
def test_odd_dates_are_no_error(repo: Repo, date: str) -> None:
    repo.edit("rollouts/fraud.yaml", "owner: team-risk", "owner: team-cards")
    repo.git("add", "--all")
    tree = repo.git("write-tree")
    head = repo.git("rev-parse", "HEAD")
    person = f"Ada <ada@example.com> {date}"
    raw = f"tree {tree}\nparent {head}\nauthor {person}\ncommitter {person}\n\nHand over\n"
    file = repo.remote.parent / "commit"
    file.write_text(raw, "utf-8")
    commit = repo.git("hash-object", "-t", "commit", "-w", "--literally", str(file))
    repo.git("push", "-q", "origin", f"{commit}:refs/heads/main")
    assert changes(repo) == ["edited", "bootstrapped 41"]
    assert repo.run("history", "fraud").status == 0


@pytest.mark.parametrize("name", ["::error::x", "x ##[error]", "x\n::error::y"])
@pytest.mark.parametrize(("command", "status"), [("drill", 1), ("reconcile", 3)])
def test_a_name_of_a_file_is_no_command_to_a_runner(repo: Repo, name: str, command: str, status: int) -> None:
    repo.write(f"rollouts/{name}.yaml", "x: [")
    repo.commit("Write it")
    done = repo.run(command)
    assert done.status == status
    assert "error" in done.out
    assert not any(line.lstrip().startswith("::") or "##[" in line for line in done.text.splitlines())


def test_the_text_of_an_alert_in_a_dry_run_is_no_command_to_a_runner(repo: Repo) -> None:
    alert = repo.alert()
    alert["annotations"]["summary"] = "fraud 42 ##[add-mask]fraud"
    done = repo.run("rollback", "--breach", repo.payload(alert), "--dry-run")
    assert done.status == 0
    body = done.out[done.out.index("pull request: ") :]
    assert "add-mask" in body
    assert "##[" not in body
