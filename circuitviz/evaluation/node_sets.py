"""Sets of nodes that completeness and minimality remove, drawn by one rule."""

from __future__ import annotations

import numpy as np

from circuitviz.evaluation.registry import MeasureInput


def random_node_sets(measure_input: MeasureInput, number: int, seed: int) -> list[tuple[str, ...]]:
    """Draw sets of the circuit's nodes: a size uniform from 1 to all but one, then that many nodes."""
    nodes, random = measure_input.removable_nodes, np.random.default_rng(seed)
    if len(nodes) < 2:
        return []
    drawn_sets = []
    for _ in range(number):
        size = int(random.integers(1, len(nodes)))
        rows = sorted(random.choice(len(nodes), size, replace=False))
        drawn_sets.append(tuple(nodes[row] for row in rows))
    return drawn_sets


def class_node_sets(measure_input: MeasureInput) -> dict[str, tuple[str, ...]]:
    """Return the members of each class that are in the circuit, without empty classes."""
    removable = set(measure_input.removable_nodes)
    in_circuit = {
        name: tuple(n for n in nodes if n in removable) for name, nodes in measure_input.node_classes.items()
    }
    return {name: nodes for name, nodes in in_circuit.items() if nodes}
