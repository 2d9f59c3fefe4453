"""Construction of the table of a run's nodes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.document.attribution_query import ATTENTION_MODES, HEADS_ATTENTION, TRANSPARENT_ATTENTION
from circuitviz.errors import InputError, suggest_name
from circuitviz.features.cross_layer import SiteReconstructions, later_layers
from circuitviz.features.dictionary import Dictionary, distinct_rows
from circuitviz.features.dictionary_loading import check_dictionary, check_one_per_site
from circuitviz.features.forward_order import (
    EMBED_STAGE,
    attention_write_stage,
    mlp_output_stage,
    mlp_write_stage,
    residual_stage,
)
from circuitviz.features.hook_points import folded_value_bias, head_value_bias
from circuitviz.features.neurons import NeuronLayer
from circuitviz.features.node_rows import (
    CIRCUIT_TRACER,
    CONVENTIONS,
    NODE_KINDS,
    OWN_CONVENTION,
    GraphConvention,
    LaterWrites,
    NodeTable,
)
from circuitviz.features.prompt_run import PromptRun
from circuitviz.features.sites import PARTS, RESIDUAL_PART
from circuitviz.graph import NodeKind
from circuitviz.models.batching import batch_budget_bytes

QUERY_KEY_NORM = re.compile(r"\.(q|k|qk)_\w*norm")  # of modules' names


@dataclass(eq=False)
class _NodeBlock:
    """Nodes of one kind and site.

    Attributes:
        written: What they write [nodes, d_model]; None where it is ``decoder_rows[row_of_node]`` times the
            activation.
        is_of_head_values: Whether what they write passes the normalisation of attention's output.
        later_rows: By later layer, decoder rows of cross-layer transcoders, indexed as ``decoder_rows``.
    """

    kind: NodeKind
    layer: int
    part: str
    stage: int
    position: Tensor
    item: Tensor
    activation: Tensor
    written: Tensor | None = None
    decoder_rows: Tensor | None = None
    row_of_node: Tensor | slice | None = None
    is_of_head_values: bool = False
    later_rows: dict[int, Tensor] = field(default_factory=dict)


@dataclass(eq=False)
class _NodeTableBuilder:
    """Collects the blocks of nodes, site by site."""

    run: PromptRun
    dictionaries: dict[str, Dictionary]
    neurons: Mapping[int, NeuronLayer]
    attention: str
    convention: GraphConvention
    blocks: list[_NodeBlock] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reconstructions = SiteReconstructions(self.dictionaries)

    def add_node_per_position(
        self, kind: NodeKind, layer: int, part: str, stage: int, written: Tensor
    ) -> None:
        """Add one node for each position, which writes a row of [time, d_model]."""
        if kind.is_fixed and not self.convention.has_fixed_nodes:
            return
        is_of_dictionary = kind in (NodeKind.ERROR, NodeKind.SKIP)
        positions = torch.arange(self.convention.starts_at if is_of_dictionary else 0, self.run.time)
        written = written[len(written) - len(positions) :]
        no_items, ones = torch.full_like(positions, -1), written.new_ones(len(positions))
        self.blocks.append(_NodeBlock(kind, layer, part, stage, positions, no_items, ones, written))

    def add_attention(self, layer: int) -> None:
        """Add a layer's heads, or its features with their error; and the biases."""
        run, stage = self.run, attention_write_stage(layer)
        biases = run.attention_bias_output(layer)
        dictionary = self.dictionaries.get(f"a{layer}")
        if dictionary is None and self.attention == TRANSPARENT_ATTENTION:
            self.add_node_per_position(
                NodeKind.BIAS, layer, "a", stage, biases + head_bias_output(run, layer)
            )
            return
        if dictionary is None:
            heads = run.head_outputs(layer)
            time, number, width = heads.shape
            item = torch.arange(number).repeat(time)
            positions = torch.arange(time).repeat_interleave(number)
            flat = heads.reshape(-1, width)
            ones = flat.new_ones(len(positions))
            self.blocks.append(_NodeBlock(NodeKind.HEAD, layer, "a", stage, positions, item, ones, flat))
            self.add_node_per_position(NodeKind.BIAS, layer, "a", stage, biases)
            return
        reconstruction = self.add_features(dictionary, stage)
        if dictionary.site.reads == "z":
            error = project_head_values(run, layer, run.dictionary_input(dictionary) - reconstruction)
            bias = dictionary.decoder_bias + folded_value_bias(run.model, dictionary)
            biases = biases + project_head_values(run, layer, bias.expand_as(reconstruction))
        else:
            error = run.attention[layer] - reconstruction
            biases = dictionary.decoder_bias.expand_as(biases)
        self.add_node_per_position(NodeKind.ERROR, layer, "a", stage, error)
        self.add_node_per_position(NodeKind.BIAS, layer, "a", stage, biases)

    def add_mlp(self, layer: int) -> None:
        """Add an MLP as a leaf, with its output bias; or its features or neurons, error, skip and bias."""
        run, stage = self.run, mlp_write_stage(layer)
        dictionary = self.dictionaries.get(f"m{layer}")
        written = run.mlp[layer]
        if dictionary is None and layer in self.neurons:
            self.add_neurons(self.neurons[layer], stage)
            return
        if dictionary is None:
            self.add_node_per_position(NodeKind.MLP, layer, "m", stage, written)
            return
        if not dictionary.site.is_transcoder:  # its features read the MLP's own output, which is a leaf
            self.add_node_per_position(
                NodeKind.MLP, layer, "m", mlp_output_stage(layer), torch.zeros_like(written)
            )
        error = written - self.add_features(dictionary, stage)
        biases = dictionary.decoder_bias.expand_as(written)
        if dictionary.skip is not None:
            skipped = run.dictionary_input(dictionary) @ dictionary.skip.T
            if self.attention == TRANSPARENT_ATTENTION:
                biases = biases + skip_bias_output(run, dictionary)
            else:
                self.add_node_per_position(NodeKind.SKIP, layer, "m", stage, skipped)
            error = error - skipped
        self.add_node_per_position(NodeKind.ERROR, layer, "m", stage, error)
        self.add_node_per_position(NodeKind.BIAS, layer, "m", stage, biases)

    def add_residual(self, layer: int) -> None:
        """Add features, error and bias of the SAE of the stream before a layer, where there is one."""
        dictionary = self.dictionaries.get(f"{RESIDUAL_PART}{layer}")
        if dictionary is None:
            return
        stream, stage = self.run.stream(layer), residual_stage(layer)
        error = stream - self.add_features(dictionary, stage)
        self.add_node_per_position(NodeKind.ERROR, layer, RESIDUAL_PART, stage, error)
        biases = dictionary.decoder_bias.expand_as(stream)
        self.add_node_per_position(NodeKind.BIAS, layer, RESIDUAL_PART, stage, biases)

    def add_neurons(self, neurons: NeuronLayer, stage: int) -> None:
        """Add the neurons that are nodes, what the others write as an error, and the biases."""
        layer = neurons.weights.layer
        positions, item = neurons.listed.nonzero(as_tuple=True)
        values = neurons.activation[positions, item]
        written = neurons.written_rows(item, positions) * values[:, None]
        places, items = torch.stack([positions, item]).cpu()
        self.blocks.append(_NodeBlock(NodeKind.NEURON, layer, "m", stage, places, items, values, written))
        self.add_node_per_position(NodeKind.ERROR, layer, "m", stage, neurons.rest_output)
        biases = self.run.mlp[layer] - neurons.output(neurons.activation)
        self.add_node_per_position(NodeKind.BIAS, layer, "m", stage, biases)

    def add_features(self, dictionary: Dictionary, stage: int) -> Tensor:
        """Add a dictionary's active features; returns its site's reconstruction without the skip."""
        activation, site = dictionary.encode(self.run.dictionary_input(dictionary)), dictionary.site
        listed = activation.clone()
        listed[: self.convention.starts_at] = 0
        positions, item = listed.nonzero(as_tuple=True)
        indices, inverse = distinct_rows(dictionary, item)
        rows = dictionary.decoder_rows(indices)  # read from the file once
        if dictionary.later_decoder is not None:
            reconstruction = self.reconstructions.reconstruct(dictionary, activation)
        elif dictionary.is_on_host:
            reconstruction = activation[:, indices] @ rows + dictionary.decoder_bias
        else:
            reconstruction = dictionary.decode(activation)
        if site.reads == "z":
            rows = rows @ self.run.model.layers[site.layer].o.flatten(0, 1)
        values = activation[positions, item]
        places, items = torch.stack([positions, item]).cpu()
        block = _NodeBlock(NodeKind.FEATURE, site.layer, site.part, stage, places, items, values)
        block.decoder_rows, block.row_of_node, block.is_of_head_values = rows, inverse, site.reads == "z"
        later = later_layers(self.dictionaries, dictionary)
        block.later_rows = {layer: dictionary.rows_at(indices, layer) for layer in later}
        self.blocks.append(block)
        return reconstruction

    def build_table(self) -> NodeTable:
        """Sort the nodes by position and stage, and write each one's output into its row."""
        blocks, run = self.blocks, self.run
        position = torch.cat([b.position for b in blocks]).numpy()
        stage = _repeat_per_node(blocks, [b.stage for b in blocks], np.int16)
        order = np.lexsort((stage, position))
        width = run.model.shape.d_model
        n_later = sum(len(b.position) * len(b.later_rows) for b in blocks)
        self._check_memory((len(order) + n_later) * width * run.final.element_size())
        row = np.empty_like(order)
        row[order] = np.arange(len(order))
        written = run.final.new_empty(len(order), width)
        row_index, start = torch.from_numpy(row).to(written.device), 0
        for block in blocks:
            written[row_index[start : start + len(block.position)]] = self._block_output(block)
            start += len(block.position)
        return NodeTable(
            run=run,
            dictionaries=self.dictionaries,
            neurons=self.neurons,
            attention=self.attention,
            convention=self.convention,
            kind=_repeat_per_node(blocks, [NODE_KINDS.index(b.kind) for b in blocks], np.int8)[order],
            layer=_repeat_per_node(blocks, [b.layer for b in blocks], np.int16)[order],
            part=_repeat_per_node(blocks, [PARTS.index(b.part) for b in blocks], np.int8)[order],
            position=position[order].astype(np.int32),
            item=torch.cat([b.item for b in blocks]).numpy()[order],
            stage=stage[order],
            activation=torch.cat([b.activation for b in blocks])[torch.from_numpy(order).to(written.device)],
            written=written,
            later=self._later_writes(row) if n_later else None,
        )

    def _later_writes(self, row: NDArray[np.intp]) -> LaterWrites:
        """Return what features write to later layers; ``row``: of each node of the blocks in the table."""
        nodes, positions, stages, written, start = [], [], [], [], 0
        for block in self.blocks:
            size = len(block.position)
            for layer, rows in block.later_rows.items():
                nodes.append(row[start : start + size])
                positions.append(block.position.numpy())
                stages.append(np.full(size, mlp_write_stage(layer)))
                written.append(rows[block.row_of_node] * block.activation[:, None])
            start += size
        node, position, stage = (np.concatenate(parts) for parts in (nodes, positions, stages))
        order = np.lexsort((stage, position))
        rows = torch.cat(written)[torch.from_numpy(order).to(self.run.final.device)]
        return LaterWrites(node[order], position[order].astype(np.int32), stage[order].astype(np.int16), rows)

    def _block_output(self, block: _NodeBlock) -> Tensor:
        if block.written is not None:
            return block.written
        assert block.decoder_rows is not None and block.row_of_node is not None
        activation = block.activation
        if block.is_of_head_values:
            activation = activation * self.run.post[block.layer][block.position.to(activation.device), 0]
        return block.decoder_rows[block.row_of_node] * activation[:, None]

    def _check_memory(self, needed_bytes: int) -> None:
        free_bytes = batch_budget_bytes(self.run.model.device) * 4
        if needed_bytes > free_bytes:
            n_features = sum(len(b.item) for b in self.blocks if b.kind is NodeKind.FEATURE)
            raise InputError(
                f"{n_features:,} features are active on these {self.run.time} tokens, about "
                f"{n_features // (self.run.time * max(1, len(self.dictionaries))):,} a site and token; they "
                f"would take {needed_bytes / 2**30:.1f} GB. Dictionaries with a few dozen active features, a "
                "shorter prompt or fewer dictionaries would be right."
            )


@torch.no_grad()
def node_table(
    run: PromptRun,
    dictionaries: Iterable[Dictionary] = (),
    neurons: Mapping[int, NeuronLayer] | None = None,
    attention: str = HEADS_ATTENTION,
    convention: str = OWN_CONVENTION.name,
) -> NodeTable:
    """Make the table of all nodes of a run.

    Args:
        run: The run.
        dictionaries: At most one for each site; they decide which basis a site is shown in. Attention without
            a dictionary has its heads as nodes; an MLP without one is a leaf.
        neurons: By layer, neurons of MLPs without a dictionary that are nodes.
        attention: ``heads``: each head of attention without a dictionary is a node at each position, and so
            is each skip connection; ``transparent``: edges pass through them, with patterns held.
        convention: ``circuitviz``, or ``circuit-tracer``: transparent attention, no biases and position
            embeddings as nodes, no features and errors at position 0, and logits minus their mean.

    Raises:
        InputError: The model normalises inside attention or MLPs, so that what nodes write does not add up; a
            dictionary does not fit the model, two belong to one site, or the table would not fit into memory.
    """
    _check_choice("attention", attention, ATTENTION_MODES)
    _check_choice("convention", convention, CONVENTIONS)
    if convention == CIRCUIT_TRACER.name:
        attention = TRANSPARENT_ATTENTION
    # those of queries and keys alone set patterns, which are held
    if norms := [name for name in run.model.inner_norms if not QUERY_KEY_NORM.search(name)]:
        raise InputError(
            f"Attribution on one prompt holds all normalisations, and '{run.model.name}' has some that it "
            f"does not reach ({norms[0]}), so its parts would not add up; a circuit on a task, found by EAP "
            "or EAP-IG, would be right."
        )
    site_dictionaries = list(dictionaries)
    check_one_per_site(site_dictionaries)
    residual = next((one for one in site_dictionaries if one.site.is_residual), None)
    if residual is not None and convention == CIRCUIT_TRACER.name:
        raise InputError(
            f"'{residual.name}' is an SAE of the residual stream, which graphs of circuit-tracer do not "
            f"have; the convention {OWN_CONVENTION.name}, or no such SAE, would be right."
        )
    for dictionary in site_dictionaries:
        check_dictionary(dictionary, run.model)
    builder = _NodeTableBuilder(
        run,
        {dictionary.site.name: dictionary.to(run.final) for dictionary in site_dictionaries},
        neurons or {},
        attention,
        CONVENTIONS[convention],
    )
    builder.add_node_per_position(NodeKind.TOKEN, -1, "a", EMBED_STAGE, run.embed)
    if float(run.position.abs().max()) > 1e-6 * float(run.embed.abs().max()):
        builder.add_node_per_position(NodeKind.POSITION, -1, "a", EMBED_STAGE, run.position)
    for layer in range(run.model.shape.n_layers):
        builder.add_residual(layer)
        builder.add_attention(layer)
        if run.model.shape.mlp:
            builder.add_mlp(layer)
    builder.add_residual(run.model.shape.n_layers)
    return builder.build_table()


def head_bias_output(run: PromptRun, layer: int) -> Tensor:
    """Return what a layer's heads write whatever they read, the biases of their values, [time, d_model]."""
    value = head_value_bias(run.model, layer)
    at_queries = run.pattern[layer].sum(-1).T[..., None] * value  # a pattern may have a sink: not always 1
    return project_head_values(run, layer, at_queries.flatten(1))


def skip_bias_output(run: PromptRun, dictionary: Dictionary) -> Tensor:
    """Return what a skip connection writes whatever the stream, from the normalisation's bias, [d_model]."""
    assert dictionary.skip is not None
    bias = run.mlp_norm(dictionary.site.layer).bias
    if bias is None or dictionary.site.reads != "normalised" or dictionary.processing.fold_ln:
        return torch.zeros_like(dictionary.decoder_bias)
    return dictionary.skip @ bias


def _check_choice(option: str, name: str, choices: Iterable[str]) -> None:
    if name not in choices:
        message = f"There is no {option} '{name}'; there is {', '.join(choices)}."
        raise InputError(message + suggest_name(name, tuple(choices)))


def project_head_values(run: PromptRun, layer: int, z: Tensor) -> Tensor:
    """Return what values of all heads side by side [time, heads · d_head] write, [time, d_model]."""
    return z @ run.model.layers[layer].o.flatten(0, 1) * run.post[layer]


def feature_directions(run: PromptRun, dictionary: Dictionary, item: Tensor, positions: Tensor) -> Tensor:
    """Return the directions [n, d_model] that features write at activation 1.

    Args:
        run: The run.
        dictionary: Their dictionary.
        item: Indices of the features [n].
        positions: Positions at which they write [n].
    """
    indices, inverse = distinct_rows(dictionary, item)
    rows = dictionary.decoder_rows(indices)
    if dictionary.site.reads != "z":
        return rows[inverse]
    o = run.model.layers[dictionary.site.layer].o.flatten(0, 1)
    return (rows @ o)[inverse] * run.post[dictionary.site.layer][positions]


def _repeat_per_node(blocks: list[_NodeBlock], values: list[int] | list[bool], kind: type) -> NDArray[Any]:
    sizes = [len(b.position) for b in blocks]
    return np.repeat(np.array(values, dtype=kind), sizes)
