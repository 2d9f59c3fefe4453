"""Edges and nodes as CSV, for spreadsheets and data frames; both files together hold the whole circuit."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from circuitviz.document import Document
from circuitviz.errors import InputError
from circuitviz.formats.circuit_listing import (
    SPANS_KEY,
    CircuitListing,
    ListedEdge,
    Scalar,
    build_document,
    is_ablated,
    list_circuit,
    parse_attribute,
)
from circuitviz.formats.csv_cells import describe_repeated_column, format_csv, unescape_formula
from circuitviz.formats.file_io import read_text, write_atomically
from circuitviz.formats.registry import formats
from circuitviz.graph.scores import SIGN_KEY

EDGES_SUFFIX, NODES_SUFFIX = ".csv", ".nodes.csv"
MAX_ROWS, MAX_COLUMNS = 2_500_000, 256
EDGE_COLUMNS = ("sender", "receiver", "channel", "score", "ablated", "live")
LEADING_NODE_COLUMNS = ("node", "kind", "layer", "head", "label", "label_colour", "x", "y")


class EdgeTableFormat:
    """``sender, receiver, channel, score, ablated, live`` per line, the strongest first.

    ``ablated`` is true for edges that are ablated themselves, ``live`` for those of the circuit without
    ablated nodes and edges.

    Labels, positions and the model's shape are read from the table of nodes in the same folder
    (``a.nodes.csv`` for ``a.csv``); without it, the model is the smallest that has the nodes.
    """

    suffix = EDGES_SUFFIX
    reads = True
    writes = True

    def write(self, document: Document, path: Path) -> None:
        """Write the circuit's edges."""
        edges = sorted(list_circuit(document).edges, key=lambda e: -abs(e.score or 0.0))
        rows = [
            (e.sender, e.receiver, e.channel, *map(_format_cell, (e.score, e.ablated, e.live))) for e in edges
        ]
        write_atomically(path, _encode_table(EDGE_COLUMNS, rows))

    def read(self, path: Path) -> Document:
        """Read a circuit."""
        nodes_path = path.with_name(path.name[: -len(EDGES_SUFFIX)] + NODES_SUFFIX)
        model_attributes, nodes = _read_nodes(nodes_path) if nodes_path.is_file() else ({}, {})
        header, rows = _read_rows(path)
        if not {"sender", "receiver"} <= set(header):
            raise InputError(
                f"'{path.name}' is no table of edges: its columns are {', '.join(header)[:80] or 'none'}; "
                "sender, receiver and score would be right."
            )
        columns = {name: index for index, name in enumerate(header)}
        sender, receiver = columns["sender"], columns["receiver"]
        scored, ablated = columns.get("score"), columns.get("ablated")
        edges: dict[tuple[str, str], ListedEdge] = {}
        for number, row in rows:
            ends = unescape_formula(row[sender]), unescape_formula(row[receiver])
            if ends in edges:
                problem = f"the edge '{'->'.join(ends)[:80]}' is there twice"
                raise InputError(f"'{path.name}', line {number}: {problem}.")
            try:
                score = float(parse_attribute("score", row[scored] or "0")) if scored is not None else 0.0
            except InputError as error:
                raise InputError(f"'{path.name}', line {number}: {error}.") from None
            is_ablated_edge = ablated is not None and is_ablated({"ablated": row[ablated]})
            edges[ends] = ListedEdge(*ends, (), score, is_ablated_edge)
        try:
            return build_document(CircuitListing(model_attributes, nodes, tuple(edges.values())))
        except (InputError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"'{path.name}': {str(error).rstrip('.')}.") from None


class NodeTableFormat:
    """A row per node of the circuit: kind, label, position, whether it is ablated, the model's shape."""

    suffix = NODES_SUFFIX
    reads = True
    writes = True

    def write(self, document: Document, path: Path) -> None:
        """Write the circuit's nodes."""
        listing = list_circuit(document)
        extra = {
            key: None
            for attributes in listing.nodes.values()
            for key in attributes
            if key not in LEADING_NODE_COLUMNS
        }
        columns = (*LEADING_NODE_COLUMNS, *extra, *listing.model_attributes)
        rows = []
        for name, attributes in listing.nodes.items():
            values = {"node": name, **listing.model_attributes, **attributes}
            rows.append([_format_cell(values.get(column)) for column in columns])
        write_atomically(path, _encode_table(columns, rows))

    def read(self, path: Path) -> Document:
        """Read the circuit, whose table of edges has to be in the same folder."""
        edge_file = path.with_name(path.name[: -len(NODES_SUFFIX)] + EDGES_SUFFIX)
        if not edge_file.is_file():
            raise InputError(
                f"'{path.name}' lists nodes; their edges, '{edge_file.name}', are not beside it."
            )
        return EdgeTableFormat().read(edge_file)


formats.register("csv", summary="table of edges")(EdgeTableFormat())
formats.register("nodes-csv", summary="table of nodes, beside the table of edges")(NodeTableFormat())


def _read_nodes(path: Path) -> tuple[dict[str, Scalar], dict[str, dict[str, Scalar]]]:
    header, rows = _read_rows(path)
    if "node" not in header:
        raise InputError(f"'{path.name}' is no table of nodes: it has no column 'node'.")
    model_attributes: dict[str, Scalar] = {}
    nodes: dict[str, dict[str, Scalar]] = {}
    shape = ("n_layers", "n_heads", "d_model", "n_kv_heads", "parallel", "mlp")
    of_model = (*shape, "sinks", SPANS_KEY, "method", SIGN_KEY)
    for number, cells in rows:
        row = dict(zip(header, map(unescape_formula, cells), strict=True))
        try:
            attributes = {
                key: parse_attribute(key, text) for key, text in row.items() if text and key != "node"
            }
        except InputError as error:
            raise InputError(f"'{path.name}', line {number}: {error}.") from None
        model_attributes.update({key: attributes.pop(key) for key in of_model if key in attributes})
        if row["node"] in nodes:
            raise InputError(f"'{path.name}', line {number}: the node '{row['node'][:40]}' is there twice.")
        nodes[row["node"]] = attributes
    return model_attributes, nodes


def _read_rows(path: Path) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The header, and an iterator over (line number, cells); a row of another length raises InputError."""
    text = read_text(path)
    if text.count("\n") > MAX_ROWS:  # before anything is made of them
        raise InputError(f"'{path.name}' has more than {MAX_ROWS:,} lines; it was not opened.")
    lines = csv.reader(io.StringIO(text, newline=""))

    def checked_lines() -> Iterator[list[str]]:
        try:
            yield from lines
        except csv.Error as error:
            raise InputError(f"'{path.name}' is no CSV: line {lines.line_num}, {error}.") from None

    checked = checked_lines()
    header = [unescape_formula(name) for name in next(checked, [])]
    if len(header) > MAX_COLUMNS:
        raise InputError(f"'{path.name}' has {len(header):,} columns, more than any table of ours.")
    if problem := describe_repeated_column(header):
        raise InputError(f"'{path.name}': {problem}.")

    def rows() -> Iterator[tuple[int, list[str]]]:
        for row in checked:
            if row and len(row) != len(header):
                raise InputError(
                    f"'{path.name}', line {lines.line_num}: {len(row)} cells under {len(header)} columns."
                )
            if row:
                yield lines.line_num, row

    return header, rows()


def _encode_table(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> bytes:
    return format_csv(chain([header], rows)).encode()


def _format_cell(value: Scalar | None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)
