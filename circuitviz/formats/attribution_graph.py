"""Attribution graphs of circuit-tracer and Neuronpedia, in and out, with all that they say beyond ours."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np

from circuitviz.errors import InputError
from circuitviz.formats.attribution_nodes import (
    OURS,
    REQUIRED,
    entry_of,
    in_order,
    is_of_heads,
    label_of,
    node_of,
    place_of,
    shape_of,
)
from circuitviz.formats.attribution_view import Overrides, View
from circuitviz.formats.disk import json_text, parse_json, read_bytes, write_whole
from circuitviz.formats.kept import differing, restored
from circuitviz.formats.registry import formats
from circuitviz.formats.shapes import check_nodes, check_shape
from circuitviz.graph import Circuit, Graph, Node, Scores
from circuitviz.graph.opened import graph_holding
from circuitviz.session import Document, Label, State

SUFFIX = ".graph.json"  # never to be mistaken for EAP-IG's .json
EXTRA = "attribution-graph"
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
        back."""
        data = written(document, path.name.removesuffix(SUFFIX))
        write_whole(path, json_text(data, ensure_ascii=False).encode(errors="surrogatepass"))


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
        self.data = data
        self.metadata = dict(data.get("metadata") or {})
        raws, links = list(data["nodes"]), list(data["links"])
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
        view = View.read(self.data.get("qParams"), self.by_id)
        overrides = Overrides.read(self.data.get("qParams"), self.raws)
        labels: dict[str, Label] = {}
        places: dict[str, tuple[float, float]] = {}
        for name, raw in self.raws.items():
            text = overrides.texts.get(name, raw.get("clerp"))
            if isinstance(text, str) and text and name in graph.node_index:
                labels[name] = label_of(raw, text)
            if (place := place_of(raw)) is not None and name in graph.node_index:
                places[name] = place
        groups = view.groups(graph)
        method = str((self.metadata.get(OURS) or {}).get("method", "imported"))
        circuit = Circuit(graph, edges, int(edges.sum()))
        scores = Scores(graph, values, method)
        out = frozenset(n for n, raw in self.raws.items() if _ablated(raw) and n in graph.node_index)
        cut = frozenset(f"{s}->{r}" for (s, r), link in self.links.items() if _ablated(link))
        document = Document(
            State(None, scores, circuit, out, cut, labels=labels, positions=places, groups=groups)
        )
        clicked = self.by_id.get(str(view.clicked), [])
        document.view = {"selected": {"nodes": clicked[:1], "edges": []}} if clicked else {}
        document.extra = {EXTRA: self._kept(document, view, overrides)}
        return document

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
        nodes, links = _said(document)
        theirs = {f"{s}->{r}": link for (s, r), link in self.links.items()}
        ids = {name: raw["node_id"] for name, raw in self.raws.items()}
        return {
            "metadata": self.metadata,
            "nodes": differing(nodes, self.raws),
            "links": differing(_by_id(links, ids), theirs),
            "ids": list(self.by_id),
            "node_order": list(self.raws),
            "link_order": [] if list(theirs) == list(links) else list(theirs),
            "loose": self.loose,
            "view": view.kept(),
            "overrides": overrides.kept(document.state.labels),
            "rest": {key: value for key, value in self.data.items() if key not in KNOWN},
        }


def written(document: Document, slug: str) -> dict[str, Any]:
    """The JSON of a document's circuit; InputError where it has none."""
    ours, links = _said(document)
    kept = _kept(document)
    nodes = restored(ours, {k: v for k, v in kept.get("nodes", {}).items() if k in ours})
    ids = {name: raw["node_id"] for name, raw in nodes.items()}
    joined = restored(_by_id(links, ids), {k: v for k, v in kept.get("links", {}).items() if k in links})
    gone = set(map(str, kept.get("ids", ()))) - set(map(str, ids.values()))
    loose = [x for x in kept.get("loose", ()) if not {str(x["source"]), str(x["target"])} & gone]
    params = View.written(kept.get("view"), document.state.groups, ids)
    params = Overrides.written(kept.get("overrides"), params, document.state.labels)
    made = {
        **kept.get("rest", {}),
        "metadata": kept.get("metadata") or _metadata(document, slug),
        "nodes": _sorted(nodes, kept.get("node_order", ())),
        "links": [*_sorted(joined, kept.get("link_order", ())), *loose],
    }
    return made if params is None else {**made, "qParams": params}


def _said(document: Document) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Nodes and links as the document itself says them; links name nodes by our names."""
    state, circuit, live = document.state, document.state.circuit, document.state.live
    if circuit is None or live is None:
        raise InputError("There is no circuit to export yet; find one first.")
    graph, scores = circuit.graph, state.scores
    heads = is_of_heads(graph)
    drawn = set(circuit.node_names) | {node.name for node in graph.nodes[-graph.sinks :]}
    drawn |= state.ablated_nodes & set(graph.node_index)
    if not heads:  # what nothing joins was there to be seen all the same
        alone = graph.roots[: len(graph.senders)] & ~np.asarray(graph.mask.any(axis=1))
        drawn |= {graph.senders[s] for s in np.flatnonzero(alone)}
    links = {}
    owned = {
        r: [graph.nodes[n].name for n in np.flatnonzero(graph.owners[r])]
        for r in np.flatnonzero(circuit.edges.any(axis=0)).tolist()
    }
    for s, r in np.argwhere(circuit.edges).tolist():
        owners = owned[r]
        owner = next((name for name in owners if name in drawn), owners[0] if heads else None)
        if owner is None:
            continue
        drawn.add(owner)
        name = graph.edge_name(s, r)
        weight = float(scores.values[s, r]) if scores is not None else 0.0
        link = {"source": graph.senders[s], "target": owner, "weight": weight}
        fate = {"ablated": True} if name in state.ablated_edges else {}
        fate |= {} if live.edges[s, r] else {"live": False}
        link |= {OURS: fate} if fate else {}
        links[name] = {**link, "edge": name} if heads else link
    nodes = {node.name: entry_of(node, state) for node in graph.nodes if node.name in drawn}
    return nodes, links


def _ablated(entry: dict[str, Any]) -> bool:
    """Whether a node or a link of ours says that it is ablated."""
    own = entry.get(OURS)
    return isinstance(own, dict) and own.get("ablated") is True


def _by_id(links: dict[str, dict[str, Any]], ids: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Links that name their ends as the file does."""
    ends = ("source", "target")
    return {name: {**link, **{end: ids[link[end]] for end in ends}} for name, link in links.items()}


def _kept(document: Document) -> dict[str, Any]:
    """What a file said beyond the document; nothing where another circuit has taken its place."""
    kept: dict[str, Any] = document.extra.get(EXTRA, {})
    circuit = document.state.circuit
    return kept if circuit and set(circuit.node_names) <= set(kept.get("node_order", ())) else {}


def _metadata(document: Document, slug: str) -> dict[str, Any]:
    state = document.state
    assert state.circuit is not None
    graph, where = state.circuit.graph, state.provenance
    last = max((node.position or 0 for node in graph.nodes), default=0)
    tokens = [""] * (last + 1)
    for node in graph.nodes:
        if node.position is not None and node.name in state.labels and str(node.kind) == "token":
            tokens[node.position] = state.labels[node.name].text
    return {
        "slug": slug,
        "scan": where.model if where else "",
        "prompt": where.pairs[0][0] if where and where.pairs else "".join(tokens),
        "prompt_tokens": tokens,
        "schema_version": 1,
        OURS: {
            "shape": dataclasses.asdict(graph.shape),
            "graph": "model" if is_of_heads(graph) else "nodes",
            "method": state.scores.method if state.scores else "",
        },
    }


def _sorted(entries: dict[str, Any], order: Any) -> list[Any]:
    """In a file's own order; what it did not have comes after."""
    place = {name: i for i, name in enumerate(order)}
    return [entries[name] for name in sorted(entries, key=lambda n: place.get(n, len(place)))]
