"""Attention on random tokens that are repeated once, independent of meaning [olsson2022induction]."""

from __future__ import annotations

import torch
from torch import Tensor

from circuitviz.evaluation.roles.registry import HeadScores, RoleTestContext
from circuitviz.models import Model
from circuitviz.models.model import Hook

N_SEQUENCES = 16


def repeated_tokens(model: Model, seed: int, length: int) -> tuple[Tensor, int, int]:
    """Make sequences of random tokens that are repeated once.

    The two equal halves follow the tokens that begin every prompt. Within a half no token occurs twice, as
    far as the vocabulary allows.

    Args:
        model: The model.
        seed: Seed of the tokens.
        length: Tokens of a half.

    Returns:
        Ids [sequences, first + 2 · length], ``prefixes``, and ``length`` as far as the context allows.
    """
    prefix, text_tokens = model.tokens.encode(""), torch.tensor(model.tokens.text_token_ids)
    length = min(length, (model.n_ctx - len(prefix)) // 2, len(text_tokens))
    generator = torch.Generator().manual_seed(seed)
    random_tokens = torch.stack(
        [
            text_tokens[torch.randperm(len(text_tokens), generator=generator)[:length]]
            for _ in range(N_SEQUENCES)
        ]
    )
    prefixes = torch.tensor(prefix, dtype=torch.long).expand(N_SEQUENCES, -1)
    return torch.cat([prefixes, random_tokens, random_tokens], dim=1).to(model.device), len(prefix), length


def repeated_token_attention(context: RoleTestContext, offset_name: str) -> HeadScores:
    """Return mean attention on repeated random tokens per head and sequence, [heads, sequences].

    Args:
        context: The model; one pass serves all three kinds.
        offset_name: ``previous``, to the token before, at every position that has one; ``duplicate``, in the
            second half to the same token's first occurrence; ``induction``, in the second half to the token
            after it.
    """
    if "repeated" not in context.cache:
        context.cache["repeated"] = _measure_attention(context.model, context.seed, context.length)
    attention: dict[str, HeadScores] = context.cache["repeated"]
    return attention[offset_name]


@torch.no_grad()
def _measure_attention(model: Model, seed: int, half_length: int) -> dict[str, HeadScores]:
    tokens, prefix_length, length = repeated_tokens(model, seed, half_length)
    time = tokens.shape[1]
    second_half = torch.arange(prefix_length + length, time, device=tokens.device)
    all_positions = torch.arange(prefix_length + 1, time, device=tokens.device)
    positions = {
        "previous": (all_positions, all_positions - 1),
        "duplicate": (second_half, second_half - length),
        "induction": (second_half, second_half - length + 1),
    }
    attention: dict[str, list[Tensor]] = {name: [] for name in positions}

    def read(pattern: Tensor) -> None:
        for name, (query, key) in positions.items():
            attention[name].append(pattern[:, :, query, key].mean(-1).T.double())

    hooks: dict[str, Hook] = {f"blocks.{i}.attn.hook_pattern": read for i in range(model.shape.n_layers)}
    with model.hooks(hooks):
        model.logits(tokens, torch.full((len(tokens),), time - 1, device=tokens.device))
    return {name: torch.cat(weights).cpu().numpy() for name, weights in attention.items()}
