"""Choice of the neurons that are nodes: those of largest attribution to what a circuit explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from circuitviz.errors import InputError
from circuitviz.features.build_node_table import node_table
from circuitviz.features.forward_order import mlp_write_stage
from circuitviz.features.frozen_effects import total_effects_by_stage
from circuitviz.features.neurons import neurons_of_run
from circuitviz.features.node_rows import NodeTable
from circuitviz.features.targets import Target


@torch.no_grad()
def table_with_neurons(table: NodeTable, targets: Sequence[Target], number: int) -> NodeTable:
    """Return the table of the same run with neurons as nodes, in MLPs without a dictionary.

    A neuron's attribution is its activation times what its output counts for the targets through all paths of
    the frozen run, those through all other neurons as well. It takes one sweep from the last layer to the
    first for each target.

    Args:
        table: The run's nodes, with MLPs without a dictionary as leaves.
        targets: What is explained, weighted by probability where there are several.
        number: How many neurons, over all layers and positions; those of largest |attribution|.

    Raises:
        InputError: The number is below 1.
    """
    if number < 1:
        raise InputError(f"{number} neurons were asked for; a number from 1 on would be right.")
    run = table.run
    with_mlp = range(run.model.shape.n_layers) if run.model.shape.mlp else range(0)
    bare = [neurons_of_run(run, i) for i in with_mlp if f"m{i}" not in table.dictionaries]
    layers = {one.weights.layer: one for one in bare if one is not None}
    if not layers:
        return table
    sizes = {layer: torch.zeros_like(one.activation) for layer, one in layers.items()}
    responding = replace(table, neurons=layers)
    for target in targets:
        _, vectors = total_effects_by_stage(responding, target)
        for layer, one in layers.items():
            sizes[layer] += target.weight * one.attribution(vectors[mlp_write_stage(layer)]).abs()
    every = torch.cat([size.flatten() for size in sizes.values()])
    least = every.topk(min(number, len(every))).values[-1]
    chosen = {i: one.with_listed((sizes[i] >= least) & (sizes[i] > 0)) for i, one in layers.items()}
    return node_table(run, table.dictionaries.values(), chosen, table.attention, table.convention.name)
