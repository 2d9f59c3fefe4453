"""Claim test: patching a part's output from the counterfactual prompt moves the answer, or leaves it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from circuitviz.discovery import ablation_values
from circuitviz.evaluation.claims.registry import (
    ClaimResult,
    ClaimSubject,
    claim_tests,
    share_of_clean,
    verdict_for,
)
from circuitviz.evaluation.intervals import bootstrap_interval
from circuitviz.models import PatchedRun, record_activations
from circuitviz.models.batching import split_batches
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.tasks.counterfactuals import TASK_PAIRS, counterfactual_task


@dataclass(frozen=True)
class AnswerOptions:
    """Which prompts, and what is expected."""

    counterfactual: str = option(
        TASK_PAIRS, "pairs that differ in one thing: paired (the task's own), a generator's name, or a file"
    )
    expect: str = option("moves", "what the answer is claimed to do", choices=("moves", "stays"))
    least: float = option(
        0.1, "share of the clean metric that has to be lost; 1: the answers are even", above=0.0
    )
    prompts: int = option(64, "how many pairs", low=1)
    seed: int = option(0, "seed of generated pairs", low=0)


@claim_tests.register(
    "answer",
    summary="patching its output from the counterfactual moves the answer, or leaves it",
    reference="Vig et al. 2020; Meng et al. 2022; Geiger et al. 2021 (interchange interventions)",
    options=AnswerOptions,
    says=lambda o: (
        f"patching its output from '{o.counterfactual}' "
        + ("moves the answer" if o.expect == "moves" else "leaves the answer as it is")
    ),
)
def run_answer_test(subject: ClaimSubject, options: AnswerOptions) -> ProgressSteps[ClaimResult]:
    """Measure (L clean − L patched) / |L clean|, means over prompts, with the pairs' own metric.

    0: the answer stays; 1: the two answers are even; 2: the other answer, as firmly. ``counterfactual`` is
    the same for the whole counterfactual prompt, ``flipped`` the share of prompts whose metric changes sign.

    Source: interchange interventions, [vig2020mediation], [geiger2021causal].
    """
    model = subject.model
    pairs = counterfactual_task(options.counterfactual, model, subject.task, options.prompts, options.seed)
    metric = subject.required_setting.metric if options.counterfactual == TASK_PAIRS else pairs.metric
    pairs_setting = replace(subject.required_setting, task=pairs, metric=metric)
    edges = subject.edges_without_subject()
    metrics: dict[str, list[NDArray[np.float64]]] = {"clean": [], "patched": [], "whole": []}
    values = ablation_values(model, pairs, "corrupted")
    for rows in split_batches(model, len(pairs), pairs.clean.shape[1], 2.0):
        batch = pairs.subset(rows)
        positions = batch.lengths - 1
        run = PatchedRun(model, batch.clean, positions, values(batch))
        reference = record_activations(model, batch.clean, positions).logits
        corrupted_logits = record_activations(model, batch.corrupted, positions).logits
        assert reference is not None and corrupted_logits is not None
        with torch.no_grad():
            runs = {"clean": reference, "patched": run.logits(edges), "whole": corrupted_logits}
            for name, logits in runs.items():
                metrics[name].append(
                    pairs_setting.compute_metric(logits, batch, reference).double().cpu().numpy()
                )
        yield Progress(rows.stop, len(pairs), "pairs")
    clean, patched, counterfactual = (np.concatenate(v) for v in metrics.values())
    effect = bootstrap_interval((clean, patched), lambda a, b: share_of_clean(a - b, a), pairs.seed)
    numbers: dict[str, Any] = {
        "clean": float(clean.mean()),
        "patched": float(patched.mean()),
        "counterfactual": float(counterfactual.mean()),
        "flipped": float((np.sign(clean) != np.sign(patched)).mean()),
    }
    return ClaimResult(
        effect,
        verdict_for(options.expect, effect, options.least),
        f"share of the clean {metric} that is lost",
        len(pairs),
        pairs.hash,
        pairs.seed,
        f"{metric} {numbers['clean']:.2f} → {numbers['patched']:.2f}, {numbers['flipped']:.0%} of the "
        "answers turn",
        numbers,
    )
