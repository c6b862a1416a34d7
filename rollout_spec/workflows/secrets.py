"""Secrets, read from their places at each use. No message has a value."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping

from rollout_spec.core import redaction
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt
from rollout_spec.integrations.forges.credentials import APP, TOKENS
from rollout_spec.spec.secret import SecretPlace

INBOX = "ROLLOUT_SPEC_INBOX"
"""The variable with the address of the inbox, which may have a password."""
_MOST_BYTES = 64 * 1024
_NOT_SECRETS = ("/proc/", "/sys/", "/dev/")


def read_available(places: Iterable[SecretPlace]) -> tuple[tuple[str, ...], UserError | None]:
    """Return the secrets at those places that can be read, and the error of the first one that cannot."""
    secrets, errors = list[str](), list[UserError]()
    for place in places:
        try:
            secrets.append(read_secret(place))
        except UserError as error:
            errors.append(error)
    return tuple(secrets), next(iter(errors), None)


def read_secret(place: SecretPlace, environment: Mapping[str, str] | None = None) -> str:
    """Return the secret at a place. UserError if it is missing, empty or unreadable."""
    _refuse_own(place)
    if place.env is not None:
        name, value = place.env, (os.environ if environment is None else environment).get(place.env)
        if value is None:
            raise UserError(f"the environment variable {excerpt(name)} is not set", hint="it must hold a secret")
        return _checked(value, f"the environment variable {excerpt(name)}")
    assert place.file is not None
    return _checked(_read(place.file), f"the file {excerpt(place.file)}")


def _refuse_own(place: SecretPlace) -> None:
    """Refuse the tokens of forges and the address of the inbox.

    A workspace chooses the hosts that its secrets are sent to, so that one merged line would give them away.
    """
    own = {name for names in TOKENS.values() for name in names} | {*APP, INBOX}
    path = os.path.realpath(place.file.replace("\0", "")) if place.file is not None else ""
    app_key = os.environ.get("GITHUB_APP_PRIVATE_KEY_FILE", "")
    if place.env in own or path.startswith(_NOT_SECRETS) or (app_key and path == os.path.realpath(app_key)):
        name = place.env or place.file or ""
        raise UserError(
            f"{excerpt(name)} is not for a workspace: it is a credential of the service itself",
            hint="use another variable or file for each secret of a workspace",
        )


def _checked(value: str, name: str) -> str:
    if not value.strip():
        raise UserError(f"{name} is empty", hint="it must hold a secret")
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise UserError(f"{name} is not UTF-8", hint="it must hold a secret")
    redaction.learn(value)
    return value


def _read(path: str) -> str:
    """Return the text of a regular file, without its last line end."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a named pipe would wait for a writer
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the path is invalid"
        raise UserError(f"cannot read the secret in {excerpt(path)}: {reason}") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UserError(f"cannot read the secret in {excerpt(path)}: not a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"cannot read the secret in {excerpt(path)}: {error.strerror}") from None
    finally:
        os.close(descriptor)
    if len(content) > _MOST_BYTES:
        raise UserError(f"cannot read the secret in {excerpt(path)}: more than {_MOST_BYTES:,} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise UserError(f"cannot read the secret in {excerpt(path)}: not UTF-8") from None
    return text.removesuffix("\n").removesuffix("\r")
