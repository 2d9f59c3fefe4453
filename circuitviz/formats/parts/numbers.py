"""What was measured: opening a file shows its numbers without a model."""

from __future__ import annotations

from typing import Any

from circuitviz.errors import InputError
from circuitviz.formats.parts.registry import Opened, Part, parts
from circuitviz.session import Document


class NumbersPart(Part):
    """``evaluations`` by the key of the state they belong to, ``curve``, and the longer ``measures``."""

    keys = ("evaluations", "curve", "measures")

    def write(self, document: Document) -> dict[str, Any]:
        """As they were measured."""
        return {
            "evaluations": document.evaluations,
            "curve": document.curve,
            "measures": document.measures,
        }

    def attach(self, opened: Opened, document: Document) -> None:
        """Numbers that are numbers: the window shows them as they are."""
        curve = opened.manifest["curve"]
        document.curve = [_numbers(point, "asked edges value low high") for point in curve]
        measures = dict(opened.get("measures", {}))
        document.measures = {str(name): dict(found) for name, found in measures.items()}
        for key, numbers in dict(opened.manifest["evaluations"]).items():
            _numbers(numbers["faithfulness"], "value low high")
            _numbers(numbers["metric"], "circuit model ablated")
            _numbers(numbers["setting"], "prompts")
            document.remember(str(key), {**numbers, "edges": int(numbers["edges"])})


def _numbers(given: dict[str, Any], keys: str) -> dict[str, Any]:
    """A dict whose named values are numbers, or unknown."""
    for key in keys.split():
        if not isinstance(given[key], int | float | None):
            raise InputError(f"its '{key}' is {given[key]!r}, which is no number")
    return dict(given)


parts.register("numbers", summary="evaluations and curve")(NumbersPart())
