"""Edges as CSV, DOT and GraphML: for spreadsheets, Graphviz and graph tools."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import numpy as np

from circuitviz.errors import InputError
from circuitviz.formats.disk import write_whole
from circuitviz.formats.registry import formats
from circuitviz.session import Document


def to_networkx(document: Document) -> nx.MultiDiGraph:
    """The live circuit as a networkx graph: nodes with kind, layer, label; edges with score, channel."""
    circuit = document.state.live
    if circuit is None:
        raise InputError("There is no circuit to export yet; find one first.")
    graph, drawn = circuit.graph, nx.MultiDiGraph()
    for name in circuit.node_names:
        node = graph.node(name)
        label = document.state.labels.get(name)
        about = {"kind": str(node.kind), "layer": -1 if node.layer is None else node.layer}
        drawn.add_node(name, **about, label=label.text if label else "")
    for sender, receiver, nodes, score in _edges(document):
        for owner in nodes:
            if owner in drawn:
                channel = receiver[-2] if receiver.endswith(">") else ""
                drawn.add_edge(sender, owner, receiver=receiver, channel=channel, score=score)
    return drawn


def _edges(document: Document) -> Iterator[tuple[str, str, list[str], float]]:
    """Sender, receiver, the receiver's nodes, and score of every live edge."""
    circuit, scores = document.state.live, document.state.scores
    assert circuit is not None
    graph = circuit.graph
    for s, r in np.argwhere(circuit.edges):
        nodes = [graph.nodes[n].name for n in np.flatnonzero(graph.owners[r])]
        score = float(scores.values[s, r]) if scores is not None else 0.0
        yield graph.senders[s], graph.receivers[r], nodes, score


class _WriteOnly:
    suffix = ""
    reads = False
    writes = True

    def read(self, path: Path) -> Document:
        """Not offered: this format does not hold enough to be a document."""
        raise InputError(f"'{path.name}' cannot be opened; {self.suffix} is written only.")


class EdgeTable(_WriteOnly):
    """``sender, receiver, channel, score`` per line, the strongest first."""

    suffix = ".csv"

    def write(self, document: Document, path: Path) -> None:
        """Write the table."""
        if document.state.live is None:
            raise InputError("There is no circuit to export yet; find one first.")
        out = io.StringIO()
        table = csv.writer(out, lineterminator="\n")
        table.writerow(["sender", "receiver", "channel", "score"])
        rows = [(s, r, r[-2] if r.endswith(">") else "", v) for s, r, _, v in _edges(document)]
        rows.sort(key=lambda row: -abs(row[3]))
        table.writerows(rows)
        write_whole(path, out.getvalue().encode())


class GraphMl(_WriteOnly):
    """GraphML through networkx."""

    suffix = ".graphml"

    def write(self, document: Document, path: Path) -> None:
        """Write the graph."""
        out = io.BytesIO()
        nx.write_graphml(to_networkx(document), out)
        write_whole(path, out.getvalue())


class Dot(_WriteOnly):
    """Graphviz, drawn as ACDC and EAP-IG draw: rounded boxes, pen width by effect, q/k/v coloured."""

    suffix = ".dot"

    def write(self, document: Document, path: Path) -> None:
        """Write the graph."""
        drawn = to_networkx(document)
        strongest = max((abs(d["score"]) for *_, d in drawn.edges(data=True)), default=0.0) or 1.0
        colours = {"q": "#7c3aed", "k": "#0d9488", "v": "#b45309", "": "#475569"}
        lines = ["digraph circuit {", "  rankdir=BT;", "  node [shape=box, style=rounded];"]
        for name, about in drawn.nodes(data=True):
            text = f"{name}\\n{_escaped(about['label'])}" if about["label"] else name
            lines.append(f'  "{name}" [label="{text}"];')
        for sender, node, about in drawn.edges(data=True):
            width = 0.5 + 4 * abs(about["score"]) / strongest
            style = "solid" if about["score"] >= 0 else "dashed"
            lines.append(
                f'  "{sender}" -> "{node}" [penwidth={width:.2f}, style={style}, '
                f'color="{colours[about["channel"]]}", label="{about["channel"]}"];'
            )
        write_whole(path, ("\n".join([*lines, "}"]) + "\n").encode())


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


formats.register("csv", summary="table of edges")(EdgeTable())
formats.register("graphml", summary="GraphML for graph tools")(GraphMl())
formats.register("dot", summary="Graphviz")(Dot())
