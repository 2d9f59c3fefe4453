"""Labels of nodes, edges, groups and classes, with their evidence."""

from __future__ import annotations

import dataclasses
from typing import Any

from circuitviz.document import Document, Label
from circuitviz.document.labels import is_valid_target
from circuitviz.errors import InputError
from circuitviz.formats.label_rows import check_colour, check_confidence, evidence_from_json, evidence_to_json
from circuitviz.formats.parts.registry import DocumentPart, FileContents, parts
from circuitviz.formats.schemas import any_text, any_value, list_of, mapping_of, record_of


class LabelsPart(DocumentPart):
    """``labels``: target → text (the role), colour, note, confidence, author, evidence, extra."""

    keys = ("labels",)

    def write(self, document: Document) -> dict[str, Any]:
        """All labels by target."""
        return {"labels": {target: label_to_json(label) for target, label in document.state.labels.items()}}

    def state(self, contents: FileContents) -> dict[str, Any]:
        """Labels, whose targets have to be in the graph."""
        labels = contents.manifest["labels"]
        for target in labels:
            if not is_valid_target(contents.graph, target):
                raise InputError(f"it labels '{target}', which its model does not have")
        return {"labels": {target: label_from_json(labels[target]) for target in labels}}


def label_to_json(label: Label) -> dict[str, Any]:
    """A label as JSON data."""
    values = {field.name: getattr(label, field.name) for field in dataclasses.fields(label)}
    return {**values, "evidence": [evidence_to_json(e) for e in label.evidence], "extra": dict(label.extra)}


def label_from_json(data: Any) -> Label:
    """A label from JSON data.

    Raises:
        InputError: A value is invalid.
    """
    optional = {"note": any_text, "author": any_text, "evidence": list_of(any_value)}
    record_of({"text": any_text, "colour": any_text}, {**optional, "extra": mapping_of(any_value)})(
        data, "label"
    )
    return Label(
        data["text"],
        check_colour(data["colour"]),
        data.get("note", ""),
        check_confidence(data.get("confidence")),
        data.get("author", ""),
        tuple(evidence_from_json(e) for e in data.get("evidence", [])),
        data.get("extra", {}),
    )


parts.register("labels", summary="what a person said of the parts")(LabelsPart())
