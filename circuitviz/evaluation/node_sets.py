"""Sets of nodes that completeness and minimality take out, drawn alike for both."""

from __future__ import annotations

import numpy as np

from circuitviz.evaluation.registry import MeasureInput


def random_node_sets(measure_input: MeasureInput, number: int, seed: int) -> list[tuple[str, ...]]:
    """Sets of the circuit's nodes: a size drawn uniformly from 1 to all but one, then the nodes."""
    nodes, random = measure_input.removable_nodes, np.random.default_rng(seed)
    if len(nodes) < 2:
        return []
    found = []
    for _ in range(number):
        size = int(random.integers(1, len(nodes)))
        rows = sorted(random.choice(len(nodes), size, replace=False))
        found.append(tuple(nodes[row] for row in rows))
    return found


def class_node_sets(measure_input: MeasureInput) -> dict[str, tuple[str, ...]]:
    """The classes' nodes that are in the circuit, without empty ones."""
    there = set(measure_input.removable_nodes)
    kept = {name: tuple(n for n in nodes if n in there) for name, nodes in measure_input.node_classes.items()}
    return {name: nodes for name, nodes in kept.items() if nodes}
