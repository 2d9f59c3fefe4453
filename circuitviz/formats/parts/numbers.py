"""What was measured: opening a file shows its numbers without a model."""

from __future__ import annotations

from typing import Any

from circuitviz.formats.parts.registry import Opened, Part, parts
from circuitviz.formats.parts.results import check_measure, evaluation, point
from circuitviz.formats.schemas import anything, each, named
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
        each(point)(opened.manifest["curve"], "curve")
        document.curve = [dict(entry) for entry in opened.manifest["curve"]]
        measures = opened.get("measures", {})
        named(anything)(measures, "measures")
        for name, found in measures.items():
            check_measure(name, found)
        document.measures = dict(measures)
        named(evaluation)(opened.manifest["evaluations"], "evaluations")
        for key, numbers in opened.manifest["evaluations"].items():
            document.remember(key, numbers)


parts.register("numbers", summary="evaluations and curve")(NumbersPart())
