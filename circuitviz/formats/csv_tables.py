"""Edges and nodes as CSV, for spreadsheets and data frames; both together hold the circuit whole."""

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

    ``ablated`` is true of edges that were taken out themselves, ``live`` of those that are still part of
    the circuit when all that is ablated is out.

    Reading takes labels, places and the model's shape from the table of nodes beside it
    (``a.nodes.csv`` beside ``a.csv``), where there is one; else the smallest model that has the nodes.
    """

    suffix = EDGES_SUFFIX
    reads = True
    writes = True

    def write(self, document: Document, path: Path) -> None:
        """Write the circuit's edges."""
        edges = sorted(list_circuit(document).edges, key=lambda e: -abs(e.score))
        rows = [
            (e.sender, e.receiver, e.channel, repr(e.score), _format_cell(e.ablated), _format_cell(e.live))
            for e in edges
        ]
        write_atomically(path, _encode_table(EDGE_COLUMNS, rows))

    def read(self, path: Path) -> Document:
        """Read a circuit."""
        beside = path.with_name(path.name[: -len(EDGES_SUFFIX)] + NODES_SUFFIX)
        about, nodes = _read_nodes(beside) if beside.is_file() else ({}, {})
        header, rows = _read_rows(path)
        if not {"sender", "receiver"} <= set(header):
            raise InputError(
                f"'{path.name}' is no table of edges: its columns are {', '.join(header)[:80] or 'none'}; "
                "sender, receiver and score would be right."
            )
        columns = {name: at for at, name in enumerate(header)}
        sender, receiver = columns["sender"], columns["receiver"]
        scored, ablated = columns.get("score"), columns.get("ablated")
        edges: dict[tuple[str, str], ListedEdge] = {}
        for number, row in rows:
            ends = unescape_formula(row[sender]), unescape_formula(row[receiver])
            if ends in edges:
                twice = f"the edge '{'->'.join(ends)[:80]}' is there twice"
                raise InputError(f"'{path.name}', line {number}: {twice}.")
            try:
                score = float(parse_attribute("score", row[scored] or "0")) if scored is not None else 0.0
            except InputError as error:
                raise InputError(f"'{path.name}', line {number}: {error}.") from None
            out = ablated is not None and is_ablated({"ablated": row[ablated]})
            edges[ends] = ListedEdge(*ends, (), score, out)
        try:
            return build_document(CircuitListing(about, nodes, tuple(edges.values())))
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
        more = {
            key: None for told in listing.nodes.values() for key in told if key not in LEADING_NODE_COLUMNS
        }
        columns = (*LEADING_NODE_COLUMNS, *more, *listing.model_attributes)
        rows = []
        for name, told in listing.nodes.items():
            whole = {"node": name, **listing.model_attributes, **told}
            rows.append([_format_cell(whole.get(column)) for column in columns])
        write_atomically(path, _encode_table(columns, rows))

    def read(self, path: Path) -> Document:
        """Read the circuit whose edges lie beside."""
        beside = path.with_name(path.name[: -len(NODES_SUFFIX)] + EDGES_SUFFIX)
        if not beside.is_file():
            raise InputError(f"'{path.name}' lists nodes; their edges, '{beside.name}', are not beside it.")
        return EdgeTableFormat().read(beside)


formats.register("csv", summary="table of edges")(EdgeTableFormat())
formats.register("nodes-csv", summary="table of nodes, beside the table of edges")(NodeTableFormat())


def _read_nodes(path: Path) -> tuple[dict[str, Scalar], dict[str, dict[str, Scalar]]]:
    header, rows = _read_rows(path)
    if "node" not in header:
        raise InputError(f"'{path.name}' is no table of nodes: it has no column 'node'.")
    about: dict[str, Scalar] = {}
    nodes: dict[str, dict[str, Scalar]] = {}
    shape = ("n_layers", "n_heads", "d_model", "n_kv_heads", "parallel", "mlp", "sinks", "method", SIGN_KEY)
    for number, cells in rows:
        row = dict(zip(header, map(unescape_formula, cells), strict=True))
        try:
            told = {key: parse_attribute(key, text) for key, text in row.items() if text and key != "node"}
        except InputError as error:
            raise InputError(f"'{path.name}', line {number}: {error}.") from None
        about.update({key: told.pop(key) for key in shape if key in told})
        if row["node"] in nodes:
            raise InputError(f"'{path.name}', line {number}: the node '{row['node'][:40]}' is there twice.")
        nodes[row["node"]] = told
    return about, nodes


def _read_rows(path: Path) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The header, and the lines with their numbers as they are asked for; short and long lines are told."""
    text = read_text(path)
    if text.count("\n") > MAX_ROWS:  # before anything is made of them
        raise InputError(f"'{path.name}' has more than {MAX_ROWS:,} lines; it was not opened.")
    lines = csv.reader(io.StringIO(text, newline=""))

    def told() -> Iterator[list[str]]:
        try:
            yield from lines
        except csv.Error as error:
            raise InputError(f"'{path.name}' is no CSV: line {lines.line_num}, {error}.") from None

    found = told()
    header = [unescape_formula(name) for name in next(found, [])]
    if len(header) > MAX_COLUMNS:
        raise InputError(f"'{path.name}' has {len(header):,} columns, more than any table of ours.")
    if twice := describe_repeated_column(header):
        raise InputError(f"'{path.name}': {twice}.")

    def rows() -> Iterator[tuple[int, list[str]]]:
        for row in found:
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
