"""Training of the demo model: seeded, on two cores, in minutes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from circuitviz.training.demo.corpus import DemoCorpus


@dataclass(frozen=True)
class ModelRecipe:
    """Everything that decides the weights."""

    steps: int = 4000
    batch: int = 64
    rate: float = 2e-3
    layers: int = 4
    heads: int = 8
    width: int = 128
    context: int = 128
    seed: int = 0


def train_model(recipe: ModelRecipe, tokenizer: Any, report: Callable[[int, float, float, Any], None]) -> Any:
    """Train a GPT2LMHeadModel from scratch.

    Args:
        recipe: What decides the weights.
        tokenizer: A Hugging Face tokenizer.
        report: Called now and then with step, loss, seconds and model.
    """
    torch.manual_seed(recipe.seed)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=recipe.context,
        n_embd=recipe.width,
        n_layer=recipe.layers,
        n_head=recipe.heads,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        attn_implementation="eager",
    )
    model = GPT2LMHeadModel(config)
    decayed = [p for p in model.parameters() if p.dim() > 1]
    plain = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}],
        lr=recipe.rate,
        betas=(0.9, 0.98),
    )
    warm = min(200, recipe.steps // 10 or 1)

    def rate(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, recipe.steps - warm)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    passages = DemoCorpus(recipe.seed + 1).passages()
    start_s = time.perf_counter()
    model.train()
    for step in range(1, recipe.steps + 1):
        tokens, targets = _batch(tokenizer, list(islice(passages, recipe.batch)), recipe.context)
        loss = model(tokens, labels=targets, use_cache=False).loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0 or step == recipe.steps:
            report(step, float(loss.detach()), time.perf_counter() - start_s, model)
    return model.eval()


def _batch(tokenizer: Any, passages: list[str], context: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return tokens [batch, time], and targets with −100 on padding."""
    bos = tokenizer.bos_token_id
    rows = [[bos, *ids][:context] for ids in tokenizer(passages)["input_ids"]]
    longest = max(map(len, rows))
    tokens = torch.tensor([row + [bos] * (longest - len(row)) for row in rows])
    real = torch.arange(longest)[None] < torch.tensor([len(row) for row in rows])[:, None]
    return tokens, torch.where(real, tokens, -100)
