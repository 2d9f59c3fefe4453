"""Claim test: holding a feature at another value moves the answer or another feature, or leaves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.discovery import make_setting
from circuitviz.errors import InputError
from circuitviz.evaluation.claims.claim_prompts import (
    ALL_TOKENS,
    OWN_TOKEN,
    PAIRS_HELP,
    POSITIONS_HELP,
    claimed_features,
    fit_dictionaries_on_pairs,
    load_pairs,
    peak_activation_sum,
    token_mask,
)
from circuitviz.evaluation.claims.registry import (
    ClaimResult,
    ClaimSubject,
    claim_tests,
    share_of_clean,
    verdict_for,
)
from circuitviz.evaluation.intervals import bootstrap_interval
from circuitviz.features.feature_activations import (
    FeatureRef,
    HeldFeature,
    feature_activations,
    run_with_held_features,
)
from circuitviz.models.batching import split_batches
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.tasks import Task
from circuitviz.tasks.counterfactuals import TASK_PAIRS

SET_TO_ZERO, SET_TO_COUNTERFACTUAL = "zero", "counterfactual"


@dataclass(frozen=True)
class FeatureEffectOptions:
    """Which prompts, what the feature is held at and where, what is read, and what is expected."""

    counterfactual: str = option(TASK_PAIRS, PAIRS_HELP)
    change: str = option(
        SET_TO_ZERO,
        "what it is set to: zero, or its value on the counterfactual",
        choices=(SET_TO_ZERO, SET_TO_COUNTERFACTUAL),
    )
    where: str = option(ALL_TOKENS, f"where it is set: {POSITIONS_HELP}")
    effect_on: str = option("", "what moves: empty, the answer; or another feature, for example m3.f12")
    expect: str = option(
        "falls", "what answer or target are claimed to do", choices=("falls", "rises", "stays")
    )
    least: float = option(0.1, "share of the clean value by which it has to move", above=0.0)
    prompts: int = option(64, "how many pairs", low=1)
    seed: int = option(0, "seed of generated pairs", low=0)


def _describe_claim(options: FeatureEffectOptions) -> str:
    value = "zero" if options.change == SET_TO_ZERO else "its value on the counterfactual"
    place = "" if options.where == ALL_TOKENS else f" at {options.where}"
    target = options.effect_on or "the answer"
    outcomes = {"falls": f"{target} falls", "rises": f"{target} rises", "stays": f"{target} stays as it is"}
    return f"set to {value}{place} on '{options.counterfactual}', {outcomes[options.expect]}"


@claim_tests.register(
    "feature-effect",
    summary="with a feature set to zero, or to its value on the counterfactual, the answer or another "
    "feature falls, rises or stays",
    reference="Marks et al. 2024",
    options=FeatureEffectOptions,
    says=_describe_claim,
    of="features",
)
def run_feature_effect_test(
    subject: ClaimSubject, options: FeatureEffectOptions
) -> ProgressSteps[ClaimResult]:
    """Measure (changed − clean) / |clean|, means over prompts, of the metric or another feature's activation.

    Everything else responds freely, and errors stay as they are. Of another feature the largest activation in
    each prompt is read. ``fires`` is the share of prompts on which the feature is active where it is held.

    Source: [marks2024sparse].
    """
    model, named = subject.model, (options.effect_on,) if options.effect_on else ()
    features = claimed_features(subject, *named)
    features, target = features[: len(subject.nodes)], features[len(subject.nodes) :]
    if target and any(_is_same_feature(target[0], feature) for feature in features):
        raise InputError(f"'{options.effect_on}' is the feature that is set; name another target, or none.")
    pairs = load_pairs(subject, options.counterfactual, options.prompts, options.seed)
    fitted, warning = fit_dictionaries_on_pairs(model, [*features, *target], pairs)
    features, target = fitted[: len(features)], fitted[len(features) :]
    uses_own_pairs = options.counterfactual == TASK_PAIRS
    measured = make_setting(model, pairs, subject.required_setting.metric if uses_own_pairs else pairs.metric)
    columns: dict[str, list[NDArray[np.float64]]] = {k: [] for k in ("clean", "changed", "fires", "differs")}
    for rows in split_batches(model, len(pairs), pairs.clean.shape[1], 2.0):
        batch = pairs.subset(rows)
        positions = (batch.lengths - 1).to(batch.clean.device)
        masks = [token_mask(batch, options.where, feature) for feature in features]
        reference, before = run_with_held_features(model, batch.clean, positions, (), [*target, *features])
        held = _held_features(features, before[len(target) :], masks, options, subject, batch)
        logits, after = run_with_held_features(model, batch.clean, positions, held, target)
        mask, activation = torch.stack(masks), before[len(target) :]
        held_values = torch.stack([feature.value for feature in held])
        for name, condition in (("fires", activation > 0), ("differs", held_values != activation)):
            columns[name].append((mask & condition).any(-1).any(0).double().cpu().numpy())
        if target:
            masks_of_target = [_target_mask(batch, target[0])]
            values = [peak_activation_sum(x[:1], masks_of_target) for x in (before, after)]
        else:
            values = [measured.compute_metric(x, batch, reference) for x in (reference, logits)]
        for name, value in zip(("clean", "changed"), values, strict=True):
            columns[name].append(value.double().cpu().numpy())
        yield Progress(rows.stop, len(pairs), "pairs")
    clean, changed, fired, differs = (np.concatenate(v) for v in columns.values())
    if not differs.any():
        names = ", ".join(feature.name for feature in features)
        reason = "fires on none of" if not fired.any() else "has the same value on all of"
        raise InputError(
            f"'{names}' {reason} these {len(pairs)} prompts where it would be set, so nothing can "
            "follow from it; prompts on which it fires would be right."
        )
    effect = bootstrap_interval((clean, changed), lambda a, b: share_of_clean(b - a, a), pairs.seed)
    verdict = verdict_for(options.expect, effect, options.least)
    name = options.effect_on or measured.metric
    numbers: dict[str, Any] = {
        "clean": float(clean.mean()),
        "changed": float(changed.mean()),
        "fires": float(fired.mean()),
    }
    change_text = f"{name} {numbers['clean']:.2f} → {numbers['changed']:.2f}"
    detail = f"{change_text}; fires on {numbers['fires']:.0%} of the prompts"
    description = f"change of {name}, as a share of its clean value"
    return ClaimResult(
        effect,
        verdict,
        description,
        len(pairs),
        pairs.hash,
        pairs.seed,
        f"{detail} {warning}".strip(),
        numbers,
    )


def _held_features(
    features: Sequence[FeatureRef],
    activations: Tensor,
    masks: Sequence[Tensor],
    options: FeatureEffectOptions,
    subject: ClaimSubject,
    batch: Task,
) -> list[HeldFeature]:
    """Return what each feature is held at, and where."""
    if options.change == SET_TO_ZERO:
        values = torch.zeros_like(activations)
    else:
        values = feature_activations(subject.model, batch.corrupted, features)
    return [HeldFeature(feature, values[i], masks[i]) for i, feature in enumerate(features)]


def _target_mask(batch: Task, target: FeatureRef) -> Tensor:
    return token_mask(batch, ALL_TOKENS if target.position is None else OWN_TOKEN, target)


def _is_same_feature(feature: FeatureRef, other: FeatureRef) -> bool:
    return (feature.dictionary.site, feature.index) == (other.dictionary.site, other.index)
