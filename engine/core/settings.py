"""Settings of methods: numbers and choices with limits, one error sentence, and the texts a form needs."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.errors import BadParameter


def is_whole(value: object) -> bool:
    """Whether the value is an integer of Python or NumPy, and not a bool."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether the value is an integer or a float of Python or NumPy, and not a bool."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def check_whole(name: str, thing: str, value: object, low: int, high: int) -> int:
    """The value, an int from `low` to `high`, else BadParameter; neither a bool nor a number of NumPy is one."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadParameter(name, thing, f"a whole number from {low} to {high}", value)
    return value


def check_number(name: str, thing: str, value: object, low: float, high: float) -> None:
    """BadParameter unless the value is a finite int or float from `low` to `high`."""
    real = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not real or not _within(value, low, high):
        raise BadParameter(name, thing, f"a number from {low:g} to {high:g}", value)


def _within(value: Any, low: float, high: float) -> bool:
    """Whether a number is finite and from `low` to `high`; compared first, as a huge int has no float to ask."""
    return low <= value <= high and math.isfinite(value)


def check_switch(name: str, thing: str, value: object) -> None:
    """BadParameter unless the value is True or False."""
    if not isinstance(value, bool):
        raise BadParameter(name, thing, "true or false", value)


def check_text(name: str, thing: str, value: object) -> None:
    """BadParameter unless the value is a text."""
    if not isinstance(value, str):
        raise BadParameter(name, thing, "a text", type(value).__name__)


@dataclass(frozen=True)
class Setting:
    """A numeric setting of a method. `default` None means: chosen from the data."""

    name: str
    title: str
    help: str
    low: float
    high: float
    default: float | None = None
    whole: bool = True
    also: str = ""  # its name in papers and other libraries, if different

    def checked(self, value: Any, thing: str) -> Any:
        """The value as a number (int if it is whole) within the limits, else BadParameter."""
        number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if not number or not _within(value, self.low, self.high) or (self.whole and value != int(value)):
            kind, form = ("a whole number", ".0f") if self.whole else ("a number", "g")
            raise BadParameter(self.name, thing, f"{kind} from {self.low:{form}} to {self.high:{form}}", value)
        return int(value) if self.whole else float(value)


@dataclass(frozen=True)
class Choice:
    """One choice among named options; `options` maps each name to its title."""

    name: str
    title: str
    help: str
    options: Mapping[str, str]
    default: str

    def checked(self, value: Any, thing: str) -> str:
        """The value if it is one of the options, else BadParameter."""
        if not isinstance(value, str) or value not in self.options:
            raise BadParameter(self.name, thing, "one of " + ", ".join(self.options), value)
        return value


AnySetting = Setting | Choice
Value = float | str
Options = tuple[tuple[str, Value], ...]
_CALL = re.compile(r"(?P<name>[a-z0-9-]+)(?:\((?P<options>[^()]*)\))?")
_WORD = re.compile(r"(?!nan$|inf$|infinity$)[a-z][a-z0-9-]*")


def parse_call(text: str, what: str, whole: str, example: str) -> tuple[str, Options]:
    """Split a method with settings into its name and the settings, with numbers converted and names kept as text.

    >>> parse_call("lsh(tables=20,bits=8)", "method", "a recipe", "lsh(bits=8)")
    ('lsh', (('tables', 20), ('bits', 8)))

    Raises:
        BadParameter: the {what} of {whole} is not written like `example`, a value is neither a finite number nor a
        name, or a setting is given twice.
    """
    match = _CALL.fullmatch(text.strip())
    if not match:
        raise BadParameter(what, whole, f"written like {example.partition('(')[0]} or {example}", text)
    thing, options = f"the {what} {match['name']}", dict[str, Value]()
    for part in filter(None, (match["options"] or "").split(",")):
        name, equals, value = (word.strip() for word in part.partition("="))
        if not equals:
            raise BadParameter("setting", thing, "written name=value", part)
        if name in options:
            raise BadParameter(name, thing, "given once", part.strip())
        options[name] = _value(name, value, thing)
    return match["name"], tuple(options.items())


def split_calls(text: str) -> list[str]:
    """The parts between commas outside of brackets.

    >>> split_calls("exact, lsh(bits=8,tables=20)")
    ['exact', 'lsh(bits=8,tables=20)']
    """
    return [part.strip() for part in re.split(r",(?![^()]*\))", text) if part.strip()]


def print_call(name: str, options: Options) -> str:
    """The inverse of `parse_call`, like `lsh(bits=8,tables=20)`."""
    shown = ",".join(f"{key}={value if isinstance(value, str) else format(value, '.10g')}" for key, value in options)
    return f"{name}({shown})" if shown else name


def _value(name: str, text: str, thing: str) -> Value:
    if _WORD.fullmatch(text):
        return text
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadParameter(name, thing, "a number or a name", text)
    return int(number) if number == int(number) else number


def checked_settings(known: Sequence[AnySetting], given: Mapping[str, Any], thing: str) -> dict[str, Any]:
    """The given settings, each within its limits; BadParameter for a setting that `thing` does not have."""
    by_name = {setting.name: setting for setting in known}
    unknown = sorted(set(given) - set(by_name))
    if unknown:
        raise BadParameter("setting", thing, "one of " + (", ".join(by_name) or "none"), unknown[0])
    return {name: by_name[name].checked(value, thing) for name, value in given.items()}


def all_settings(known: Sequence[AnySetting], given: Mapping[str, Any], thing: str) -> dict[str, Any]:
    """Every setting of `thing`: the given value, else its default, which may be None."""
    return {setting.name: setting.default for setting in known} | checked_settings(known, given, thing)
