"""Components and edges that several circuits share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from circuitviz.errors import InputError
from circuitviz.graph.circuits import Circuit
from circuitviz.graph.nodes import NodeKind

ENDPOINT_KINDS = (NodeKind.INPUT, NodeKind.LOGITS)


@dataclass(frozen=True)
class CircuitReuse:
    """Shared nodes and edges of each ordered pair of circuits; ``input`` and ``logits`` are not counted.

    Attributes:
        names: Names of the circuits.
        nodes: ``nodes[a][b]`` is the fraction of a's nodes that b has as well: 1 on the diagonal, None where
            a is empty.
        edges: The same for edges.
        shared_nodes: ``shared_nodes[a][b]`` are the nodes that both have.
        nodes_in_all: The nodes that all circuits have.
    """

    names: list[str]
    nodes: list[list[float | None]]
    edges: list[list[float | None]]
    shared_nodes: list[list[tuple[str, ...]]]
    nodes_in_all: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as panel and files hold it."""
        return {
            "names": self.names,
            "nodes": self.nodes,
            "edges": self.edges,
            "common": self.shared_nodes,
            "everywhere": self.nodes_in_all,
        }


def measure_reuse(circuits: Mapping[str, Circuit]) -> CircuitReuse:
    """Fractions of shared nodes and edges for every ordered pair of circuits. Source: [merullo2024reuse].

    Args:
        circuits: Circuits by name, all on the same graph.

    Raises:
        InputError: The circuits belong to models of different shapes, or show different sites as features.
    """
    shapes = {circuit.graph.shape for circuit in circuits.values()}
    if len(shapes) > 1:
        raise InputError(
            f"The {len(circuits)} circuits belong to models of {len(shapes)} shapes, so they have no "
            "components in common; compare circuits of one model, or of models of one shape."
        )
    first = next(iter(circuits.values()), None)
    if first is not None and not all(circuit.graph.same_as(first.graph) for circuit in circuits.values()):
        raise InputError(
            f"The {len(circuits)} circuits show their model in different bases, heads or features, or at "
            "different spans; compare circuits that show features at the same sites, and the same spans."
        )
    components = {name: _components(circuit) for name, circuit in circuits.items()}
    common = [[_intersection(a, b) for b in components.values()] for a in components.values()]
    edges = {name: circuit.edges for name, circuit in circuits.items()}
    shared = {(a, b): int(np.count_nonzero(edges[a] & edges[b])) for a in edges for b in edges}
    names_in_all = next(iter(components.values()), ())
    for names in components.values():
        names_in_all = _intersection(names_in_all, names)
    return CircuitReuse(
        list(circuits),
        [
            [len(shared_names) / len(row[i]) if row[i] else None for shared_names in row]
            for i, row in enumerate(common)
        ],
        [[shared[a, b] / shared[a, a] if shared[a, a] else None for b in circuits] for a in circuits],
        common,
        names_in_all,
    )


def _components(circuit: Circuit) -> tuple[str, ...]:
    return tuple(name for name in circuit.node_names if circuit.graph.node(name).kind not in ENDPOINT_KINDS)


def _intersection(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    names = set(b)
    return tuple(name for name in a if name in names)
