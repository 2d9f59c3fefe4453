"""Random tokens said twice: whatever a head does there, it does not do by meaning (Olsson et al. 2022)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from circuitviz.evaluation.roles.registry import HeadScores, RoleTestContext
from circuitviz.models import Model
from circuitviz.models.model import Hook

N_SEQUENCES = 16


def repeated_tokens(model: Model, seed: int, length: int) -> tuple[Tensor, int, int]:
    """Token ids [sequences, first + 2 · length], ``first``, and ``length`` as far as the context allows.

    Before the two equal halves stands only what stands before every prompt; within a half no token
    comes twice, as far as the vocabulary allows.
    """
    prefix, ordinary = model.tokens.encode(""), torch.tensor(model.tokens.text_token_ids)
    length = min(length, (model.n_ctx - len(prefix)) // 2, len(ordinary))
    draw = torch.Generator().manual_seed(seed)
    half = torch.stack(
        [ordinary[torch.randperm(len(ordinary), generator=draw)[:length]] for _ in range(N_SEQUENCES)]
    )
    first = torch.tensor(prefix, dtype=torch.long).expand(N_SEQUENCES, -1)
    return torch.cat([first, half, half], dim=1).to(model.device), len(prefix), length


def repeated_token_attention(probe: RoleTestContext, offset_name: str) -> HeadScores:
    """Mean attention on repeated random tokens per head and sequence, [heads, sequences].

    ``previous``: to the token before, at every position that has one; ``duplicate``: in the second half,
    to the same token's first place; ``induction``: in the second half, to the place after it. One pass
    serves all three.
    """
    if "repeated" not in probe.cache:
        probe.cache["repeated"] = _measure_attention(probe.model, probe.seed, probe.length)
    found: dict[str, HeadScores] = probe.cache["repeated"]
    return found[offset_name]


@torch.no_grad()
def _measure_attention(model: Model, seed: int, wanted: int) -> dict[str, HeadScores]:
    tokens, first, length = repeated_tokens(model, seed, wanted)
    time = tokens.shape[1]
    second = torch.arange(first + length, time, device=tokens.device)
    every = torch.arange(first + 1, time, device=tokens.device)
    looks = {
        "previous": (every, every - 1),
        "duplicate": (second, second - length),
        "induction": (second, second - length + 1),
    }
    kept: dict[str, list[Tensor]] = {name: [] for name in looks}

    def read(pattern: Tensor) -> None:
        for name, (query, key) in looks.items():
            kept[name].append(pattern[:, :, query, key].mean(-1).T.double().cpu())

    hooks: dict[str, Hook] = {f"blocks.{i}.attn.hook_pattern": read for i in range(model.shape.n_layers)}
    with model.hooks(hooks):
        model.logits(tokens, torch.full((len(tokens),), time - 1, device=tokens.device))
    return {name: np.asarray(torch.cat(each)) for name, each in kept.items()}
