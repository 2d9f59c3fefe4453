"""What was made of parts that the circuit does not have now, as heads whose site is opened into features."""

from __future__ import annotations

from typing import Any

from circuitviz.document import Document
from circuitviz.document.detached_annotations import DetachedAnnotations
from circuitviz.errors import InputError
from circuitviz.formats.parts.groups import group_from_json, group_to_json
from circuitviz.formats.parts.labels import label_from_json, label_to_json
from circuitviz.formats.parts.positions import parse_position
from circuitviz.formats.parts.registry import DocumentPart, FileContents, parts


class DetachedAnnotationsPart(DocumentPart):
    """``aside``: labels, positions and groups, each as the part of that name, of nodes that are not there."""

    keys = ("aside",)

    def write(self, document: Document) -> dict[str, Any]:
        """All of it, as it will come back."""
        kept = document.state.detached
        made = {
            "labels": {target: label_to_json(label) for target, label in kept.labels.items()},
            "positions": {name: list(at) for name, at in kept.positions.items()},
            "groups": {name: group_to_json(group) for name, group in kept.groups.items()},
        }
        return {"aside": {name: what for name, what in made.items() if what}}

    def state(self, opened: FileContents) -> dict[str, Any]:
        """Names are not held against the graph, which does not have them."""
        given = opened.get("aside", {})
        labels, positions, groups = (given.get(name, {}) for name in ("labels", "positions", "groups"))
        made = DetachedAnnotations(
            {target: label_from_json(label) for target, label in labels.items()},
            {name: parse_position(at) for name, at in positions.items()},
            {
                name: group_from_json(name, group, _check_names(group["nodes"]))
                for name, group in groups.items()
            },
        )
        return {"detached": made}


def _check_names(given: Any) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise InputError("a group that stands aside is of nodes that are no names")
    return given


parts.register("aside", summary="what was made of parts that are not shown")(DetachedAnnotationsPart())
