"""The order in which a labelling round walks through unlabelled nodes: the strongest first."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from circuitviz.document.labels import target_kind
from circuitviz.document.state import State


def nodes_by_strength(state: State) -> list[str]:
    """The circuit's heads and MLPs by the sum of |score| of their edges in the circuit, the largest first."""
    circuit = state.circuit
    if circuit is None:
        return []
    graph = circuit.graph
    values = np.abs(state.scores.values) if state.scores is not None else np.ones(circuit.edges.shape)
    totals = np.where(circuit.edges, values, 0.0).sum(axis=1)
    names = [n for n in circuit.node_names if n in graph.sender_index and n != "input"]
    return sorted(names, key=lambda name: -totals[graph.sender_index[name]])


@dataclass
class LabellingRound:
    """A walk through the nodes that have no label.

    Attributes:
        queue: Nodes still to be labelled; the first is the current one.
        new_labels: Labels that were given in this round, by node.
        skipped: Nodes left out of this round.
    """

    queue: list[str]
    new_labels: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    @staticmethod
    def from_state(state: State) -> LabellingRound:
        """A round of the nodes without a label."""
        labelled = {target for target in state.labels if target_kind(target) == "node"}
        return LabellingRound([n for n in nodes_by_strength(state) if n not in labelled])

    @property
    def current_node(self) -> str | None:
        """The node to label now; None at the end."""
        return self.queue[0] if self.queue else None

    @property
    def n_nodes(self) -> int:
        """Number of nodes of the round, with those already labelled or skipped."""
        return len(self.queue) + len(self.new_labels) + len(self.skipped)

    def label_current(self, text: str) -> str:
        """Label the current node and return its name."""
        name = self.queue.pop(0)
        self.new_labels[name] = text
        return name

    def skip_current(self) -> None:
        """Skip the current node."""
        self.skipped.append(self.queue.pop(0))

    def postpone_current(self) -> None:
        """Move the current node to the end of the queue."""
        self.queue.append(self.queue.pop(0))
