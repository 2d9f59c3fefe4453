"""What JSON of a document has to look like, checked when it is read: panels and pictures draw it later.

A schema is a function that raises InputError in a half sentence, with the place, where a value is another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from circuitviz.errors import InputError

Schema = Callable[[Any, str], None]
MAX_NUMBER = 3.4e38  # of 32-bit floats, in which models compute
MAX_COUNT = 2**31 - 1
MAX_SEED = 2**63 - 1
MAX_QUOTE_LENGTH = 60  # characters


def schema_error(value: Any, place: str, right: str) -> InputError:
    """The error of a value at a place, as ``measures.curve.points[2].value``."""
    return InputError(f"its {place} is {str(value)[:MAX_QUOTE_LENGTH]!r}; {right} would be right")


def is_drawable_number(value: Any) -> bool:
    """Whether a value is a finite number of a size that can be drawn."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and abs(value) <= MAX_NUMBER


def finite_number(value: Any, place: str) -> None:
    """A finite number."""
    if not is_drawable_number(value):
        raise schema_error(value, place, "a number")


def any_number(value: Any, place: str) -> None:
    """A number, which may be infinite or undefined where a method divides by nothing."""
    if not isinstance(value, float) or math.isfinite(value):
        finite_number(value, place)


def integer_between(low: int = 0, high: int = MAX_COUNT) -> Schema:
    """A whole number from ``low`` to ``high``."""

    def check(value: Any, place: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise schema_error(value, place, f"a whole number from {low:,} to {high:,}")

    return check


def any_text(value: Any, place: str) -> None:
    """A text."""
    if not isinstance(value, str):
        raise schema_error(value, place, "a text")


def boolean(value: Any, place: str) -> None:
    """Yes or no."""
    if not isinstance(value, bool):
        raise schema_error(value, place, "true or false")


def any_value(value: Any, place: str) -> None:
    """Whatever JSON holds."""


def any_scalar(value: Any, place: str) -> None:
    """A text, a number, yes, no or nothing."""
    if value is not None and not isinstance(value, str | bool) and not is_drawable_number(value):
        raise schema_error(value, place, "a text or a number")


def optional_value(schema: Schema) -> Schema:
    """Null, or what the schema says."""

    def check(value: Any, place: str) -> None:
        if value is not None:
            schema(value, place)

    return check


def either_of(one: Schema, other: Schema) -> Schema:
    """What one schema says, or the other."""

    def check(value: Any, place: str) -> None:
        try:
            one(value, place)
        except InputError:
            other(value, place)

    return check


def list_of(schema: Schema) -> Schema:
    """A list."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, list):
            raise schema_error(value, place, "a list")
        for i, entry in enumerate(value):
            schema(entry, f"{place}[{i}]")

    return check


def mapping_of(schema: Schema) -> Schema:
    """An object with any names."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise schema_error(value, place, "an object")
        for name, entry in value.items():
            schema(entry, f"{place}.{name[:MAX_QUOTE_LENGTH]}")

    return check


def record_of(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """An object with these names, and perhaps some more; other names hold anything."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise schema_error(value, place, "an object")
        for name, schema in required.items():
            if name not in value:
                raise InputError(f"its {place} has no '{name}'")
            schema(value[name], f"{place}.{name}")
        for name, schema in (optional or {}).items():
            if name in value:
                schema(value[name], f"{place}.{name}")

    return check


def with_rule(schema: Schema, holds: Callable[[Any], bool], right: str) -> Schema:
    """What the schema says, and what it cannot say of each value by itself."""

    def check(value: Any, place: str) -> None:
        schema(value, place)
        if not holds(value):
            raise schema_error(value, place, right)

    return check


optional_number = optional_value(finite_number)
any_count = integer_between()
INTERVAL_FIELDS = {"value": optional_number, "low": optional_number, "high": optional_number}
interval_schema = with_rule(
    record_of(INTERVAL_FIELDS),
    lambda v: (v["low"] is None) == (v["high"] is None),
    "an interval with both ends or none",
)
