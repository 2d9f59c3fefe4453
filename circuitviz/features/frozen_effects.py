"""The run as a linear map, with attention patterns, normalisation scales and the active features frozen.

Forward, a change is propagated through all paths to a target; backward, one sweep of vectors gives the effect
of each node through all paths. Neither needs rows of edges. Heads without a dictionary propagate what reaches
their values; MLPs without one, and errors, do not respond.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from circuitviz.features.attention_contributors import AttentionScores
from circuitviz.features.cross_layer import later_layers
from circuitviz.features.dictionary import distinct_rows
from circuitviz.features.feature_edges import read_vectors_of_node
from circuitviz.features.forward_order import (
    EMBED_STAGE,
    attention_read_stage,
    attention_write_stage,
    mlp_output_stage,
    mlp_read_stage,
    mlp_write_stage,
    residual_stage,
)
from circuitviz.features.hook_points import centre_input
from circuitviz.features.node_changes import NodeChange
from circuitviz.features.node_rows import NodeTable
from circuitviz.features.read_vectors import (
    ReadVectors,
    pull_back_through_attention,
    pull_back_through_mlp_norm,
)
from circuitviz.features.sites import RESIDUAL_PART
from circuitviz.features.targets import Target
from circuitviz.graph import NodeKind


@dataclass(eq=False)
class FixedNodes:
    """Nodes with fixed values, which do not respond to what they read.

    Attributes:
        items: By site, (position, feature or neuron).
        heads: By layer, (position, head).
        skips: By layer, positions.
    """

    items: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    heads: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    skips: dict[int, list[int]] = field(default_factory=dict)

    @staticmethod
    def from_changes(changes: Sequence[NodeChange]) -> FixedNodes:
        """Return the nodes that are changed."""
        fixed = FixedNodes()
        for change in changes:
            node, layer = change.node, change.node.layer
            if layer is None or node.position is None:
                continue
            if node.kind.has_activation and node.feature is not None:
                site = f"{node.site}{layer}"
                fixed.items.setdefault(site, []).append((node.position, node.feature))
            elif node.kind is NodeKind.HEAD and node.head is not None:
                fixed.heads.setdefault(layer, []).append((node.position, node.head))
            elif node.kind is NodeKind.SKIP:
                fixed.skips.setdefault(layer, []).append(node.position)
        return fixed


@torch.no_grad()
def total_effects_by_stage(
    table: NodeTable, target: Target, changes: Sequence[NodeChange] = (), through_scores: bool = False
) -> tuple[Tensor, dict[int, Tensor]]:
    """Return how much each node's output counts for a target through all paths, past changed nodes.

    Args:
        table: The nodes of the prompt.
        target: The target.
        changes: Changed nodes, which pass nothing on.
        through_scores: Whether attention patterns respond, to first order, instead of being held.

    Returns:
        Effects [nodes], and by stage the vectors [time, d_model] whose dot product with anything written at
        that stage is its effect.
    """
    fixed = FixedNodes.from_changes(changes)
    reads = _target_read_vectors(table, target)
    pending = {} if reads is None else {reads.stage: reads.spread(table.run.time)[0]}

    def through_patterns(layer: int, effect: Tensor) -> Tensor:
        scores = AttentionScores(table.run, layer)
        return scores.pull_back(scores.effect_of_scores(effect)).sum(0)

    effects, at_stage = sweep_backwards(table, pending, fixed, through_patterns if through_scores else None)
    if reads is None:
        assert target.index is not None and target.node.position is not None
        stage = mlp_output_stage(int(table.layer[target.index]))
        leaf_row = table.rows_before(target.node.position, stage + 1).stop - 1
        effects[leaf_row] = target.value - float(
            table.dictionaries[f"m{target.node.layer}"].bias[int(table.item[target.index])]
        )
    return effects, at_stage


def sweep_backwards(
    table: NodeTable,
    pending: dict[int, Tensor],
    fixed: FixedNodes,
    through_patterns: Callable[[int, Tensor], Tensor] | None = None,
) -> tuple[Tensor, dict[int, Tensor]]:
    """Return effects [nodes] and vectors by stage, from what is read at some stages.

    Args:
        table: The nodes of the prompt.
        pending: By stage, what is read of all that was written before it [time, d_model]; used up.
        fixed: Nodes that pass nothing on.
        through_patterns: From a layer and the effect of its heads' values to what is read through patterns.
    """
    run, shape = table.run, table.run.model.shape
    effects = table.written.new_zeros(len(table))
    at_stage: dict[int, Tensor] = {}
    covector = torch.zeros_like(run.final)
    position, rows_of_stage = table.position_index, table.index_by_stage
    writes = [(mlp_write_stage(i), i, "m") for i in range(shape.n_layers) if shape.mlp]
    writes += [(attention_write_stage(i), i, "a") for i in range(shape.n_layers)] + [(EMBED_STAGE, -1, "")]
    writes += [(residual_stage(layer), layer, RESIDUAL_PART) for layer in table.residual_layers]
    for stage, layer, part in sorted(writes, reverse=True):
        for boundary in [b for b in pending if b > stage]:
            covector = covector + pending.pop(boundary)
        at_stage[stage] = covector
        if stage in rows_of_stage:
            rows = rows_of_stage[stage]
            effects[rows] += (table.written[rows] * covector[position[rows]]).sum(-1)
        if table.later is not None and stage in table.later.index_by_stage:
            of_stage = table.later.index_by_stage[stage]
            nodes = table.later.node_index[of_stage]
            parts = (table.later.written[of_stage] * covector[position[nodes]]).sum(-1)
            effects.index_add_(0, nodes, parts)
        if part == "a":
            effect = effect_of_head_values(table, layer, covector, fixed)
            everywhere = torch.arange(run.time, device=covector.device)
            pulled = pull_back_through_attention(run, layer, effect, everywhere)[0].sum(0)
            if through_patterns is not None:
                pulled = pulled + through_patterns(layer, effect)
            boundary = attention_read_stage(layer)
        elif part == "m":
            pulled = _pull_back_mlp(table, layer, at_stage, fixed)
            boundary = mlp_read_stage(shape, layer)
        elif part == RESIDUAL_PART:
            covector = _map_through_residual(table, layer, covector, fixed, is_backward=True)
            continue
        else:
            break
        pending[boundary] = pending[boundary] + pulled if boundary in pending else pulled
    return effects, at_stage


def predicted_change(table: NodeTable, target: Target, changes: Sequence[NodeChange]) -> float:
    """Return the change of a target's value that attribution predicts: the sum over changed nodes."""
    effects = EffectPredictions(table, *total_effects_by_stage(table, target, changes))
    return sum(effects.effects_of(changes))


@dataclass(frozen=True, eq=False)
class EffectPredictions:
    """What changes are predicted to do to a target, from one backward sweep.

    Attributes:
        table: The nodes of the prompt.
        effects: [nodes], of what each node writes.
        vectors_by_stage: By stage, [time, d_model].
    """

    table: NodeTable
    effects: Tensor
    vectors_by_stage: dict[int, Tensor]

    @staticmethod
    def for_target(table: NodeTable, target: Target) -> EffectPredictions:
        """Make them for a run in which nothing is held: for changes of one node at a time."""
        return EffectPredictions(table, *total_effects_by_stage(table, target))

    def effect_of(self, change: NodeChange) -> float:
        """Return the effect of what one change writes beyond the node's own output."""
        return self.effects_of([change])[0]

    def effects_of(self, changes: Sequence[NodeChange]) -> list[float]:
        """Return the effect of each of several changes alone; they are fetched in one copy."""
        effects = []
        for change in changes:
            parts = [
                self.vectors_by_stage[stage][change.node.position] @ added
                for stage, added in _added_by_stage(self.table, change)
            ]
            effects.append(torch.stack(parts).sum())
        return torch.stack(effects).tolist() if effects else []


def _write_stage(change: NodeChange) -> int:
    """Return when a changed node writes."""
    stages = {"a": attention_write_stage, "m": mlp_write_stage, RESIDUAL_PART: residual_stage}
    layer = change.node.layer
    return EMBED_STAGE if layer is None else stages[change.node.site](layer)


def _added_by_stage(table: NodeTable, change: NodeChange) -> list[tuple[int, Tensor]]:
    """Return what a changed node writes beyond before, by stage, [d_model] each."""
    later = [(mlp_write_stage(layer), added) for layer, added in change.added_later().items()]
    return [(_write_stage(change), change.added_output(table.run)), *later]


@torch.no_grad()
def frozen_change(table: NodeTable, target: Target, changes: Sequence[NodeChange]) -> float:
    """Return the change of a target's value when changes pass forward through the frozen run."""
    run, shape, fixed = table.run, table.run.model.shape, FixedNodes.from_changes(changes)
    added: dict[int, Tensor] = {}
    for change in changes:
        for stage, output in _added_by_stage(table, change):
            added.setdefault(stage, torch.zeros_like(run.final))[change.node.position] += output
    delta = added.get(EMBED_STAGE, torch.zeros_like(run.final))
    reads = _target_read_vectors(table, target)
    if reads is None:
        return 0.0  # what it reads is an MLP's own output, which stays
    for layer in range(shape.n_layers + 1):
        if reads.stage == residual_stage(layer):
            break
        delta = _map_through_residual(table, layer, delta, fixed, is_backward=False)
        delta = delta + added.get(residual_stage(layer), 0.0)
        delta_before_attention = delta
        if layer == shape.n_layers or reads.stage == attention_read_stage(layer):
            break
        response = _push_through_attention(table, layer, delta, fixed)
        delta = delta + response + added.get(attention_write_stage(layer), 0.0)
        if not shape.mlp:
            continue
        if reads.stage == mlp_read_stage(shape, layer):
            break
        read = delta_before_attention if shape.parallel else delta
        response, later = _push_through_mlp(table, layer, read, fixed)
        delta = delta + response + added.get(mlp_write_stage(layer), 0.0)
        for later_layer, written in later.items():
            stage = mlp_write_stage(later_layer)
            added[stage] = added.get(stage, 0.0) + written
    return float((reads.spread(run.time)[0] * delta).sum())


def _map_through_residual(
    table: NodeTable, layer: int, vectors: Tensor, fixed: FixedNodes, is_backward: bool
) -> Tensor:
    """Pass vectors [time, d_model] through the SAE of the stream before a layer, where there is one."""
    site = f"{RESIDUAL_PART}{layer}"
    dictionary, model = table.dictionaries.get(site), table.run.model
    if dictionary is None:
        return vectors
    read = vectors if is_backward else centre_input(model, dictionary, vectors)
    mapped = _map_through_features(table, site, read, fixed, is_backward)
    return centre_input(model, dictionary, mapped) if is_backward else mapped


def _target_read_vectors(table: NodeTable, target: Target) -> ReadVectors | None:
    return target.read_vectors if target.index is None else read_vectors_of_node(table, target.index)


def _active_features(table: NodeTable, site: str, fixed: FixedNodes) -> tuple[Tensor, Tensor]:
    """Return (position, item) of a site's active features that are not fixed."""
    rows, index = table.features_by_site[site]
    is_free = np.ones(len(rows), dtype=bool)
    for position, feature in fixed.items.get(site, []):
        is_free &= (table.position[rows] != position) | (table.item[rows] != feature)
    if not is_free.all():
        index = torch.from_numpy(rows[is_free]).to(index.device)
    return table.position_index[index], table.item_index[index]


def _map_through_features(
    table: NodeTable,
    site: str,
    vectors: Tensor,
    fixed: FixedNodes,
    is_backward: bool,
    later: dict[int, Tensor] | None = None,
) -> Tensor:
    """Apply the linear map of a site's active features, or its transpose.

    Args:
        table: The nodes of the prompt.
        site: The site.
        vectors: Forward, the change of what the dictionary reads [time, d_in]; backward, the effect of what
            it writes [time, d_out].
        fixed: Nodes that pass nothing on.
        is_backward: Whether the transpose is applied.
        later: Of a cross-layer transcoder, by later layer: backward, the effect of what it writes there
            [time, d_out]; forward, what its features' change writes there is added to it.

    Returns:
        Forward, the change of what the features write [time, d_out]; backward, the effect of what they read
        [time, d_in].
    """
    dictionary = table.dictionaries[site]
    positions, item = _active_features(table, site, fixed)
    indices, inverse = distinct_rows(dictionary, item)
    rows = dictionary.encoder_rows(indices), dictionary.decoder_rows(indices)
    input_rows, output_rows = reversed(rows) if is_backward else rows
    amounts = (input_rows[inverse] * vectors[positions]).sum(-1)
    for layer, there in (later or {}).items():
        if is_backward:
            amounts = amounts + (dictionary.rows_at(indices, layer)[inverse] * there[positions]).sum(-1)
        else:
            there.index_add_(0, positions, amounts[:, None] * dictionary.rows_at(indices, layer)[inverse])
    sums = vectors.new_zeros(len(vectors), output_rows.shape[1])
    return sums.index_add_(0, positions, amounts[:, None] * output_rows[inverse])


def effect_of_head_values(
    table: NodeTable, layer: int, covector: Tensor, fixed: FixedNodes | None = None
) -> Tensor:
    """Return the effect of a layer's weighted values [time, head, d_head], by that of what is written."""
    run, site = table.run, f"a{layer}"
    fixed = fixed or FixedNodes()
    o, post = run.model.layers[layer].o, run.post[layer]
    dictionary = table.dictionaries.get(site)
    scaled = torch.einsum("td,hed->the", covector * post, o)
    if dictionary is None:
        for position, head in fixed.heads.get(layer, []):
            scaled[position, head] = 0
    elif dictionary.site.reads == "z":
        scaled = _map_through_features(table, site, scaled.flatten(1), fixed, True).view_as(scaled)
    else:
        read = centre_input(run.model, dictionary, _map_through_features(table, site, covector, fixed, True))
        scaled = torch.einsum("td,hed->the", read * post, o)
    return scaled


def _pull_back_mlp(table: NodeTable, layer: int, at_stage: dict[int, Tensor], fixed: FixedNodes) -> Tensor:
    """Pull vectors at what an MLP writes, and its features at later layers, back to what it reads."""
    site, covector = f"m{layer}", at_stage[mlp_write_stage(layer)]
    if layer in table.neurons:
        return table.neurons[layer].pull_back(covector, fixed.items.get(site, ()))
    dictionary = table.dictionaries.get(site)
    if dictionary is None or not dictionary.site.is_transcoder:
        return torch.zeros_like(covector)
    later = later_layers(table.dictionaries, dictionary)
    later_vectors = {i: at_stage[mlp_write_stage(i)] for i in later}
    direction = _map_through_features(table, site, covector, fixed, True, later_vectors)
    if dictionary.skip is not None:
        skipped = covector @ dictionary.skip
        skipped[fixed.skips.get(layer, [])] = 0
        direction = direction + skipped
    everywhere = torch.arange(table.run.time, device=covector.device)
    return pull_back_through_mlp_norm(table.run, dictionary, direction, everywhere)[0]


def _push_through_attention(table: NodeTable, layer: int, delta: Tensor, fixed: FixedNodes) -> Tensor:
    run, site = table.run, f"a{layer}"
    weights, post = run.model.layers[layer], run.post[layer]
    values = torch.einsum("td,gde->tge", delta * run.attention_scale[layer], weights.v)
    values = values.repeat_interleave(run.model.shape.n_heads // values.shape[1], dim=1)
    z = torch.einsum("hts,she->the", run.pattern[layer], values)
    dictionary, o = table.dictionaries.get(site), weights.o.flatten(0, 1)
    if dictionary is None:
        for position, head in fixed.heads.get(layer, []):
            z[position, head] = 0
        return z.flatten(1) @ o * post
    if dictionary.site.reads == "z":
        return _map_through_features(table, site, z.flatten(1), fixed, False) @ o * post
    return _map_through_features(
        table, site, centre_input(run.model, dictionary, z.flatten(1) @ o * post), fixed, False
    )


def _push_through_mlp(
    table: NodeTable, layer: int, delta: Tensor, fixed: FixedNodes
) -> tuple[Tensor, dict[int, Tensor]]:
    """Return the response of an MLP to what it reads, and by layer what its features add to later ones."""
    site, run = f"m{layer}", table.run
    if layer in table.neurons:
        return table.neurons[layer].push_forward(delta, fixed.items.get(site, ())), {}
    dictionary = table.dictionaries.get(site)
    if dictionary is None or not dictionary.site.is_transcoder:
        return torch.zeros_like(delta), {}
    read = centre_input(run.model, dictionary, delta)
    if dictionary.site.reads == "normalised":
        norm = run.mlp_norm(layer)
        centred = delta - delta.mean(-1, keepdim=True) if norm.is_centred else delta
        read = centred * norm.normalise_parts(run.mlp_stream[layer])[1]
        if not dictionary.processing.fold_ln:
            read = read * norm.weight
    later = {i: torch.zeros_like(delta) for i in later_layers(table.dictionaries, dictionary)}
    response = _map_through_features(table, site, read, fixed, False, later)
    if dictionary.skip is not None:
        skipped = read @ dictionary.skip.T
        skipped[fixed.skips.get(layer, [])] = 0
        response = response + skipped
    return response, later
