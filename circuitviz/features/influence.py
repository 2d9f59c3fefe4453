"""The attribution graph of a prompt: which nodes matter to the logits, through all paths.

Algorithm, as circuit-tracer's, [ameisen2025circuit]:

1. The targets' rows, weighted by probability, give the direct influence of every node.
2. Rows are computed for the nodes of largest influence, ``ROWS_PER_ROUND`` at a time, and influence is
   propagated through them, until the nodes without rows hold less than ``MAX_UNEXPANDED_INFLUENCE``.
3. Edges are row-normalised |weights|; influence p (Ā + Ā² + …) is one pass from the last node to the first.
4. Pruning keeps nodes, then edges, to a cumulative share of influence, then removes dead ends.
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
from circuitviz.features.feature_edges import FeatureEdgeRows
from circuitviz.features.feature_scores import largest_to_share, scores_between_nodes
from circuitviz.features.node_rows import NODE_KINDS, OWN_CONVENTION, NodeTable
from circuitviz.features.targets import Target
from circuitviz.graph import Circuit, NodeKind, Scores
from circuitviz.models.batching import batch_budget_bytes
from circuitviz.progress import Progress, ProgressSteps

ROWS_PER_ROUND = 128  # rows between two looks at which nodes matter
MAX_UNEXPANDED_INFLUENCE = 0.01  # of all influence, what may stay at nodes whose rows are not made


@dataclass(frozen=True, eq=False)
class AttributionGraph:
    """A prompt's nodes, their edges, and how much each matters to the targets.

    Attributes:
        table: The nodes of the prompt.
        targets: What the graph explains.
        nodes: Rows of the table, in order of stages.
        weights: [nodes + targets, nodes], into × from, signed.
        influence: [nodes].
        probability: [targets], adding up to 1.
        unexpanded_influence: The share of influence that stayed at nodes left out because they have no rows.
    """

    table: NodeTable
    targets: tuple[Target, ...]
    nodes: NDArray[np.intp]
    weights: NDArray[Any]
    influence: NDArray[np.float64]
    probability: NDArray[np.float64]
    unexpanded_influence: float

    def __repr__(self) -> str:
        return f"AttributionGraph({len(self.nodes):,} nodes, {len(self.targets)} targets)"

    @cached_property
    def row_shares(self) -> NDArray[Any]:
        """|weights|, each row adding up to 1 (or to 0 where nothing flows in)."""
        return _normalise_rows(np.abs(self.weights))

    def has_kind(self, *kinds: NodeKind) -> NDArray[np.bool_]:
        """Return which nodes are of some kinds, bool [nodes]."""
        return np.isin(self.table.kind[self.nodes], [NODE_KINDS.index(kind) for kind in kinds])

    @property
    def replacement_score(self) -> float:
        """Influence of tokens and positions over that of them, of errors, and of bare MLPs."""
        embedded = float(self.influence[self.has_kind(NodeKind.TOKEN, NodeKind.POSITION)].sum())
        unexplained = float(self.influence[self._is_unexplained].sum())
        return embedded / (embedded + unexplained) if embedded + unexplained else 0.0

    @property
    def completeness_score(self) -> float:
        """1 minus the share of what nodes read that comes from errors, weighted by influence.

        As in circuit-tracer, leaves count as complete.
        """
        explained = 1 - self.row_shares[:, self._is_unexplained].sum(axis=1)
        mass = np.append(self.influence, self.probability)
        return float((explained * mass).sum() / mass.sum())

    def scores(self, node_share: float = 0.8, edge_share: float = 0.98) -> tuple[Scores, Circuit]:
        """Prune the graph; return its scores, and the circuit of the edges that are kept.

        As circuit-tracer's ``prune_graph``: nodes to a cumulative share of influence (tokens always), then
        edges to a share of the edges' influence among them; then, until nothing changes, nodes are removed
        that write to no kept node, and nodes that read when none of their inputs is kept. Tokens stay.

        Args:
            node_share: Share of the nodes' influence, above 0, at most 1.
            edge_share: Share of the edges' influence, above 0, at most 1.

        Raises:
            InputError: A share is out of bounds.
        """
        for share, kind_text in ((node_share, "nodes"), (edge_share, "edges")):
            if not 0 < share <= 1:
                raise InputError(
                    f"A share of {share:g} of the {kind_text}' influence was given; it is above 0, at most 1."
                )
        selected = np.flatnonzero(
            largest_to_share(self.influence, node_share) | self.has_kind(NodeKind.TOKEN)
        )
        weights = self._weights_between(selected)
        shares = _normalise_rows(np.abs(weights))
        node_influence = np.append(_node_influence(shares, self.probability), self.probability)
        important = largest_to_share(shares * node_influence[:, None], edge_share)
        alive = _connected_nodes(
            important, ~self.table.is_leaf[self.nodes[selected]], self.has_kind(NodeKind.TOKEN)[selected]
        )
        important, selected = (
            important[np.append(alive, np.ones(len(self.targets), bool))][:, alive],
            selected[alive],
        )
        info = {
            "targets": {t.node.name: float(p) for t, p in zip(self.targets, self.probability, strict=True)},
            "replacement_score": self.replacement_score,
            "completeness_score": self.completeness_score,
            "unread": self.unexpanded_influence,
            "node_share": node_share,
            "edge_share": edge_share,
        }
        names = [self.table.node(int(i)).name for i in self.nodes[selected]]
        for key, numbers in (
            ("influence", self.influence),
            ("cumulative_influence", self.cumulative_influence),
        ):
            info[key] = dict(zip(names, map(float, numbers[selected]), strict=True))
        scores = scores_between_nodes(
            self.table,
            self.nodes[selected],
            self.targets,
            self._weights_between(selected),
            "attribution-graph",
            info,
        )
        receiving = np.isin([node.name for node in scores.graph.nodes], scores.graph.receivers)
        return scores, Circuit(scores.graph, important.T[:, receiving] & scores.graph.mask)

    @cached_property
    def cumulative_influence(self) -> NDArray[np.float64]:
        """For each node [nodes], the share of all influence that it and the more influential ones hold."""
        order = np.argsort(-self.influence, kind="stable")
        shares = np.empty(len(order))
        shares[order] = np.cumsum(self.influence[order]) / (self.influence.sum() or 1.0)
        return shares

    def _weights_between(self, nodes: NDArray[np.intp]) -> NDArray[Any]:
        """Return the weights among some nodes and into the targets, [nodes + targets, nodes]."""
        row_indices = np.append(nodes, np.arange(len(self.nodes), len(self.weights)))
        return self.weights[np.ix_(row_indices, nodes)]

    @cached_property
    def _is_unexplained(self) -> NDArray[np.bool_]:
        return self.has_kind(NodeKind.ERROR, NodeKind.MLP)


def attribution_graph(
    edges: FeatureEdgeRows, targets: Sequence[Target], max_rows: int = 2000
) -> ProgressSteps[AttributionGraph]:
    """Make the graph of one or several targets: logits, a logit difference, a feature.

    Args:
        edges: Edges of the prompt's nodes.
        targets: The targets, at least one.
        max_rows: Rows are computed for at most so many nodes, those of largest influence first.

    Returns:
        A generator whose result is the graph.

    Raises:
        InputError: There is no target, or ``max_rows`` is not above 0.

    Source: [ameisen2025circuit].
    """
    table = edges.table
    if not targets:
        raise InputError("An attribution graph needs a target: logits, a logit difference or a feature.")
    if max_rows < 1:
        raise InputError(f"Rows for {max_rows} nodes were asked for; a number above 0 would be right.")
    size = len(table) * table.written.element_size()
    max_rows = min(max_rows, max(ROWS_PER_ROUND, batch_budget_bytes(table.written.device) // size))
    like = table.written
    probability = torch.tensor([t.weight for t in targets], dtype=like.dtype, device=like.device)
    probability = probability / probability.sum()
    target_rows = torch.stack([edges.row_into(target)[0] for target in targets])
    direct = probability @ _row_shares(target_rows)
    is_done = torch.from_numpy(table.is_leaf.copy()).to(target_rows.device)
    n_readers = int((~table.is_leaf).sum())
    expanded = np.empty(0, dtype=np.intp)
    rows = target_rows.new_empty(max_rows, len(table))
    influence = direct
    max_unexpanded = MAX_UNEXPANDED_INFLUENCE if table.convention is OWN_CONVENTION else 0.0
    while True:
        pending = influence.masked_fill(is_done, 0)
        unexpanded, n_pending = torch.stack([pending.sum().double(), (pending > 0).sum().double()]).tolist()
        yield Progress(1 - unexpanded, 1.0, f"{len(expanded):,} of {n_readers:,} nodes")
        n_new = min(ROWS_PER_ROUND, max_rows - len(expanded), int(n_pending))
        if n_new <= 0 or unexpanded < max_unexpanded:
            break
        strongest = pending.topk(n_new).indices
        is_done[strongest] = True
        new = strongest.cpu().numpy()
        for slot, (row, _) in enumerate(edges.rows_with_constants(new), len(expanded)):
            rows[slot] = row
        expanded = np.concatenate([expanded, new])
        influence = _propagate_influence(table, expanded, rows, direct)
    return _build_graph(
        table, tuple(targets), probability, target_rows, expanded, rows[: len(expanded)], unexpanded
    )


def _propagate_influence(
    table: NodeTable, expanded: NDArray[np.intp], rows: Tensor, direct: Tensor
) -> Tensor:
    """Return the influence of every node, passed on by those with rows, the last stage first."""
    influence, stages = direct.clone(), table.stage[expanded]
    order = np.argsort(-stages, kind="stable")
    sizes = np.unique(stages, return_counts=True)[1][::-1].tolist()
    nodes, slots = torch.from_numpy(np.stack([expanded[order], order])).to(direct.device)
    for nodes_of_stage, slots_of_stage in zip(nodes.split(sizes), slots.split(sizes), strict=True):
        influence += influence[nodes_of_stage] @ _row_shares(rows[slots_of_stage])
    return influence


def _build_graph(
    table: NodeTable,
    targets: tuple[Target, ...],
    probability: Tensor,
    target_rows: Tensor,
    expanded: NDArray[np.intp],
    rows: Tensor,
    unexpanded_influence: float,
) -> AttributionGraph:
    """Make the graph of the nodes with rows and the leaves, without the rest."""
    nodes = np.concatenate([expanded, np.flatnonzero(table.is_leaf)])
    nodes = nodes[np.lexsort((table.position[nodes], table.stage[nodes]))]
    columns = torch.from_numpy(nodes).to(rows.device)
    index_of = np.full(len(table), -1)
    index_of[nodes] = np.arange(len(nodes))
    node_weights, target_weights = rows[:, columns].cpu().numpy(), target_rows[:, columns].cpu().numpy()
    weights = np.zeros((len(nodes) + len(targets), len(nodes)), dtype=node_weights.dtype)
    weights[index_of[expanded]] = node_weights
    weights[len(nodes) :] = target_weights
    shares = _normalise_rows(np.abs(weights))
    mass = probability.double().cpu().numpy()
    influence = _node_influence(shares, mass)
    return AttributionGraph(table, targets, nodes, weights, influence, mass, unexpanded_influence)


def _connected_nodes(
    edges: NDArray[np.bool_], is_reader: NDArray[np.bool_], is_required: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return the nodes [nodes] that are left once dead ends are removed.

    Args:
        edges: [nodes + targets, nodes], into × from.
        is_reader: Nodes that need an input.
        is_required: Nodes that stay.
    """
    n_nodes, targets = len(is_reader), np.ones(len(edges) - len(is_reader), bool)
    alive, previous = np.ones(n_nodes, bool), None
    while previous is None or not np.array_equal(alive, previous):
        previous = alive
        has_output = edges[np.append(alive, targets)].any(axis=0)
        has_input = edges[:n_nodes, alive].any(axis=1)
        alive = alive & (is_required | (has_output & (has_input | ~is_reader)))
    return alive


def _node_influence(shares: NDArray[Any], probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p (Ā + Ā² + …) of nodes in order of computation: one pass from the last to the first."""
    number = shares.shape[1]
    total = probability @ shares[number:]
    for node in np.flatnonzero(shares[:number].any(axis=1))[::-1]:
        total[:node] += total[node] * shares[node, :node]
    return np.asarray(total)


def _normalise_rows(sizes: NDArray[Any]) -> NDArray[Any]:
    sums = sizes.sum(axis=1, keepdims=True)
    return np.divide(sizes, sums, out=np.zeros_like(sizes), where=sums > 0)


def _row_shares(rows: Tensor) -> Tensor:
    sizes = rows.abs()
    return sizes / sizes.sum(1, keepdim=True).clamp_min(torch.finfo(rows.dtype).tiny)
