"""Parts of a model that are linear with patterns held, through which edges pass without a node.

With attention patterns frozen, the value path through a head is linear: an edge runs from its source through
heads to its target, and heads are channels of the edge; so are skip connections of transcoders. What a target
reads is pulled back through all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from circuitviz.document.attribution_query import TRANSPARENT_ATTENTION
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.forward_order import (
    attention_read_stage,
    attention_write_stage,
    mlp_read_stage,
    mlp_write_stage,
)
from circuitviz.features.node_rows import NodeTable
from circuitviz.features.prompt_run import PromptRun
from circuitviz.features.read_vectors import ReadVectors, pull_back_through_mlp_norm


@dataclass(frozen=True, eq=False)
class LinearChannel:
    """A linear part without a node.

    Attributes:
        write_stage: When it writes.
        read_stage: It reads what was written at stages below this one.
        pull_back: Vectors at what it writes to vectors at what it reads, both [k, time, d_model].
    """

    write_stage: int
    read_stage: int
    pull_back: Callable[[Tensor], Tensor]


def channels(table: NodeTable) -> list[LinearChannel]:
    """Return the channels of a table, in order of computation."""
    run, found = table.run, []
    for layer in range(run.model.shape.n_layers):
        if table.is_transparent(layer):
            write, read = attention_write_stage(layer), attention_read_stage(layer)
            found.append(LinearChannel(write, read, partial(pull_back_through_heads, run, layer)))
        dictionary = table.dictionaries.get(f"m{layer}")
        if (
            table.attention == TRANSPARENT_ATTENTION
            and dictionary is not None
            and dictionary.skip is not None
        ):
            write, read = mlp_write_stage(layer), mlp_read_stage(run.model.shape, layer)
            found.append(LinearChannel(write, read, partial(_pull_back_through_skip, run, dictionary)))
    return found


def covectors_by_stage(table: NodeTable, reads: ReadVectors) -> Iterator[tuple[int, int, Tensor]]:
    """Yield what some nodes read of the nodes that write at some stages, also through channels.

    Args:
        table: The nodes of the prompt.
        reads: What the nodes read themselves.

    Yields:
        The first stage, the one after the last, and vectors [k, time, d_model]; from the last stages on, back
        to an SAE of the residual stream.
    """
    bottom = table.first_stage_read(reads.stage)
    passed = [one for one in channels(table) if bottom < one.write_stage < reads.stage]
    steps = [(one.write_stage, 1, n) for n, one in enumerate(passed)]
    steps += [(one.read_stage, 0, n) for n, one in enumerate(passed)]
    covector, end, pulled = reads.spread(table.run.time), reads.stage, dict[int, Tensor]()
    for stage, is_write, n in sorted(steps, reverse=True):
        if is_write:  # what it writes is read as it is here; what it reads has not been reached yet
            pulled[n] = passed[n].pull_back(covector)
            continue
        if stage < end:
            yield stage, end, covector
            end = stage
        covector = covector + pulled.pop(n)
    yield bottom, end, covector


def pull_back_through_heads(run: PromptRun, layer: int, covector: Tensor) -> Tensor:
    """Pull vectors at what a layer's heads write back to the stream that they read.

    Args:
        run: The run whose patterns and scales are held.
        layer: The layer.
        covector: [k, time, d_model].

    Returns:
        [k, time, d_model].
    """
    weights = run.model.layers[layer]
    heads, inner, width = weights.o.shape
    value = (covector * run.post[layer]) @ weights.o.reshape(-1, width).T  # [k, query, head · d_head]
    by_head = value.view(*covector.shape[:2], heads, inner).permute(2, 0, 1, 3)  # [head, k, query, d_head]
    at_keys = torch.einsum("hqs,hkqe->hkse", run.pattern[layer], by_head)
    shared = at_keys.view(len(weights.v), -1, *at_keys.shape[1:]).sum(1)  # of a key-value head
    return torch.einsum("gkse,gde->ksd", shared, weights.v) * run.attention_scale[layer]


def _pull_back_through_skip(run: PromptRun, dictionary: Dictionary, covector: Tensor) -> Tensor:
    assert dictionary.skip is not None
    number, time, _ = covector.shape
    everywhere = torch.arange(time, device=covector.device).repeat(number)
    direction = (covector @ dictionary.skip).flatten(0, 1)
    return pull_back_through_mlp_norm(run, dictionary, direction, everywhere)[0].view(number, time, -1)
