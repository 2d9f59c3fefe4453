"""The tokens that each node promotes most, for many nodes at once, as the search for nodes needs them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from circuitviz.graph import NodeKind
from circuitviz.lens.direct_logits import direct_logits, node_output, select_prompt
from circuitviz.models import Model, record_activations
from circuitviz.tasks import Task


@torch.no_grad()
def read_top_tokens(
    model: Model, task: Task, nodes: Sequence[str], prompt: int = 0, top: int = 3
) -> dict[str, list[tuple[str, float]]]:
    """The tokens that each node's output at the answer position raises most, with their logits.

    The logit lens of ``read_node`` for many nodes, from one run.

    Args:
        model: The model.
        task: The task.
        nodes: Names of nodes.
        prompt: Number of the prompt in the task.
        top: Number of tokens per node.

    Raises:
        InputError: There is no such node or prompt.
    """
    subtask = select_prompt(task, prompt).to(model.device)
    length = int(subtask.on_host.lengths[0])
    final_residuals: list[Tensor] = []
    with model.hooks({"ln_final.hook_in": final_residuals.append}):
        run = record_activations(model, subtask.clean[:, :length], subtask.lengths - 1)
    assert run.logits is not None
    final = final_residuals[0][0, -1]
    numbers = []  # fetched in one copy for all nodes
    for name in nodes:
        if model.graph.node(name).kind is NodeKind.LOGITS:
            logits = run.logits[0]
        else:
            logits = direct_logits(model, node_output(model, run, name)[0, -1], final)
        best = logits.topk(min(top, len(logits)))
        numbers.append(torch.stack([best.indices.double(), best.values.double()]))
    tokens_of_node: dict[str, list[tuple[str, float]]] = {}
    for name, (ids, values) in zip(nodes, torch.stack(numbers).tolist() if numbers else (), strict=True):
        texts = model.tokens.token_strings([int(token) for token in ids])
        tokens_of_node[name] = list(zip(texts, values, strict=True))
    return tokens_of_node
