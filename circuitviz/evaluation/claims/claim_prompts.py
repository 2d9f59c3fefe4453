"""Which prompts a claim about features is tested on, and at which of their tokens."""

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
FIT_PROMPTS = 4  # prompts that tell which form of the model a dictionary fits
POSITIONS_HELP = (
    "all tokens, own (where the label's node stands), END, IO, S1, S2, one beside these (S1+1), a number"
)


def load_pairs(subject: ClaimSubject, name: str, prompts: int, seed: int) -> Task:
    """Pairs by name; a circuit of one prompt may borrow those of any task.

    Raises InputError on a name that is none, and where a circuit of one prompt has no pair of its own.
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
    """The claimed features, and ``more_names`` by name; InputError where the label speaks of anything else."""
    if subject.edges or not subject.nodes:
        said = ", ".join(subject.edges) or "nothing"
        raise InputError(f"This test is of features, and the label speaks of {said}; test its nodes instead.")
    return [find_feature(name, subject.dictionaries) for name in (*subject.nodes, *more_names)]


def fit_dictionaries_on_pairs(
    model: Model, features: Sequence[FeatureRef], pairs: Task
) -> tuple[list[FeatureRef], str]:
    """The features of their dictionaries as they fit the model on some of the prompts, and what is odd.

    Files seldom say whether their model's weights were folded, and a feature read in the wrong form fires
    at random.
    """
    rows = zip(pairs.clean.tolist(), pairs.lengths.tolist(), strict=True)
    runs = [run_prompt(model, row[:length]) for row, length in islice(rows, FIT_PROMPTS)]
    sites = {one.dictionary.site.name: one.dictionary for one in features}
    if sum(run.time - 1 for run in runs) < 2:
        return list(features), ""
    found, warnings = fit_dictionaries([one.to(runs[0].final) for one in sites.values()], runs)
    better = dict(zip(sites, found, strict=True))
    return [replace(one, dictionary=better[one.dictionary.site.name]) for one in features], " ".join(warnings)


def token_mask(pairs: Task, where: str, feature: FeatureRef, with_bos: bool = False) -> Tensor:
    """The tokens that are meant, bool [prompts, time]; ``with_bos``: also the beginning-of-sequence token.

    Padding is never meant. Raises InputError where a prompt has no such token.
    """
    time = torch.arange(pairs.clean.shape[1], device=pairs.clean.device)
    real = time[None] < pairs.lengths[:, None].to(time.device)
    if where == ALL_TOKENS:
        return (
            real
            if with_bos
            else real & ~((time == 0)[None] & pairs.tokens.starts_with_bos(pairs.clean)[:, None])
        )
    if where == OWN_TOKEN and feature.position is None:
        raise InputError(f"'{feature.name}' stands at no position; all, END or a number would be right.")
    said = str(feature.position) if where == OWN_TOKEN else where
    at = [pairs.resolve_position(row, said) for row in range(len(pairs))]
    return time[None] == torch.tensor(at, device=time.device)[:, None]


def peak_activation_sum(activation: Tensor, masks: Sequence[Tensor]) -> Tensor:
    """Of activations [features, prompts, time] the largest of each at its tokens, summed: [prompts]."""
    return torch.where(torch.stack(list(masks)), activation, 0.0).amax(-1).sum(0)
