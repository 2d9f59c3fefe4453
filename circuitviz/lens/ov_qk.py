"""A head's two halves: what it writes when it looks somewhere (OV), what it matches (QK)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.graph import NodeKind
from circuitviz.lens.direct_logits import TokenLogit, direct_logits, rank_tokens, select_prompt
from circuitviz.lens.qk_scores import qk_scores_of_vocabulary
from circuitviz.models import Model
from circuitviz.models.model import Hook
from circuitviz.tasks import Task


@dataclass(frozen=True)
class HeadReading:
    """OV and QK of a head on a prompt.

    promoted_tokens: for each position, the tokens that the head promotes at the answer position if it looks
    there alone; written: the answers in the same; weights: how much it does look there [time].
    matched_tokens: for each position as query, the vocabulary's tokens whose embedding as key it matches
    best, ``logit`` being the attention score before the softmax (``lens/matching.py``); empty where the
    model's scores are made otherwise, and ``match_error`` says so.
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
    """Read a head's OV and QK; InputError on what is no head, or an unknown prompt.

    OV_LABEL: the run's value at each position times W_O, as logits with the final scale of the answer
    position; weighted by the attention, they add up to the head's direct logits. QK: the run's query
    at each position with keys made of the token embeddings alone, positions left out
    (``lens.matching``).
    """
    entry = model.graph.node(node)
    if entry.kind is not NodeKind.HEAD or entry.layer is None or entry.head is None:
        raise InputError(f"'{node}' is not a head; a name like a1.h2 would be right.")
    part = select_prompt(task, prompt)
    weights, shared = model.layers[entry.layer], entry.head // model.shape.queries_per_kv_head
    seen: dict[str, Tensor] = {}
    name = f"blocks.{entry.layer}"
    points = {"pattern": "attn.hook_pattern", "v": "attn.v.hook_out"}
    hooks: dict[str, Hook] = {f"{name}.{point}": _capture_hook(seen, key) for key, point in points.items()}
    hooks["ln_final.hook_in"] = _capture_hook(seen, "final")
    if weights.post_norm is not None:
        hooks[f"{name}.ln1_post.hook_in"] = _capture_hook(seen, "post")
    with model.hooks(hooks):
        model.logits(part.clean[:, : int(part.lengths[0])], part.lengths - 1)
    output = seen["v"][0, :, shared] @ weights.o[entry.head]
    if weights.post_norm is not None:
        output = output * weights.post_norm.normalise_parts(seen["post"][0, -1])[1]
    logits = direct_logits(model, output, seen["final"][0, -1])
    found = [rank_tokens(model, part, row, top) for row in logits]
    matches, unmatched = [], ""
    try:
        scores = qk_scores_of_vocabulary(model, task, entry.layer, entry.head, prompt)
        matches = [rank_tokens(model, part, row, top)[0] for row in scores]
    except InputError as error:
        unmatched = str(error)
    return HeadReading(
        node,
        prompt,
        task.prompt_strings(prompt),
        [first for first, _, _ in found],
        [answers for _, _, answers in found],
        seen["pattern"][0, entry.head, -1].tolist(),
        matches,
        unmatched,
    )


def _capture_hook(captured: dict[str, Tensor], key: str) -> Hook:
    return lambda x: captured.__setitem__(key, x)
