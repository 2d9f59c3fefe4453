"""What a person said of the nodes."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from circuitviz.errors import InputError
from circuitviz.formats.parts.registry import Opened, Part, parts
from circuitviz.session import Document, Label


class LabelsPart(Part):
    """``labels``: node → text and colour."""

    keys = ("labels",)

    def write(self, document: Document) -> dict[str, Any]:
        """All labels, by node."""
        return {"labels": {n: dataclasses.asdict(x) for n, x in document.state.labels.items()}}

    def state(self, opened: Opened) -> dict[str, Any]:
        """Labels of nodes that the graph has."""
        given = opened.manifest["labels"]
        return {"labels": {name: _label(given[name]) for name in opened.nodes(given)}}


def _label(given: dict[str, Any]) -> Label:
    colour = str(given["colour"])
    if not re.fullmatch("#[0-9a-fA-F]{6}", colour):
        raise InputError(f"a label's colour is {colour!r}")
    return Label(str(given["text"]), colour)


parts.register("labels", summary="what a person said of the nodes")(LabelsPart())
