"""A model's graph with the features of some sites in place of their heads or MLP.

All other nodes keep their names and edges, so that a person who shows the features of a site sees the same
picture with one part in more detail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from circuitviz.errors import InputError
from circuitviz.graph.graph import Graph
from circuitviz.graph.nodes import ModelShape, Node, NodeKind


def graph_with_features(
    shape: ModelShape, sites: Mapping[str, Sequence[int]], dictionary_names: Mapping[str, str | None]
) -> Graph:
    """A model's graph in which some sites are replaced by features of their dictionaries and an error node.

    A feature such as ``a2.f719`` has no position: over a task it is the sum over all positions. ``a2.error``
    is what the site writes beyond the listed features; it has no incoming edges. Features of attention have
    three receivers, ``a2.f719<q>``, ``<k>`` and ``<v>``, as heads have; features of an MLP have one.

    Args:
        shape: Sizes of the model.
        sites: By site (``a2``, ``m3``), the indices of its listed features.
        dictionary_names: By site, the name of its dictionary.

    Raises:
        InputError: The model has no such site.
    """
    nodes = _nodes_with_features(shape, sites, dictionary_names)
    if missing := sites.keys() - {site_of(node) for node in nodes}:
        raise InputError(
            f"There is no site '{min(missing)}' in this model; {_describe_sites(shape)} would be right."
        )
    return graph_from_nodes(shape, nodes)


def graph_from_nodes(shape: ModelShape, nodes: tuple[Node, ...]) -> Graph:
    """The graph of a model whose nodes, in order of computation, are given; its edges follow from them.

    Raises:
        InputError: The nodes are not those of a model of this shape with each layer's attention and MLP there
            once, as components or as features with their error.
    """
    components = Graph.transformer(shape)
    listed, names = (
        _listed_features(nodes),
        {site_of(n): n.dictionary for n in nodes if n.kind is NodeKind.FEATURE},
    )
    if nodes != _nodes_with_features(shape, listed, names) or len({node.name for node in nodes}) < len(nodes):
        raise InputError(
            "A graph's nodes are not those of its model with some sites shown as features; each layer's "
            "attention and MLP has to occur once, as heads and MLP or as features with their error."
        )
    order = [node.depth if node.kind is not NodeKind.LOGITS else 2 * shape.n_layers + 1 for node in nodes]
    rows = {node.name: row for row, node in enumerate(nodes)}
    first_row = {depth: order.index(depth) for depth in set(order)}
    receivers: list[str] = []
    owners: list[list[int]] = []
    reach: list[int] = []

    def add(name: str, owning: list[int], n_before: int) -> None:
        receivers.append(name)
        owners.append(owning)
        reach.append(n_before)

    for layer in range(shape.n_layers):
        start = first_row[2 * layer + 1]
        layer_nodes = [node for node in nodes if node.layer == layer]
        if f"a{layer}" in listed:
            for channel in "qkv":
                for node in layer_nodes:
                    if node.kind is NodeKind.FEATURE and node.site == "a":
                        add(f"{node.name}<{channel}>", [rows[node.name]], start)
        else:
            for name in components.receivers:
                if name.startswith(f"a{layer}."):
                    read_by = np.flatnonzero(components.owners[components.receiver_index[name]])
                    add(name, [rows[components.nodes[i].name] for i in read_by], start)
        if shape.mlp:
            n_before = start if shape.parallel else first_row[2 * layer + 2]
            for node in layer_nodes:
                if node.kind is NodeKind.MLP or (node.kind is NodeKind.FEATURE and node.site == "m"):
                    add(node.name, [rows[node.name]], n_before)
    add("logits", [len(nodes) - 1], len(nodes) - 1)
    mask = np.arange(len(nodes) - 1)[:, None] < np.array(reach)[None, :]
    owner_mask = np.zeros((len(receivers), len(nodes)), dtype=bool)
    for receiver, owning in enumerate(owners):
        owner_mask[receiver, owning] = True
    mask.setflags(write=False)
    owner_mask.setflags(write=False)
    return Graph(shape, nodes, tuple(receivers), mask, owner_mask)


def graph_containing(shape: ModelShape, nodes: Iterable[Node]) -> Graph:
    """The model's graph that contains some nodes.

    Sites of which a feature or an error is among them show features.
    """
    node_list = list(nodes)
    names = {site_of(n): n.dictionary for n in node_list if n.kind is NodeKind.FEATURE and n.position is None}
    sites = {site: sorted(set(listed)) for site, listed in _listed_features(node_list).items()}
    return graph_with_features(shape, sites, names) if sites else Graph.transformer(shape)


def feature_sites(graph: Graph) -> dict[str, tuple[int, ...]]:
    """The sites of a model's graph that show features, with their listed features; empty where none does.

    Graphs of one prompt, whose features have positions, are no model's graph: the result is empty.
    """
    return _listed_features(graph.nodes) if graph.nodes and graph.nodes[0].kind is NodeKind.INPUT else {}


def site_of(node: Node) -> str:
    """The site that a node belongs to, ``a2`` or ``m3``; empty for ``input`` and ``logits``.

    >>> site_of(Node("a2.h6", NodeKind.HEAD, 2, 6)), site_of(Node("m3", NodeKind.MLP, 3))
    ('a2', 'm3')
    """
    if node.layer is None:
        return ""
    return f"{'a' if node.kind is NodeKind.HEAD else node.site or 'm'}{node.layer}"


def _listed_features(nodes: Sequence[Node]) -> dict[str, tuple[int, ...]]:
    listed: dict[str, tuple[int, ...]] = {}
    for node in nodes:
        if node.position is None and node.kind in (NodeKind.FEATURE, NodeKind.ERROR):
            features = () if node.feature is None else (node.feature,)
            listed[site_of(node)] = (*listed.get(site_of(node), ()), *features)
    return listed


def _nodes_with_features(
    shape: ModelShape, sites: Mapping[str, Sequence[int]], dictionary_names: Mapping[str, str | None]
) -> tuple[Node, ...]:
    nodes: list[Node] = []
    for node in Graph.transformer(shape).nodes:
        site, layer = site_of(node), node.layer
        if site not in sites:
            nodes.append(node)
        elif node.head in (0, None):
            letter = site[0]
            for i in sites[site]:
                name = f"{site}.f{i}"
                nodes.append(
                    Node(
                        name,
                        NodeKind.FEATURE,
                        layer,
                        site=letter,
                        feature=i,
                        dictionary=dictionary_names.get(site),
                    )
                )
            nodes.append(Node(f"{site}.error", NodeKind.ERROR, layer, site=letter))
    return tuple(nodes)


def _describe_sites(shape: ModelShape) -> str:
    last_layer = shape.n_layers - 1
    return f"a0 to a{last_layer}{f', or m0 to m{last_layer},' if shape.mlp else ''}"
