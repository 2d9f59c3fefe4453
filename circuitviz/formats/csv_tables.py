"""Edges and nodes as CSV, for spreadsheets and data frames; both together hold the circuit whole."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from circuitviz.errors import InputError
from circuitviz.formats.cells import csv_text, repeated, unprotected
from circuitviz.formats.disk import read_text, write_whole
from circuitviz.formats.listing import (
    ListedEdge,
    Listing,
    Plain,
    document_of,
    is_ablated,
    listing_of,
    typed,
)
from circuitviz.formats.registry import formats
from circuitviz.graph.scores import SIGN
from circuitviz.session import Document

EDGES, NODES = ".csv", ".nodes.csv"
MOST_ROWS, MOST_COLUMNS = 2_500_000, 256
COLUMNS = ("sender", "receiver", "channel", "score", "ablated", "live")
LEADING = ("node", "kind", "layer", "head", "label", "label_colour", "x", "y")


class EdgeTable:
    """``sender, receiver, channel, score, ablated, live`` per line, the strongest first.

    ``ablated`` is true of edges that were taken out themselves, ``live`` of those that are still part of
    the circuit when all that is ablated is out.

    Reading takes labels, places and the model's shape from the table of nodes beside it
    (``a.nodes.csv`` beside ``a.csv``), where there is one; else the smallest model that has the nodes.
    """

    suffix = EDGES
    reads = True
    writes = True

    def write(self, document: Document, path: Path) -> None:
        """Write the circuit's edges."""
        edges = sorted(listing_of(document).edges, key=lambda e: -abs(e.score))
        rows = [
            (e.sender, e.receiver, e.channel, repr(e.score), _cell(e.ablated), _cell(e.live)) for e in edges
        ]
        write_whole(path, _table(COLUMNS, rows))

    def read(self, path: Path) -> Document:
        """Read a circuit."""
        beside = path.with_name(path.name[: -len(EDGES)] + NODES)
        about, nodes = _nodes(beside) if beside.is_file() else ({}, {})
        header, rows = _rows(path)
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
            ends = unprotected(row[sender]), unprotected(row[receiver])
            if ends in edges:
                twice = f"the edge '{'->'.join(ends)[:80]}' is there twice"
                raise InputError(f"'{path.name}', line {number}: {twice}.")
            try:
                score = float(typed("score", row[scored] or "0")) if scored is not None else 0.0
            except InputError as error:
                raise InputError(f"'{path.name}', line {number}: {error}.") from None
            out = ablated is not None and is_ablated({"ablated": row[ablated]})
            edges[ends] = ListedEdge(*ends, (), score, out)
        try:
            return document_of(Listing(about, nodes, tuple(edges.values())))
        except (InputError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"'{path.name}': {str(error).rstrip('.')}.") from None


class NodeTable:
    """A line per node of the circuit: what it is, its label, its place, whether it is ablated, and its
    model's shape.
    """

    suffix = NODES
    reads = True
    writes = True

    def write(self, document: Document, path: Path) -> None:
        """Write the circuit's nodes."""
        listing = listing_of(document)
        more = {key: None for told in listing.nodes.values() for key in told if key not in LEADING}
        columns = (*LEADING, *more, *listing.about)
        rows = []
        for name, told in listing.nodes.items():
            whole = {"node": name, **listing.about, **told}
            rows.append([_cell(whole.get(column)) for column in columns])
        write_whole(path, _table(columns, rows))

    def read(self, path: Path) -> Document:
        """Read the circuit whose edges lie beside."""
        beside = path.with_name(path.name[: -len(NODES)] + EDGES)
        if not beside.is_file():
            raise InputError(f"'{path.name}' lists nodes; their edges, '{beside.name}', are not beside it.")
        return EdgeTable().read(beside)


formats.register("csv", summary="table of edges")(EdgeTable())
formats.register("nodes-csv", summary="table of nodes, beside the table of edges")(NodeTable())


def _nodes(path: Path) -> tuple[dict[str, Plain], dict[str, dict[str, Plain]]]:
    header, rows = _rows(path)
    if "node" not in header:
        raise InputError(f"'{path.name}' is no table of nodes: it has no column 'node'.")
    about: dict[str, Plain] = {}
    nodes: dict[str, dict[str, Plain]] = {}
    shape = ("n_layers", "n_heads", "d_model", "n_kv_heads", "parallel", "mlp", "sinks", "method", SIGN)
    for number, cells in rows:
        row = dict(zip(header, map(unprotected, cells), strict=True))
        try:
            told = {key: typed(key, text) for key, text in row.items() if text and key != "node"}
        except InputError as error:
            raise InputError(f"'{path.name}', line {number}: {error}.") from None
        about.update({key: told.pop(key) for key in shape if key in told})
        if row["node"] in nodes:
            raise InputError(f"'{path.name}', line {number}: the node '{row['node'][:40]}' is there twice.")
        nodes[row["node"]] = told
    return about, nodes


def _rows(path: Path) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The header, and the lines with their numbers as they are asked for; short and long lines are told."""
    text = read_text(path)
    if text.count("\n") > MOST_ROWS:  # before anything is made of them
        raise InputError(f"'{path.name}' has more than {MOST_ROWS:,} lines; it was not opened.")
    lines = csv.reader(io.StringIO(text, newline=""))

    def told() -> Iterator[list[str]]:
        try:
            yield from lines
        except csv.Error as error:
            raise InputError(f"'{path.name}' is no CSV: line {lines.line_num}, {error}.") from None

    found = told()
    header = [unprotected(name) for name in next(found, [])]
    if len(header) > MOST_COLUMNS:
        raise InputError(f"'{path.name}' has {len(header):,} columns, more than any table of ours.")
    if twice := repeated(header):
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


def _table(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> bytes:
    return csv_text(chain([header], rows)).encode()


def _cell(value: Plain | None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)
