"""Edges into nodes in closed form, computed on demand and cached, without backward passes or model runs.

A row holds what every node of the table contributes to one node's pre-activation; together with the row's
constant it sums to that pre-activation. Sources: [dunefsky2024transcoders], [ge2024automatically].
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.features import read_vectors
from circuitviz.features.channels import channels, covectors_by_stage
from circuitviz.features.forward_order import (
    attention_read_stage,
    mlp_output_stage,
    mlp_read_stage,
    residual_stage,
)
from circuitviz.features.hook_points import centre_input
from circuitviz.features.node_rows import NODE_KINDS, NodeTable
from circuitviz.features.read_vectors import ReadVectors
from circuitviz.features.sites import PARTS, RESIDUAL_PART
from circuitviz.features.targets import Target
from circuitviz.graph import NodeKind

ROWS_PER_BATCH = 32  # nodes whose spread vectors are held at one time
ROW_CACHE_BYTES = 256 * 2**20  # bytes of rows
_FEATURE, _HEAD, _NEURON, _SKIP = (
    NODE_KINDS.index(k) for k in (NodeKind.FEATURE, NodeKind.HEAD, NodeKind.NEURON, NodeKind.SKIP)
)


class FeatureEdgeRows:
    """Rows of edges into the nodes of one table; recently used rows are kept, up to ``ROW_CACHE_BYTES``."""

    def __init__(self, table: NodeTable) -> None:
        self.table = table
        self._rows: OrderedDict[int, tuple[Tensor, float]] = OrderedDict()
        self._target: tuple[Target, Tensor, float] | None = None  # the last one without a row in the table
        self._max_rows = max(64, ROW_CACHE_BYTES // max(1, len(table) * table.written.element_size()))

    @torch.no_grad()
    def rows(self, nodes: Sequence[int] | NDArray[np.intp]) -> tuple[Tensor, Tensor]:
        """Return the rows [k, nodes] and constants [k] of some nodes that read."""
        pairs, like = self.rows_with_constants(nodes), self.table.written
        constants = torch.tensor(
            [row_constant for _, row_constant in pairs], dtype=like.dtype, device=like.device
        )
        return torch.stack([row for row, _ in pairs]) if pairs else like.new_zeros(0, len(like)), constants

    @torch.no_grad()
    def rows_with_constants(self, nodes: Sequence[int] | NDArray[np.intp]) -> list[tuple[Tensor, float]]:
        """Return the row [nodes] and the constant of each of some nodes; rows are shared, not copied."""
        indices = [int(node) for node in nodes]
        pairs = {node: self._rows[node] for node in indices if node in self._rows}
        computed = list(self._compute_rows([n for n in indices if n not in pairs]))
        if computed:  # constants of all rows are fetched in one copy
            constants = torch.cat([constant for _, _, constant in computed]).tolist()
            rows = (pair for batch, weights, _ in computed for pair in zip(batch, weights, strict=True))
            for (node, row), row_constant in zip(rows, constants, strict=True):
                pairs[node] = self._rows[node] = (row, row_constant)
        for node in indices:
            self._rows.move_to_end(node)
        while len(self._rows) > self._max_rows:
            self._rows.popitem(last=False)
        return [pairs[node] for node in indices]

    @torch.no_grad()
    def row_into(self, target: Target) -> tuple[Tensor, float]:
        """Return the row [nodes] and the constant of a target."""
        if target.index is not None:
            return self.rows_with_constants([target.index])[0]
        assert target.read_vectors is not None
        if self._target is None or self._target[0] is not target:
            row = self.weights_into(target.read_vectors)[0]
            self._target = (target, row, float(target.read_vectors.constant[0]))
        return self._target[1:]

    def _compute_rows(self, nodes: list[int]) -> Iterator[tuple[list[int], Tensor, Tensor]]:
        """Compute rows site by site, ``ROWS_PER_BATCH`` at a time."""
        table = self.table
        if not nodes:
            return
        groups: dict[tuple[int, int, int], list[int]] = {}
        for node in sorted(set(nodes)):
            key = (int(table.kind[node]), int(table.layer[node]), int(table.part[node]))
            groups.setdefault(key, []).append(node)
        ordered = [node for members in groups.values() for node in members]
        index, first = torch.tensor(ordered, dtype=torch.long, device=table.written.device), 0
        for (kind, layer, part), members in groups.items():
            for start in range(0, len(members), ROWS_PER_BATCH):
                batch = members[start : start + ROWS_PER_BATCH]
                batch_index = index[first : first + len(batch)]
                yield batch, *self._compute_group(kind, layer, part, batch, batch_index)
                first += len(batch)

    def _compute_group(
        self, kind: int, layer: int, part: int, nodes: list[int], index: Tensor
    ) -> tuple[Tensor, Tensor]:
        reads = read_vectors_of(self.table, kind, layer, part, nodes, index)
        if reads is not None:
            return self.weights_into(reads), reads.constant
        dictionary = self.table.dictionaries[f"m{layer}"]
        item = self.table.item_index[index]
        rows = centre_input(self.table.run.model, dictionary, dictionary.encoder_rows(item))
        return self._rows_of_mlp_output_saes(nodes, rows), dictionary.bias[item]

    def weights_into(self, reads: ReadVectors) -> Tensor:
        """Return dot products of what is read with what was written before, [k, nodes]."""
        table, written = self.table, self.table.written
        weights = written.new_zeros(len(reads.position), len(table))
        if reads.at_own_position is not None and not channels(table):
            for position in np.unique(reads.position).tolist():
                at_position = np.flatnonzero(reads.position == position)  # contiguous: they are ascending
                rows = slice(at_position[0], at_position[-1] + 1)
                earlier = table.rows_before(position, reads.stage)
                weights[rows, earlier] = reads.at_own_position[rows] @ written[earlier].T
                first = table.first_stage_read(reads.stage)
                self._add_later(weights, rows, reads.at_own_position[rows], position, first, reads.stage)
            return weights
        for first, end, vectors in covectors_by_stage(table, reads):
            for position in range(int(reads.position.max()) + 1):
                rows = table.rows_between(position, first, end)
                weights[:, rows] += vectors[:, position] @ written[rows].T
                self._add_later(weights, slice(None), vectors[:, position], position, first, end)
        return weights

    def _add_later(
        self, weights: Tensor, rows: slice, vectors: Tensor, position: int, first: int, end: int
    ) -> None:
        """Add what features wrote to later layers at a position, at some stages: vectors [k, d_model]."""
        later = self.table.later
        if later is not None:
            writes = later.rows_between(position, first, end)
            weights[rows].index_add_(1, later.node_index[writes], vectors @ later.written[writes].T)

    def _rows_of_mlp_output_saes(self, nodes: list[int], rows: Tensor) -> Tensor:
        """Return rows of an SAE on an MLP's output, which reads that output alone, at its own position."""
        table = self.table
        weights = table.written.new_zeros(len(nodes), len(table))
        for k, node in enumerate(nodes):
            layer, position = int(table.layer[node]), int(table.position[node])
            leaf_row = table.rows_before(position, mlp_output_stage(layer) + 1).stop - 1
            weights[k, leaf_row] = table.run.mlp[layer][position] @ rows[k]
        return weights


def read_vectors_of(
    table: NodeTable, kind: int, layer: int, part: int, nodes: list[int], index: Tensor
) -> ReadVectors | None:
    """Return what some nodes of one kind and site read; None for SAEs of an MLP's output.

    Args:
        table: The nodes of the prompt.
        kind: Index into ``NODE_KINDS``.
        layer: The layer.
        part: The part that writes them, index into ``PARTS``.
        nodes: Rows of the nodes, ascending.
        index: The same on the device [k].
    """
    run, places = table.run, table.position[nodes].astype(np.intp)
    positions, item = table.position_index[index], table.item_index[index]
    letter = PARTS[part]
    dictionary = table.dictionaries.get(f"{letter}{layer}")
    written = table.written[index] if kind != _FEATURE else None
    if letter == RESIDUAL_PART:
        assert dictionary is not None
        point = centre_input(run.model, dictionary, dictionary.encoder_rows(item))
        return ReadVectors(places, residual_stage(layer), dictionary.bias[item], point)
    is_attention = letter == "a"
    stage = attention_read_stage(layer) if is_attention else mlp_read_stage(run.model.shape, layer)
    if kind == _HEAD:
        assert written is not None
        spread, constant = read_vectors.read_vectors_of_heads(run, layer, item, positions, written)
        return ReadVectors(places, stage, constant, by_position=spread)
    if kind == _NEURON:
        point, constant = table.neurons[layer].read_rows(item, positions)
        return ReadVectors(places, stage, constant, point)
    assert dictionary is not None and kind in (_FEATURE, _SKIP)
    if kind == _SKIP:
        assert written is not None
        point, constant = read_vectors.read_vectors_of_skip(run, dictionary, positions, written)
        return ReadVectors(places, stage, constant, point)
    if is_attention:
        spread, constant = read_vectors.read_vectors_of_attention_features(run, dictionary, item, positions)
        return ReadVectors(places, stage, constant, by_position=spread)
    if not dictionary.site.is_transcoder:
        return None
    point, constant = read_vectors.pull_back_through_mlp_norm(
        run, dictionary, dictionary.encoder_rows(item), positions
    )
    return ReadVectors(places, stage, constant + dictionary.bias[item], point)


def read_vectors_of_node(table: NodeTable, node: int) -> ReadVectors | None:
    """Return what one node reads; None for an SAE of an MLP's output."""
    kind, layer, part = int(table.kind[node]), int(table.layer[node]), int(table.part[node])
    index = table.item_index.new_tensor([node])
    return read_vectors_of(table, kind, layer, part, [node], index)


Edges = FeatureEdgeRows
"""The name of ``FeatureEdgeRows`` in the Python API: ``cv.Edges(table)``."""
