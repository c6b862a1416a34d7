"""Secrets, read from their places at each use. No message has a value."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping

from rollout_spec.core import redaction
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt
from rollout_spec.spec.secret import SecretPlace

_MOST_BYTES = 64 * 1024


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
    if place.env is not None:
        name, value = place.env, (os.environ if environment is None else environment).get(place.env)
        if value is None:
            raise UserError(f"the environment variable {excerpt(name)} is not set", hint="it must hold a secret")
        return _checked(value, f"the environment variable {excerpt(name)}")
    assert place.file is not None
    return _checked(_read(place.file), f"the file {excerpt(place.file)}")


def _checked(value: str, name: str) -> str:
    if not value.strip():
        raise UserError(f"{name} is empty", hint="it must hold a secret")
    redaction.learn(value)
    return value


def _read(path: str) -> str:
    """Return the text of a regular file, without its last line end."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a named pipe would wait for a writer
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the path is invalid"
        raise UserError(f"cannot read the secret in {excerpt(path)}: {reason}") from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UserError(f"cannot read the secret in {excerpt(path)}: not a regular file")
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise UserError(f"cannot read the secret in {excerpt(path)}: more than {_MOST_BYTES:,} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise UserError(f"cannot read the secret in {excerpt(path)}: not UTF-8") from None
    return text.removesuffix("\n").removesuffix("\r")
