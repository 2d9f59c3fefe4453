"""Edges into nodes in closed form, computed when asked for and kept: no backward pass, no model run.

A row holds what every node of the table gives to one node's pre-activation; with the row's constant it
sums to that pre-activation.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.features import read_vectors
from circuitviz.features.forward_order import attention_read_stage, mlp_output_stage, mlp_read_stage
from circuitviz.features.hook_points import centre_input
from circuitviz.features.node_table import NODE_KINDS, NodeTable
from circuitviz.features.read_vectors import ReadVectors
from circuitviz.features.targets import Target
from circuitviz.graph import NodeKind

ROWS_PER_BATCH = 32  # nodes whose spread vectors are held at one time
ROW_CACHE_BYTES = 256 * 2**20  # bytes of rows
_FEATURE, _HEAD, _SKIP = (NODE_KINDS.index(k) for k in (NodeKind.FEATURE, NodeKind.HEAD, NodeKind.SKIP))


class Edges:
    """Rows of a table, each made once while there is room for it."""

    def __init__(self, table: NodeTable) -> None:
        self.table = table
        self._rows: OrderedDict[int, tuple[Tensor, float]] = OrderedDict()
        self._max_rows = max(64, ROW_CACHE_BYTES // max(1, len(table) * table.written.element_size()))

    @torch.no_grad()
    def rows(self, nodes: Sequence[int] | NDArray[np.intp]) -> tuple[Tensor, Tensor]:
        """Rows [k, nodes] and constants [k] of some nodes that read."""
        made, like = self.rows_with_constants(nodes), self.table.written
        constants = torch.tensor([one for _, one in made], dtype=like.dtype, device=like.device)
        return torch.stack([row for row, _ in made]) if made else like.new_zeros(0, len(like)), constants

    @torch.no_grad()
    def rows_with_constants(self, nodes: Sequence[int] | NDArray[np.intp]) -> list[tuple[Tensor, float]]:
        """The row [nodes] and the constant of each of some nodes; rows are shared, not copied."""
        wanted = [int(node) for node in nodes]
        found = {node: self._rows[node] for node in wanted if node in self._rows}
        for several, weights, constant in self._compute_rows([n for n in wanted if n not in found]):
            for node, row, always in zip(several, weights, constant.tolist(), strict=True):
                found[node] = self._rows[node] = (row, always)
        for node in wanted:
            self._rows.move_to_end(node)
        while len(self._rows) > self._max_rows:
            self._rows.popitem(last=False)
        return [found[node] for node in wanted]

    @torch.no_grad()
    def row_into(self, target: Target) -> tuple[Tensor, float]:
        """The row [nodes] and constant of a target."""
        if target.index is not None:
            rows, constants = self.rows([target.index])
            return rows[0], float(constants[0])
        assert target.read_vectors is not None
        return self.weights_into(target.read_vectors)[0], float(target.read_vectors.constant[0])

    def _compute_rows(self, nodes: list[int]) -> Iterator[tuple[list[int], Tensor, Tensor]]:
        """Rows of nodes, site by site, in portions."""
        table = self.table
        groups: dict[tuple[int, int, bool], list[int]] = {}
        for node in sorted(set(nodes)):
            key = (int(table.kind[node]), int(table.layer[node]), bool(table.part[node]))
            groups.setdefault(key, []).append(node)
        for (kind, layer, part), members in groups.items():
            for begin in range(0, len(members), ROWS_PER_BATCH):
                several = members[begin : begin + ROWS_PER_BATCH]
                yield several, *self._compute_group(kind, layer, part, several)

    def _compute_group(self, kind: int, layer: int, part: bool, nodes: list[int]) -> tuple[Tensor, Tensor]:
        reads = read_vectors_of(self.table, kind, layer, part, nodes)
        if reads is not None:
            return self.weights_into(reads), reads.constant
        one = self.table.dictionaries[f"m{layer}"]
        item = torch.from_numpy(self.table.item[nodes]).to(self.table.written.device)
        rows = centre_input(self.table.run.model, one, one.encoder_rows(item))
        return self._rows_of_mlp_output_saes(nodes, rows), one.bias[item]

    def weights_into(self, reads: ReadVectors) -> Tensor:
        """Dot products of what is read with what was written before, [k, nodes]."""
        table, written = self.table, self.table.written
        out = written.new_zeros(len(reads.position), len(table))
        if reads.at_own_position is not None:
            for position in reads.position.unique().tolist():
                rows, here = reads.position == position, table.rows_before(position, reads.stage)
                out[rows, here] = reads.at_own_position[rows] @ written[here].T
            return out
        assert reads.by_position is not None
        for position in range(int(reads.position.max()) + 1):
            here = table.rows_before(position, reads.stage)
            out[:, here] = reads.by_position[:, position] @ written[here].T
        return out

    def _rows_of_mlp_output_saes(self, nodes: list[int], rows: Tensor) -> Tensor:
        """An SAE of an MLP's output reads that output alone, of its own position."""
        table = self.table
        out = table.written.new_zeros(len(nodes), len(table))
        for k, node in enumerate(nodes):
            layer, position = int(table.layer[node]), int(table.position[node])
            leaf = table.rows_before(position, mlp_output_stage(layer) + 1).stop - 1
            out[k, leaf] = table.run.mlp[layer][position] @ rows[k]
        return out


def read_vectors_of(
    table: NodeTable, kind: int, layer: int, part: bool, nodes: list[int]
) -> ReadVectors | None:
    """What some nodes of one kind and site read; None for SAEs of an MLP's output, which read a leaf."""
    run, device = table.run, table.written.device
    at = torch.from_numpy(table.position[nodes].astype(np.int64)).to(device)
    item = torch.from_numpy(table.item[nodes]).to(device)
    one = table.dictionaries.get(f"{'a' if part else 'm'}{layer}")
    stage = attention_read_stage(layer) if part else mlp_read_stage(run.model.shape, layer)
    written = table.written[torch.tensor(nodes, device=device)] if kind != _FEATURE else None
    if kind == _HEAD:
        assert written is not None
        spread, constant = read_vectors.read_vectors_of_heads(run, layer, item, at, written)
        return ReadVectors(at, stage, constant, by_position=spread)
    assert one is not None and kind in (_FEATURE, _SKIP)
    if kind == _SKIP:
        assert written is not None
        point, constant = read_vectors.read_vectors_of_skip(run, one, at, written)
        return ReadVectors(at, stage, constant, point)
    if part:
        spread, constant = read_vectors.read_vectors_of_attention_features(run, one, item, at)
        return ReadVectors(at, stage, constant, by_position=spread)
    if not one.site.is_transcoder:
        return None
    point, constant = read_vectors.pull_back_through_mlp_norm(run, one, one.encoder_rows(item), at)
    return ReadVectors(at, stage, constant + one.bias[item], point)


def read_vectors_of_node(table: NodeTable, node: int) -> ReadVectors | None:
    """What one node reads; None for an SAE of an MLP's output."""
    kind, layer, part = int(table.kind[node]), int(table.layer[node]), bool(table.part[node])
    return read_vectors_of(table, kind, layer, part, [node])
