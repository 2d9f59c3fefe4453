"""Attention scores of a head's queries with every token's embedding as key.

Models make scores from queries and keys in different ways: GPT-Neo does not divide them by √d_head, GPT-2 can
divide by the layer's number, Gemma-2 has a divisor of its own and a soft cap, Qwen3 and Gemma-3 normalise
queries and keys. So the factor is measured on the model's own scores, and what does not fit is refused.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.lens.direct_logits import select_prompt
from circuitviz.models import Model
from circuitviz.models.forward_overrides import Hook
from circuitviz.models.stored_weights import run_on_own_device
from circuitviz.tasks import Task

MAX_RELATIVE_ERROR = 1e-3  # of the largest score
TOKENS_PER_CHUNK = 8192  # bounds the memory of the keys of all heads


@torch.no_grad()
def qk_scores_of_vocabulary(model: Model, task: Task, layer: int, head: int, prompt: int = 0) -> Tensor:
    """Attention scores before the softmax of a head's queries with every token as key.

    The query at each position of a prompt as the head has it, with keys made of the token embeddings alone,
    both normalised where the model does that, positions left out: the full QK circuit
    [elhage2021mathematical] with the query of this run.

    Args:
        model: The model.
        task: The task.
        layer: The head's layer.
        head: The head's number in its layer.
        prompt: Number of the prompt in the task.

    Returns:
        Scores [time, vocabulary].

    Raises:
        InputError: The model's own scores at position 0, which no rotary embedding turns, are not these
            queries times these keys times one factor for all heads of the layer.
    """
    subtask, shape, weights = select_prompt(task, prompt).to(model.device), model.shape, model.layers[layer]
    tensors: dict[str, Tensor] = {}

    def make_recorder(name: str) -> Hook:
        return lambda x: tensors.__setitem__(name, x)

    name = f"blocks.{layer}.attn"
    points = {"q": f"{name}.q.hook_out", "k": f"{name}.k.hook_out", "scores": f"{name}.hook_attn_scores"}
    with model.hooks({point: make_recorder(key) for key, point in points.items()}):
        model.logits(subtask.clean[:, : int(subtask.on_host.lengths[0])], subtask.lengths - 1)
    attention = model.bridge.blocks[layer].attn
    queries = _normalise_rows(attention, "q", tensors["q"][0].reshape(-1, shape.n_heads, weights.q.shape[2]))
    keys = _normalise_rows(attention, "k", tensors["k"][0].reshape(-1, shape.kv_heads, weights.k.shape[2]))
    products = (queries[0] * keys[0].repeat_interleave(shape.queries_per_kv_head, dim=0)).sum(-1)
    factor = _measure_score_factor(model, products, tensors["scores"][0, :, 0, 0])
    scores = []
    for token_rows in model.token_embeddings.split(TOKENS_PER_CHUNK):
        rows = token_rows.expand(shape.kv_heads, -1, -1)
        token_keys = weights.attn_norm.project(rows, weights.k, weights.k_bias).transpose(0, 1)
        token_keys = _normalise_rows(attention, "k", token_keys)[:, head // shape.queries_per_kv_head]
        scores.append(queries[:, head] @ token_keys.T * factor)
    return torch.cat(scores, dim=1)


def _normalise_rows(attention: Any, channel: str, rows: Tensor) -> Tensor:
    """Queries or keys [rows, heads, d_head] as the model normalises them, per head or over all heads."""
    norm = getattr(attention, f"{channel}_norm", None)
    if norm is None:
        return rows
    if getattr(attention, "_qk_norm_phase", None) == "pre_reshape":
        flat: Tensor = run_on_own_device(norm.original_component, rows.flatten(1)[None])[0]
        return flat.view_as(rows)
    normalised: Tensor = run_on_own_device(norm.original_component, rows.transpose(0, 1)[None])[0]
    return normalised.transpose(0, 1)


def _measure_score_factor(model: Model, products: Tensor, scores: Tensor) -> float:
    """The factor by which the model multiplies queries times keys [heads], from its own scores [heads]."""
    cap = getattr(model.hf.config, "attn_logit_softcapping", None)
    if cap:
        scores = torch.atanh(scores / cap) * cap
    factor = (products @ scores) / products.square().sum().clamp_min(1e-30)
    if not (products * factor - scores).abs().max() <= MAX_RELATIVE_ERROR * scores.abs().max().clamp_min(
        1e-6
    ):
        raise InputError(
            f"The attention scores of '{model.name}' are not made from queries and keys alone, "
            "or TransformerLens does not give them, so what a head matches (QK) cannot be shown; what it "
            "writes (OV) can."
        )
    return float(factor)
