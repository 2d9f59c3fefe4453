"""Claim test: a feature is active on the prompts more than on their counterfactuals, or less, or the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from circuitviz.evaluation.claims.claim_prompts import (
    PAIRS_HELP,
    POSITIONS_HELP,
    claimed_features,
    fit_dictionaries_on_pairs,
    load_pairs,
    peak_activation_sum,
    token_mask,
)
from circuitviz.evaluation.claims.registry import ClaimResult, ClaimSubject, claim_tests, verdict_for
from circuitviz.evaluation.intervals import bootstrap_interval
from circuitviz.features.feature_activations import feature_activations
from circuitviz.models.batching import split_batches
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.tasks.counterfactuals import TASK_PAIRS


@dataclass(frozen=True)
class ActivationOptions:
    """Which prompts, where in them, and what is expected."""

    counterfactual: str = option(TASK_PAIRS, PAIRS_HELP)
    where: str = option("all", f"where it is read, the largest of: {POSITIONS_HELP}")
    expect: str = option(
        "more", "on the prompts, against their counterfactuals", choices=("more", "less", "same")
    )
    least: float = option(0.1, "activation by which the means have to differ", above=0.0)
    prompts: int = option(64, "how many pairs", low=1)
    seed: int = option(0, "seed of generated pairs", low=0)


def _describe_claim(options: ActivationOptions) -> str:
    place = "" if options.where == "all" else f" at {options.where}"
    prompts_text, counterfactual_text = f"the prompts of '{options.counterfactual}'", "their counterfactuals"
    return {
        "more": f"it fires{place} on {prompts_text}, not on {counterfactual_text}",
        "less": f"it fires{place} on the counterfactuals of '{options.counterfactual}', not on the prompts",
        "same": f"it fires{place} on {prompts_text} as on {counterfactual_text}",
    }[options.expect]


@claim_tests.register(
    "activation",
    summary="a feature fires on the prompts more than on their counterfactuals, or less, or the same",
    reference="Marks et al. 2024; Bills et al. 2023 (what a feature fires on)",
    options=ActivationOptions,
    says=_describe_claim,
    of="features",
)
def run_activation_test(subject: ClaimSubject, options: ActivationOptions) -> ProgressSteps[ClaimResult]:
    """Measure the mean activation on prompts minus that on their counterfactuals.

    For each prompt the largest activation at the tokens of ``where`` is taken, and summed over features.
    ``fires`` and ``fires_counterfactual`` are the shares of prompts on which the sum is above 0.

    Source: [marks2024sparse], [bills2023language].
    """
    features = claimed_features(subject)
    model = subject.model
    pairs = load_pairs(subject, options.counterfactual, options.prompts, options.seed)
    features, warning = fit_dictionaries_on_pairs(model, features, pairs)
    activations: tuple[list[torch.Tensor], list[torch.Tensor]] = ([], [])
    for rows in split_batches(model, len(pairs), pairs.clean.shape[1], 2.0):
        batch = pairs.subset(rows)
        masks = [token_mask(batch, options.where, feature) for feature in features]
        for values, tokens in zip(activations, (batch.clean, batch.corrupted), strict=True):
            values.append(peak_activation_sum(feature_activations(model, tokens, features), masks))
        yield Progress(rows.stop, len(pairs), "pairs")
    on_prompts, on_counterfactuals = (torch.cat(values).double().cpu().numpy() for values in activations)
    effect = bootstrap_interval((on_prompts, on_counterfactuals), lambda a, b: a - b, pairs.seed)
    numbers: dict[str, Any] = {
        "clean": float(on_prompts.mean()),
        "counterfactual": float(on_counterfactuals.mean()),
        "fires": float(np.mean(on_prompts > 0)),
        "fires_counterfactual": float(np.mean(on_counterfactuals > 0)),
    }
    detail = (
        f"mean {numbers['clean']:.2f} against {numbers['counterfactual']:.2f}; fires on "
        f"{numbers['fires']:.0%} of the prompts and {numbers['fires_counterfactual']:.0%} of the "
        "counterfactuals"
    )
    description = "difference of activation, prompts minus counterfactuals"
    return ClaimResult(
        effect,
        verdict_for(options.expect, effect, options.least),
        description,
        len(pairs),
        pairs.hash,
        pairs.seed,
        f"{detail} {warning}".strip(),
        numbers,
    )
