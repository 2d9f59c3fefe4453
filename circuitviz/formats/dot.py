"""Graphviz's DOT, styled like ACDC's figures: rounded boxes, pen width by effect, q, k and v coloured.

DOT files are only written: a general parser needs minutes for the 32,491 edges of GPT-2 small, and tools that
exchange circuits have GraphML, CSV and JSON for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from circuitviz.document import Document
from circuitviz.errors import InputError
from circuitviz.formats.circuit_listing import Scalar, list_circuit
from circuitviz.formats.file_io import write_atomically
from circuitviz.formats.graphml import to_networkx
from circuitviz.formats.registry import formats

TRAILING_BACKSLASH = re.compile(r'\\(?=["\n]|\Z)')  # which Graphviz does not read
CHANNEL_COLOURS = {"q": "#7c3aed", "k": "#0d9488", "v": "#b45309", "": "#475569"}
MAX_LAYOUT_EDGES = 2000  # edges that Graphviz's dot lays out in reasonable time


def warn_many_edges(number: int) -> str:
    """A warning where Graphviz's ``dot`` would take minutes for so many edges; else empty."""
    if number <= MAX_LAYOUT_EDGES:
        return ""
    return (
        f"This DOT file holds {number:,} edges; Graphviz's dot takes minutes or more above "
        f"{MAX_LAYOUT_EDGES:,}: draw it with sfdp, or export a smaller circuit."
    )


class DotFormat:
    """A digraph for Graphviz; further attributes hold values that are not drawn."""

    suffix = ".dot"
    reads = False
    writes = True

    def write(self, document: Document, path: Path) -> None:
        """Write the circuit; ablated nodes and edges are dotted."""
        graph = to_networkx(list_circuit(document))
        strongest = max((abs(d["score"]) for *_, d in graph.edges(data=True)), default=0.0) or 1.0
        warning = warn_many_edges(graph.number_of_edges())
        lines = [f"// {warning}"] if warning else []
        lines += ["digraph circuit {", "  rankdir=BT;", "  node [shape=box, style=rounded];"]
        lines += [f"  {key}={_quote(value)};" for key, value in graph.graph.items()]
        for name, attributes in graph.nodes(data=True):
            text = attributes.get("label")
            full_label = name if text is None else f"{name}\n{text}"
            drawn_attributes = {
                "label": _escape_label(full_label),
                "text": text,
                **_without_key(attributes, "label"),
            }
            drawn_attributes |= {"style": "rounded,dotted"} if attributes.get("ablated") else {}
            lines.append(f"  {_quote(name)} {_format_attributes(drawn_attributes)};")
        for sender, node, attributes in graph.edges(data=True):
            drawn_attributes = {
                "penwidth": f"{0.5 + 4 * abs(attributes['score']) / strongest:.2f}",
                "style": "dotted"
                if "live" in attributes
                else "solid"
                if attributes["score"] >= 0
                else "dashed",
                "color": CHANNEL_COLOURS[attributes["channel"]],
                "label": attributes["channel"],
                **_without_key(attributes, "channel"),
            }
            lines.append(f"  {_quote(sender)} -> {_quote(node)} {_format_attributes(drawn_attributes)};")
        write_atomically(path, ("\n".join([*lines, "}"]) + "\n").encode())

    def read(self, path: Path) -> Document:
        """Raise InputError: DOT files are only written."""
        raise InputError(f"'{path.name}' cannot be read: DOT files are only written.")


formats.register("dot", summary="Graphviz", warning=warn_many_edges)(DotFormat())


def _without_key(attributes: Mapping[str, Scalar], key: str) -> dict[str, Scalar]:
    return {k: v for k, v in attributes.items() if k != key}


def _format_attributes(attributes: Mapping[str, Scalar | None]) -> str:
    return f"[{', '.join(f'{k}={_quote(v)}' for k, v in attributes.items() if v is not None)}]"


def _quote(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f'"{value!r}"'
    return '"' + TRAILING_BACKSLASH.sub(r"\\u005c", value).replace('"', '\\"') + '"'


def _escape_label(text: str) -> str:
    """Escape a label's backslashes, which begin Graphviz's escapes, and ``&``, which begins HTML entities."""
    return text.replace("\\", "\\\\").replace("&", "&amp;").replace("\n", "\\n")
