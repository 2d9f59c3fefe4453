"""Local circuits: the nodes whose attribution to a target is above a threshold.

Hierarchical attribution goes backwards over rows in reverse order of computation, so that another threshold
needs cached rows and no run of the model. Source: [ge2024automatically].
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.errors import InputError, suggest_name
from circuitviz.features.attention_contributors import AttentionContributors
from circuitviz.features.effects_through_scores import attention_contributors
from circuitviz.features.feature_edges import FeatureEdgeRows
from circuitviz.features.node_rows import NODE_KINDS, NodeTable
from circuitviz.features.targets import Target
from circuitviz.graph import NodeKind
from circuitviz.progress import Progress, ProgressSteps

LOCAL_METHODS = ("hierarchical-attribution", "direct-attribution")
THRESHOLD_GATES = ("signed", "absolute")
MAX_CIRCUIT_NODES = 2000  # more cannot be shown usefully, and rows take time


@dataclass(frozen=True, slots=True)
class AttributionLedger:
    """Where a target's value comes from; the terms sum to it at every threshold.

    Attributes:
        features: Kept features, neurons and heads where nothing is passed on (direct attribution).
        tokens: Kept tokens.
        positions: Kept positions.
        errors: Kept reconstruction errors, and neurons that are no nodes.
        components: Kept MLPs without a dictionary.
        decoder_biases: Output and decoder biases.
        encoder_biases: Constants of the target and of the nodes above the threshold, with b_V.
        pruned: Everything below the threshold.
    """

    features: float
    tokens: float
    positions: float
    errors: float
    components: float
    decoder_biases: float
    encoder_biases: float
    pruned: float

    @property
    def total(self) -> float:
        """The sum of all terms: the target's value."""
        return float(sum(getattr(self, name) for name in self.__slots__))

    @property
    def leaves(self) -> float:
        """Attribution of the leaves above the threshold: tokens, positions, errors and components."""
        return self.tokens + self.positions + self.errors + self.components


@dataclass(frozen=True, eq=False)
class LocalCircuit:
    """The nodes that a target's value comes from.

    Attributes:
        table: The nodes of the prompt.
        target: The target.
        method: One of ``LOCAL_METHODS``.
        gate: ``signed``: nodes whose attribution is above ``tau``; ``absolute``: whose |attribution| is.
        tau: The threshold, in units of the target's value.
        attribution: [nodes], of every node of the table.
        nodes: Rows of the nodes above the threshold, in order of computation, without biases.
        ledger: The terms that the value is the sum of.
        contributors: Of ``nodes``, those that were added because they move attention.
    """

    table: NodeTable
    target: Target
    method: str
    gate: str
    tau: float
    attribution: Tensor
    nodes: NDArray[np.intp]
    ledger: AttributionLedger
    contributors: AttentionContributors | None = None

    def __repr__(self) -> str:
        return f"LocalCircuit({self.target.node.name}: {len(self.nodes)} nodes above {self.tau:.3g})"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the nodes above the threshold."""
        return tuple(self.table.node(int(i)).name for i in self.nodes)

    @property
    def fraction(self) -> float:
        """``ledger.leaves`` over the target's value; it is not conserved and may exceed 1."""
        return self.ledger.leaves / self.target.value


def local_circuit(
    edges: FeatureEdgeRows,
    target: Target,
    tau: float | None = None,
    nodes: int | None = None,
    method: str = "hierarchical-attribution",
    gate: str = "signed",
) -> LocalCircuit:
    """Find the circuit of a target, above a threshold or with about so many nodes.

    Args:
        edges: Edges of the prompt's nodes.
        target: The target.
        tau: The threshold, in units of the target's value.
        nodes: Instead of a threshold: the smallest threshold is found that keeps at most so many nodes
            (100 by default).
        method: One of ``LOCAL_METHODS``.
        gate: ``signed`` or ``absolute``.

    Raises:
        InputError: An option does not exist, or the threshold keeps more nodes than can be shown.

    Source: [ge2024automatically].
    """
    for value, choices, option in ((method, LOCAL_METHODS, "method"), (gate, THRESHOLD_GATES, "gate")):
        if value not in choices:
            message = f"There is no {option} '{value}'; there is {', '.join(choices)}."
            raise InputError(message + suggest_name(value, choices))
    if tau is not None:
        if not (tau >= 0 and np.isfinite(tau)):
            raise InputError(f"A threshold of {tau:g} was given; a number from 0 on would be right.")
        circuit = _attribute_backwards(edges, target, tau, method, gate, MAX_CIRCUIT_NODES)
        if circuit is None:
            raise InputError(
                f"A threshold of {tau:g} keeps more than {MAX_CIRCUIT_NODES:,} nodes; a higher one would "
                "be right."
            )
        return circuit
    max_nodes = 100 if nodes is None else nodes
    if not 1 <= max_nodes <= MAX_CIRCUIT_NODES:
        raise InputError(
            f"{max_nodes} nodes were asked for; a number from 1 to {MAX_CIRCUIT_NODES:,} would be right."
        )
    return _circuit_with_nodes(edges, target, max_nodes, method, gate)


def add_attention_contributors(circuit: LocalCircuit, number: int) -> LocalCircuit:
    """Return a circuit with the nodes that count most for its target through attention scores.

    They follow the circuit's gate: a signed one takes only nodes that add to the target. The ledger, of
    which patterns are held, stays as it is.

    Args:
        circuit: The circuit.
        number: How many nodes are added.
    """
    table = circuit.table
    found = attention_contributors(table, circuit.target, number, circuit.nodes, circuit.gate)
    nodes = np.concatenate([circuit.nodes, found.nodes])
    nodes = nodes[np.lexsort((table.position[nodes], table.stage[nodes]))]
    return replace(circuit, nodes=nodes, contributors=found)


def fraction_taus(edges: FeatureEdgeRows, target: Target, number: int) -> list[float]:
    """Return thresholds over three orders of magnitude, the first just below the largest edge's share."""
    highest = float(edges.row_into(target)[0].abs().max())
    return [highest * 0.98 * 10 ** (-3 * i / max(1, number - 1)) for i in range(number)]


def fraction_curve_steps(
    edges: FeatureEdgeRows,
    target: Target,
    taus: Iterable[float],
    method: str = LOCAL_METHODS[0],
    gate: str = "signed",
) -> ProgressSteps[list[LocalCircuit]]:
    """Find circuits at several thresholds, from the highest on: the points of fraction against tau.

    Ends early where a threshold keeps more nodes than can be shown. Partial results are the circuits so far.
    """
    ordered = sorted(taus, reverse=True)
    circuits: list[LocalCircuit] = []
    for number, tau in enumerate(ordered):
        yield Progress(number, len(ordered), f"threshold {tau:.3g}", list(circuits))
        circuit = _attribute_backwards(edges, target, tau, method, gate, MAX_CIRCUIT_NODES)
        if circuit is None:
            break
        circuits.append(circuit)
    return circuits


def _circuit_with_nodes(
    edges: FeatureEdgeRows, target: Target, max_nodes: int, method: str, gate: str
) -> LocalCircuit:
    """Find the threshold by bisection between one that selects too many nodes and one that does not."""
    row, _ = edges.row_into(target)
    highest = float(row.abs().max())
    high, low = highest, highest
    best = _attribute_backwards(edges, target, high, method, gate, max_nodes)
    assert best is not None  # nothing is above the greatest
    while low > highest * 1e-9:
        low /= 4
        circuit = _attribute_backwards(edges, target, low, method, gate, max_nodes)
        if circuit is None:
            break
        high, best = low, circuit
    else:
        return _attribute_backwards(edges, target, 0.0, method, gate, max_nodes) or best
    while high / low > 1.005 and len(best.nodes) < max_nodes:
        middle = (high * low) ** 0.5
        circuit = _attribute_backwards(edges, target, middle, method, gate, max_nodes)
        if circuit is None:
            low = middle
        else:
            high, best = middle, circuit
    return best


@torch.no_grad()
def _attribute_backwards(
    edges: FeatureEdgeRows, target: Target, tau: float, method: str, gate: str, max_nodes: int
) -> LocalCircuit | None:
    """Process the stages from the last; return None once more than ``max_nodes`` are above the threshold.

    Numbered as in the paper: (1) attribution starts as the target's row; (2) at each stage, nodes above the
    threshold pass their attribution on through their rows; (3) the others keep it, and the ledger counts it
    as pruned.
    """
    table = edges.table
    row, constant = edges.row_into(target)
    attribution = row.clone()
    passed_on = np.zeros(len(table), dtype=bool)
    if method == LOCAL_METHODS[0]:
        values = attribution.numpy() if attribution.device.type == "cpu" else None  # the same memory
        for members, index in zip(table.readers_by_stage, table.reader_index_by_stage, strict=True):
            # one fetch for each stage: which rows are computed depends on it
            stage_attribution = attribution[index].cpu().numpy() if values is None else values[members]
            is_above = _passes_threshold(stage_attribution, tau, gate)
            above_threshold = members[is_above]
            passed_on[above_threshold] = True
            if int(passed_on.sum()) > max_nodes:
                return None
            shares = (stage_attribution[is_above] / table.activation_on_host[above_threshold]).tolist()
            for share, (weights, row_constant) in zip(
                shares, edges.rows_with_constants(above_threshold), strict=True
            ):
                attribution.add_(weights, alpha=share)
                constant += share * row_constant
    attributions = attribution.double().cpu().numpy()
    above = _passes_threshold(attributions, tau, gate) & ~table.is_bias
    if int(above.sum()) > max_nodes:
        return None
    nodes = np.flatnonzero(above)
    nodes = nodes[np.lexsort((table.position[nodes], table.stage[nodes]))]
    ledger = _make_ledger(table, np.where(passed_on, 0.0, attributions), above, constant)
    return LocalCircuit(table, target, method, gate, tau, attribution, nodes, ledger)


def _make_ledger(
    table: NodeTable, not_passed_on: NDArray[np.float64], above: NDArray[np.bool_], constant: float
) -> AttributionLedger:
    """Return the terms, from what each node did not pass on."""
    kinds = len(NODE_KINDS)
    totals = dict(
        zip(NODE_KINDS, np.bincount(table.kind[above], not_passed_on[above], kinds).tolist(), strict=True)
    )
    return AttributionLedger(
        features=sum(
            totals[kind] for kind in (NodeKind.FEATURE, NodeKind.NEURON, NodeKind.HEAD, NodeKind.SKIP)
        ),
        tokens=totals[NodeKind.TOKEN],
        positions=totals[NodeKind.POSITION],
        errors=totals[NodeKind.ERROR],
        components=totals[NodeKind.MLP],
        decoder_biases=float(not_passed_on[table.is_bias].sum()),
        encoder_biases=constant,
        pruned=float(not_passed_on[~above & ~table.is_bias].sum()),
    )


def _passes_threshold(attribution: NDArray[Any], tau: float, gate: str) -> NDArray[np.bool_]:
    return np.asarray((attribution if gate == "signed" else np.abs(attribution)) > tau)
