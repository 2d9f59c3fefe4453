"""Evaluations, curve and results of measures, which an opened file shows without a model."""

from __future__ import annotations

from typing import Any

from circuitviz.document import Document
from circuitviz.formats.parts.measure_results import check_measure, curve_point_schema, evaluation_schema
from circuitviz.formats.parts.registry import DocumentPart, FileContents, parts
from circuitviz.formats.schemas import any_value, list_of, mapping_of

AGREEMENT = "agreement"  # of re-labelling rounds in earlier versions; kept without checks


class MeasurementsPart(DocumentPart):
    """``evaluations`` by ``State.measurement_key``, ``curve``, and results of the longer ``measures``."""

    keys = ("evaluations", "curve", "measures")

    def write(self, document: Document) -> dict[str, Any]:
        """All measurements of the document."""
        return {"evaluations": document.evaluations, "curve": document.curve, "measures": document.measures}

    def attach(self, contents: FileContents, document: Document) -> None:
        """Check and store all measurements."""
        list_of(curve_point_schema)(contents.manifest["curve"], "curve")
        document.curve = [dict(entry) for entry in contents.manifest["curve"]]
        measures = contents.get("measures", {})
        mapping_of(any_value)(measures, "measures")
        for name, measure in measures.items():
            if name != AGREEMENT:
                check_measure(name, measure)
        document.measures = dict(measures)
        mapping_of(evaluation_schema)(contents.manifest["evaluations"], "evaluations")
        for key, numbers in contents.manifest["evaluations"].items():
            document.store_evaluation(key, numbers)


parts.register("numbers", summary="evaluations and curve")(MeasurementsPart())
