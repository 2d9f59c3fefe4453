"""Attribution graphs of circuit-tracer and Neuronpedia, in and out, with all that they say beyond ours."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from circuitviz.errors import InputError
from circuitviz.formats.attribution_facts import info_of
from circuitviz.formats.attribution_nodes import (
    OURS,
    REQUIRED,
    in_order,
    label_of,
    node_of,
    place_of,
    shape_of,
)
from circuitviz.formats.attribution_view import Overrides, View
from circuitviz.formats.attribution_written import EXTRA, by_id, said, written
from circuitviz.formats.disk import json_text, parse_json, read_bytes, write_whole
from circuitviz.formats.json_bounds import printable
from circuitviz.formats.kept import differing
from circuitviz.formats.registry import formats
from circuitviz.formats.shapes import check_nodes, check_shape
from circuitviz.graph import Circuit, Graph, Kind, Node, Scores
from circuitviz.graph.opened import graph_holding
from circuitviz.graph.scores import IMPORTED, POSITIVE_HELPS, SIGN
from circuitviz.session import Document, State

SUFFIX = ".graph.json"  # never to be mistaken for EAP-IG's .json
KNOWN = ("metadata", "qParams", "nodes", "links")


class AttributionGraph:
    """``metadata``, ``qParams``, ``nodes`` and ``links``; ids of old and new files are understood."""

    suffix = SUFFIX
    reads = True
    writes = True

    def read(self, path: Path) -> Document:
        """Read a graph; InputError where the file is none."""
        return read(path.name, parse_json(path.name, read_bytes(path)))

    def write(self, document: Document, path: Path) -> None:
        """Write the circuit, ablated parts marked under our key; what a file said beyond it is written
        back.
        """
        write_whole(path, printable(json_text(written(document), ensure_ascii=False)).encode())


formats.register("attribution-graph", summary="circuit-tracer and Neuronpedia attribution graph")(
    AttributionGraph()
)


def read(name: str, data: Any) -> Document:
    """A document of an attribution graph's JSON; ``name`` is the file's, for messages."""
    try:
        return _Reading(data).document()
    except (InputError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        what = f"it lacks {error}" if isinstance(error, KeyError) else str(error).rstrip(".")
        raise InputError(f"'{name}' is no attribution graph: {what}.") from None


class _Reading:
    """One file on its way to a document."""

    def __init__(self, data: Any) -> None:
        if not isinstance(data, dict) or not {"nodes", "links"} <= set(data):
            raise InputError("it needs the keys metadata, nodes and links")
        for key in ("nodes", "links"):
            if not isinstance(data[key], list) or not all(isinstance(one, dict) for one in data[key]):
                raise InputError(f"its {key} are no list of objects")
        if not isinstance(data.get("metadata") or {}, dict):
            raise InputError("its metadata is no object")
        self.data = data
        self.metadata = dict(data.get("metadata") or {})
        raws, links = data["nodes"], data["links"]
        for raw in raws:
            missing = [key for key in REQUIRED if key not in raw]
            if missing:
                raise InputError(f"a node lacks {', '.join(missing)}")
        check_nodes(len(raws), min(1, len(raws)))
        self.shape = shape_of(raws, self.metadata)
        check_shape(self.shape)
        self.raws: dict[str, dict[str, Any]] = {}
        self.by_id: dict[str, list[str]] = {}
        self.nodes: dict[str, Node] = {}
        for raw in raws:
            node = node_of(raw, self.nodes)
            self.raws[node.name], self.nodes[node.name] = dict(raw), node
            self.by_id.setdefault(str(raw["node_id"]), []).append(node.name)
        self.links: dict[tuple[str, str], dict[str, Any]] = {}
        self.loose: list[dict[str, Any]] = []  # links that join nothing, or nothing more
        self.of_heads = (self.metadata.get(OURS) or {}).get("graph") == "model"
        for link in links:
            ends = self._ends(link)
            if ends is None or ends in self.links:
                self.loose.append(dict(link))
            else:
                self.links[ends] = dict(link)

    def _ends(self, link: dict[str, Any]) -> tuple[str, str] | None:
        """Sender and receiver; in old files an error's id may be a layer-0 feature's as well."""
        if self.of_heads:
            sender, arrow, receiver = str(link["edge"]).partition("->")
            return (sender, receiver) if arrow else None
        senders = self.by_id.get(str(link["source"]), [])
        receivers = self.by_id.get(str(link["target"]), [])
        reading = [n for n in receivers if not self.nodes[n].kind.is_leaf] or receivers
        for receiver in reading:
            for sender in senders:
                free = (sender, receiver) not in self.links
                if sender != receiver and (free or len(senders) == 1) and self._before(sender, receiver):
                    return sender, receiver
        return next(((s, r) for s in senders for r in reading if s != r), None)

    def _before(self, sender: str, receiver: str) -> bool:
        s, r = self.nodes[sender], self.nodes[receiver]
        return s.layer is None or r.layer is None or s.depth <= r.depth

    def document(self) -> Document:
        graph = graph_holding(self.shape, self.nodes.values()) if self.of_heads else self._graph()
        values, edges = np.zeros(graph.mask.shape), np.zeros_like(graph.mask)
        for (sender, receiver), link in self.links.items():
            s, r = graph.edge(f"{sender}->{receiver}")
            weight = link["weight"]
            if isinstance(weight, bool) or not isinstance(weight, int | float):
                raise InputError(f"the link from '{sender}' to '{receiver}' weighs {weight!r}")
            edges[s, r] = True
            values[s, r] = weight if math.isfinite(weight) else 0.0
        meant, params = self._meant(), self.data.get("qParams")
        view, overrides = View.read(params, meant), Overrides.read(params, self.raws, meant)
        labels = {}
        places: dict[str, tuple[float, float]] = {}
        for name, raw in self.raws.items():
            label = label_of(raw, self.nodes[name].kind, overrides.texts.get(name))
            if label is not None and name in graph.node_index:
                labels[name] = label
            if (place := place_of(raw)) is not None and name in graph.node_index:
                places[name] = place
        ours = self.metadata.get(OURS) or {}
        groups = view.groups(graph, ours.get("groups"))
        method = str(ours.get("method", IMPORTED))
        circuit = Circuit(graph, edges, int(edges.sum()))
        info = info_of(self.raws, self.nodes, self.metadata, view.pinned, OURS)
        told = ours.get(SIGN, None if ours else POSITIVE_HELPS)  # a link's weight is a direct effect
        info |= {} if told is None else {SIGN: str(told)}
        scores = Scores(graph, values, method, info=info)
        out = frozenset(n for n, raw in self.raws.items() if _ablated(raw) and n in graph.node_index)
        cut = frozenset(f"{s}->{r}" for (s, r), link in self.links.items() if _ablated(link))
        document = Document(
            State(None, scores, circuit, out, cut, labels=labels, positions=places, groups=groups)
        )
        if view.clicked_node in graph.node_index:
            document.view = {"selected": {"nodes": [view.clicked_node], "edges": []}}
        document.extra = {EXTRA: self._kept(document, view, overrides)}
        return document

    def _meant(self) -> dict[str, str]:
        """The node that a view means by an id: a feature rather than an error that has the same."""
        return {
            identity: min(names, key=lambda name: self.nodes[name].kind is not Kind.FEATURE)
            for identity, names in self.by_id.items()
        }

    def _graph(self) -> Graph:
        names = list(self.nodes)
        index = {name: i for i, name in enumerate(names)}
        links = [(index[s], index[r]) for s, r in self.links]
        order, sinks = in_order(list(self.nodes.values()), links)
        row = {old: new for new, old in enumerate(order)}
        mask = np.zeros((len(names) - sinks, len(names)), dtype=bool)
        for s, r in links:
            mask[row[s], row[r]] = True
        return Graph.of_nodes(self.shape, tuple(self.nodes[names[i]] for i in order), mask, sinks)

    def _kept(self, document: Document, view: View, overrides: Overrides) -> dict[str, Any]:
        nodes, links = said(document)
        theirs = {f"{s}->{r}": link for (s, r), link in self.links.items()}
        ids = {name: raw["node_id"] for name, raw in self.raws.items()}
        return {
            "metadata": self.metadata,
            "nodes": differing(nodes, self.raws),
            "links": differing(by_id(links, ids), theirs),
            "ids": list(self.by_id),
            "node_order": list(self.raws),
            "link_order": [] if list(theirs) == list(links) else list(theirs),
            "loose": self.loose,
            "view": view.kept(),
            "overrides": overrides.kept(document.state.labels),
            "rest": {key: value for key, value in self.data.items() if key not in KNOWN},
        }


def _ablated(entry: dict[str, Any]) -> bool:
    """Whether a node or a link of ours says that it is ablated."""
    own = entry.get(OURS)
    return isinstance(own, dict) and own.get("ablated") is True
