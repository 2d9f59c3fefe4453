"""Why a feature fires: what every node gives to it, kept above a threshold, with a ledger that adds up.

Hierarchical attribution is a sweep over rows in reverse order of computation, so that another threshold
is a walk over rows that are there already, and no run of the model (Ge et al. 2024).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.errors import InputError, suggest_name
from circuitviz.features.feature_edges import Edges
from circuitviz.features.node_table import NODE_KINDS, NodeTable
from circuitviz.features.targets import Target
from circuitviz.graph import NodeKind
from circuitviz.progress import Progress, ProgressSteps

LOCAL_METHODS = ("hierarchical-attribution", "direct-attribution")
THRESHOLD_GATES = ("signed", "absolute")
MAX_CIRCUIT_NODES = 2000  # a picture or a table of more helps nobody, and rows take time


@dataclass(frozen=True, slots=True)
class AttributionLedger:
    """Where a target's value comes from; the terms sum to it at every threshold.

    features: of kept features and heads, where nothing is passed on (direct attribution); components:
    MLPs without a dictionary; decoder_biases: output and decoder biases; encoder_biases: what the kept
    nodes and the target have whatever they read, with b_V; pruned: everything below the threshold.
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
        """Attribution of the kept leaves: tokens, positions, errors and components."""
        return self.tokens + self.positions + self.errors + self.components


@dataclass(frozen=True, eq=False)
class LocalCircuit:
    """The nodes that a target's value comes from.

    attribution: [nodes], of every node of the table, in units of the target's value; kept: the rows of
    the nodes above ``tau``, in order of computation (biases are never among them).
    """

    table: NodeTable
    target: Target
    method: str
    gate: str
    tau: float
    attribution: Tensor
    kept: NDArray[np.intp]
    ledger: AttributionLedger

    def __repr__(self) -> str:
        return f"LocalCircuit({self.target.node.name}: {len(self.kept)} nodes above {self.tau:.3g})"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the kept nodes."""
        return tuple(self.table.node(int(i)).name for i in self.kept)

    @property
    def fraction(self) -> float:
        """Attribution of the kept leaves over the target's value; no conserved quantity (METHODS)."""
        return self.ledger.leaves / self.target.value


def local_circuit(
    edges: Edges,
    target: Target,
    tau: float | None = None,
    nodes: int | None = None,
    method: str = "hierarchical-attribution",
    gate: str = "signed",
) -> LocalCircuit:
    """The circuit of a target, above a threshold or with about so many nodes (100 by default).

    signed: nodes whose attribution is above tau; absolute: whose |attribution| is. With ``nodes``, the
    least threshold is found that keeps no more. InputError on options that do not exist, and where a
    threshold keeps more nodes than can be shown.
    """
    for given, known, what in ((method, LOCAL_METHODS, "method"), (gate, THRESHOLD_GATES, "gate")):
        if given not in known:
            there = f"There is no {what} '{given}'; there is {', '.join(known)}."
            raise InputError(there + suggest_name(given, known))
    if tau is not None:
        if not (tau >= 0 and np.isfinite(tau)):
            raise InputError(f"A threshold of {tau:g} was given; a number from 0 on would be right.")
        found = _attribute_backwards(edges, target, tau, method, gate, MAX_CIRCUIT_NODES)
        if found is None:
            raise InputError(
                f"A threshold of {tau:g} keeps more than {MAX_CIRCUIT_NODES:,} nodes; a higher one would be right."
            )
        return found
    most = 100 if nodes is None else nodes
    if not 1 <= most <= MAX_CIRCUIT_NODES:
        raise InputError(
            f"{most} nodes were asked for; a number from 1 to {MAX_CIRCUIT_NODES:,} would be right."
        )
    return _circuit_with_nodes(edges, target, most, method, gate)


def fraction_curve_steps(
    edges: Edges, target: Target, taus: Iterable[float], method: str = LOCAL_METHODS[0], gate: str = "signed"
) -> ProgressSteps[list[LocalCircuit]]:
    """Circuits at several thresholds, from the highest on: the points of fraction against tau.

    Ends early where a threshold keeps more nodes than can be shown.
    """
    ordered = sorted(taus, reverse=True)
    found: list[LocalCircuit] = []
    for number, tau in enumerate(ordered):
        yield Progress(number, len(ordered), f"threshold {tau:.3g}", list(found))
        one = _attribute_backwards(edges, target, tau, method, gate, MAX_CIRCUIT_NODES)
        if one is None:
            break
        found.append(one)
    return found


def _circuit_with_nodes(edges: Edges, target: Target, max_nodes: int, method: str, gate: str) -> LocalCircuit:
    """Go down with the threshold until too many nodes are kept, then close in from both sides."""
    row, _ = edges.row_into(target)
    highest = float(row.abs().max())
    high, low = highest, highest
    best = _attribute_backwards(edges, target, high, method, gate, max_nodes)
    assert best is not None  # nothing is above the greatest
    while low > highest * 1e-9:
        low /= 4
        found = _attribute_backwards(edges, target, low, method, gate, max_nodes)
        if found is None:
            break
        high, best = low, found
    else:
        return _attribute_backwards(edges, target, 0.0, method, gate, max_nodes) or best
    while high / low > 1.005 and len(best.kept) < max_nodes:
        middle = (high * low) ** 0.5
        found = _attribute_backwards(edges, target, middle, method, gate, max_nodes)
        if found is None:
            low = middle
        else:
            high, best = middle, found
    return best


@torch.no_grad()
def _attribute_backwards(
    edges: Edges, target: Target, tau: float, method: str, gate: str, max_nodes: int
) -> LocalCircuit | None:
    """One pass over the stages, last first; None as soon as more than ``max_nodes`` nodes are kept."""
    table = edges.table
    row, always = edges.row_into(target)
    attribution = row.clone()
    passed_on = np.zeros(len(table), dtype=bool)
    if method == LOCAL_METHODS[0]:
        values = attribution.numpy() if attribution.device.type == "cpu" else None  # the same memory
        for members in table.readers_by_stage:
            here = attribution[members].cpu().numpy() if values is None else values[members]
            chosen = members[_passes_threshold(here, tau, gate)]
            passed_on[chosen] = True
            if int(passed_on.sum()) > max_nodes:
                return None
            shares = (attribution[chosen] / table.activation[chosen]).tolist()
            for share, (weights, constant) in zip(shares, edges.rows_with_constants(chosen), strict=True):
                attribution.add_(weights, alpha=share)
                always += share * constant
    found = attribution.double().cpu().numpy()
    above = _passes_threshold(found, tau, gate) & ~table.is_bias
    if int(above.sum()) > max_nodes:
        return None
    kept = np.flatnonzero(above)
    kept = kept[np.lexsort((table.position[kept], table.stage[kept]))]
    ledger = _make_ledger(table, np.where(passed_on, 0.0, found), above, always)
    return LocalCircuit(table, target, method, gate, tau, attribution, kept, ledger)


def _make_ledger(
    table: NodeTable, not_passed_on: NDArray[np.float64], above: NDArray[np.bool_], constant: float
) -> AttributionLedger:
    """The terms, from what each node did not pass on."""
    kinds = len(NODE_KINDS)
    kept = dict(
        zip(NODE_KINDS, np.bincount(table.kind[above], not_passed_on[above], kinds).tolist(), strict=True)
    )
    return AttributionLedger(
        features=kept[NodeKind.FEATURE] + kept[NodeKind.HEAD] + kept[NodeKind.SKIP],
        tokens=kept[NodeKind.TOKEN],
        positions=kept[NodeKind.POSITION],
        errors=kept[NodeKind.ERROR],
        components=kept[NodeKind.MLP],
        decoder_biases=float(not_passed_on[table.is_bias].sum()),
        encoder_biases=constant,
        pruned=float(not_passed_on[~above & ~table.is_bias].sum()),
    )


def _passes_threshold(attribution: NDArray[Any], tau: float, gate: str) -> NDArray[np.bool_]:
    return np.asarray((attribution if gate == "signed" else np.abs(attribution)) > tau)
