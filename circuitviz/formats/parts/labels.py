"""What a person said of nodes, edges, groups and classes, with the evidence for it."""

from __future__ import annotations

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
        """All labels, by what they speak of."""
        return {"labels": {target: label_to_json(label) for target, label in document.state.labels.items()}}

    def state(self, opened: FileContents) -> dict[str, Any]:
        """Labels of what the graph has."""
        given = opened.manifest["labels"]
        for target in given:
            if not is_valid_target(opened.graph, target):
                raise InputError(f"it labels '{target}', which its model does not have")
        return {"labels": {target: label_from_json(given[target]) for target in given}}


def label_to_json(label: Label) -> dict[str, Any]:
    """A label as JSON has it."""
    return {
        "text": label.text,
        "colour": label.colour,
        "note": label.note,
        "confidence": label.confidence,
        "author": label.author,
        "evidence": [evidence_to_json(e) for e in label.evidence],
        "extra": dict(label.extra),
    }


def label_from_json(given: Any) -> Label:
    """A label from JSON."""
    record_of(
        {"text": any_text, "colour": any_text},
        {
            "note": any_text,
            "author": any_text,
            "evidence": list_of(any_value),
            "extra": mapping_of(any_value),
        },
    )(given, "label")
    return Label(
        given["text"],
        check_colour(given["colour"]),
        given.get("note", ""),
        check_confidence(given.get("confidence")),
        given.get("author", ""),
        tuple(evidence_from_json(e) for e in given.get("evidence", [])),
        given.get("extra", {}),
    )


parts.register("labels", summary="what a person said of the parts")(LabelsPart())
