"""Metrics of the answers' logits or probabilities (methods.md, Metrics)."""

from __future__ import annotations

import torch
from torch import Tensor

from circuitviz.metrics.registry import metrics


def _answer_values(values: Tensor, answers: Tensor) -> tuple[Tensor, Tensor]:
    """Values at answer tokens [batch, answers], zero where there is none, and which there are."""
    real = answers >= 0
    return values.gather(1, answers.clamp_min(0)) * real, real


@metrics.register(
    "logit-diff",
    summary="Mean correct logit minus mean incorrect logit.",
    reference="Wang et al. 2023",
    two_sided=True,
)
def logit_difference(
    logits: Tensor, correct: Tensor, incorrect: Tensor, reference: Tensor | None = None
) -> Tensor:
    """Mean correct minus mean incorrect logit, [batch]. Source: [wang2023ioi]."""
    right, is_right = _answer_values(logits, correct)
    wrong, is_wrong = _answer_values(logits, incorrect)
    return right.sum(1) / is_right.sum(1) - wrong.sum(1) / is_wrong.sum(1)


@metrics.register(
    "prob-diff",
    summary="Summed correct minus summed incorrect probability.",
    reference="Hanna et al. 2023",
    two_sided=True,
)
def probability_difference(
    logits: Tensor, correct: Tensor, incorrect: Tensor, reference: Tensor | None = None
) -> Tensor:
    """Summed correct minus summed incorrect probability, [batch], from −1 to 1.

    Source: [hanna2023greater].
    """
    probabilities = logits.softmax(-1)
    return _answer_values(probabilities, correct)[0].sum(1) - _answer_values(probabilities, incorrect)[0].sum(
        1
    )


@metrics.register("log-prob", summary="Log-probability of the correct set.")
def log_probability(
    logits: Tensor, correct: Tensor, incorrect: Tensor, reference: Tensor | None = None
) -> Tensor:
    """Log of the summed probability of the correct tokens, [batch], in nats."""
    logs = logits.log_softmax(-1).gather(1, correct.clamp_min(0))
    return logs.masked_fill(correct < 0, float("-inf")).logsumexp(1)


@metrics.register(
    "accuracy",
    summary="Fraction of prompts whose best correct token is above every incorrect one.",
    smooth=False,
    two_sided=True,
)
def accuracy(logits: Tensor, correct: Tensor, incorrect: Tensor, reference: Tensor | None = None) -> Tensor:
    """1 where the best correct logit is above the best incorrect one, else 0; [batch]."""
    lowest = torch.finfo(logits.dtype).min
    best = logits.gather(1, correct.clamp_min(0)).masked_fill(correct < 0, lowest).amax(1)
    rival = logits.gather(1, incorrect.clamp_min(0)).masked_fill(incorrect < 0, lowest).amax(1)
    return (best > rival).to(logits.dtype)


@metrics.register(
    "kl",
    summary="Kullback-Leibler divergence from the clean model's distribution, negated.",
    reference="Conmy et al. 2023",
    reference_logits=True,
)
def negated_kl_divergence(
    logits: Tensor, correct: Tensor, incorrect: Tensor, reference: Tensor | None = None
) -> Tensor:
    """−KL(clean model ‖ this run) at the answer position, [batch], in nats. Source: [conmy2023acdc].

    Negated, so that more is better for every metric and a positive score helps.
    """
    assert reference is not None
    clean = reference.log_softmax(-1)
    return -(clean.exp() * (clean - logits.log_softmax(-1))).sum(-1)
