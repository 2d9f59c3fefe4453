"""Options of a method as one frozen dataclass, from which form, flags and help text are made."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from circuitviz.errors import InputError, suggest_name


@dataclass(frozen=True)
class NoOptions:
    """The options of what has none."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option as a form or a flag shows it.

    Attributes:
        name: Name of the dataclass field.
        kind: Its type.
        default: Its default.
        help: One line of help.
        low: Smallest value, inclusive.
        high: Largest value, inclusive.
        choices: The values that are allowed.
        above: Exclusive lower bound.
    """

    name: str
    kind: type
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] | None = None
    above: float | None = None

    @property
    def flag(self) -> str:
        """The option's name on the command line: ``use_bos`` is ``--use-bos``."""
        return "--" + self.name.replace("_", "-")

    def parse(self, raw_value: object) -> Any:
        """A text or value as this option's type, within its bounds.

        Raises:
            InputError: It does not fit; the message names the flag, the value and what would be right.
        """
        try:
            value = _convert_value(raw_value, self.kind)
        except (TypeError, ValueError):
            raise InputError(
                f"{self.flag} was given {raw_value!r}; it takes {_kind_in_words(self.kind)}, "
                f"for example {self.default!r}."
            ) from None
        if self.choices is not None and value not in self.choices:
            raise InputError(
                f"{self.flag} was given {raw_value!r}; it takes one of {', '.join(self.choices)}."
                + suggest_name(str(value), self.choices)
            )
        below = self.low is not None and not value >= self.low
        above = self.high is not None and not value <= self.high
        if below or above or (self.above is not None and not value > self.above):
            raise InputError(f"{self.flag} was given {raw_value!r}; it must be {self.bounds}.")
        return value

    @property
    def bounds(self) -> str:
        """The bounds in words: ``at least 1``, ``from 0 to 1``, or an empty string."""
        if self.low is not None and self.high is not None:
            return f"from {self.low:g} to {self.high:g}"
        if self.above is not None:
            return f"above {self.above:g}"
        if self.low is not None:
            return f"at least {self.low:g}"
        return f"at most {self.high:g}" if self.high is not None else ""


def option(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
    above: float | None = None,
) -> Any:
    """Declare one field of an options dataclass.

    Args:
        default: Its default.
        help: One line of help.
        low: Smallest value, inclusive.
        high: Largest value, inclusive.
        choices: The values that are allowed.
        above: Exclusive lower bound.
    """
    metadata = {"help": help, "low": low, "high": high, "choices": choices, "above": above}
    return dataclasses.field(default=default, metadata=metadata)


def describe_options(options_class: type) -> tuple[Option, ...]:
    """The options that a dataclass declares, in order."""
    kinds = get_type_hints(options_class)
    return tuple(
        Option(field.name, kinds[field.name], field.default, **field.metadata)
        for field in dataclasses.fields(options_class)
        if "help" in field.metadata
    )


def build_options(options_class: type, raw_values: Mapping[str, object]) -> Any:
    """Make an options dataclass from texts or values; names may be written with ``-`` or ``_``.

    Raises:
        InputError: A name does not exist, or a value does not fit.
    """
    known = {entry.name: entry for entry in describe_options(options_class)}
    values = {}
    for name, value in raw_values.items():
        entry = known.get(name.replace("-", "_"))
        if entry is None:
            there_is = ", ".join(e.flag for e in known.values()) or "nothing"
            raise InputError(
                f"There is no option '{name}' here; there is {there_is}."
                + suggest_name(name.replace("-", "_"), known)
            )
        values[entry.name] = entry.parse(value)
    return options_class(**values)


def options_to_dict(options: Any) -> dict[str, Any]:
    """The chosen values, ready for JSON."""
    return dataclasses.asdict(options)


def _convert_value(raw_value: object, kind: type) -> Any:
    if kind is bool:
        if isinstance(raw_value, bool):
            return raw_value
        answers = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if str(raw_value).lower() not in answers:
            raise ValueError(raw_value)
        return answers[str(raw_value).lower()]
    if kind is int and isinstance(raw_value, float) and not raw_value.is_integer():
        raise ValueError(raw_value)
    return kind(raw_value)


def _kind_in_words(kind: type) -> str:
    return {int: "a whole number", float: "a number", bool: "true or false"}.get(kind, "a word")
