"""Logit lens and direct logit attribution of a feature or a site's error on one prompt."""

from __future__ import annotations

import torch
from torch import Tensor

from circuitviz.features.feature_basis import FeatureBasis, SiteBasis
from circuitviz.graph import Node, NodeKind
from circuitviz.graph.feature_sites import site_of
from circuitviz.lens.direct_logits import answer_logit_diff, direct_logits, rank_tokens, select_prompt
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
    model, part = basis.model, select_prompt(task, prompt)
    length = int(part.lengths[0])
    outputs: list[Tensor] = []
    final_streams: list[Tensor] = []

    def read_output(site: SiteBasis, read: Tensor, site_output: Tensor) -> None:
        if site.name != site_of(node):
            return
        active = site.listed_activations(read)
        if node.kind is NodeKind.FEATURE:
            listed_index = site.listed.tolist().index(node.feature)
            node_output = active[0, :, listed_index, None] * site.listed_directions()[listed_index]
        else:
            node_output = site.to_residual_stream(site_output - active @ site.listed_decoder_rows())[0]
        outputs.append(node_output)

    hooks: dict[str, Hook] = {"ln_final.hook_in": lambda x: final_streams.append(x)}
    with model.hooks(hooks), model.hooks(basis.hooks(read_output)):
        model.logits(part.clean[:, :length], part.lengths - 1)
    output, last_state = outputs[0], final_streams[0][0, -1]
    strongest = output[int(output.norm(dim=-1).argmax())] if node.kind is NodeKind.FEATURE else output[-1]
    top_tokens = rank_tokens(model, part, direct_logits(model, strongest, last_state), top)
    logit_attribution = answer_logit_diff(part, direct_logits(model, output[-1], last_state))
    return NodeReading(node.name, prompt, task.prompt_strings(prompt), *top_tokens, logit_attribution)
