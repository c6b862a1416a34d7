"""The source that `init` writes into CI can be installed: here from git on this disk, without a network."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml
from installed_command import published
from repo import git, run

pytestmark = pytest.mark.system


def environment() -> dict[str, str]:
    """Return the environment without Python's own variables."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def ended(folder: Path, *command: str | Path, status: int = 0) -> str:
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == status, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def borrowing(place: Path) -> Path:
    """Make an environment that borrows all packages of this one, and return its Python."""
    ended(place.parent, sys.executable, "-m", "venv", "--without-pip", place)
    paths = sysconfig.get_paths("venv", vars={"base": str(place), "platbase": str(place)})
    borrowed = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    Path(paths["purelib"], "borrowed.pth").write_text("\n".join(borrowed) + "\n")
    return Path(paths["scripts"]) / "python"


def test_ci_installs_from_the_git_repository_that_init_was_told(tmp_path: Path) -> None:
    source = published(tmp_path / "source")
    git(source, "init", "-q", "-b", "main")
    git(source, "add", "--all")
    git(source, "commit", "-q", "-m", "Publish")
    commit = git(source, "rev-parse", "HEAD")
    done = run("--repo", str(tmp_path), "init", "models", "--install", f"git+{source.as_uri()}@{commit}")
    assert done.status == 0, done.text

    workflow = yaml.safe_load((tmp_path / "models/.github/workflows/rollouts.yml").read_text("utf-8"))
    (install,) = [step for step in workflow["jobs"]["check"]["steps"] if "REQUIREMENT" in step.get("env", {})]
    python = borrowing(tmp_path / "environment")
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "--disable-pip-version-check",
        "--isolated",
        "install",
    ]
    offline = ["--no-index", "--no-build-isolation", "--ignore-installed", "--no-deps"]
    ended(
        tmp_path, *pip, *offline, install["env"]["REQUIREMENT"], "rollout-spec[github]"
    )  # as the other jobs add extras

    place = ended(tmp_path, python, "-I", "-c", "import rollout_spec; print(rollout_spec.__file__)")
    assert Path(place.strip()).is_relative_to(tmp_path / "environment")
    git(tmp_path / "models", "init", "-q", "-b", "main")
    assert "no findings" in ended(tmp_path, python, "-I", "-m", "rollout_spec", "--repo", "models", "check", "--all")
    told = ended(tmp_path, python, "-I", "-m", "rollout_spec", "init", "others")
    assert "CI cannot install rollout-spec yet" in told  # no other machine reaches file://


def test_what_init_prints_can_be_applied_by_git(tmp_path: Path) -> None:
    folder = tmp_path / "platform"
    git(tmp_path, "init", "-q", "-b", "main", str(folder))
    (folder / ".pre-commit-config.yaml").write_text("repos: []\n", "utf-8")
    (folder / "README.md").write_text("# Platform\n", "utf-8")
    done = run("--repo", str(folder), "init", "ml", "--ci", "github")
    assert done.status == 1
    assert git(folder, "status", "--porcelain", "--untracked-files=all").count(" ml/") == 16
    assert (folder / ".pre-commit-config.yaml").read_text("utf-8") == "repos: []\n"
    (tmp_path / "printed").write_text(done.out, "utf-8")
    git(folder, "apply", "--include=.github/*", str(tmp_path / "printed"))
    assert sorted(path.name for path in (folder / ".github/workflows").iterdir()) == ["drill-ml.yml", "rollouts.yml"]
    assert "add these lines under its `repos:`" in done.err and "id: rollout-spec-check-all" in done.out
    again = run("--repo", str(folder), "init", "ml")
    assert (again.status, "is a rollout repository already" in again.err) == (0, True)


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_a_source_can_be_named_later(ci: str, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main", "models")
    folder = tmp_path / "models"
    first = run("--repo", str(folder), "init", "--ci", ci)
    assert (first.status, f"init --ci {ci} --install" in first.err) == (0, True)
    for commit in ("0123abc", "4567def"):
        source = f"git+https://git.example.com/rollout-spec@{commit}"
        done = run("--repo", str(folder), "init", "--ci", ci, "--install", source)
        assert done.status == 1
        (tmp_path / "printed").write_text(done.out, "utf-8")
        git(folder, "apply", str(tmp_path / "printed"))
        assert run("--repo", str(folder), "init", "--ci", ci, "--install", source).status == 0
    jobs = [path.read_text("utf-8") for path in folder.rglob("*.yml") if "rollout_spec" in path.read_text("utf-8")]
    assert len(jobs) == 2 and all(f'"rollout-spec @ {source}"' in job for job in jobs)


@pytest.mark.parametrize(
    ("url", "forge", "repository", "base_url"),
    [
        ("git@github.com:acme/models.git", "github", "acme/models", None),
        ("https://user@gitlab.example.com/acme/ml/models.git", "gitlab", "acme/ml/models", None),
        ("ssh://git@codeberg.org:22/acme/models", "forgejo", "acme/models", "https://codeberg.org"),
        ("https://token@git.example.com:8443/acme/models", "gitea", "acme/models", "https://git.example.com:8443"),
        ("http://127.0.0.1:3000/acme/models.git", "gitea", "acme/models", "http://127.0.0.1:3000"),
    ],
)
def test_the_repository_is_read_from_the_remote(
    url: str, forge: str, repository: str, base_url: str | None, tmp_path: Path
) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "remote", "add", "origin", url)
    assert run("--repo", str(tmp_path), "init", "--minimal", "--forge", forge).status == 0
    settings = yaml.safe_load((tmp_path / ".rollout-spec.yaml").read_text("utf-8"))["spec"]["forge"]
    assert settings["repository"] == repository
    assert settings.get("baseUrl") == base_url
