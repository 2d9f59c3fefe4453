"""Logit lens and direct logit attribution of a feature or a site's error on one prompt."""

from __future__ import annotations

import torch
from torch import Tensor

from circuitviz.features.feature_basis import FeatureBasis, SiteBasis
from circuitviz.graph import Node, NodeKind
from circuitviz.graph.feature_sites import site_of
from circuitviz.lens.direct_logits import direct_logits, rank_rows, select_prompt
from circuitviz.lens.node_lens import NodeReading
from circuitviz.models.model import Hook
from circuitviz.tasks import Task


@torch.no_grad()
def read_basis_node(
    basis: FeatureBasis, task: Task, node: Node, prompt: int = 0, top: int = 10
) -> NodeReading:
    """Read a feature or error on one prompt of a task.

    The direct logit attribution is that of its output at the answer position, 0 where it is not active there.
    Tokens and answers are those of its output where it is most active, as if that were at the answer
    position.

    Raises:
        InputError: There is no such prompt.
    """
    model = basis.model
    part, strings = select_prompt(task, prompt).to(model.device), task.prompt_strings(prompt)
    outputs: list[Tensor] = []
    final_streams: list[Tensor] = []

    def read_output(site: SiteBasis, read: Tensor, site_output: Tensor) -> None:
        if site.name != site_of(node):
            return
        active = site.listed_activations(read)
        if node.kind is NodeKind.FEATURE:
            assert node.feature is not None
            listed_index = site.listed_indices.index(node.feature)
            node_output = active[0, :, listed_index, None] * site.listed_directions()[listed_index]
        else:
            node_output = site.to_residual_stream(site_output - active @ site.listed_decoder_rows())[0]
        outputs.append(node_output)

    hooks: dict[str, Hook] = {"ln_final.hook_in": lambda x: final_streams.append(x)}
    with model.hooks(hooks), model.hooks(basis.hooks(read_output)):
        model.logits(part.clean[:, : len(strings)], part.lengths - 1)
    output, last_state = outputs[0], final_streams[0][0, -1]
    strongest = output[-1]
    if node.kind is NodeKind.FEATURE:
        strongest = output.index_select(0, output.norm(dim=-1).argmax()[None])[0]
    logits = direct_logits(model, torch.stack([strongest, output[-1]]), last_state)
    of_strongest, of_last = rank_rows(model, part, logits, top)
    return NodeReading(
        node.name,
        prompt,
        strings,
        of_strongest.top,
        of_strongest.bottom,
        of_strongest.answers,
        of_last.logit_diff,
    )
