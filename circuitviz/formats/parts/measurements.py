"""What was measured: opening a file shows its numbers without a model."""

from __future__ import annotations

from typing import Any

from circuitviz.document import Document
from circuitviz.formats.parts.measure_results import check_measure, curve_point_schema, evaluation_schema
from circuitviz.formats.parts.registry import DocumentPart, FileContents, parts
from circuitviz.formats.schemas import any_value, list_of, mapping_of

AGREEMENT = "agreement"  # of blind re-labelling rounds, which earlier versions had: carried along unread


class MeasurementsPart(DocumentPart):
    """``evaluations`` by the key of the state they belong to, ``curve``, and the longer ``measures``."""

    keys = ("evaluations", "curve", "measures")

    def write(self, document: Document) -> dict[str, Any]:
        """As they were measured."""
        return {
            "evaluations": document.evaluations,
            "curve": document.curve,
            "measures": document.measures,
        }

    def attach(self, opened: FileContents, document: Document) -> None:
        """Numbers that are numbers: the window shows them as they are."""
        list_of(curve_point_schema)(opened.manifest["curve"], "curve")
        document.curve = [dict(entry) for entry in opened.manifest["curve"]]
        measures = opened.get("measures", {})
        mapping_of(any_value)(measures, "measures")
        for name, found in measures.items():
            if name != AGREEMENT:
                check_measure(name, found)
        document.measures = dict(measures)
        mapping_of(evaluation_schema)(opened.manifest["evaluations"], "evaluations")
        for key, numbers in opened.manifest["evaluations"].items():
            document.store_evaluation(key, numbers)


parts.register("numbers", summary="evaluations and curve")(MeasurementsPart())
