"""Attention patterns of a layer's heads on the clean prompt, on the corrupted one, and their difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.lens.direct_logits import select_prompt
from circuitviz.models import Model
from circuitviz.models.forward_overrides import Hook
from circuitviz.tasks import Task

AttentionPatterns = NDArray[np.float32]
ATTENTION_SIDES = ("clean", "corrupted", "difference")


@dataclass(frozen=True)
class LayerAttention:
    """All heads of a layer on one pair of prompts.

    Attributes:
        layer: The layer.
        prompt: Number of the pair in its task.
        tokens: Tokens of the clean prompt as shown [time].
        corrupted_tokens: Tokens of the corrupted prompt as shown [time].
        clean: Patterns on the clean prompt, [head, query, key]; each row sums to 1.
        corrupted: Patterns on the corrupted prompt, [head, query, key].
        clean_value_norms: Norm of the value that each head reads at a key, [head, key].
        corrupted_value_norms: The same on the corrupted prompt.
    """

    layer: int
    prompt: int
    tokens: list[str]
    corrupted_tokens: list[str]
    clean: AttentionPatterns
    corrupted: AttentionPatterns
    clean_value_norms: AttentionPatterns
    corrupted_value_norms: AttentionPatterns

    def patterns(self, side: str = "clean", weighted: bool = False) -> AttentionPatterns:
        """Attention patterns of one side.

        Args:
            side: ``clean``, ``corrupted`` or ``difference`` (clean − corrupted).
            weighted: Multiply each weight by the norm of the value that it carries, divided by the head's
                largest such product in the clean run, so that sides can be compared [kobayashi2020attention].

        Returns:
            [head, query, key].

        Raises:
            InputError: There is no such side.
        """
        if side not in ATTENTION_SIDES:
            raise InputError(f"Attention of '{side}' was asked for; there is {', '.join(ATTENTION_SIDES)}.")
        clean, corrupted = self.clean, self.corrupted
        if weighted:
            clean, corrupted = (
                clean * self.clean_value_norms[:, None],
                corrupted * self.corrupted_value_norms[:, None],
            )
            max_side = np.maximum(clean.max(axis=(1, 2), keepdims=True), 1e-12)
            clean, corrupted = clean / max_side, corrupted / max_side
        if side == "difference":
            return clean - corrupted
        return clean if side == "clean" else corrupted


@torch.no_grad()
def read_layer_attention(model: Model, task: Task, layer: int, prompt: int = 0) -> LayerAttention:
    """Attention of every head of a layer on one pair of prompts.

    Args:
        model: The model.
        task: The task.
        layer: The layer.
        prompt: Number of the pair in the task.

    Raises:
        InputError: There is no such layer or prompt.
    """
    if not 0 <= layer < model.shape.n_layers:
        raise InputError(
            f"Layer {layer} was asked for; the model has {model.shape.n_layers}, numbered from 0."
        )
    subtask = select_prompt(task, prompt).to(model.device)
    length = int(subtask.on_host.lengths[0])
    sides = [
        _attention_of_prompt(model, tokens[:, :length], layer)
        for tokens in (subtask.clean, subtask.corrupted)
    ]
    return LayerAttention(
        layer,
        prompt,
        task.prompt_strings(prompt),
        task.prompt_strings(prompt, corrupted=True),
        sides[0][0],
        sides[1][0],
        sides[0][1],
        sides[1][1],
    )


def _attention_of_prompt(
    model: Model, tokens: Tensor, layer: int
) -> tuple[AttentionPatterns, AttentionPatterns]:
    tensors: dict[str, Tensor] = {}
    name = f"blocks.{layer}.attn"
    hooks: dict[str, Hook] = {
        f"{name}.hook_pattern": lambda x: tensors.__setitem__("pattern", x),
        f"{name}.v.hook_out": lambda x: tensors.__setitem__("v", x),
    }
    with model.hooks(hooks):
        model.logits(tokens, tokens.new_full((1,), tokens.shape[1] - 1))
    norms = tensors["v"][0].norm(dim=-1).repeat_interleave(model.shape.queries_per_kv_head, dim=1).T
    return tensors["pattern"][0].float().cpu().numpy(), norms.float().cpu().numpy()
