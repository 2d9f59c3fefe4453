"""Circuits as networkx graphs, data frames and EAP-IG's JSON, and back, by the code of their files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from circuitviz.document import Document, State
from circuitviz.errors import InputError
from circuitviz.formats import circuit_listing, eap_json, graphml
from circuitviz.graph import Circuit, Scores
from circuitviz.notebook_methods import conversions

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd
else:  # optional: nothing else needs it
    import lazy_loader

    pd = lazy_loader.load("pandas")


def as_document(subject: Circuit | Document, scores: Scores | None = None) -> Document:
    """The document itself, or one of a circuit with its scores.

    Raises:
        InputError: The scores are of another graph, or are given for a document.
    """
    if isinstance(subject, Document):
        if scores is not None:
            raise InputError("Scores were given for a document, which has its own; give them for a circuit.")
        return subject
    if scores is not None and not scores.graph.same_as(subject.graph):
        raise InputError(
            f"Scores of {scores.graph.n_edges:,} edges were given for a circuit in a graph of "
            f"{subject.graph.n_edges:,}; those that the circuit was chosen from would be right."
        )
    return Document(State(scores=scores, circuit=subject))


@conversions.register("networkx", summary="networkx graph")
def to_networkx(subject: Circuit | Document, scores: Scores | None = None) -> nx.MultiDiGraph:
    """A directed multigraph; edges have ``score`` only where there are scores."""
    document = as_document(subject, scores)
    graph = graphml.to_networkx(circuit_listing.list_circuit(document))
    if document.state.scores is None:
        for _, _, attributes in graph.edges(data=True):
            attributes.pop("score", None)
    return graph


def from_networkx(graph: nx.Graph) -> Document:
    """A document of a networkx graph's nodes and edges.

    Args:
        graph: Its nodes have names such as ``a5.h3``; edges may have ``score``, and ``receiver`` or
            ``channel`` (``q``, ``k``, ``v``). Without ``n_layers``, ``n_heads`` and ``d_model`` among the
            graph's attributes, the model is the smallest that has the nodes.

    Raises:
        InputError: The graph is no circuit.
    """
    try:
        return circuit_listing.build_document(graphml.from_networkx(graph))
    except (InputError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise InputError(f"The networkx graph is no circuit: {str(error).rstrip('.')}.") from None


@conversions.register("pandas", summary="data frames of nodes and edges")
def to_pandas(subject: Circuit | Document, scores: Scores | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Nodes by name, and edges ordered by |score|; an edge that was not scored has NaN."""
    try:
        make_frame = pd.DataFrame
    except ImportError:
        raise InputError(
            "Data frames were asked for, and pandas is not installed; 'pip install pandas' installs it."
        ) from None
    document = as_document(subject, scores)
    listing = circuit_listing.list_circuit(document)
    nodes = make_frame.from_dict(dict(listing.nodes), orient="index")
    nodes.index.name = "node"
    has_scores = document.state.scores is not None
    rows = [
        {
            "sender": edge.sender,
            "receiver": edge.receiver,
            "channel": edge.channel,
            "score": edge.score if has_scores else None,
            "ablated": edge.ablated,
            "live": edge.live,
        }
        for edge in listing.edges
    ]
    edges = make_frame(rows, columns=["sender", "receiver", "channel", "score", "ablated", "live"])
    edges["score"] = edges["score"].astype(float)
    strongest = edges["score"].abs().sort_values(ascending=False, kind="stable").index
    return nodes, edges.loc[strongest].reset_index(drop=True)


@conversions.register("eap-ig", summary="EAP-IG's Graph JSON")
def to_eap_ig(subject: Circuit | Document, scores: Scores | None = None) -> dict[str, Any]:
    """``cfg``, ``nodes`` and ``edges`` as EAP-IG's ``Graph.to_json`` writes them."""
    return eap_json.describe_eap_ig(as_document(subject, scores))


def from_eap_ig(data: Mapping[str, Any]) -> Document:
    """A document of EAP-IG's ``Graph`` JSON, parsed; ``import_document`` reads its file.

    Raises:
        InputError: The data is no such circuit.
    """
    return eap_json.parse_eap_ig("The given JSON", dict(data))
