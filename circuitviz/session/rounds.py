"""Labelling in one go, the strongest first; blind where one wants to know how far labels can be trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from circuitviz.session.labels import kind_of
from circuitviz.session.state import State

RESAMPLES = 1000


def strongest_first(state: State) -> list[str]:
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

    accept: the node is labelled; skip: it is left out of this round; later: it comes again at the end.
    """

    queue: list[str]
    blind: bool = False
    earlier: Mapping[str, str] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    @staticmethod
    def of(state: State, blind: bool = False) -> LabellingRound:
        """A round of the nodes without a label, or blind of those with one."""
        labelled = {t: x.text for t, x in state.labels.items() if kind_of(t) == "node"}
        order = strongest_first(state)
        if not blind:
            return LabellingRound([n for n in order if n not in labelled])
        return LabellingRound([n for n in order if n in labelled], True, labelled)

    @property
    def node(self) -> str | None:
        """The node whose turn it is; None at the end."""
        return self.queue[0] if self.queue else None

    @property
    def total(self) -> int:
        """How many nodes the round has, done ones with them."""
        return len(self.queue) + len(self.given) + len(self.skipped)

    def accept(self, text: str) -> str:
        """Label the node; returns its name."""
        name = self.queue.pop(0)
        self.given[name] = text
        return name

    def skip(self) -> None:
        """Leave the node out."""
        self.skipped.append(self.queue.pop(0))

    def later(self) -> None:
        """Come back to the node when the others are done."""
        self.queue.append(self.queue.pop(0))

    def agreement(self) -> Agreement:
        """Earlier against new labels of what was labelled in this round."""
        pairs = [(self.earlier[n], text) for n, text in self.given.items() if n in self.earlier]
        return agreement(pairs)


@dataclass(frozen=True)
class Agreement:
    """Cohen's kappa with its 95 % bootstrap interval over nodes, and how many of how many agree.

    kappa is None where chance alone would make all agree: nothing can be said then.
    """

    kappa: float | None
    low: float | None
    high: float | None
    agreed: int
    number: int

    def text(self) -> str:
        """The agreement in a sentence."""
        if self.number == 0:
            return "No node was labelled again, so there is nothing to compare."
        said = f"{self.agreed} of {self.number} labels agree"
        if self.kappa is None:
            return f"{said}; Cohen's kappa is undefined, as both times only one role was given."
        interval = "" if self.low is None else f" [{self.low:.2f}, {self.high:.2f}]"
        return f"{said}; Cohen's kappa {self.kappa:.2f}{interval}."


def agreement(pairs: Sequence[tuple[str, str]], seed: int = 0) -> Agreement:
    """Agreement of two labellings of the same nodes, (first, second) each (Cohen 1960)."""
    agreed, number = sum(a == b for a, b in pairs), len(pairs)
    value = kappa(pairs)
    if value is None or number < 2:
        return Agreement(value, None, None, agreed, number)
    draw = np.random.default_rng(seed).integers(number, size=(RESAMPLES, number))
    drawn = [k for rows in draw if (k := kappa([pairs[i] for i in rows])) is not None]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Agreement(value, float(low), float(high), agreed, number)


def kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """(observed − expected) / (1 − expected) agreement; None where expected agreement is complete.

    >>> kappa([("a", "a"), ("a", "b"), ("b", "b"), ("b", "b")])
    0.5
    """
    number = len(pairs)
    if not number:
        return None
    observed = sum(a == b for a, b in pairs) / number
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    expected = sum(first[role] * second[role] for role in first) / number**2
    return None if expected == 1 else (observed - expected) / (1 - expected)
