"""From a run and its dictionaries to the table of its nodes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.dictionary_loading import check_dictionary, check_one_per_site
from circuitviz.features.forward_order import (
    EMBED_STAGE,
    attention_write_stage,
    mlp_output_stage,
    mlp_write_stage,
)
from circuitviz.features.hook_points import folded_value_bias
from circuitviz.features.node_table import NODE_KINDS, NodeTable
from circuitviz.features.prompt_run import Run
from circuitviz.graph import NodeKind
from circuitviz.models.batching import batch_budget_bytes


@dataclass(eq=False)
class _NodeBlock:
    """Nodes of one kind and site: positions, items, activations, and their directions when asked for."""

    kind: NodeKind
    layer: int
    part: str
    stage: int
    position: Tensor
    item: Tensor
    activation: Tensor
    written: Tensor | None = None  # [nodes, d]; where None, ``rows[back]`` times the activation
    decoder_rows: Tensor | None = None
    row_of_node: Tensor | None = None
    is_of_head_values: bool = False  # then what is written is normalised, where the model does so


@dataclass(eq=False)
class _NodeTableBuilder:
    run: Run
    dictionaries: dict[str, Dictionary]
    blocks: list[_NodeBlock] = field(default_factory=list)

    def add_node_per_position(
        self, kind: NodeKind, layer: int, part: str, stage: int, written: Tensor
    ) -> None:
        """One node a position, which writes a row of [time, d]."""
        at = torch.arange(self.run.time)
        none, ones = torch.full_like(at, -1), written.new_ones(len(at))
        self.blocks.append(_NodeBlock(kind, layer, part, stage, at, none, ones, written))

    def add_attention(self, layer: int) -> None:
        """Heads, or features with an error; and the biases."""
        run, stage = self.run, attention_write_stage(layer)
        rest = run.attention_bias_output(layer)
        one = self.dictionaries.get(f"a{layer}")
        if one is None:
            heads = run.head_outputs(layer)
            time, number, width = heads.shape
            item = torch.arange(number).repeat(time)
            at = torch.arange(time).repeat_interleave(number)
            flat = heads.reshape(-1, width)
            ones = flat.new_ones(len(at))
            self.blocks.append(_NodeBlock(NodeKind.HEAD, layer, "a", stage, at, item, ones, flat))
            self.add_node_per_position(NodeKind.BIAS, layer, "a", stage, rest)
            return
        made = self.add_features(one, stage)
        if one.site.reads == "z":
            error = project_head_values(run, layer, run.dictionary_input(one) - made)
            bias = one.decoder_bias + folded_value_bias(run.model, one)
            rest = rest + project_head_values(run, layer, bias.expand_as(made))
        else:
            error = run.attention[layer] - made
            rest = one.decoder_bias.expand_as(rest)
        self.add_node_per_position(NodeKind.ERROR, layer, "a", stage, error)
        self.add_node_per_position(NodeKind.BIAS, layer, "a", stage, rest)

    def add_mlp(self, layer: int) -> None:
        """The MLP as a leaf, its output bias included; or features, error, skip and bias."""
        run, stage = self.run, mlp_write_stage(layer)
        one = self.dictionaries.get(f"m{layer}")
        written = run.mlp[layer]
        if one is None:
            self.add_node_per_position(NodeKind.MLP, layer, "m", stage, written)
            return
        if not one.site.is_transcoder:  # its features read the MLP's own output, which is a leaf
            self.add_node_per_position(
                NodeKind.MLP, layer, "m", mlp_output_stage(layer), torch.zeros_like(written)
            )
        error = written - self.add_features(one, stage)
        if one.skip is not None:
            skipped = run.dictionary_input(one) @ one.skip.T
            self.add_node_per_position(NodeKind.SKIP, layer, "m", stage, skipped)
            error = error - skipped
        self.add_node_per_position(NodeKind.ERROR, layer, "m", stage, error)
        self.add_node_per_position(NodeKind.BIAS, layer, "m", stage, one.decoder_bias.expand_as(written))

    def add_features(self, one: Dictionary, stage: int) -> Tensor:
        """Add a dictionary's active features; returns what it makes of its input [time, d_out]."""
        activation, site = one.encode(self.run.dictionary_input(one)), one.site
        at, item = activation.nonzero(as_tuple=True)
        used, back = item.unique(return_inverse=True)
        rows = one.decoder_rows(used)  # read from the file once
        made = activation[:, used] @ rows + one.decoder_bias
        if site.reads == "z":
            rows = rows @ self.run.model.layers[site.layer].o.flatten(0, 1)
        values = activation[at, item]  # where a node stands is bookkeeping, and that is the processor's
        block = _NodeBlock(NodeKind.FEATURE, site.layer, site.part, stage, at.cpu(), item.cpu(), values)
        block.decoder_rows, block.row_of_node, block.is_of_head_values = rows, back, site.reads == "z"
        self.blocks.append(block)
        return made

    def build_table(self) -> NodeTable:
        """Sort the nodes by position and stage, and let each write into its row."""
        blocks, run = self.blocks, self.run
        position = torch.cat([b.position for b in blocks]).numpy()
        stage = _repeat_per_node(blocks, [b.stage for b in blocks], np.int16)
        order = np.lexsort((stage, position))
        width = run.model.shape.d_model
        self._check_memory(len(order) * width * run.final.element_size())
        row = np.empty_like(order)
        row[order] = np.arange(len(order))
        written = run.final.new_empty(len(order), width)
        begin = 0
        for block in blocks:
            here = torch.from_numpy(row[begin : begin + len(block.position)]).to(written.device)
            written[here] = self._block_output(block)
            begin += len(block.position)
        return NodeTable(
            run=run,
            dictionaries=self.dictionaries,
            kind=_repeat_per_node(blocks, [NODE_KINDS.index(b.kind) for b in blocks], np.int8)[order],
            layer=_repeat_per_node(blocks, [b.layer for b in blocks], np.int16)[order],
            part=_repeat_per_node(blocks, [b.part == "a" for b in blocks], np.bool_)[order],
            position=position[order].astype(np.int32),
            item=torch.cat([b.item for b in blocks]).numpy()[order],
            stage=stage[order],
            activation=torch.cat([b.activation for b in blocks])[torch.from_numpy(order).to(written.device)],
            written=written,
        )

    def _block_output(self, block: _NodeBlock) -> Tensor:
        if block.written is not None:
            return block.written
        assert block.decoder_rows is not None and block.row_of_node is not None
        amount = block.activation
        if block.is_of_head_values:
            amount = amount * self.run.post[block.layer][block.position.to(amount.device), 0]
        return block.decoder_rows[block.row_of_node] * amount[:, None]

    def _check_memory(self, needed: int) -> None:
        free = batch_budget_bytes(self.run.model.device) * 4
        if needed > free:
            number = sum(len(b.item) for b in self.blocks if b.kind is NodeKind.FEATURE)
            raise InputError(
                f"{number:,} features are active on these {self.run.time} tokens, about "
                f"{number // (self.run.time * max(1, len(self.dictionaries))):,} a site and token; they "
                f"would take {needed / 2**30:.1f} GB. Dictionaries with a few dozen active features, a "
                "shorter prompt or fewer dictionaries would be right."
            )


@torch.no_grad()
def node_table(run: Run, dictionaries: Iterable[Dictionary] = ()) -> NodeTable:
    """All nodes of a run; dictionaries decide the basis of their sites, one each.

    Attention without a dictionary has its heads for nodes; an MLP without one is a leaf.
    """
    given = list(dictionaries)
    check_one_per_site(given)
    for one in given:
        check_dictionary(one, run.model)
    builder = _NodeTableBuilder(run, {one.site.name: one.to(run.final) for one in given})
    builder.add_node_per_position(NodeKind.TOKEN, -1, "a", EMBED_STAGE, run.embed)
    if float(run.position.abs().max()) > 1e-6 * float(run.embed.abs().max()):
        builder.add_node_per_position(NodeKind.POSITION, -1, "a", EMBED_STAGE, run.position)
    for layer in range(run.model.shape.n_layers):
        builder.add_attention(layer)
        if run.model.shape.mlp:
            builder.add_mlp(layer)
    return builder.build_table()


def project_head_values(run: Run, layer: int, z: Tensor) -> Tensor:
    """What values of all heads side by side [time, heads · d_head] write, [time, d]."""
    return z @ run.model.layers[layer].o.flatten(0, 1) * run.post[layer]


def feature_directions(run: Run, one: Dictionary, item: Tensor, positions: Tensor) -> Tensor:
    """Directions [n, d] into which features ``item`` write at positions ``positions``, at activation 1."""
    used, back = item.unique(return_inverse=True)
    rows = one.decoder_rows(used)
    if one.site.reads != "z":
        return rows[back]
    o = run.model.layers[one.site.layer].o.flatten(0, 1)
    return (rows @ o)[back] * run.post[one.site.layer][positions]


def _repeat_per_node(blocks: list[_NodeBlock], values: list[int] | list[bool], kind: type) -> NDArray[Any]:
    sizes = [len(b.position) for b in blocks]
    return np.repeat(np.array(values, dtype=kind), sizes)
