"""Does what a part carries decide where heads look? Their attention, with and without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.discovery import ablation_values
from circuitviz.errors import InputError
from circuitviz.evaluation.claims.registry import Claimed, Finding, beyond, claims, turned, within
from circuitviz.evaluation.intervals import bootstrap
from circuitviz.graph import Kind
from circuitviz.models import Model, PatchedRun
from circuitviz.models.batches import batches
from circuitviz.models.model import Hook
from circuitviz.options import option
from circuitviz.progress import Progress, Steps
from circuitviz.tasks.counterfactuals import PAIRED, counterfactual_task


@dataclass(frozen=True)
class AttentionOptions:
    """Whose attention, from where to where, and what is expected of it."""

    counterfactual: str = option(
        PAIRED, "pairs that differ in one thing: paired (the task's own), a generator's name, or a file"
    )
    heads: str = option("", "heads whose attention is read, with commas between them; empty: its own")
    query: str = option("END", "from: END, IO, S1, S2, one beside these (S1+1), or a number")
    key: str = option("S2", "to: the same")
    expect: str = option("falls", "what it is claimed to do", choices=("falls", "rises", "stays"))
    least: float = option(0.05, "attention, from 0 to 1, by which it has to change", above=0.0)
    prompts: int = option(64, "how many pairs", low=1)
    seed: int = option(0, "seed of generated pairs", low=0)


def _says(options: AttentionOptions) -> str:
    way = f"from {options.query} to {options.key} {options.expect}"
    if options.heads:
        return f"with its output from '{options.counterfactual}', attention of {options.heads} {way}"
    return f"on '{options.counterfactual}', its attention {way}"


@claims.register(
    "attention",
    summary="on the counterfactual, its attention from one token to another falls, rises or stays; or that "
    "of other heads, once its output is patched",
    reference="Wang et al. 2022, section 3.2",
    options=AttentionOptions,
    says=_says,
)
def attention(claimed: Claimed, options: AttentionOptions) -> Steps[Finding]:
    """The effect is the change of attention (mean over the heads), counterfactual or patched minus clean.

    With ``heads`` given, they are read in the clean run with the claimed part's output replaced by that
    on the counterfactual; without, the claimed head itself is read on the counterfactual prompt.
    """
    model = claimed.model
    named = tuple(name.strip() for name in options.heads.split(",") if name.strip())
    heads = named or claimed.nodes
    for name in heads:
        if name not in model.graph.node_index or model.graph.node(name).kind is not Kind.HEAD:
            raise InputError(
                f"'{name}' is no head of this model, so it has no attention; name the heads to be read."
            )
    if not heads:
        raise InputError("An edge has no attention of its own; name the heads to be read.")
    pairs = counterfactual_task(options.counterfactual, model, claimed.task, options.prompts, options.seed)
    edges = claimed.without() if named else None
    values = ablation_values(model, pairs, "corrupted")
    before, after = [], []
    for rows in batches(model, len(pairs), pairs.clean.shape[1], 2.0):
        part = pairs.subset(rows)
        at = part.lengths - 1
        query, key = (
            torch.tensor([part.place(i, name) for i in range(len(part))], device=at.device)
            for name in (options.query, options.key)
        )
        with torch.no_grad(), _Reading(model, heads, query, key) as read:
            model.logits(part.clean, at)
            before.append(read.take())
            if edges is None:
                model.logits(part.corrupted, at)
            else:
                read.pause(True)
                run = PatchedRun(model, part.clean, at, values(part))
                model.block_calls(part.clean.shape[1])
                read.pause(False)
                run.logits(edges)
            after.append(read.take())
        yield Progress(rows.stop, len(pairs), "pairs")
    clean, changed = np.concatenate(before), np.concatenate(after)
    effect = bootstrap((clean, changed), lambda a, b: b - a, pairs.seed)
    verdict = {
        "falls": beyond(turned(effect), options.least),
        "rises": beyond(effect, options.least),
        "stays": within(effect, options.least),
    }[options.expect]
    said = f"change of attention from {options.query} to {options.key}"
    more: dict[str, Any] = {
        "clean": float(clean.mean()),
        "patched": float(changed.mean()),
        "heads": list(heads),
    }
    detail = f"{more['clean']:.2f} → {more['patched']:.2f}"
    return Finding(effect, verdict, said, len(pairs), pairs.hash, pairs.seed, detail, more)


class _Reading:
    """Reads, pass by pass, some heads' attention from one position of each prompt to another."""

    def __init__(self, model: Model, heads: tuple[str, ...], query: Tensor, key: Tensor) -> None:
        self._query, self._key, self._paused = query, key, False
        self._found: dict[str, Tensor] = {}
        by_layer: dict[int, dict[str, int]] = {}
        for name in heads:
            node = model.graph.node(name)
            assert node.layer is not None and node.head is not None
            by_layer.setdefault(node.layer, {})[name] = node.head
        hooks: dict[str, Hook] = {
            f"blocks.{layer}.attn.hook_pattern": self._hook(inside) for layer, inside in by_layer.items()
        }
        self._hooks = model.hooks(hooks)

    def __enter__(self) -> _Reading:
        self._hooks.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._hooks.__exit__(None, None, None)

    def pause(self, paused: bool) -> None:
        """Read nothing for a while."""
        self._paused = paused

    def take(self) -> NDArray[np.float64]:
        """The mean over the heads of what the last pass showed, [batch]."""
        mean = torch.stack(list(self._found.values())).mean(0)
        self._found.clear()
        result: NDArray[np.float64] = mean.cpu().numpy()
        return result

    def _hook(self, inside: dict[str, int]) -> Hook:
        def read(pattern: Tensor) -> None:
            if not self._paused:
                rows = torch.arange(len(pattern), device=pattern.device)
                for name, head in inside.items():
                    self._found[name] = pattern[rows, head, self._query, self._key].double()

        return read
