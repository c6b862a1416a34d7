"""A token goes to the forge that it is for, by a way on which nobody reads it, and to git for the forge's own host."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.forges import FORGES, Access, connect, credential
from rollout_spec.integrations.forges import http as transport
from rollout_spec.integrations.forges import text as wording
from rollout_spec.integrations.forges.credentials import TOKENS, Credential, find_token

pytestmark = pytest.mark.system

TOKEN = "s3cret-t0ken"


def access(
    remote: str = "https://git.example.com/acme/models.git",
    base_url: str | None = None,
    repository: str | None = "acme/models",
) -> Access:
    return Access(remote, repository, base_url, lambda _, __: False)


@pytest.fixture
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLOUT_SPEC_TOKEN", TOKEN)


@pytest.mark.usefixtures("_token")
@pytest.mark.parametrize(
    ("kind", "remote", "base_url", "shown"),
    [
        ("github", "https://github.com/acme/models.git", None, "https://github.com"),
        ("github", "https://GitHub.com/acme/models", None, "https://GitHub.com"),
        ("github", "https://me@github.com/acme/models", None, "https://github.com"),
        ("github", "https://ghe.example.com/a/b.git", "https://ghe.example.com/api/v3", "https://ghe.example.com"),
        ("github", "https://acme.ghe.com/a/b", "https://api.acme.ghe.com", "https://acme.ghe.com"),
        ("gitlab", "https://gitlab.com/acme/models.git", None, "https://gitlab.com"),
        ("gitlab", "https://git.example.com:8443/a/b", "https://git.example.com:8443", "https://git.example.com:8443"),
        ("gitea", "https://codeberg.org/a/b", "https://codeberg.org:443/api/v1", "https://codeberg.org"),
        ("gitea", "http://127.0.0.1:3000/a/b", "http://127.0.0.1:3000/api/v1", "http://127.0.0.1:3000"),
        ("github", "git@github.com:acme/models.git", None, None),
        ("github", "ssh://git@github.com/acme/models.git", None, None),
        ("github", "/srv/models.git", None, None),
        ("github", "file:///srv/models.git", None, None),
        ("github", "https://github.com.evil.example/acme/models", None, None),
        ("github", "https://evil.example/github.com/models", None, None),
        ("github", "https://github.com@evil.example/acme/models", None, None),
        ("github", "http://github.com/acme/models", None, None),
        ("github", "https://github.com:8443/acme/models", "https://github.com/api/v3", None),
        ("gitlab", "https://mirror.example.com/a/b", "https://gitlab.example.com", None),
        ("local", "https://github.com/acme/models.git", None, None),
        ("github", "https://[::1/a", None, None),
    ],
)
def test_git_is_shown_a_token_for_the_forges_own_host(
    kind: str, remote: str, base_url: str | None, shown: str | None
) -> None:
    found = credential(kind, access(remote, base_url))
    assert (found.url if found else None) == shown
    assert found is None or (found.password == TOKEN and TOKEN not in repr(found))


def test_without_a_token_git_is_shown_nothing() -> None:
    assert credential("github", access("https://github.com/acme/models.git")) is None


@pytest.mark.usefixtures("_token")
@pytest.mark.parametrize("kind", TOKENS)
@pytest.mark.parametrize(
    ("base_url", "told"),
    [
        ("http://git.example.com/api", "the token would be sent to git.example.com unencrypted"),
        ("https://user:pass@git.example.com", "`forge.baseUrl` is not the address of an API"),
        ("https://git.example.com/api?token=x", "`forge.baseUrl` is not the address of an API"),
        ("https://git.example.com/#x", "`forge.baseUrl` is not the address of an API"),
        ("https://git.example.com:99999/", "`forge.baseUrl` is not the address of an API"),
        ("https:///api", "`forge.baseUrl` is not the address of an API"),
    ],
)
def test_an_address_that_would_give_the_token_away_is_refused(kind: str, base_url: str, told: str) -> None:
    with pytest.raises(UserError, match=told) as caught:
        connect(kind, access(base_url=base_url))
    assert "pass" not in str(caught.value)


@pytest.mark.usefixtures("_token")
@pytest.mark.parametrize("kind", TOKENS)
@pytest.mark.parametrize(
    "name",
    [None, "", "models", "acme/", "/models", "acme/../x", "acme/..", "a/b?x", "a/b#c", "a b/c", "a/%2e%2e", "-a/b"],
)
def test_a_name_that_is_none_of_a_repository_is_refused(kind: str, name: str | None) -> None:
    with pytest.raises(UserError, match="is not the name of a repository"):
        connect(kind, access(base_url="https://git.example.com", repository=name))


@pytest.mark.usefixtures("_token")
@pytest.mark.parametrize("kind", ["github", "gitea"])
def test_only_gitlab_has_groups_in_groups(kind: str) -> None:
    nested = access(base_url="https://git.example.com", repository="acme/ml/models")
    with pytest.raises(UserError, match=r"is not a Git[A-Za-z]+ repository"):
        connect(kind, nested)
    assert connect("gitlab", nested)


def test_gitea_has_no_address_of_its_own() -> None:
    with pytest.raises(UserError, match="a gitea forge has no default address"):
        connect("gitea", access())


@pytest.mark.parametrize("kind", TOKENS)
def test_the_first_variable_that_holds_a_token_counts(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_token(kind) is None
    for name in reversed(TOKENS[kind]):
        monkeypatch.setenv(name, f" {name}\n")
        assert find_token(kind) == name
    monkeypatch.setenv("ROLLOUT_SPEC_TOKEN", " ")
    assert find_token(kind) == TOKENS[kind][1]


@pytest.mark.parametrize("kind", TOKENS)
def test_without_a_token_the_variables_are_named(kind: str) -> None:
    with pytest.raises(UserError, match=f"no token for {kind}") as caught:
        connect(kind, access(base_url="https://git.example.com"))
    assert all(f"${name}" in (caught.value.hint or "") for name in TOKENS[kind])


@pytest.mark.parametrize("token", ["s3cret\nX-Other: 1", "s3cret é", "two w0rds"])
def test_what_can_be_no_token_is_refused_and_not_shown(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLOUT_SPEC_TOKEN", token)
    with pytest.raises(UserError, match=r"\$ROLLOUT_SPEC_TOKEN contains characters that no token has") as caught:
        find_token("github")
    assert "s3cret" not in str(caught.value)
    assert "w0rds" not in str(caught.value)


@pytest.mark.parametrize(("kind", "library"), [("github", "github"), ("gitlab", "gitlab"), ("gitea", "requests")])
def test_a_library_that_is_not_installed_is_named(kind: str, library: str) -> None:
    """In a process of its own, that has loaded nothing yet."""
    program = f"""
import sys
sys.modules[{library!r}] = None
from rollout_spec.core.errors import UserError
from rollout_spec.integrations.forges import Access, connect
try:
    url = "https://git.example.com"
    connect({kind!r}, Access(url, "acme/models", url, lambda _, __: False))
except UserError as error:
    print(error.message, "|", error.hint)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert f"need the Python module `{library}`" in done.stdout
    assert f"| pip install 'rollout-spec[{kind}]'" in done.stdout


def test_a_forge_loads_its_own_library_alone() -> None:
    program = """
import sys
from rollout_spec.integrations.forges import Access, connect
for kind in sys.argv[2:]:
    connect(kind, Access(sys.argv[1], "acme/models", "https://git.example.com", lambda _, __: False))
print(*sorted({"github", "gitlab", "requests", "jwt"} & sys.modules.keys()))
"""

    def loaded(*kinds: str) -> str:
        remote = "/" if "local" in kinds else "https://git.example.com/acme/models.git"
        done = subprocess.run(
            [sys.executable, "-c", program, remote, *kinds],
            env={"ROLLOUT_SPEC_TOKEN": TOKEN, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    assert loaded() == ""
    assert loaded("local") == ""
    assert loaded("gitea") == "requests"
    assert loaded("gitlab") == "gitlab requests"


def test_there_is_a_token_for_each_forge_but_the_local_one() -> None:
    assert {*FORGES} == {"local", *TOKENS}
    assert "x" not in repr(Credential("https://a", "b", "x"))


@given(
    st.text(max_size=20), st.integers(min_value=120, max_value=300), st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True)
)
def test_a_body_is_cut_to_its_length_and_keeps_its_marker(text: str, longest: int, key: str) -> None:
    whole = wording.marked(text * 40, key)
    cut = wording.body(whole, longest)
    assert len(cut) <= longest
    assert cut.rstrip().endswith(wording.marker(key))
    assert cut == whole or f"*Cut here: the forge allows {longest} characters.*" in cut


def test_a_rate_limit_that_says_when_is_waited_for_and_one_that_does_not_is_not() -> None:
    patience = transport.patience()
    assert patience.is_retry("POST", 403, has_retry_after=True)
    assert not patience.is_retry("POST", 403)
    assert not patience.is_retry("POST", 422, has_retry_after=True)
