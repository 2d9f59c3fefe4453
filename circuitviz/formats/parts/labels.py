"""What a person said of nodes, edges, groups and classes, with the evidence for it."""

from __future__ import annotations

from typing import Any

from circuitviz.errors import InputError
from circuitviz.formats.label_rows import colour_of, confidence_of, evidence_dict, evidence_of
from circuitviz.formats.parts.registry import Opened, Part, parts
from circuitviz.formats.schemas import anything, each, named, record, text
from circuitviz.session import Document, Label
from circuitviz.session.labels import known


class LabelsPart(Part):
    """``labels``: target → text (the role), colour, note, confidence, author, evidence, extra."""

    keys = ("labels",)

    def write(self, document: Document) -> dict[str, Any]:
        """All labels, by what they speak of."""
        return {"labels": {target: label_dict(label) for target, label in document.state.labels.items()}}

    def state(self, opened: Opened) -> dict[str, Any]:
        """Labels of what the graph has."""
        given = opened.manifest["labels"]
        for target in given:
            if not known(opened.graph, target):
                raise InputError(f"it labels '{target}', which its model does not have")
        return {"labels": {target: label_of(given[target]) for target in given}}


def label_dict(label: Label) -> dict[str, Any]:
    """A label as JSON has it."""
    return {
        "text": label.text,
        "colour": label.colour,
        "note": label.note,
        "confidence": label.confidence,
        "author": label.author,
        "evidence": [evidence_dict(e) for e in label.evidence],
        "extra": dict(label.extra),
    }


def label_of(given: Any) -> Label:
    """A label from JSON."""
    record(
        {"text": text, "colour": text},
        {"note": text, "author": text, "evidence": each(anything), "extra": named(anything)},
    )(given, "label")
    return Label(
        given["text"],
        colour_of(given["colour"]),
        given.get("note", ""),
        confidence_of(given.get("confidence")),
        given.get("author", ""),
        tuple(evidence_of(e) for e in given.get("evidence", [])),
        given.get("extra", {}),
    )


parts.register("labels", summary="what a person said of the parts")(LabelsPart())
