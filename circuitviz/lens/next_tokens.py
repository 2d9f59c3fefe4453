"""What a model says after prompts: logits of the next token, and tokens with probabilities and ranks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from circuitviz.lens.direct_logits import TokenLogit
from circuitviz.models import Model


@torch.no_grad()
def next_token_logits(model: Model, prompts: Sequence[Sequence[int]]) -> Tensor:
    """Logits of the next token after each prompt.

    Args:
        model: The model.
        prompts: Token ids of prompts of any lengths, few enough for one batch.

    Returns:
        Float32 [prompts, vocabulary], on the host.
    """
    lengths = torch.tensor([len(ids) for ids in prompts])
    batch = torch.zeros(len(prompts), int(lengths.max()), dtype=torch.long)
    for row, ids in enumerate(prompts):
        batch[row, : len(ids)] = torch.tensor(ids)
    logits = model.logits(batch.to(model.device), (lengths - 1).to(model.device))
    return logits.float().cpu()


def describe_tokens(model: Model, logits: Tensor, ids: Sequence[int]) -> tuple[TokenLogit, ...]:
    """Tokens with their logit, probability and rank.

    Args:
        model: The model.
        logits: Logits after one prompt [vocabulary].
        ids: Ids of the tokens.
    """
    log_total = float(logits.double().logsumexp(0))
    texts = model.tokens.token_strings(ids)
    values = [float(logits[token]) for token in ids]
    return tuple(
        TokenLogit(text, value, float(torch.tensor(value - log_total).exp()), int((logits > value).sum()))
        for text, value in zip(texts, values, strict=True)
    )


def find_likeliest_tokens(model: Model, logits: Tensor, number: int) -> tuple[TokenLogit, ...]:
    """The likeliest tokens among logits after one prompt [vocabulary], the likeliest first."""
    return describe_tokens(model, logits, logits.topk(min(number, len(logits))).indices.tolist())
