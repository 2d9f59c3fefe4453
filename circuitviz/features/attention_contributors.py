"""What makes heads attend where they do: nodes that reach a target through attention scores.

With patterns held, a node that only moves attention has no edge. Here the pattern responds, to first order:
with G the effect of a pattern's entries on a target, that of the scores before the softmax is
p · (G − Σ p G), and a score is a product of what is read at the query's and the key's position, with
normalisation scales held.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features.hook_points import centre_input
from circuitviz.features.node_rows import NODE_KINDS, NodeTable
from circuitviz.features.prompt_run import PromptRun
from circuitviz.features.sites import PARTS
from circuitviz.graph import NodeKind

MAX_PATTERN_ERROR = 1e-3  # between the model's pattern and that of the scores as they are computed here
SIDES = ("q", "k")  # of a score: what is read at the query's position, and at the key's


@dataclass(frozen=True, eq=False)
class AttentionContributors:
    """Nodes that reach a target through attention scores.

    Attributes:
        nodes: Their rows in the table, ascending.
        by_side: [sides, nodes of the table], what every node counts through queries and through keys, in
            units of the target; by the first score on each path.
    """

    nodes: NDArray[np.intp]
    by_side: NDArray[np.float64]

    @property
    def effects(self) -> NDArray[np.float64]:
        """What the contributors count through scores, [nodes]."""
        return np.asarray(self.by_side[:, self.nodes].sum(0))


class AttentionScores:
    """The attention scores of a layer in one run, as functions of what queries and keys read.

    Normalisation scales are held.

    Args:
        run: The run.
        layer: The layer.

    Raises:
        InputError: The model computes its patterns in another way.
    """

    def __init__(self, run: PromptRun, layer: int) -> None:
        self.run, self.layer, self.weights = run, layer, run.model.layers[layer]
        stream = run.attention_stream[layer].detach()
        self.streams = stream.clone().requires_grad_(), stream.clone().requires_grad_()
        everywhere = torch.arange(run.time, device=stream.device)
        with torch.enable_grad():
            self.queries = self._read(self.streams[0], "q", everywhere, has_bias=True)
            self.keys = self._read(self.streams[1], "k", everywhere, has_bias=True)
            self.scores = torch.einsum("the,she->hts", self.queries, self.keys) / self.divisor
        is_visible = run.pattern[layer] > 0
        pattern = self.scores.detach().masked_fill(~is_visible, float("-inf")).softmax(-1)
        if not float((pattern - run.pattern[layer]).abs().max()) <= MAX_PATTERN_ERROR:
            raise InputError(
                f"The attention patterns of '{run.model.name}' are made otherwise than by a softmax of "
                "queries and keys, so what moves them cannot be attributed; no contributors would be right."
            )

    @property
    def divisor(self) -> float:
        """What products of queries and keys are divided by."""
        size = getattr(self.run.model.hf.config, "query_pre_attn_scalar", None)
        return float(size or self.weights.q.shape[-1]) ** 0.5

    def effect_of_scores(self, effect: Tensor) -> Tensor:
        """Return the effect of the scores [head, query, key].

        Args:
            effect: Of each head's weighted values (``hook_z``), [time, head, d_head].
        """
        pattern, weights = self.run.pattern[self.layer], self.weights
        stream = self.run.attention_stream[self.layer] * self.run.attention_scale[self.layer]
        values = torch.einsum("sd,gde->sge", stream, weights.v) + weights.v_bias
        values = values.repeat_interleave(len(weights.o) // values.shape[1], dim=1)
        of_pattern = torch.einsum("the,she->hts", effect, values)
        return pattern * (of_pattern - (pattern * of_pattern).sum(-1, keepdim=True))

    def pull_back(self, of_scores: Tensor) -> Tensor:
        """Return what queries and keys read of the stream, [sides, time, d_model].

        Args:
            of_scores: Effect of the scores, [head, query, key].
        """
        with torch.enable_grad():
            total = (self.scores * of_scores).sum()
        return torch.stack(torch.autograd.grad(total, self.streams, retain_graph=True))

    @torch.no_grad()
    def parts(self, written: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return what some vectors make queries and keys, each [n, head, d_head], without biases.

        Args:
            written: [n, d_model].
            positions: Where they are written [n].
        """
        return self._read(written, "q", positions), self._read(written, "k", positions)

    def _read(self, rows: Tensor, side: str, positions: Tensor, has_bias: bool = False) -> Tensor:
        """Return queries or keys of rows [n, d_model] at their positions: [n, head, d_head]."""
        weight, bias = getattr(self.weights, side), getattr(self.weights, f"{side}_bias")
        read = torch.einsum("nd,hde->nhe", rows * self.run.attention_scale[self.layer][positions], weight)
        read = read + bias if has_bias else read
        _, kwargs = self.run.model.block_calls(self.run.time)[self.layer]
        embeddings = kwargs.get("position_embeddings")
        if embeddings is not None:
            cos, sin = (part[0, positions, None].to(read) for part in embeddings)
            width = cos.shape[-1]
            turned, other = read[..., :width], read[..., width:]
            half = torch.cat([-turned[..., width // 2 :], turned[..., : width // 2]], dim=-1)
            read = torch.cat([turned * cos + half * sin, other], dim=-1)
        return read.repeat_interleave(len(self.weights.o) // read.shape[1], dim=1)


def value_effect_of_node(table: NodeTable, node: int) -> Tensor | None:
    """Return what a node of attention reads of its layer's heads, [time, head, d_head]; None for others."""
    run, layer, position = table.run, int(table.layer[node]), int(table.position[node])
    if PARTS[table.part[node]] != "a" or layer < 0:
        return None
    heads, inner = run.z[layer].shape[1:]
    effect = run.final.new_zeros(run.time, heads, inner)
    o, post = run.model.layers[layer].o, run.post[layer][position]
    if table.kind[node] == NODE_KINDS.index(NodeKind.HEAD):
        written, head = table.written[node], int(table.item[node])
        effect[position, head] = o[head] @ written / written.square().sum() * post
        return effect
    if table.kind[node] != NODE_KINDS.index(NodeKind.FEATURE):
        return None
    dictionary = table.dictionaries[f"a{layer}"]
    row = dictionary.encoder_rows(table.item_index[node : node + 1])[0]
    if dictionary.site.reads == "z":
        effect[position] = row.view(heads, inner)
    else:
        effect[position] = o @ centre_input(run.model, dictionary, row) * post
    return effect
