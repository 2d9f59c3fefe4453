"""Report on an ablation: the prompts whose metric changed most, and the heads whose direct effect rose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.evaluation.direct_effects import measure_direct_effects
from circuitviz.evaluation.faithfulness import FaithfulnessBench
from circuitviz.evaluation.intervals import bootstrap_interval
from circuitviz.graph import Circuit, Interval, Intervention, NodeKind
from circuitviz.graph.feature_sites import feature_sites
from circuitviz.progress import ProgressSteps

TOP_TOKENS = 5  # tokens of a prompt
MAX_PROMPTS = 12
MAX_HEADS = 8


@dataclass(frozen=True)
class IntervenedCircuit:
    """A circuit, and what some of its nodes are made to send."""

    circuit: Circuit
    interventions: Mapping[str, Intervention] = field(default_factory=dict)


@dataclass(frozen=True)
class PromptChange:
    """A prompt's metric and most likely next tokens (token, probability), before and after."""

    prompt: int
    text: str
    before: float
    after: float
    top_before: list[tuple[str, float]]
    top_after: list[tuple[str, float]]


@dataclass(frozen=True)
class HeadChange:
    """A head's mean direct effect on the metric, before and after; the interval is that of the change."""

    node: str
    before: float
    after: float
    change: Interval


@dataclass(frozen=True)
class ChangeReport:
    """The mean metric, the prompts that changed most, and the heads whose effect rose most."""

    before: float
    after: float
    prompts: list[PromptChange]
    heads: list[HeadChange]

    def as_dict(self) -> dict[str, Any]:
        """Return the report as files and the command line hold it."""
        return asdict(self)


def explain_change_steps(
    bench: FaithfulnessBench, before: IntervenedCircuit, after: IntervenedCircuit
) -> ProgressSteps[ChangeReport]:
    """Compare two circuits of one model and task, prompt by prompt and head by head.

    Heads that ``after`` removes or changes are left out.

    Args:
        bench: A bench of both; it has to allow interventions where either has any.
        before: The circuit before.
        after: The circuit after.

    Returns:
        A generator whose result is the report.
    """
    graph = before.circuit.graph
    logits_column = len(graph.receivers) - 1
    removed = np.asarray((before.circuit.edges & ~after.circuit.edges).any(axis=1))
    rows = [
        row
        for row, name in enumerate(graph.senders)
        if not feature_sites(graph)  # with features, nodes are evaluated and no edge can be removed alone
        and graph.node(name).kind is NodeKind.HEAD
        and before.circuit.edges[row, logits_column]
        and not removed[row]
        and name not in after.interventions
    ]
    values: list[NDArray[np.float64]] = []
    effects: list[NDArray[np.float64]] = []
    tops: list[list[list[tuple[str, float]]]] = []
    for number, (name, situation) in enumerate((("before", before), ("after", after))):
        measured = yield from measure_direct_effects(
            bench,
            situation.circuit.edges,
            rows,
            f"what changed: {name}",
            (number, 2),
            situation.interventions,
        )
        values.append(measured[0])
        effects.append(measured[1])
        tops.append(_top_next_tokens(bench, situation))
    metric_before, metric_after = values
    order = np.argsort(-np.abs(metric_after - metric_before), kind="stable")[:MAX_PROMPTS]
    pairs = bench.setting.task.pairs
    prompts = [
        PromptChange(
            int(i), pairs[i].clean, float(metric_before[i]), float(metric_after[i]), tops[0][i], tops[1][i]
        )
        for i in order
    ]
    seed = bench.setting.task.seed
    heads = [
        HeadChange(
            graph.senders[row],
            float(effect_before.mean()),
            float(effect_after.mean()),
            bootstrap_interval((effect_after, effect_before), lambda a, b: a - b, seed),
        )
        for row, effect_before, effect_after in zip(rows, *effects, strict=True)
    ]
    heads.sort(key=lambda head: head.before - head.after)
    return ChangeReport(float(metric_before.mean()), float(metric_after.mean()), prompts, heads[:MAX_HEADS])


@torch.no_grad()
def _top_next_tokens(bench: FaithfulnessBench, situation: IntervenedCircuit) -> list[list[tuple[str, float]]]:
    """Each prompt's most likely next tokens; the runs still hold these logits."""
    tokenizer, top_tokens = bench.setting.model.tokens, []
    for batch, run, _ in bench.batch_runs():
        logits: Tensor = run.logits(
            situation.circuit.edges, bench.batch_interventions(batch, run, situation.interventions)
        )
        top_probabilities = logits.softmax(-1).topk(min(TOP_TOKENS, logits.shape[-1]))
        for probabilities, ids in zip(
            top_probabilities.values.tolist(), top_probabilities.indices.tolist(), strict=True
        ):
            top_tokens.append(list(zip(tokenizer.token_strings(ids), probabilities, strict=True)))
    return top_tokens
