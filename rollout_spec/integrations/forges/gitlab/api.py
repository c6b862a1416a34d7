"""A client of GitLab with bounded retries, and its errors without secrets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gitlab
from gitlab.exceptions import GitlabError
from requests import Response
from requests.exceptions import RequestException

from rollout_spec.core.budget import spending
from rollout_spec.integrations.forges.bound import session
from rollout_spec.integrations.forges.credentials import Access
from rollout_spec.integrations.forges.http import TIMEOUT, refusal, unreachable, useless

PERMISSIONS = "the token needs the scopes `api` and `write_repository`, and the role Developer or higher in the project"


class _Client(gitlab.Gitlab):
    """A client without its own retries, which have no time limit. The session's retries have one."""

    def http_request(self, *args: Any, **kwargs: Any) -> Response:
        return super().http_request(*args, **{**kwargs, "max_retries": 0, "obey_rate_limit": False})


def connected(access: Access, token: str) -> gitlab.Gitlab:
    """Return a client without a request."""
    address = access.address("gitlab")
    return _Client(
        address,
        session=session(token, address),
        timeout=TIMEOUT,
        per_page=100,
        user_agent="rollout-spec",
        keep_base_url=True,  # the next page is on the same host, whatever the server calls itself
    )


@contextmanager
def answers(action: str, *, secret: str) -> Iterator[None]:
    """Raise the errors of python-gitlab as ForgeError, without secrets."""
    try:
        with spending():
            yield
    except GitlabError as error:
        code, message = error.response_code or 0, error.error_message
        raise refusal("gitlab", action, code, message, secret=secret, needs=PERMISSIONS) from None
    except (RequestException, OSError) as error:
        raise unreachable("gitlab", action, error, secret=secret) from None
    except (KeyError, ValueError, TypeError, AttributeError, AssertionError) as error:
        raise useless("gitlab", action, error, secret=secret) from None
