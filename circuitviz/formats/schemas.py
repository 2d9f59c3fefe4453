"""What JSON of a document has to look like, checked when it is read: panels and pictures draw it later.

A schema is a function that raises InputError in a half sentence, with the place, where a value is another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from circuitviz.errors import InputError

Schema = Callable[[Any, str], None]
LARGEST_NUMBER = 3.4e38  # of 32-bit floats, in which models compute
LARGEST_COUNT = 2**31 - 1
LARGEST_SEED = 2**63 - 1
LONGEST_QUOTE = 60  # characters


def fail(value: Any, place: str, right: str) -> InputError:
    """The error of a value at a place, as ``measures.curve.points[2].value``."""
    return InputError(f"its {place} is {str(value)[:LONGEST_QUOTE]!r}; {right} would be right")


def is_number(value: Any) -> bool:
    """Whether a value is a finite number of a size that can be drawn."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and abs(value) <= LARGEST_NUMBER


def number(value: Any, place: str) -> None:
    """A finite number."""
    if not is_number(value):
        raise fail(value, place, "a number")


def real(value: Any, place: str) -> None:
    """A number, which may be infinite or undefined where a method divides by nothing."""
    if not isinstance(value, float) or math.isfinite(value):
        number(value, place)


def whole(low: int = 0, high: int = LARGEST_COUNT) -> Schema:
    """A whole number from ``low`` to ``high``."""

    def check(value: Any, place: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise fail(value, place, f"a whole number from {low:,} to {high:,}")

    return check


def text(value: Any, place: str) -> None:
    """A text."""
    if not isinstance(value, str):
        raise fail(value, place, "a text")


def truth(value: Any, place: str) -> None:
    """Yes or no."""
    if not isinstance(value, bool):
        raise fail(value, place, "true or false")


def anything(value: Any, place: str) -> None:
    """Whatever JSON holds."""


def scalar(value: Any, place: str) -> None:
    """A text, a number, yes, no or nothing."""
    if value is not None and not isinstance(value, str | bool) and not is_number(value):
        raise fail(value, place, "a text or a number")


def optional(schema: Schema) -> Schema:
    """Null, or what the schema says."""

    def check(value: Any, place: str) -> None:
        if value is not None:
            schema(value, place)

    return check


def either(one: Schema, other: Schema) -> Schema:
    """What one schema says, or the other."""

    def check(value: Any, place: str) -> None:
        try:
            one(value, place)
        except InputError:
            other(value, place)

    return check


def each(schema: Schema) -> Schema:
    """A list."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, list):
            raise fail(value, place, "a list")
        for i, entry in enumerate(value):
            schema(entry, f"{place}[{i}]")

    return check


def named(schema: Schema) -> Schema:
    """An object with any names."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise fail(value, place, "an object")
        for name, entry in value.items():
            schema(entry, f"{place}.{name[:LONGEST_QUOTE]}")

    return check


def record(needed: Mapping[str, Schema], more: Mapping[str, Schema] | None = None) -> Schema:
    """An object with these names, and perhaps some more; other names hold anything."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise fail(value, place, "an object")
        for name, schema in needed.items():
            if name not in value:
                raise InputError(f"its {place} has no '{name}'")
            schema(value[name], f"{place}.{name}")
        for name, schema in (more or {}).items():
            if name in value:
                schema(value[name], f"{place}.{name}")

    return check


def rule(schema: Schema, holds: Callable[[Any], bool], right: str) -> Schema:
    """What the schema says, and what it cannot say of each value by itself."""

    def check(value: Any, place: str) -> None:
        schema(value, place)
        if not holds(value):
            raise fail(value, place, right)

    return check


maybe = optional(number)
count = whole()
BETWEEN = {"value": maybe, "low": maybe, "high": maybe}
interval = rule(
    record(BETWEEN),
    lambda v: (v["low"] is None) == (v["high"] is None),
    "an interval with both ends or none",
)
