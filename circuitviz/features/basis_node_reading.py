"""What a feature or the error of an opened site does on one prompt, read as a head is."""

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
    """Read a feature or error on one prompt of a task; InputError on an unknown prompt.

    direct_logit_attribution: of what it writes at the answer position, 0 where it is not active there. Tokens
    and answers: of what it writes where it is most active, as if that stood at the answer position.
    """
    model, part = basis.model, select_prompt(task, prompt)
    length = int(part.lengths[0])
    written: list[Tensor] = []
    final: list[Tensor] = []

    def keep(site: SiteBasis, read: Tensor, own: Tensor) -> None:
        if site.name != site_of(node):
            return
        active = site.listed_activations(read)
        if node.kind is NodeKind.FEATURE:
            at = site.listed.tolist().index(node.feature)
            made = active[0, :, at, None] * site.listed_directions()[at]
        else:
            made = site.to_residual_stream(own - active @ site.listed_decoder_rows())[0]
        written.append(made)

    hooks: dict[str, Hook] = {"ln_final.hook_in": lambda x: final.append(x)}
    with model.hooks(hooks), model.hooks(basis.hooks(keep)):
        model.logits(part.clean[:, :length], part.lengths - 1)
    output, last = written[0], final[0][0, -1]
    most = output[int(output.norm(dim=-1).argmax())] if node.kind is NodeKind.FEATURE else output[-1]
    tops = rank_tokens(model, part, direct_logits(model, most, last), top)
    direct = answer_logit_diff(part, direct_logits(model, output[-1], last))
    return NodeReading(node.name, prompt, task.prompt_strings(prompt), *tops, direct)
