"""Which nodes matter to the logits, through whatever paths: the attribution graph of a prompt.

Rows are made for the nodes that matter most first, so that a prompt with tens of thousands of active
features has its graph without all of their rows. (Ameisen et al. 2025; circuit-tracer)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features.edges import Edges
from circuitviz.features.graphs import cumulative, scores_of
from circuitviz.features.table import KINDS, NodeTable
from circuitviz.features.targets import Target
from circuitviz.graph import Circuit, Kind, Scores
from circuitviz.models.batches import budget
from circuitviz.progress import Progress, Steps

AT_ONCE = 128  # rows between two looks at which nodes matter
REST = 0.01  # of all influence, what may stay at nodes whose rows are not made


@dataclass(frozen=True, eq=False)
class AttributionGraph:
    """A prompt's nodes, their edges, and how much each matters to the targets.

    nodes: rows of the table, in order of stages; weights: [nodes + targets, nodes], into × from, signed;
    influence: [nodes]; probability: [targets], adding up to 1. unread: the share of influence that
    stayed at nodes left out because their rows were not made.
    """

    table: NodeTable
    targets: tuple[Target, ...]
    nodes: NDArray[np.intp]
    weights: NDArray[Any]
    influence: NDArray[np.float64]
    probability: NDArray[np.float64]
    unread: float

    def __repr__(self) -> str:
        return f"AttributionGraph({len(self.nodes):,} nodes, {len(self.targets)} targets)"

    @cached_property
    def shares(self) -> NDArray[Any]:
        """|weights|, each row adding up to 1 (or to 0, where nothing flows in)."""
        return _normalised(np.abs(self.weights))

    def of(self, *kinds: Kind) -> NDArray[np.bool_]:
        """Which nodes are of some kinds, [nodes]."""
        return np.isin(self.table.kind[self.nodes], [KINDS.index(kind) for kind in kinds])

    @property
    def replacement_score(self) -> float:
        """Influence of tokens and positions, over that of them and of errors and bare MLPs."""
        embedded = float(self.influence[self.of(Kind.TOKEN, Kind.POSITION)].sum())
        unexplained = float(self.influence[self._unexplained].sum())
        return embedded / (embedded + unexplained) if embedded + unexplained else 0.0

    @property
    def completeness_score(self) -> float:
        """How little of what nodes read comes from errors, weighted by influence.

        As in circuit-tracer, leaves count as complete.
        """
        explained = 1 - self.shares[:, self._unexplained].sum(axis=1)
        mass = np.append(self.influence, self.probability)
        return float((explained * mass).sum() / mass.sum())

    def scores(self, node_share: float = 0.8, edge_share: float = 0.98) -> tuple[Scores, Circuit]:
        """The graph of the nodes that matter most, with the circuit of the edges that do.

        As circuit-tracer's ``prune_graph``: nodes to a cumulative share of influence (tokens always), then
        edges to a share of the edges' influence among them; then, until nothing changes, nodes go that
        write to no kept node, and those that read go when none of their inputs is kept. Tokens stay.
        """
        for given, what in ((node_share, "nodes"), (edge_share, "edges")):
            if not 0 < given <= 1:
                raise InputError(
                    f"A share of {given:g} of the {what}' influence was given; it is above 0, at most 1."
                )
        kept = np.flatnonzero(cumulative(self.influence, node_share) | self.of(Kind.TOKEN))
        weights = self._between(kept)
        shares = _normalised(np.abs(weights))
        passed = np.append(_influence(shares, self.probability), self.probability)
        important = cumulative(shares * passed[:, None], edge_share)
        alive = _connected(important, ~self.table.is_leaf[self.nodes[kept]], self.of(Kind.TOKEN)[kept])
        important, kept = important[np.append(alive, np.ones(len(self.targets), bool))][:, alive], kept[alive]
        info = {
            "targets": {t.node.name: float(p) for t, p in zip(self.targets, self.probability, strict=True)},
            "replacement_score": self.replacement_score,
            "completeness_score": self.completeness_score,
            "unread": self.unread,
            "node_share": node_share,
            "edge_share": edge_share,
        }
        names = [self.table.node(int(i)).name for i in self.nodes[kept]]
        for key, numbers in (("influence", self.influence), ("cumulative_influence", self.cumulative)):
            info[key] = dict(zip(names, map(float, numbers[kept]), strict=True))
        made = scores_of(
            self.table, self.nodes[kept], self.targets, self._between(kept), "attribution-graph", info
        )
        receiving = np.isin([node.name for node in made.graph.nodes], made.graph.receivers)
        return made, Circuit(made.graph, important.T[:, receiving] & made.graph.mask)

    @cached_property
    def cumulative(self) -> NDArray[np.float64]:
        """For each node [nodes], the share of all influence that it and the more influential ones hold."""
        order = np.argsort(-self.influence, kind="stable")
        shares = np.empty(len(order))
        shares[order] = np.cumsum(self.influence[order]) / (self.influence.sum() or 1.0)
        return shares

    def _between(self, nodes: NDArray[np.intp]) -> NDArray[Any]:
        """Weights among some nodes and into the targets, [nodes + targets, nodes]."""
        into = np.append(nodes, np.arange(len(self.nodes), len(self.weights)))
        return self.weights[np.ix_(into, nodes)]

    @cached_property
    def _unexplained(self) -> NDArray[np.bool_]:
        return self.of(Kind.ERROR, Kind.MLP)


def attribution_graph(edges: Edges, targets: Sequence[Target], most: int = 2000) -> Steps[AttributionGraph]:
    """The graph of one or several targets: logits, a logit difference, a feature.

    most: how many nodes get rows at most, those of largest influence first; it ends earlier once the
    nodes without rows hold less than a hundredth of all influence. InputError without a target.
    """
    table = edges.table
    if not targets:
        raise InputError("An attribution graph needs a target: logits, a logit difference or a feature.")
    if most < 1:
        raise InputError(f"Rows for {most} nodes were asked for; a number above 0 would be right.")
    size = len(table) * table.written.element_size()
    most = min(most, max(AT_ONCE, budget(table.written.device) // size))
    probability = torch.tensor([t.weight for t in targets]).to(table.written)
    probability = probability / probability.sum()
    goal = torch.stack([edges.into(target)[0] for target in targets])
    first = probability @ _shares(goal)
    reading = torch.from_numpy(~table.is_leaf).to(goal.device)
    chosen = np.empty(0, dtype=np.intp)
    rows = goal.new_empty(most, len(table))
    influence = first
    while True:
        waiting = influence.clone()
        waiting[~reading] = 0
        waiting[torch.from_numpy(chosen).to(goal.device)] = 0
        left = float(waiting.sum())
        yield Progress(1 - left, 1.0, f"{len(chosen):,} of {int(reading.sum()):,} nodes")
        number = min(AT_ONCE, most - len(chosen), int((waiting > 0).sum()))
        if number <= 0 or left < REST:
            break
        new = waiting.topk(number).indices.cpu().numpy()
        for place, (row, _) in enumerate(edges.each(new), len(chosen)):
            rows[place] = row
        chosen = np.concatenate([chosen, new])
        influence = _swept(table, chosen, rows, first)
    return _compact(table, tuple(targets), probability, goal, chosen, rows[: len(chosen)], left)


def _swept(table: NodeTable, chosen: NDArray[np.intp], rows: Tensor, first: Tensor) -> Tensor:
    """Influence of every node, passed on by those with rows, the last stage first."""
    influence = first.clone()
    stages = table.stage[chosen]
    for stage in np.unique(stages)[::-1]:
        here = np.flatnonzero(stages == stage)
        nodes = torch.from_numpy(chosen[here]).to(first.device)
        influence += influence[nodes] @ _shares(rows[torch.from_numpy(here).to(first.device)])
    return influence


def _compact(
    table: NodeTable,
    targets: tuple[Target, ...],
    probability: Tensor,
    goal: Tensor,
    chosen: NDArray[np.intp],
    rows: Tensor,
    left: float,
) -> AttributionGraph:
    """The graph of the nodes with rows and the leaves, without what was left out."""
    nodes = np.concatenate([chosen, np.flatnonzero(table.is_leaf)])
    nodes = nodes[np.lexsort((table.position[nodes], table.stage[nodes]))]
    columns = torch.from_numpy(nodes).to(rows.device)
    place = np.full(len(table), -1)
    place[nodes] = np.arange(len(nodes))
    inside, into = rows[:, columns].cpu().numpy(), goal[:, columns].cpu().numpy()
    weights = np.zeros((len(nodes) + len(targets), len(nodes)), dtype=inside.dtype)
    weights[place[chosen]] = inside
    weights[len(nodes) :] = into
    shares = _normalised(np.abs(weights))
    mass = probability.double().cpu().numpy()
    influence = _influence(shares, mass)
    return AttributionGraph(table, targets, nodes, weights, influence, mass, left)


def _connected(
    edges: NDArray[np.bool_], reading: NDArray[np.bool_], always: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The nodes [nodes] that are left once dead ends are gone.

    edges: [nodes + targets, nodes], into × from; reading: nodes that need an input; always: nodes that stay.
    """
    number, targets = len(reading), np.ones(len(edges) - len(reading), bool)
    alive, before = np.ones(number, bool), None
    while before is None or not np.array_equal(alive, before):
        before = alive
        written = edges[np.append(alive, targets)].any(axis=0)
        read = edges[:number, alive].any(axis=1)
        alive = alive & (always | (written & (read | ~reading)))
    return alive


def _influence(shares: NDArray[Any], probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum p (Ā + Ā² + …) of nodes in order of computation: one pass from the last to the first."""
    number = shares.shape[1]
    total = probability @ shares[number:]
    for node in np.flatnonzero(shares[:number].any(axis=1))[::-1]:
        total[:node] += total[node] * shares[node, :node]
    return np.asarray(total)


def _normalised(sizes: NDArray[Any]) -> NDArray[Any]:
    sums = sizes.sum(axis=1, keepdims=True)
    return np.divide(sizes, sums, out=np.zeros_like(sizes), where=sums > 0)


def _shares(rows: Tensor) -> Tensor:
    sizes = rows.abs()
    return sizes / sizes.sum(1, keepdim=True).clamp_min(torch.finfo(rows.dtype).tiny)
