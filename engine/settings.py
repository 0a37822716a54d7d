"""Settings of methods: numbers and choices with limits, one error sentence, and what a form needs to ask for them."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import BadParameter


@dataclass(frozen=True)
class Setting:
    """One number a person may set on a method. `default` None means: chosen from the data."""

    name: str
    title: str
    help: str
    low: float
    high: float
    default: float | None = None
    whole: bool = True

    def checked(self, value: Any, thing: str) -> Any:
        """The value as a number (int where it is whole) within the limits, else BadParameter."""
        number = isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
        if not number or not self.low <= value <= self.high or (self.whole and value != int(value)):
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
        """The value when it is one of the options, else BadParameter."""
        if not isinstance(value, str) or value not in self.options:
            raise BadParameter(self.name, thing, "one of " + ", ".join(self.options), value)
        return value


AnySetting = Setting | Choice


def checked_settings(known: Sequence[AnySetting], given: Mapping[str, Any], thing: str) -> dict[str, Any]:
    """The given settings, each within its limits; BadParameter for one that `thing` does not have."""
    by_name = {setting.name: setting for setting in known}
    unknown = sorted(set(given) - set(by_name))
    if unknown:
        raise BadParameter("setting", thing, "one of " + (", ".join(by_name) or "none"), unknown[0])
    return {name: by_name[name].checked(value, thing) for name, value in given.items()}


def all_settings(known: Sequence[AnySetting], given: Mapping[str, Any], thing: str) -> dict[str, Any]:
    """Every setting of `thing`: as given, else its default, which may be None."""
    return {setting.name: setting.default for setting in known} | checked_settings(known, given, thing)
