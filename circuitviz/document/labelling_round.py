"""Labelling in one go, the strongest first; blind where one wants to know how far labels can be trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from circuitviz.document.labels import target_kind
from circuitviz.document.state import State

N_RESAMPLES = 1000


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
    """A walk through nodes. In a blind one every node has an earlier label, which is not shown.

    label_current: the node is labelled; skip: it is left out of this round; later: it comes again at the end.
    """

    queue: list[str]
    is_blind: bool = False
    earlier_labels: Mapping[str, str] = field(default_factory=dict)
    new_labels: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    @staticmethod
    def from_state(state: State, is_blind: bool = False) -> LabellingRound:
        """A round of the nodes without a label, or blind of those with one."""
        labelled = {t: x.text for t, x in state.labels.items() if target_kind(t) == "node"}
        order = nodes_by_strength(state)
        if not is_blind:
            return LabellingRound([n for n in order if n not in labelled])
        return LabellingRound([n for n in order if n in labelled], True, labelled)

    @property
    def current_node(self) -> str | None:
        """The node whose turn it is; None at the end."""
        return self.queue[0] if self.queue else None

    @property
    def n_nodes(self) -> int:
        """How many nodes the round has, done ones with them."""
        return len(self.queue) + len(self.new_labels) + len(self.skipped)

    def label_current(self, text: str) -> str:
        """Label the node; returns its name."""
        name = self.queue.pop(0)
        self.new_labels[name] = text
        return name

    def skip_current(self) -> None:
        """Leave the node out."""
        self.skipped.append(self.queue.pop(0))

    def postpone_current(self) -> None:
        """Come back to the node when the others are done."""
        self.queue.append(self.queue.pop(0))

    def measure_agreement(self) -> Agreement:
        """Earlier against new labels of what was labelled in this round."""
        pairs = [
            (self.earlier_labels[n], text) for n, text in self.new_labels.items() if n in self.earlier_labels
        ]
        return measure_agreement(pairs)


@dataclass(frozen=True)
class Agreement:
    """Cohen's kappa with its 95 % bootstrap interval over nodes, and how many of how many agree.

    kappa is None where chance alone would make all agree: nothing can be said then.
    """

    kappa: float | None
    low: float | None
    high: float | None
    n_agreed: int
    n_nodes: int

    def describe(self) -> str:
        """The agreement in a sentence."""
        if self.n_nodes == 0:
            return "No node was labelled again, so there is nothing to compare."
        said = f"{self.n_agreed} of {self.n_nodes} labels agree"
        if self.kappa is None:
            return f"{said}; Cohen's kappa is undefined, as both times only one role was given."
        interval = "" if self.low is None else f" [{self.low:.2f}, {self.high:.2f}]"
        return f"{said}; Cohen's kappa {self.kappa:.2f}{interval}."


def measure_agreement(pairs: Sequence[tuple[str, str]], seed: int = 0) -> Agreement:
    """Agreement of two labellings of the same nodes, (first, second) each (Cohen 1960)."""
    agreed, number = sum(a == b for a, b in pairs), len(pairs)
    value = cohens_kappa(pairs)
    if value is None or number < 2:
        return Agreement(value, None, None, agreed, number)
    draw = np.random.default_rng(seed).integers(number, size=(N_RESAMPLES, number))
    drawn = [k for rows in draw if (k := cohens_kappa([pairs[i] for i in rows])) is not None]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Agreement(value, float(low), float(high), agreed, number)


def cohens_kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """(observed − expected) / (1 − expected) agreement; None where expected agreement is complete.

    >>> cohens_kappa([("a", "a"), ("a", "b"), ("b", "b"), ("b", "b")])
    0.5
    """
    number = len(pairs)
    if not number:
        return None
    observed = sum(a == b for a, b in pairs) / number
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    expected = sum(first[role] * second[role] for role in first) / number**2
    return None if expected == 1 else (observed - expected) / (1 - expected)
