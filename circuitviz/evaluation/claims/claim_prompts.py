"""Prompts and tokens on which claims about features are tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.evaluation.claims.registry import ClaimSubject
from circuitviz.features.dictionary_fit import fit_dictionaries
from circuitviz.features.feature_activations import FeatureRef, find_feature
from circuitviz.features.prompt_run import run_prompt
from circuitviz.models import Model
from circuitviz.tasks import Task, load_task, tasks
from circuitviz.tasks.counterfactuals import counterfactual_task, counterfactuals

PAIRS_HELP = "pairs that differ in one thing: paired (its own), a task's or a generator's name, or a file"
ALL_TOKENS, OWN_TOKEN = "all", "own"
FIT_PROMPTS = 4  # prompts on which dictionaries are fitted to a weight processing
POSITIONS_HELP = (
    "all tokens, own (where the label's node stands), END, IO, S1, S2, one beside these (S1+1), a number"
)


def load_pairs(subject: ClaimSubject, name: str, prompts: int, seed: int) -> Task:
    """Return pairs of prompts by name; a circuit of one prompt may use those of any task.

    Args:
        subject: What the claim is about.
        name: ``paired`` for the document's own pairs, the name of a task or of a counterfactual, or a file.
        prompts: The number of pairs.
        seed: Seed of generated pairs.

    Raises:
        InputError: There is no such name, or the circuit has no pairs of its own.
    """
    model, setting = subject.model, subject.setting
    if name in tasks.names():
        return load_task(name, model, prompts, seed)
    if name in counterfactuals.names():
        owner = str(counterfactuals.get(name).extra["task"])
        if setting is None or setting.task.name != owner:
            return counterfactual_task(name, model, load_task(owner, model, prompts, seed), prompts, seed)
    return counterfactual_task(name, model, subject.task, prompts, seed)


def claimed_features(subject: ClaimSubject, *more_names: str) -> list[FeatureRef]:
    """Return the claimed features, and further ones by name.

    Raises:
        InputError: The label is about something other than features.
    """
    if subject.edges or not subject.nodes:
        subject_text = ", ".join(subject.edges) or "nothing"
        raise InputError(
            f"This test is of features, and the label speaks of {subject_text}; test its nodes instead."
        )
    return [find_feature(name, subject.dictionaries) for name in (*subject.nodes, *more_names)]


def fit_dictionaries_on_pairs(
    model: Model, features: Sequence[FeatureRef], pairs: Task
) -> tuple[list[FeatureRef], str]:
    """Return the features with their dictionaries in the weight processing that fits, and warnings.

    Files seldom state whether their model's weights were folded, and features of a model in the wrong form
    are active at random.
    """
    host = pairs.on_host
    rows = zip(host.clean.tolist(), host.lengths.tolist(), strict=True)
    runs = [run_prompt(model, row[:length]) for row, length in islice(rows, FIT_PROMPTS)]
    by_site = {feature.dictionary.site.name: feature.dictionary for feature in features}
    if sum(run.time - 1 for run in runs) < 2:
        return list(features), ""
    fitted, warnings = fit_dictionaries([d.to(runs[0].final) for d in by_site.values()], runs)
    by_site = dict(zip(by_site, fitted, strict=True))
    fitted_features = [replace(f, dictionary=by_site[f.dictionary.site.name]) for f in features]
    return fitted_features, " ".join(warnings)


def token_mask(pairs: Task, where: str, feature: FeatureRef, with_bos: bool = False) -> Tensor:
    """Return the tokens that a claim is about, bool [prompts, time], without padding.

    Args:
        pairs: The prompts.
        where: ``all``, ``own`` (where the feature's node stands), a named position such as ``END``, or a
            number.
        feature: The feature.
        with_bos: Whether ``all`` includes the beginning-of-sequence token.

    Raises:
        InputError: A prompt has no such token.
    """
    time = torch.arange(pairs.clean.shape[1], device=pairs.clean.device)
    is_real = time[None] < pairs.lengths[:, None].to(time.device)
    if where == ALL_TOKENS:
        return (
            is_real
            if with_bos
            else is_real & ~((time == 0)[None] & pairs.tokens.starts_with_bos(pairs.clean)[:, None])
        )
    if where == OWN_TOKEN and feature.position is None:
        raise InputError(f"'{feature.name}' stands at no position; all, END or a number would be right.")
    position_name = str(feature.position) if where == OWN_TOKEN else where
    positions = [pairs.resolve_position(row, position_name) for row in range(len(pairs))]
    return time[None] == torch.tensor(positions, device=time.device)[:, None]


def peak_activation_sum(activation: Tensor, masks: Sequence[Tensor]) -> Tensor:
    """Return the sum over features of the largest activation at their tokens, [prompts].

    Args:
        activation: [features, prompts, time].
        masks: The tokens of each feature, [prompts, time].
    """
    return torch.where(torch.stack(list(masks)), activation, 0.0).amax(-1).sum(0)
