"""Which prompts a claim about features is tested on, and at which of their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.evaluation.claims.registry import Claimed
from circuitviz.features.firing import Feature, feature_named
from circuitviz.features.fit import fitted
from circuitviz.features.run import run_prompt
from circuitviz.models import Model
from circuitviz.tasks import Task, load_task, tasks
from circuitviz.tasks.counterfactuals import counterfactual_task, counterfactuals

PAIRS = "pairs that differ in one thing: paired (its own), a task's or a generator's name, or a file"
ALL, OWN = "all", "own"
LOOKED_AT = 4  # prompts that tell which form of the model a dictionary fits
PLACES = "all tokens, own (where the label's node stands), END, IO, S1, S2, one beside these (S1+1), a number"


def pairs_of(claimed: Claimed, name: str, prompts: int, seed: int) -> Task:
    """Pairs by name; a circuit of one prompt may borrow those of any task.

    Raises InputError on a name that is none, and where a circuit of one prompt has no pair of its own.
    """
    model, setting = claimed.model, claimed.setting
    if name in tasks.names():
        return load_task(name, model, prompts, seed)
    if name in counterfactuals.names():
        owner = str(counterfactuals.get(name).extra["task"])
        if setting is None or setting.task.name != owner:
            return counterfactual_task(name, model, load_task(owner, model, prompts, seed), prompts, seed)
    return counterfactual_task(name, model, claimed.task, prompts, seed)


def features_of(claimed: Claimed, *more: str) -> list[Feature]:
    """The claimed features, and ``more`` by name; InputError where the label speaks of anything else."""
    if claimed.edges or not claimed.nodes:
        said = ", ".join(claimed.edges) or "nothing"
        raise InputError(f"This test is of features, and the label speaks of {said}; test its nodes instead.")
    return [feature_named(name, claimed.dictionaries) for name in (*claimed.nodes, *more)]


def fitting(model: Model, features: Sequence[Feature], pairs: Task) -> tuple[list[Feature], str]:
    """The features of their dictionaries as they fit the model on some of the prompts, and what is odd.

    Files seldom say whether their model's weights were folded, and a feature read in the wrong form fires
    at random.
    """
    rows = zip(pairs.clean.tolist(), pairs.lengths.tolist(), strict=True)
    runs = [run_prompt(model, row[:length]) for row, length in islice(rows, LOOKED_AT)]
    sites = {one.dictionary.site.name: one.dictionary for one in features}
    if sum(run.time - 1 for run in runs) < 2:
        return list(features), ""
    found, warnings = fitted([one.to(runs[0].final) for one in sites.values()], runs)
    better = dict(zip(sites, found, strict=True))
    return [replace(one, dictionary=better[one.dictionary.site.name]) for one in features], " ".join(warnings)


def places(pairs: Task, where: str, feature: Feature, first: bool = False) -> Tensor:
    """The tokens that are meant, bool [prompts, time]; ``first``: also the beginning-of-sequence token.

    Padding is never meant. Raises InputError where a prompt has no such token.
    """
    time = torch.arange(pairs.clean.shape[1], device=pairs.clean.device)
    real = time[None] < pairs.lengths[:, None].to(time.device)
    if where == ALL:
        return real if first else real & ~((time == 0)[None] & pairs.tokens.begins(pairs.clean)[:, None])
    if where == OWN and feature.position is None:
        raise InputError(f"'{feature.name}' stands at no position; all, END or a number would be right.")
    said = str(feature.position) if where == OWN else where
    at = [pairs.place(row, said) for row in range(len(pairs))]
    return time[None] == torch.tensor(at, device=time.device)[:, None]


def largest(activation: Tensor, at: Sequence[Tensor]) -> Tensor:
    """Of activations [features, prompts, time] the largest of each at its tokens, summed: [prompts]."""
    return torch.where(torch.stack(list(at)), activation, 0.0).amax(-1).sum(0)
