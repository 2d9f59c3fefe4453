"""Ablation values of features over a task."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features.feature_basis import FeatureBasis, SiteBasis
from circuitviz.models import OPTIMAL_ABLATION, Model
from circuitviz.models.batching import split_batches
from circuitviz.tasks import Task

FeatureValues = Callable[[Task], dict[str, Tensor]]


def task_feature_values(model: Model, task: Task, ablation: str, basis: FeatureBasis) -> FeatureValues:
    """Return a function from a part of the task to each site's ablation values of its listed features.

    They are [batch or 1, time or 1, listed]: activations on the part's corrupted prompts, zero, or means
    over the whole task's clean prompts, over all positions or at each; padding never enters a mean. Of the
    residual stream's sites there are also the values of the error, by its name, [batch or 1, time or 1,
    d_model].
    """
    if ablation == "corrupted":
        return lambda part: listed_activations(model, part.corrupted, part.lengths, basis)
    check_feature_ablation(ablation)
    if ablation == "zero":
        like = model.empty_stream
        zero = {name: like.new_zeros(1, 1, len(site.listed)) for name, site in basis.sites.items()}
        streams = [site for site in basis.sites.values() if site.is_residual]
        zero |= {site.error_name: like.new_zeros(1, 1, like.shape[1]) for site in streams}
        return lambda _part: zero
    shared = _mean_activations(model, task, basis, positional=ablation == "mean-positional")
    return lambda _part: shared


def check_feature_ablation(ablation: str) -> None:
    """Raise InputError where an ablation has no values for features, whose constants are not learned."""
    if ablation == OPTIMAL_ABLATION:
        raise InputError(
            "Optimal ablation has a constant for each head and MLP, and none for features; corrupted, zero, "
            "mean or mean-positional would be right where sites are shown in features."
        )


@torch.no_grad()
def listed_activations(
    model: Model, tokens: Tensor, lengths: Tensor, basis: FeatureBasis
) -> dict[str, Tensor]:
    """Return activations of each site's listed features on [batch, time] tokens, [batch, time, listed].

    Of sites of the residual stream also errors, by their names [batch, time, d_model].
    """
    activations: dict[str, Tensor] = {}

    def store_activations(site: SiteBasis, read: Tensor, written: Tensor) -> None:
        record_site(site, read, written, activations)

    with model.hooks(basis.hooks(store_activations)):
        model.logits(tokens, lengths - 1)
    return activations


def record_site(site: SiteBasis, read: Tensor, written: Tensor, values: dict[str, Tensor]) -> None:
    """Put a site's values into a dictionary, as ``listed_activations`` returns them."""
    values[site.name] = features = site.listed_activations(read)
    if site.is_residual:
        values[site.error_name] = written - features @ site.listed_decoder_rows()


def _mean_activations(model: Model, task: Task, basis: FeatureBasis, positional: bool) -> dict[str, Tensor]:
    dims = (0,) if positional else (0, 1)
    total: dict[str, Tensor] = {}
    count: Tensor | float = 0.0
    for rows in split_batches(model, len(task), task.clean.shape[1]):
        part = task.subset(rows)
        time = torch.arange(part.clean.shape[1], device=part.clean.device)
        mask = (time[None] < part.lengths[:, None]).to(model.empty_stream)[..., None]
        count = count + mask.sum(dims, keepdim=True)
        for name, values in listed_activations(model, part.clean, part.lengths, basis).items():
            summed = (values * mask).sum(dims, keepdim=True)
            total[name] = total[name] + summed if name in total else summed
    assert isinstance(count, Tensor)
    return {name: summed / count.clamp_min(1) for name, summed in total.items()}
