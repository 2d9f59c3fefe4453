"""Schemas of a document's JSON, checked on reading, so that panels and figures can rely on it.

A schema is a function of a value and its location that raises InputError, with half a sentence, where the
value does not match.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from circuitviz.errors import InputError
from circuitviz.graph.limits import is_bounded_number, is_whole_number

Schema = Callable[[Any, str], None]
MAX_COUNT = 2**31 - 1
MAX_QUOTE_LENGTH = 60  # characters


def schema_error(value: Any, location: str, expected: str) -> InputError:
    """The error for a value at a location such as ``measures.curve.points[2].value``."""
    return InputError(f"its {location} is {str(value)[:MAX_QUOTE_LENGTH]!r}; {expected} would be right")


def finite_number(value: Any, location: str) -> None:
    """A finite number."""
    if not is_bounded_number(value):
        raise schema_error(value, location, "a number")


def any_number(value: Any, location: str) -> None:
    """A number, which may be infinite or NaN where a method divides by 0."""
    if not isinstance(value, float) or math.isfinite(value):
        finite_number(value, location)


def integer_between(minimum: int = 0, maximum: int = MAX_COUNT) -> Schema:
    """A whole number from ``minimum`` to ``maximum``."""

    def check(value: Any, location: str) -> None:
        if not is_whole_number(value, minimum, maximum):
            raise schema_error(value, location, f"a whole number from {minimum:,} to {maximum:,}")

    return check


def any_text(value: Any, location: str) -> None:
    """A text."""
    if not isinstance(value, str):
        raise schema_error(value, location, "a text")


def boolean(value: Any, location: str) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise schema_error(value, location, "true or false")


def any_value(value: Any, location: str) -> None:
    """Any JSON value."""


def any_scalar(value: Any, location: str) -> None:
    """A text, a number, true, false or null."""
    if value is not None and not isinstance(value, str | bool) and not is_bounded_number(value):
        raise schema_error(value, location, "a text or a number")


def optional_value(schema: Schema) -> Schema:
    """Null, or a value of a schema."""

    def check(value: Any, location: str) -> None:
        if value is not None:
            schema(value, location)

    return check


def either_of(first: Schema, second: Schema) -> Schema:
    """A value of either schema."""

    def check(value: Any, location: str) -> None:
        try:
            first(value, location)
        except InputError:
            second(value, location)

    return check


def list_of(schema: Schema) -> Schema:
    """A list with entries of a schema."""

    def check(value: Any, location: str) -> None:
        if not isinstance(value, list):
            raise schema_error(value, location, "a list")
        for i, entry in enumerate(value):
            schema(entry, f"{location}[{i}]")

    return check


def mapping_of(schema: Schema) -> Schema:
    """An object with any names and values of a schema."""

    def check(value: Any, location: str) -> None:
        if not isinstance(value, dict):
            raise schema_error(value, location, "an object")
        for name, entry in value.items():
            schema(entry, f"{location}.{name[:MAX_QUOTE_LENGTH]}")

    return check


def record_of(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """An object with required and optional fields; further fields are not checked."""

    def check(value: Any, location: str) -> None:
        if not isinstance(value, dict):
            raise schema_error(value, location, "an object")
        for name, schema in required.items():
            if name not in value:
                raise InputError(f"its {location} has no '{name}'")
            schema(value[name], f"{location}.{name}")
        for name, schema in (optional or {}).items():
            if name in value:
                schema(value[name], f"{location}.{name}")

    return check


def with_rule(schema: Schema, is_valid: Callable[[Any], bool], expected: str) -> Schema:
    """A value of a schema that also satisfies a condition, such as one between fields."""

    def check(value: Any, location: str) -> None:
        schema(value, location)
        if not is_valid(value):
            raise schema_error(value, location, expected)

    return check


optional_number = optional_value(finite_number)
any_count = integer_between()
INTERVAL_FIELDS = {"value": optional_number, "low": optional_number, "high": optional_number}
interval_schema = with_rule(
    record_of(INTERVAL_FIELDS),
    lambda v: (v["low"] is None) == (v["high"] is None),
    "an interval with both ends or none",
)
