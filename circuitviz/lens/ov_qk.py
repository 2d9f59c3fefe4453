"""The two circuits of a head: what it writes when it attends to a token (OV), and what it matches (QK)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.graph import NodeKind
from circuitviz.lens.direct_logits import TokenLogit, direct_logits, rank_rows, select_prompt
from circuitviz.lens.qk_scores import qk_scores_of_vocabulary
from circuitviz.models import Model
from circuitviz.models.forward_overrides import Hook
from circuitviz.tasks import Task


@dataclass(frozen=True)
class HeadReading:
    """OV and QK of a head on a prompt.

    Attributes:
        node: Name of the head.
        prompt: Number of the prompt in its task.
        tokens: Tokens of the prompt as shown [time].
        promoted_tokens: For each position, the tokens that the head promotes at the answer position if it
            attends to that position alone.
        answer_logits: For each position, the answers in the same logits.
        attention: The head's attention from the answer position [time].
        matched_tokens: For each position as query, the tokens whose embedding as key it matches best;
            ``logit`` is the attention score before the softmax. Empty where the model's scores cannot be
            computed (``match_error``).
        match_error: Why ``matched_tokens`` is empty.
    """

    node: str
    prompt: int
    tokens: list[str]
    promoted_tokens: list[list[TokenLogit]]
    answer_logits: list[list[TokenLogit]]
    attention: list[float]
    matched_tokens: list[list[TokenLogit]]
    match_error: str = ""


@torch.no_grad()
def read_head(model: Model, task: Task, node: str, prompt: int = 0, top: int = 6) -> HeadReading:
    """Read a head's OV and QK on one prompt.

    OV: the run's value at each position times W_O, as logits with the final normalisation's scale of the
    answer position; weighted by the attention, they sum to the head's direct logits. QK: the run's query at
    each position with keys made of the token embeddings alone, without positions (``lens.qk_scores``).

    Args:
        model: The model.
        task: The task.
        node: Name of a head.
        prompt: Number of the prompt in the task.
        top: Number of tokens listed.

    Raises:
        InputError: The node is no head, or there is no such prompt.
    """
    entry = model.graph.node(node)
    if entry.kind is not NodeKind.HEAD or entry.layer is None or entry.head is None:
        raise InputError(f"'{node}' is not a head; a name like a1.h2 would be right.")
    subtask, strings = select_prompt(task, prompt).to(model.device), task.prompt_strings(prompt)
    weights, kv_head = model.layers[entry.layer], entry.head // model.shape.queries_per_kv_head
    tensors: dict[str, Tensor] = {}
    name = f"blocks.{entry.layer}"
    points = {"pattern": "attn.hook_pattern", "v": "attn.v.hook_out"}
    hooks: dict[str, Hook] = {f"{name}.{point}": _capture_hook(tensors, key) for key, point in points.items()}
    hooks["ln_final.hook_in"] = _capture_hook(tensors, "final")
    if weights.post_norm is not None:
        hooks[weights.post_norm_hook] = _capture_hook(tensors, "post")
    with model.hooks(hooks):
        model.logits(subtask.clean[:, : len(strings)], subtask.lengths - 1)
    output = tensors["v"][0, :, kv_head] @ weights.o[entry.head]
    if weights.post_norm is not None:
        output = output * weights.post_norm.normalise_parts(tensors["post"][0, -1])[1]
    logits = direct_logits(model, output, tensors["final"][0, -1])
    rankings = rank_rows(model, subtask, logits, top)
    matches, unmatched = [], ""
    try:
        scores = qk_scores_of_vocabulary(model, task, entry.layer, entry.head, prompt)
        matches = [ranking.top for ranking in rank_rows(model, subtask, scores, top)]
    except InputError as error:
        unmatched = str(error)
    return HeadReading(
        node,
        prompt,
        strings,
        [ranking.top for ranking in rankings],
        [ranking.answers for ranking in rankings],
        tensors["pattern"][0, entry.head, -1].tolist(),
        matches,
        unmatched,
    )


def _capture_hook(tensors: dict[str, Tensor], key: str) -> Hook:
    return lambda x: tensors.__setitem__(key, x)
