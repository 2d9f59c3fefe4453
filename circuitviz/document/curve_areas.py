"""Text for the areas under a faithfulness curve; imports no torch, so that the window shows it at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from circuitviz.number_text import decimal_number

AREA_TITLES = {"cpr": "CPR", "cmd": "CMD", "cpr_clipped": "CPR clipped"}


def describe_areas(result: Mapping[str, Any]) -> list[str]:
    """Describe CPR, CMD and clipped CPR of a result of the measure ``curve``, each with its interval.

    A curve that ends before the whole model has no areas, as where a method was asked to score only some of
    the edges. A result with areas and no ``areas`` was measured by a version that counted from share 0 and
    selected edges greedily, which differs from MIB's definition, as the text states.
    """
    if "areas" not in result:
        if "cpr" not in result:
            return ["no CPR and CMD: not all edges were scored, so the curve does not reach the whole model"]
        values = f"CPR {_format_number(result.get('cpr'))}, CMD {_format_number(result.get('cmd'))}"
        return [f"{values} by an earlier rule, not MIB's"]
    return [f"{text} {_format_interval(result['areas'][name])}" for name, text in AREA_TITLES.items()]


def _format_interval(interval: Mapping[str, float | None]) -> str:
    low, high = interval["low"], interval["high"]
    bounds = "" if low is None or high is None else f" [{_format_number(low)}, {_format_number(high)}]"
    return f"{_format_number(interval['value'])}{bounds}"


def _format_number(value: float | None) -> str:
    return "undefined" if value is None or not math.isfinite(value) else decimal_number(value, 3)
