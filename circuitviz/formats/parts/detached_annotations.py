"""Annotations of nodes that the circuit does not show at present, such as heads shown as features."""

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
    """``aside``: labels, positions and groups in the form of their own parts."""

    keys = ("aside",)

    def write(self, document: Document) -> dict[str, Any]:
        """All detached annotations, without empty sections."""
        detached = document.state.detached
        sections = {
            "labels": {target: label_to_json(label) for target, label in detached.labels.items()},
            "positions": {name: list(position) for name, position in detached.positions.items()},
            "groups": {name: group_to_json(group) for name, group in detached.groups.items()},
        }
        return {"aside": {name: section for name, section in sections.items() if section}}

    def state(self, contents: FileContents) -> dict[str, Any]:
        """Detached annotations; their names are not checked, since the graph does not have them."""
        sections = contents.get("aside", {})
        labels, positions, groups = (sections.get(name, {}) for name in ("labels", "positions", "groups"))
        detached = DetachedAnnotations(
            {target: label_from_json(label) for target, label in labels.items()},
            {name: parse_position(position) for name, position in positions.items()},
            {
                name: group_from_json(name, group, _check_names(group["nodes"]))
                for name, group in groups.items()
            },
        )
        return {"detached": detached}


def _check_names(names: Any) -> list[str]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError("a group that stands aside is of nodes that are no names")
    return names


parts.register("aside", summary="what was made of parts that are not shown")(DetachedAnnotationsPart())
