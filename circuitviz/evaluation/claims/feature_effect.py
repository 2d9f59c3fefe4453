"""Does a feature decide the answer, or another feature? Hold it at something else and look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.discovery import setting
from circuitviz.errors import InputError
from circuitviz.evaluation.claims.prompts import (
    ALL,
    OWN,
    PAIRS,
    PLACES,
    features_of,
    fitting,
    largest,
    pairs_of,
    places,
)
from circuitviz.evaluation.claims.registry import Claimed, Finding, beyond, claims, turned, within
from circuitviz.evaluation.intervals import bootstrap
from circuitviz.features.firing import Feature, Held, fire, run_held
from circuitviz.models.batches import batches
from circuitviz.options import option
from circuitviz.progress import Progress, Steps
from circuitviz.tasks import Task
from circuitviz.tasks.counterfactuals import PAIRED

ZERO, OTHER = "zero", "counterfactual"


@dataclass(frozen=True)
class FeatureEffectOptions:
    """Which prompts, what the feature is held at and where, what follows it, and what is expected."""

    counterfactual: str = option(PAIRED, PAIRS)
    change: str = option(
        ZERO, "what it is set to: zero, or its value on the counterfactual", choices=(ZERO, OTHER)
    )
    where: str = option(ALL, f"where it is set: {PLACES}")
    effect_on: str = option("", "what moves: empty, the answer; or another feature, for example m3.f12")
    expect: str = option(
        "falls", "what answer or target are claimed to do", choices=("falls", "rises", "stays")
    )
    least: float = option(0.1, "share of the clean value by which it has to move", above=0.0)
    prompts: int = option(64, "how many pairs", low=1)
    seed: int = option(0, "seed of generated pairs", low=0)


def _says(options: FeatureEffectOptions) -> str:
    to = "zero" if options.change == ZERO else "its value on the counterfactual"
    at = "" if options.where == ALL else f" at {options.where}"
    target = options.effect_on or "the answer"
    follows = {"falls": f"{target} falls", "rises": f"{target} rises", "stays": f"{target} stays as it is"}
    return f"set to {to}{at} on '{options.counterfactual}', {follows[options.expect]}"


@claims.register(
    "feature-effect",
    summary="with a feature set to zero, or to its value on the counterfactual, the answer or another "
    "feature falls, rises or stays",
    reference="Marks et al. 2024",
    options=FeatureEffectOptions,
    says=_says,
    of="features",
)
def feature_effect(claimed: Claimed, options: FeatureEffectOptions) -> Steps[Finding]:
    """The effect is (changed − clean) / |clean|, means over prompts of the pairs' metric or of the target's
    largest activation in the prompt.

    All else responds freely, and errors stay as they are. ``fires`` is the share of prompts on which the
    feature is active where it is set.
    """
    model, named = claimed.model, (options.effect_on,) if options.effect_on else ()
    features = features_of(claimed, *named)
    features, target = features[: len(claimed.nodes)], features[len(claimed.nodes) :]
    if target and any(_same(target[0], one) for one in features):
        raise InputError(f"'{options.effect_on}' is the feature that is set; name another target, or none.")
    pairs = pairs_of(claimed, options.counterfactual, options.prompts, options.seed)
    whole, odd = fitting(model, [*features, *target], pairs)
    features, target = whole[: len(features)], whole[len(features) :]
    own = options.counterfactual == PAIRED
    measured = setting(model, pairs, claimed.within.metric if own else pairs.metric)
    found: dict[str, list[NDArray[np.float64]]] = {k: [] for k in ("clean", "changed", "fires", "differs")}
    for rows in batches(model, len(pairs), pairs.clean.shape[1], 2.0):
        part = pairs.subset(rows)
        last = (part.lengths - 1).to(part.clean.device)
        at = [places(part, options.where, one) for one in features]
        reference, before = run_held(model, part.clean, last, (), [*target, *features])
        held = _held(features, before[len(target) :], at, options, claimed, part)
        logits, after = run_held(model, part.clean, last, held, target)
        here, now = torch.stack(at), before[len(target) :]
        there = torch.stack([one.value for one in held])
        for name, told in (("fires", now > 0), ("differs", there != now)):
            found[name].append((here & told).any(-1).any(0).double().cpu().numpy())
        if target:
            where = [_read_at(part, target[0])]
            values = [largest(one[:1], where) for one in (before, after)]
        else:
            values = [measured.measure(one, part, reference) for one in (reference, logits)]
        for name, value in zip(("clean", "changed"), values, strict=True):
            found[name].append(value.double().cpu().numpy())
        yield Progress(rows.stop, len(pairs), "pairs")
    clean, changed, fired, differs = (np.concatenate(v) for v in found.values())
    if not differs.any():
        said = ", ".join(one.name for one in features)
        does = "fires on none of" if not fired.any() else "has the same value on all of"
        raise InputError(
            f"'{said}' {does} these {len(pairs)} prompts where it would be set, so nothing can follow "
            "from it; prompts on which it fires would be right."
        )
    effect = bootstrap((clean, changed), _moved, pairs.seed)
    verdict = {
        "falls": beyond(turned(effect), options.least),
        "rises": beyond(effect, options.least),
        "stays": within(effect, options.least),
    }[options.expect]
    name = options.effect_on or measured.metric
    more: dict[str, Any] = {
        "clean": float(clean.mean()),
        "changed": float(changed.mean()),
        "fires": float(fired.mean()),
    }
    moved = f"{name} {more['clean']:.2f} → {more['changed']:.2f}"
    detail = f"{moved}; fires on {more['fires']:.0%} of the prompts"
    said = f"change of {name}, as a share of its clean value"
    return Finding(effect, verdict, said, len(pairs), pairs.hash, pairs.seed, f"{detail} {odd}".strip(), more)


def _held(
    features: Sequence[Feature],
    before: Tensor,
    at: Sequence[Tensor],
    options: FeatureEffectOptions,
    claimed: Claimed,
    part: Task,
) -> list[Held]:
    """What each feature is held at, and where."""
    if options.change == ZERO:
        values = torch.zeros_like(before)
    else:
        values = fire(claimed.model, part.corrupted, features)
    return [Held(one, values[i], at[i]) for i, one in enumerate(features)]


def _read_at(part: Task, target: Feature) -> Tensor:
    return places(part, ALL if target.position is None else OWN, target)


def _same(one: Feature, other: Feature) -> bool:
    return (one.dictionary.site, one.feature) == (other.dictionary.site, other.feature)


def _moved(clean: NDArray[np.float64], changed: NDArray[np.float64]) -> NDArray[np.float64]:
    size = np.abs(clean)
    with np.errstate(divide="ignore", invalid="ignore"):
        moved: NDArray[np.float64] = np.where(size > 1e-9, (changed - clean) / size, np.nan)
    return moved
