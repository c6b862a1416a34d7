"""A token goes to the host of the git remote, and to those that the machine's owner named; a file in git names none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.host import Answer
from fakes.snoop import Snoop
from hosted_repositories import FAKES, TOKEN, Hosted, allow, as_app, hosted, let_in, point_to
from repo import Repo, Result

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.forges import Access, connect, hosts
from rollout_spec.integrations.forges.bound import session
from rollout_spec.integrations.forges.credentials import TOKENS
from rollout_spec.integrations.forges.hosts import AstrayError

pytestmark = pytest.mark.system

COMMANDS = {
    "rollback": ("rollback", "fraud", "--reason", "it is wrong"),
    "advance-dry": ("advance", "fraud", "--dry-run"),
    "advance": ("advance", "fraud"),
    "advance-commit": ("advance", "fraud", "--commit"),
    "withdraw-pull-request": ("withdraw", "fraud", "--pull-request"),
    "doctor": ("doctor",),
    "mirror": ("mirror", "../mirror.git"),
}


@pytest.fixture(params=FAKES)
def place(request: pytest.FixtureRequest, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    """The forge of a clone, on the host of its remote; the owner of the machine named none."""
    let_in(monkeypatch)
    with hosted(request.param, repo.remote) as place:
        point_to(repo, place)
        monkeypatch.delenv(hosts.VARIABLE)
        yield place


@pytest.fixture
def snoop() -> Iterator[Snoop]:
    with Snoop().running() as running:
        yield running


def only(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("place", [kind], indirect=True)


def public(repo: Repo, place: Hosted) -> None:
    """Let git read the remote without a token, as that of a public repository."""
    repo.git("remote", "set-url", "origin", str(repo.remote))
    repo.git("remote", "set-url", "--push", "origin", place.host.clone_url)


def lead_astray(repo: Repo, place: Hosted, snoop: Snoop, *, base: bool) -> None:
    """Check out a branch that says that the forge is elsewhere, and perhaps that it is itself what is live."""
    repo.git("remote", "set-url", "origin", str(repo.remote))
    repo.git("switch", "-q", "-c", "astray")
    repo.edit(".rollout-spec.yaml", f"baseUrl: {place.base_url}", f"baseUrl: {snoop.url}{place.host.root}")
    if base:
        repo.edit(".rollout-spec.yaml", "forge: {type", "forge: {base: astray, type")
    repo.commit("Lead it astray")
    public(repo, place)


def refused(answer: Result, snoop: Snoop) -> bool:
    return f"no token is sent to {snoop.url.removeprefix('http://')}: the git remote is on 127.0.0.1:" in answer.text


@pytest.mark.parametrize("base", [False, True], ids=["checked-out", "base"])
@pytest.mark.parametrize("command", COMMANDS)
@only("gitea")
def test_no_command_goes_where_a_branch_says(repo: Repo, place: Hosted, snoop: Snoop, command: str, base: bool) -> None:
    lead_astray(repo, place, snoop, base=base)
    answer = repo.run(*COMMANDS[command])
    assert snoop.heard == []
    assert TOKEN not in answer.text
    if base and command in ("rollback", "doctor", "withdraw-pull-request"):
        assert refused(answer, snoop), answer.text
    if command.startswith("advance"):
        assert "the forge was not asked when " in answer.err
        assert (answer.status, refused(answer, snoop)) == (0, True), answer.text


@pytest.mark.parametrize("is_app", [False, True], ids=["token", "app"])
def test_a_rollback_of_such_a_base_is_refused_and_says_how_to_allow_it(
    repo: Repo, place: Hosted, snoop: Snoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_app: bool
) -> None:
    if is_app:
        as_app(tmp_path / "app.pem", monkeypatch)
        if place.kind != "github":
            monkeypatch.setenv("ROLLOUT_SPEC_TOKEN", TOKEN)
    lead_astray(repo, place, snoop, base=True)
    answer = repo.run(*COMMANDS["rollback"])
    assert (answer.status, refused(answer, snoop)) == (2, True), answer.text
    host = snoop.url.removeprefix("http://")
    assert f"`git config --global --add rollout-spec.forgeHost {host}`" in answer.err
    assert f"${hosts.VARIABLE}" in answer.err
    assert snoop.heard == []


@only("gitea")
def test_a_rollback_from_such_a_branch_goes_to_the_forge_of_the_base(repo: Repo, place: Hosted, snoop: Snoop) -> None:
    lead_astray(repo, place, snoop, base=False)
    answer = repo.breach("42")
    assert (answer.status, len(place.host.pulls), snoop.heard) == (0, 1, []), answer.text


def test_on_the_host_of_the_remote_nothing_is_named(repo: Repo, place: Hosted) -> None:
    assert repo.breach("42").status == 0
    assert len(place.host.pulls) == 1


@only("gitea")
def test_a_branch_that_moves_the_forge_is_found(repo: Repo, place: Hosted, snoop: Snoop) -> None:
    lead_astray(repo, place, snoop, base=True)
    answer = repo.run("check", "--base", "main", "--format", "json")
    found = [(each["name"], each["path"][-1]) for each in json.loads(answer.out)["findings"]]
    assert (answer.status, found) == (1, [("forge-unchanged", "base"), ("forge-unchanged", "baseUrl")])
    assert snoop.heard == []


# What the owner of the machine names


def by_path(repo: Repo) -> None:
    repo.git("remote", "set-url", "origin", str(repo.remote))


@only("gitea")
def test_a_remote_on_this_disk_is_on_no_host(repo: Repo, place: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    by_path(repo)
    answer = repo.breach("42")
    assert answer.status == 2
    assert f"no token is sent to {place.host.url[7:]}: the git remote has no host" in answer.err
    assert place.host.asked == []
    allow(monkeypatch, "git.example.com", place.host.url)
    assert repo.breach("42").status == 0


@only("gitlab")
def test_git_names_hosts_in_the_configuration_of_the_clone(repo: Repo, place: Hosted) -> None:
    by_path(repo)
    repo.git("config", "--add", "rollout-spec.forgeHost", "git.example.com")
    assert repo.breach("42").status == 2
    repo.git("config", "--add", "rollout-spec.forgeHost", place.host.url.removeprefix("http://"))
    assert repo.breach("42").status == 0


@only("github")
def test_git_names_hosts_in_the_configuration_of_the_owner(
    repo: Repo, place: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_path(repo)
    (tmp_path / "more").write_text(f"[rollout-spec]\n\tforgeHost = {place.host.url}\n")
    (tmp_path / "config").write_text(f"[include]\n\tpath = {tmp_path / 'more'}\n")
    assert repo.breach("42").status == 2
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    assert repo.breach("42").status == 0


@only("gitea")
def test_a_file_in_the_tree_names_none(
    repo: Repo, place: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_path(repo)
    repo.write(".gitconfig", f"[rollout-spec]\n\tforgeHost = {place.host.url}\n")
    repo.commit("Name it")
    repo.git("config", "include.path", "../.gitconfig")
    assert repo.git("config", "rollout-spec.forgeHost") == place.host.url
    assert repo.breach("42").status == 2
    linked = tmp_path / "linked"
    repo.git("worktree", "add", "-q", str(linked))
    assert Repo(linked, repo.remote, clock=repo.clock).breach("42").status == 2
    repo.git("config", "rollout-spec.forgeHost", place.host.url)
    assert Repo(linked, repo.remote, clock=repo.clock).breach("42").status == 0
    assert place.host.asked != []


@only("gitea")
def test_what_git_itself_would_push_to_is_the_remote(repo: Repo, place: Hosted, snoop: Snoop) -> None:
    """The workspace may choose among the remotes of a clone; where they are is the owner's configuration."""
    public(repo, place)
    repo.git("config", f"url.{snoop.url}/.insteadOf", f"{place.host.url}/")
    answer = repo.breach("42")
    assert (answer.status, place.host.asked) == (2, [])
    assert f"no token is sent to {place.host.url[7:]}: the git remote is on {snoop.url[7:]}" in answer.err


@pytest.mark.parametrize(
    ("kind", "remote", "base_url", "goes"),
    [
        ("github", "https://github.com/a/b", None, True),
        ("github", "git@github.com:a/b.git", None, True),
        ("github", "org-1234@github.com:a/b.git", None, True),
        ("github", "ssh://git@github.com/a/b", None, True),
        ("github", "ssh://git@ssh.github.com:443/a/b", None, True),
        ("github", "git@ghe.example.com:a/b", "https://ghe.example.com/api/v3", True),
        ("github", "ssh://git@ghe.example.com:7999/a/b", "https://api.ghe.example.com", True),
        ("github", "https://ghe.example.com:8443/a/b", "https://ghe.example.com:8443/api/v3", True),
        ("github", "git@acme.ghe.com:a/b", "https://api.acme.ghe.com", True),
        ("gitlab", "git@gitlab.com:a/b", None, True),
        ("gitlab", "ssh://git@altssh.gitlab.com:443/a/b", None, True),
        ("gitea", "ssh://git@[::1]:2222/a/b", "https://[::1]/api/v1", True),
        ("gitea", "https://git.example.com:443/a/b", "https://git.example.com/api/v1", True),
        ("gitea", "https://GIT.example.com/a/b", "https://git.EXAMPLE.com", True),
        ("github", "https://github.com.evil.example/a/b", None, False),
        ("github", "https://github.com@evil.example/a/b", None, False),
        ("github", "https://github.com/a/b", "https://evil.example/api/v3", False),
        ("github", "https://github.com/a/b", "https://api.evil.example", False),
        ("github", "https://github.com/a/b", "https://api.github.com.evil.example", False),
        ("github", "https://github.com/a/b", "https://github.com:8443", False),
        ("github", "git@github.com:a/b", "https://api.github.com:8443", False),
        ("github", "git@git.example.com:a/b", None, False),
        ("github", "git@api.github.com:a/b", "https://github.com", False),
        ("github", "/srv/github.com/b.git", None, False),
        ("github", "./github.com:a/b.git", None, False),
        ("github", "file:///github.com/b.git", None, False),
        ("github", "file://github.com/b.git", None, False),
        ("github", "ext::ssh github.com", None, False),
        ("github", "evil::https://github.com/a/b", None, False),
        ("github", "http://github.com/a/b", None, False),
        ("gitlab", "git@gitlab.com:a/b", "https://api.gitlab.com", False),
        ("gitlab", "https://git.example.com/a/b", "https://git.example.com:8443", False),
        ("gitlab", "git@git.example.com:a/b", "https://git.example.com:8443", False),
        ("gitea", "http://127.0.0.1:3000/a/b", "http://127.0.0.1:3001", False),
        ("gitea", "http://127.0.0.1:3000/a/b", "https://127.0.0.1:3000", False),
        ("gitea", "https://127.0.0.1:3000/a/b", "http://127.0.0.1:3000", False),
        ("gitea", "ssh://127.0.0.1/a/b", "http://127.0.0.1:3000", False),
    ],
)
def test_the_host_of_the_remote_is_that_of_the_api(
    kind: str, remote: str, base_url: str | None, goes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLOUT_SPEC_TOKEN", TOKEN)
    access = Access(remote, "acme/models", base_url, lambda _, __: False)
    if goes:
        assert connect(kind, access)
        return
    with pytest.raises(UserError, match="no token is sent to ") as caught:
        connect(kind, access)
    assert caught.value.status == 2


@pytest.mark.parametrize("kind", TOKENS)
@pytest.mark.parametrize(
    "url",
    [
        r"https://git.example.com\@evil.example",
        r"https://git.example.com\.evil.example",
        "https://git.example.com%2eevil.example",
        "https://git.example.com\n.evil.example",
        "https://git.exampLe.com\t",
        "https://git.exam\u017fple.com",
        "https://git.example.com:0",
        "https:git.example.com",
        "ftp://git.example.com",
    ],
)
def test_what_two_parsers_may_read_differently_is_no_address(
    kind: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLOUT_SPEC_TOKEN", TOKEN)
    with pytest.raises(UserError, match=r"`forge\.baseUrl` is not the address of an API"):
        connect(kind, Access("https://git.example.com/a/b", "acme/models", url, lambda _, __: False))


@pytest.mark.parametrize(
    ("named", "base_url", "goes"),
    [
        ("git.example.com", "https://git.example.com", True),
        ("https://git.example.com/", "https://git.example.com:443", True),
        ("a.example.com, git.example.com:8443", "https://git.example.com:8443", True),
        ("[::1]:3000", "http://[::1]:3000", True),
        ("git.example.com", "https://git.example.com:8443", False),
        ("git.example.com:8443", "https://git.example.com", False),
        ("example.com", "https://git.example.com", False),
        ("http://127.0.0.1:3000", "https://127.0.0.1:3000", False),
        ("127.0.0.1", "http://127.0.0.1:3000", False),
    ],
)
def test_a_host_is_named_with_its_port(named: str, base_url: str, goes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLOUT_SPEC_TOKEN", TOKEN)
    by_variable = Access("/srv/b.git", "acme/models", base_url, lambda _, __: False)
    by_git = Access("/srv/b.git", "acme/models", base_url, lambda _, __: False, lambda: named.split(", "))
    with pytest.raises(UserError):
        connect("gitea", by_variable)
    if goes:
        assert connect("gitea", by_git)
        monkeypatch.setenv(hosts.VARIABLE, named)
        assert connect("gitea", by_variable)
    else:
        with pytest.raises(UserError, match="no token is sent to "):
            connect("gitea", by_git)


@pytest.mark.parametrize("named", ["*.example.com", "git.example.com/path", "user@host", "host:0", "ssh://host"])
def test_a_name_that_is_no_host_is_told(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLOUT_SPEC_TOKEN", TOKEN)
    monkeypatch.setenv(hosts.VARIABLE, named)
    with pytest.raises(UserError, match=r"\$ROLLOUT_SPEC_FORGE_HOSTS names `.*`, which is not a host"):
        connect("github", Access("/srv/b.git", "acme/models", None, lambda _, __: False))


# A forge that sends us on


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_not_followed(repo: Repo, place: Hosted, snoop: Snoop, status: int) -> None:
    place.host.failures = [Answer(status, {}, {"Location": f"{snoop.url}{place.host.root}/x"})] * 99
    answer = repo.breach("42")
    assert answer.status == 3, answer.text
    assert snoop.heard == []


@only("gitlab")
def test_a_next_page_on_another_host_is_not_read(
    repo: Repo, place: Hosted, snoop: Snoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no redirect: the library asks for it with all that it shows of itself."""
    place.host.failures = [Answer(200, [], {"Link": f'<{snoop.url}/x>; rel="next"'})]
    answer = repo.breach("42")
    assert (answer.status, snoop.heard) == (3, [])
    assert f"it redirects to {snoop.url[7:]}, but the token is only for {place.host.url[7:]}" in answer.err


def test_a_redirect_on_the_host_itself_keeps_the_token(
    place: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    place.host.failures = [Answer(307, {}, {"Location": f"{place.base_url}/moved"})]
    session(TOKEN, place.base_url).get(f"{place.base_url}/old")
    shown = [request.headers.get("authorization") for request, _ in place.host.asked]
    assert shown == [f"Bearer {TOKEN}"] * 2


def test_a_session_speaks_to_one_origin(snoop: Snoop) -> None:
    with pytest.raises(
        AstrayError, match=r"it redirects to 127\.0\.0\.1:.*, but the token is only for git\.example\.com"
    ):
        session(TOKEN, "https://git.example.com/api").get(snoop.url)
    assert snoop.heard == []
