"""The options that a rollout sets on a target: their problems and their defaults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, cast

from rollout_spec.core.bounded_process import StoppedError
from rollout_spec.core.findings import KeyPath, Problem
from rollout_spec.core.patterns import UnusableError
from rollout_spec.core.text import did_you_mean, excerpt, join_some, nearest
from rollout_spec.core.units import LONGEST_DURATION, parse_duration
from rollout_spec.spec.fields import LEAST_INTEGER, MOST_INTEGER
from rollout_spec.spec.option import Form, Option

Fits = Callable[[str, str], bool]
"""Returns whether a text matches a pattern. Raises ``StoppedError`` or ``UnusableError`` if that is unknown."""
_TYPES: Mapping[str, tuple[type, str]] = {
    "text": (str, "text"),
    "integer": (int, "a whole number"),
    "boolean": (bool, "`true` or `false`"),
    "duration": (str, "a duration"),
    "mapping": (dict, "a mapping"),
}
_MOST_NAMED = 5


class Misfit(NamedTuple):
    """What is wrong with a text. ``known`` is False if it could not be tried: it may fit."""

    message: str
    hint: str | None = None
    known: bool = True


def option_problems(
    options: Mapping[str, Any], known: Mapping[str, Option], at: KeyPath, fits: Fits
) -> Iterator[Problem]:
    """Give the problems with the options that a rollout sets at ``at``."""
    for name, value in options.items():
        option = known.get(name)
        if option is None:
            hint = did_you_mean(name, known) or (
                f"it takes {', '.join(f'`{each}`' for each in sorted(known))}" if known else "it takes none"
            )
            yield Problem((*at, name), f"this target has no option `{name}`", hint, on_key=True)
            continue
        yield from _value_problems(value, option, (*at, name), fits)
    yield from _relation_problems(options, known, at)
    absent = [name for name, option in known.items() if option.required and name not in options]
    misspelt = {nearest(name, absent) for name in options if name not in known} if absent else set()
    for name in absent:
        if name not in misspelt:
            message = f"the option `{name}` is missing: {known[name].description.rstrip('.')}"
            yield Problem(at, message, _form_of(known[name], (*at, name)), on_key=True)


def default_problems(known: Mapping[str, Option], at: KeyPath, fits: Fits) -> Iterator[Problem]:
    """Give the defaults that a rollout could not set itself; ``at`` is where the options are defined."""
    for name, option in known.items():
        if option.default is not None:
            yield from _value_problems(option.default, option, (*at, name, "default"), fits)
        yield from default_problems(option.fields or {}, (*at, name, "fields"), fits)


def _value_problems(value: Any, option: Option, at: KeyPath, fits: Fits) -> Iterator[Problem]:
    python, words = _TYPES[option.type]
    if not isinstance(value, python) or (python is int and isinstance(value, bool)):
        quoted = "quote it" if option.type == "text" and not isinstance(value, dict | list) else None
        yield Problem(at, f"this is {words}, not `{str(value)[:60]}`", quoted or _form_of(option, at))
    elif (place := _too_large(value, at)) is not None:
        yield Problem(place, f"an integer is at most {MOST_INTEGER} (64 bits), and at least {LEAST_INTEGER}")
    elif option.minimum is not None and isinstance(value, int) and value < option.minimum:
        yield Problem(at, f"this is at least {option.minimum}, not `{value}`")
    elif option.maximum is not None and isinstance(value, int) and value > option.maximum:
        yield Problem(at, f"this is at most {option.maximum}, not `{value}`")
    elif option.choices is not None and value not in option.choices:
        yield Problem(
            at,
            f"this is one of {', '.join(f'`{each}`' for each in option.choices)}, not `{str(value)[:60]}`",
            did_you_mean(str(value), option.choices),
        )
    elif option.type == "duration":
        yield from _duration_problems(cast(str, value), at)
    elif option.type == "mapping" and option.fields is not None:
        yield from option_problems(cast("dict[str, Any]", value), option.fields, at, fits)
    elif option.type == "text" and (wrong := misfit(str(value), option, fits)):
        yield Problem(at, wrong.message, wrong.hint)


def _form_of(option: Option, at: KeyPath) -> str | None:
    """Return the fields of a mapping as a hint, None for an option of another type."""
    if option.type != "mapping" or not option.fields:
        return None
    needed = [name for name, field in option.fields.items() if field.required] or list(option.fields)[:1]
    others = [name for name in option.fields if name not in needed]
    more = f"; it also takes {join_some([f'`{name}`' for name in others], _MOST_NAMED)}" if others else ""
    return f"write `{at[-1]}: {{{', '.join(f'{name}: …' for name in needed)}}}`{more}"


def _too_large(value: Any, at: KeyPath) -> KeyPath | None:
    """Return where in a value an integer exceeds 64 bits."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if isinstance(value, int) and not LEAST_INTEGER <= value <= MOST_INTEGER:
        return at
    return next((place for key, each in inside if (place := _too_large(each, (*at, key))) is not None), None)


def misfit(text: str, form: Form, fits: Fits) -> Misfit | None:
    """Return the error of a text that does not have the form, or None if it has."""
    if form.max_length is not None and len(text) > form.max_length:
        return Misfit(f"this has at most {form.max_length:,} characters, and {_shown(text)} has {len(text):,}")
    if form.pattern is None:
        return None
    try:
        if fits(form.pattern, text):
            return None
    except StoppedError as stopped:
        message = f"whether {_shown(text)} matches `{excerpt(form.pattern)}` is not known: {stopped.reason}"
        return Misfit(message, stopped.hint, known=False)
    except UnusableError as error:
        words = f"whether {_shown(text)} matches `{excerpt(form.pattern)}` is not known: {error}"
        return Misfit(words, "mend the pattern in the target's `target.yaml`", known=False)
    return Misfit(f"{_shown(text)} does not fit: {form.message or f'it has to match `{excerpt(form.pattern)}`'}")


def _shown(text: str) -> str:
    return f"`{excerpt(text)}`" if text else "an empty text"


def _relation_problems(options: Mapping[str, Any], known: Mapping[str, Option], at: KeyPath) -> Iterator[Problem]:
    """Compare each integer with the option that bounds it.

    A default that is too large is reported at the bound.
    """
    for name, option in known.items():
        if option.at_most is None:
            continue
        value, most = (options.get(each, known[each].default) for each in (name, option.at_most))
        if not (_is_integer(value) and _is_integer(most) and value > most) or _is_above(value, option):
            continue
        if name in options:
            yield Problem((*at, name), f"this is at most `{option.at_most}`, which is {most}, not `{value}`")
        else:
            words = f"this is at least `{name}`, which is {value} where it is not set, not `{most}`"
            yield Problem((*at, option.at_most), words, f"set `{name}` too")


def _is_above(value: int, option: Option) -> bool:
    return option.maximum is not None and value > option.maximum


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _duration_problems(value: str, at: KeyPath) -> Iterator[Problem]:
    try:
        if parse_duration(value) > LONGEST_DURATION:
            yield Problem(at, "a duration of more than 292 years is too long")
    except ValueError as error:
        yield Problem(at, str(error))


def with_defaults(options: Mapping[str, Any], known: Mapping[str, Option]) -> dict[str, Any]:
    """Return a value for every option: the rollout's, else the default, else None."""
    filled: dict[str, Any] = {}
    for name, option in known.items():
        value = options.get(name, option.default)
        if (
            option.fields is not None
            and (isinstance(value, dict) or value is None)
            and (value is not None or name in options)
        ):
            value = with_defaults(value or {}, option.fields)
        filled[name] = value
    return filled
