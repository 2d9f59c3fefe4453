"""Graphs of a model with the features of some sites in place of their heads or MLP.

All other nodes keep their names and edges, so that only the sites shown as features change in a drawing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from circuitviz.errors import InputError
from circuitviz.graph.graph import Graph, graph_of_model_nodes
from circuitviz.graph.nodes import ModelShape, Node, NodeKind


def graph_with_features(
    shape: ModelShape, sites: Mapping[str, Sequence[int]], dictionary_names: Mapping[str, str | None]
) -> Graph:
    """A model's graph in which some sites are replaced by features of their dictionaries and an error node.

    A feature such as ``a2.f719`` has no position: over a task it is the sum over all positions. ``a2.error``
    is what the site writes beyond the listed features; it has no incoming edges. Features of attention have
    three receivers, ``a2.f719<q>``, ``<k>`` and ``<v>``, as heads have; features of an MLP have one.

    At a site of the residual stream (``r3``, before layer 3) everything before it ends at its features and
    its error, which have one receiver each, and everything after it reads these alone: edges are between
    consecutive such sites.

    Args:
        shape: Sizes of the model.
        sites: By site (``a2``, ``m3``, ``r3``), the indices of its listed features.
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
    names = {site_of(n): n.dictionary for n in nodes if n.kind is NodeKind.FEATURE}
    expected = _nodes_with_features(shape, _listed_features(nodes), names)
    if nodes != expected or len({node.name for node in nodes}) < len(nodes):
        raise InputError(
            "A graph's nodes are not those of its model with some sites shown as features; each layer's "
            "attention and MLP has to occur once, as heads and MLP or as features with their error."
        )
    return graph_of_model_nodes(shape, nodes)


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
    """The site that a node belongs to, ``a2``, ``m3`` or ``r3``; empty for ``input`` and ``logits``.

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
        is_first = node.head in (0, None)
        before = shape.n_layers if node.kind is NodeKind.LOGITS else layer if node.head == 0 else None
        if f"r{before}" in sites:
            nodes += _site_nodes(f"r{before}", sites, dictionary_names)
        if site not in sites:
            nodes.append(node)
        elif is_first:
            nodes += _site_nodes(site, sites, dictionary_names)
    return tuple(nodes)


def _site_nodes(
    site: str, sites: Mapping[str, Sequence[int]], dictionary_names: Mapping[str, str | None]
) -> list[Node]:
    letter, layer, dictionary = site[0], int(site[1:]), dictionary_names.get(site)
    features = [
        Node(f"{site}.f{i}", NodeKind.FEATURE, layer, site=letter, feature=i, dictionary=dictionary)
        for i in sites[site]
    ]
    return [*features, Node(f"{site}.error", NodeKind.ERROR, layer, site=letter)]


def _describe_sites(shape: ModelShape) -> str:
    last_layer = shape.n_layers - 1
    mlps = f", m0 to m{last_layer}" if shape.mlp else ""
    return f"a0 to a{last_layer}{mlps}, or r0 to r{last_layer + 1},"
