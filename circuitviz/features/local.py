"""Why a feature fires: what every node gives to it, kept above a threshold, with a ledger that adds up.

Hierarchical attribution is a sweep over rows in reverse order of computation, so that another threshold
is a walk over rows that are there already, and no run of the model (Ge et al. 2024).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.errors import InputError, suggest
from circuitviz.features.edges import Edges
from circuitviz.features.table import KINDS, NodeTable
from circuitviz.features.targets import Target
from circuitviz.graph import Kind
from circuitviz.progress import Progress, Steps

METHODS = ("hierarchical-attribution", "direct-attribution")
GATES = ("signed", "absolute")
MOST_NODES = 2000  # a picture or a table of more helps nobody, and rows take time


@dataclass(frozen=True, slots=True)
class Ledger:
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
    ledger: Ledger

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
    for given, known, what in ((method, METHODS, "method"), (gate, GATES, "gate")):
        if given not in known:
            there = f"There is no {what} '{given}'; there is {', '.join(known)}."
            raise InputError(there + suggest(given, known))
    if tau is not None:
        if not (tau >= 0 and np.isfinite(tau)):
            raise InputError(f"A threshold of {tau:g} was given; a number from 0 on would be right.")
        found = _sweep(edges, target, tau, method, gate, MOST_NODES)
        if found is None:
            raise InputError(
                f"A threshold of {tau:g} keeps more than {MOST_NODES:,} nodes; a higher one would be right."
            )
        return found
    most = 100 if nodes is None else nodes
    if not 1 <= most <= MOST_NODES:
        raise InputError(f"{most} nodes were asked for; a number from 1 to {MOST_NODES:,} would be right.")
    return _with_nodes(edges, target, most, method, gate)


def fraction_curve(
    edges: Edges, target: Target, taus: Iterable[float], method: str = METHODS[0], gate: str = "signed"
) -> Steps[list[LocalCircuit]]:
    """Circuits at several thresholds, from the highest on: the points of fraction against tau.

    Ends early where a threshold keeps more nodes than can be shown.
    """
    ordered = sorted(taus, reverse=True)
    found: list[LocalCircuit] = []
    for number, tau in enumerate(ordered):
        yield Progress(number, len(ordered), f"threshold {tau:.3g}", list(found))
        one = _sweep(edges, target, tau, method, gate, MOST_NODES)
        if one is None:
            break
        found.append(one)
    return found


def _with_nodes(edges: Edges, target: Target, most: int, method: str, gate: str) -> LocalCircuit:
    """Go down with the threshold until too many nodes are kept, then close in from both sides."""
    row, _ = edges.into(target)
    highest = float(row.abs().max())
    high, low = highest, highest
    best = _sweep(edges, target, high, method, gate, most)
    assert best is not None  # nothing is above the greatest
    while low > highest * 1e-9:
        low /= 4
        found = _sweep(edges, target, low, method, gate, most)
        if found is None:
            break
        high, best = low, found
    else:
        return _sweep(edges, target, 0.0, method, gate, most) or best
    while high / low > 1.005 and len(best.kept) < most:
        middle = (high * low) ** 0.5
        found = _sweep(edges, target, middle, method, gate, most)
        if found is None:
            low = middle
        else:
            high, best = middle, found
    return best


@torch.no_grad()
def _sweep(
    edges: Edges, target: Target, tau: float, method: str, gate: str, most: int
) -> LocalCircuit | None:
    """One pass over the stages, last first; None as soon as more than ``most`` nodes are kept."""
    table = edges.table
    row, always = edges.into(target)
    attribution = row.clone()
    passed_on = torch.zeros(len(table), dtype=torch.bool, device=row.device)
    if method == METHODS[0]:
        number = 0
        for members in _readers(table):
            chosen = members[_above(attribution[members], tau, gate)]
            if not len(chosen):
                continue
            number += len(chosen)
            if number > most:
                return None
            weights, constants = edges.rows(chosen.cpu().numpy())
            share = attribution[chosen] / table.activation[chosen]
            attribution += share @ weights
            always += float(share @ constants)
            passed_on[chosen] = True
    biases = torch.from_numpy(table.is_bias).to(row.device)
    above = _above(attribution, tau, gate) & ~biases
    if int(above.sum()) > most:
        return None
    left = torch.where(passed_on, 0.0, attribution).double()
    kinds = torch.from_numpy(table.kind).to(row.device)

    def of(*several: Kind) -> float:
        mine = torch.isin(kinds, torch.tensor([KINDS.index(k) for k in several], device=row.device))
        return float(left[above & mine].sum())

    ledger = Ledger(
        features=of(Kind.FEATURE, Kind.HEAD, Kind.SKIP),
        tokens=of(Kind.TOKEN),
        positions=of(Kind.POSITION),
        errors=of(Kind.ERROR),
        components=of(Kind.MLP),
        decoder_biases=float(left[biases].sum()),
        encoder_biases=always,
        pruned=float(left[~above & ~biases].sum()),
    )
    kept = above.nonzero()[:, 0].cpu().numpy()
    kept = kept[np.lexsort((table.position[kept], table.stage[kept]))]
    return LocalCircuit(table, target, method, gate, tau, attribution, kept, ledger)


def _readers(table: NodeTable) -> list[Tensor]:
    """Nodes that read something, by stage, the last stage first."""
    stages = np.where(table.is_leaf, -1, table.stage)
    order = np.argsort(-stages, kind="stable")
    order = order[: int((stages >= 0).sum())]
    cuts = np.flatnonzero(np.diff(stages[order])) + 1
    return [torch.from_numpy(part).to(table.written.device) for part in np.split(order, cuts)]


def _above(attribution: Tensor, tau: float, gate: str) -> Tensor:
    return (attribution if gate == "signed" else attribution.abs()) > tau
