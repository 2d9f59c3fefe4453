"""Claim test: heads' attention between two tokens changes on the counterfactual, or with a part patched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.discovery import ablation_values
from circuitviz.errors import InputError
from circuitviz.evaluation.claims.registry import ClaimResult, ClaimSubject, claim_tests, verdict_for
from circuitviz.evaluation.intervals import bootstrap_interval
from circuitviz.graph import NodeKind
from circuitviz.models import Model, PatchedRun
from circuitviz.models.batching import split_batches
from circuitviz.models.model import Hook
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.tasks.counterfactuals import TASK_PAIRS, counterfactual_task


@dataclass(frozen=True)
class AttentionOptions:
    """Whose attention, from where to where, and what is expected of it."""

    counterfactual: str = option(
        TASK_PAIRS, "pairs that differ in one thing: paired (the task's own), a generator's name, or a file"
    )
    heads: str = option("", "heads whose attention is read, with commas between them; empty: its own")
    query: str = option("END", "from: END, IO, S1, S2, one beside these (S1+1), or a number")
    key: str = option("S2", "to: the same")
    expect: str = option("falls", "what it is claimed to do", choices=("falls", "rises", "stays"))
    least: float = option(0.05, "attention, from 0 to 1, by which it has to change", above=0.0)
    prompts: int = option(64, "how many pairs", low=1)
    seed: int = option(0, "seed of generated pairs", low=0)


def _describe_claim(options: AttentionOptions) -> str:
    change = f"from {options.query} to {options.key} {options.expect}"
    if options.heads:
        return f"with its output from '{options.counterfactual}', attention of {options.heads} {change}"
    return f"on '{options.counterfactual}', its attention {change}"


@claim_tests.register(
    "attention",
    summary="on the counterfactual, its attention from one token to another falls, rises or stays; or that "
    "of other heads, once its output is patched",
    reference="Wang et al. 2022, section 3.2",
    options=AttentionOptions,
    says=_describe_claim,
)
def run_attention_test(subject: ClaimSubject, options: AttentionOptions) -> ProgressSteps[ClaimResult]:
    """Measure the change of attention (mean over the heads), counterfactual or patched minus clean.

    With ``heads`` given, they are read in the clean run with the claimed part's output replaced by that on
    the counterfactual; without, the claimed head itself is read on the counterfactual prompt.

    Source: [wang2023ioi].
    """
    model = subject.model
    named_heads = tuple(name.strip() for name in options.heads.split(",") if name.strip())
    heads = named_heads or subject.nodes
    for name in heads:
        if name not in model.graph.node_index or model.graph.node(name).kind is not NodeKind.HEAD:
            raise InputError(
                f"'{name}' is no head of this model, so it has no attention; name the heads to be read."
            )
    if not heads:
        raise InputError("An edge has no attention of its own; name the heads to be read.")
    pairs = counterfactual_task(options.counterfactual, model, subject.task, options.prompts, options.seed)
    edges = subject.edges_without_subject() if named_heads else None
    values = ablation_values(model, pairs, "corrupted")
    clean_values, changed_values = [], []
    for rows in split_batches(model, len(pairs), pairs.clean.shape[1], 2.0):
        batch = pairs.subset(rows)
        positions = batch.lengths - 1
        query, key = (
            torch.tensor(
                [batch.resolve_position(i, name) for i in range(len(batch))], device=positions.device
            )
            for name in (options.query, options.key)
        )
        with torch.no_grad(), _AttentionReader(model, heads, query, key) as reader:
            model.logits(batch.clean, positions)
            clean_values.append(reader.take_mean())
            if edges is None:
                model.logits(batch.corrupted, positions)
            else:
                reader.set_paused(True)
                run = PatchedRun(model, batch.clean, positions, values(batch))
                model.block_calls(batch.clean.shape[1])
                reader.set_paused(False)
                run.logits(edges)
            changed_values.append(reader.take_mean())
        yield Progress(rows.stop, len(pairs), "pairs")
    clean, changed = np.concatenate(clean_values), np.concatenate(changed_values)
    effect = bootstrap_interval((clean, changed), lambda a, b: b - a, pairs.seed)
    verdict = verdict_for(options.expect, effect, options.least)
    description = f"change of attention from {options.query} to {options.key}"
    numbers: dict[str, Any] = {
        "clean": float(clean.mean()),
        "patched": float(changed.mean()),
        "heads": list(heads),
    }
    detail = f"{numbers['clean']:.2f} → {numbers['patched']:.2f}"
    return ClaimResult(effect, verdict, description, len(pairs), pairs.hash, pairs.seed, detail, numbers)


class _AttentionReader:
    """Reads some heads' attention from one position of each prompt to another, pass by pass."""

    def __init__(self, model: Model, heads: tuple[str, ...], query: Tensor, key: Tensor) -> None:
        self._query, self._key, self._paused = query, key, False
        self._attention: dict[str, Tensor] = {}
        by_layer: dict[int, dict[str, int]] = {}
        for name in heads:
            node = model.graph.node(name)
            assert node.layer is not None and node.head is not None
            by_layer.setdefault(node.layer, {})[name] = node.head
        hooks: dict[str, Hook] = {
            f"blocks.{layer}.attn.hook_pattern": self._make_hook(inside) for layer, inside in by_layer.items()
        }
        self._hooks = model.hooks(hooks)

    def __enter__(self) -> _AttentionReader:
        self._hooks.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._hooks.__exit__(None, None, None)

    def set_paused(self, paused: bool) -> None:
        """Stop or resume reading."""
        self._paused = paused

    def take_mean(self) -> NDArray[np.float64]:
        """Return the mean over the heads of what the last pass showed, [batch], and forget it."""
        mean = torch.stack(list(self._attention.values())).mean(0)
        self._attention.clear()
        result: NDArray[np.float64] = mean.cpu().numpy()
        return result

    def _make_hook(self, inside: dict[str, int]) -> Hook:
        def read(pattern: Tensor) -> None:
            if not self._paused:
                rows = torch.arange(len(pattern), device=pattern.device)
                for name, head in inside.items():
                    self._attention[name] = pattern[rows, head, self._query, self._key].double()

        return read
